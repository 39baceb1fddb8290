using System.Runtime.ExceptionServices;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runs;

/// <summary>Things that run at the same time and stand or fall together.</summary>
internal static class Together
{
    /// <summary>
    /// Waits until all have ended. The first that fails cancels the others through <paramref name="scope"/> and is thrown once every one of
    /// them has ended: nothing is left running behind a failure.
    /// </summary>
    public static async Task AllAsync(CancellationTokenSource scope, IEnumerable<Task> tasks)
    {
        var open = tasks.ToList();
        ExceptionDispatchInfo? first = null;
        while (open.Count > 0)
        {
            var ended = await Workflow.WhenAnyAsync(open);
            open.Remove(ended);
            try
            {
                await ended;
            }
            catch (Exception e)
            {
                first ??= ExceptionDispatchInfo.Capture(e);
                scope.Cancel();
            }
        }

        first?.Throw();
    }
}
