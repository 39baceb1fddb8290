using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary>Another run holds the lock that this one needs.</summary>
public sealed class RunLockedException(RunRow holder, Exception? inner = null)
    : Exception($"{holder.RunId} holds the lock {holder.Reference.WorkflowId}.", inner)
{
    public RunRow Holder { get; } = holder;
}

/// <summary>A run ended without a result: its error, told for a person.</summary>
public sealed class RunFailedException(RunReference run, ErrorReport report, Exception? inner = null) : Exception(report.Message, inner)
{
    public RunReference Run { get; } = run;

    public ErrorReport Report { get; } = report;
}

/// <summary>The person stopped following; the run goes on in Temporal.</summary>
public sealed class StoppedFollowingException(RunReference run) : OperationCanceledException($"No longer following {run.RunId}.")
{
    public RunReference Run { get; } = run;
}

/// <summary>A person was asked and said no: nothing was done.</summary>
public sealed class DeclinedException() : Exception("Not done: the answer was no.");
