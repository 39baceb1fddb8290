using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Notifications;

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
    Verdict? Verdict)
{
    /// <summary>Every open ask; <see cref="WaitingFor"/> is the first of them.</summary>
    public IReadOnlyList<Ask> Asks { get; init; } = [];

    /// <summary>Where each open ask stands in Slack, by its nonce: what <see cref="Notifications.INotificationActivities.ShowAskAsync"/>
    /// answered. A click on any other message is refused.</summary>
    public IReadOnlyDictionary<string, MessageReference> AskMessages { get; init; } = new Dictionary<string, MessageReference>();

    /// <summary>Failed steps of a runbook that wait until a person retries or skips them.</summary>
    public IReadOnlyList<WaitingStep> WaitingSteps { get; init; } = [];

    /// <summary>Who paused the run, and why; null: it is not paused.</summary>
    public Intervention? Paused { get; init; }

    /// <summary>What people did to the run beside deciding, oldest first.</summary>
    public IReadOnlyList<Intervention> Interventions { get; init; } = [];

    /// <summary>Of a runbook: its title, its mode, and where it writes. Null for other workflows.</summary>
    public string? Title { get; init; }

    /// <summary><c>drill</c> or <c>real</c>.</summary>
    public string? Mode { get; init; }

    public string? Target { get; init; }

    /// <summary>Of OplogCapture; null for other workflows.</summary>
    public Oplog.CaptureState? Capture { get; init; }
}

/// <summary>A failed step that waits for a person.</summary>
/// <param name="Step">Flat id.</param>
/// <param name="Why">What it failed of, in a sentence.</param>
/// <param name="MaySkip">False: an approval or the negative control, which can only be retried.</param>
public sealed record WaitingStep(string Step, string Kind, string Why, DateTimeOffset Since, bool MaySkip);

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
