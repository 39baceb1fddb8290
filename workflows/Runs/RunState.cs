using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Workflows.Runs;

/// <summary>What the query <c>state</c> of every workflow answers.</summary>
public sealed record RunState(
    string RunId,
    string Workflow,
    string Asset,
    DateTimeOffset StartedAt,
    IReadOnlyList<StepTiming> Steps,
    Ask? WaitingFor,
    IReadOnlyList<Decision> Decisions,
    IReadOnlyList<RefusedDecision> Refused,
    int RefusedBeyondKept,
    string? AbortedBy,
    string? AbortReason,
    Verdict? Verdict);

/// <summary>One step's clock. <see cref="Waiting"/> is the part of it that waited on people.</summary>
public sealed record StepTiming(
    string Step,
    DateTimeOffset StartedAt,
    DateTimeOffset? EndedAt,
    int Attempts,
    TimeSpan Waiting,
    string State,
    string? Detail);

/// <summary>What an activity's heartbeat carries: how far it is. A hint only, since heartbeats are throttled.</summary>
public sealed record Progress(string What, long Done, long Total, string Unit);
