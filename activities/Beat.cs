using LuxHedge.Workflows.Runs;
using Temporalio.Activities;

namespace LuxHedge.Activities;

/// <summary>An activity's life sign and its cancellation; outside of Temporal (a command that only looks, a test) there is neither.</summary>
internal static class Beat
{
    public static CancellationToken Cancellation =>
        ActivityExecutionContext.HasCurrent ? ActivityExecutionContext.Current.CancellationToken : CancellationToken.None;

    /// <summary>As often as there is progress: the SDK throttles.</summary>
    public static void Report(string what, long done, long total, string unit)
    {
        if (ActivityExecutionContext.HasCurrent)
            ActivityExecutionContext.Current.Heartbeat(new Progress(what, done, total, unit));
    }
}
