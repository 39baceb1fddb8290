using LuxHedge.Activities;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>A server that ends as it starts most often lost its port to another program: it is started again with other ports.</summary>
internal static class EarlyEnd
{
    /// <summary>More than one collision in a row is another fault.</summary>
    private const int Attempts = 3;

    public static async Task<T> RetryAsync<T>(Func<Task<T>> start)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await start();
            }
            catch (RefusalException e) when (attempt < Attempts && e.Message.Contains("ended with code", StringComparison.Ordinal))
            {
                // Its log is appended to, so nothing of the first attempt is lost.
            }
        }
    }
}
