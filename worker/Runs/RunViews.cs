using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Worker.Runs;

/// <summary>One execution: enough to find it again.</summary>
/// <param name="RunId">LuxHedge's (<c>LuxRunId</c>).</param>
/// <param name="WorkflowId">Temporal's: the lock.</param>
/// <param name="TemporalRunId">Temporal's: this execution under that id.</param>
/// <param name="Workflow">The workflow's type.</param>
public sealed record RunReference(string RunId, string WorkflowId, string TemporalRunId, string Workflow, string Asset);

/// <summary>One row of <c>runs list</c>; the first six properties are the shape of its <c>--json</c>.</summary>
/// <param name="State"><c>running</c>, <c>waiting</c> (on people), <c>completed</c>, <c>failed</c>, <c>cancelled</c>, <c>terminated</c> or
/// <c>timedOut</c>.</param>
public sealed record RunRow(string RunId, string Workflow, string Asset, string State, DateTimeOffset StartedAt, WaitingFor? WaitingFor)
{
    public required RunReference Reference { get; init; }
    public DateTimeOffset? ClosedAt { get; init; }
    public Verdict? Verdict { get; init; }
    public string? BackupId { get; init; }

    public bool Open => State is "running" or "waiting";
}

/// <summary>How a run looks at one moment.</summary>
/// <param name="State">Null while no worker answers.</param>
/// <param name="Activities">What runs just now.</param>
/// <param name="Children">Runs that are steps of this one (safety backup, restore test), as far as they are open.</param>
public sealed record RunView(
    RunReference Run, string Status, RunState? State, IReadOnlyList<ActivityView> Activities, IReadOnlyList<RunView> Children)
{
    public bool Open => Status == "running";

    /// <summary>Why nothing moves, if that is known: no worker polls the queue.</summary>
    public string? Problem { get; init; }
}

/// <summary>An activity under way.</summary>
/// <param name="Activity">Its name, such as <c>dump-lane</c>.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Progress">Its newest heartbeat, null before the first.</param>
/// <param name="LastFailure">Why the attempt before failed.</param>
public sealed record ActivityView(
    string Id, string Activity, int Attempt, Progress? Progress, string? LastFailure, DateTimeOffset? StartedAt);
