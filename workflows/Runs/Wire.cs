namespace LuxHedge.Workflows.Runs;

/// <summary>Names that cross the wire: workflow types, queries, updates and memo keys.</summary>
public static class Wire
{
    public const string DatabaseBackup = "DatabaseBackup";
    public const string Verification = "Verification";
    public const string Restore = "Restore";
    public const string Acceptance = "Acceptance";
    public const string Export = "Export";
    public const string Runbook = "Runbook";
    public const string Watch = "Watch";
    public const string AtlasSnapshot = "AtlasSnapshot";
    public const string AtlasRestore = "AtlasRestore";
    public const string OplogCapture = "OplogCapture";

    /// <summary>What a schedule starts: it starts the run under the id that is its lock.</summary>
    public const string Scheduled = "Scheduled";

    /// <summary>A person says that a review of the plan is done.</summary>
    public const string Review = "Review";

    /// <summary>Query of every workflow: <see cref="RunState"/>.</summary>
    public const string State = "state";

    /// <summary>Query of DatabaseBackup: the <see cref="ClusterTime"/> where its oplog ends, null while that is not known.</summary>
    public const string OplogUntil = "oplog-until";

    /// <summary>Update of Restore: <see cref="Approvals.Decision"/> to <see cref="Approvals.DecisionAnswer"/>.</summary>
    public const string Decide = "decide";

    /// <summary>Update of every workflow: <see cref="AbortOrder"/> to <see cref="Approvals.DecisionAnswer"/>.</summary>
    public const string Abort = "abort";

    /// <summary>Updates of Runbook: <see cref="StepOrder"/> to <see cref="Approvals.DecisionAnswer"/>.</summary>
    public const string Retry = "retry";
    public const string Skip = "skip";
    public const string Pause = "pause";
    public const string Resume = "resume";

    /// <summary>Memo of OplogCapture: <see cref="Oplog.CaptureNote"/>, so that `oplog status` needs no worker.</summary>
    public const string CaptureMemo = "luxCapture";

    /// <summary>Memo: <see cref="WaitingFor"/> while the run waits on people, so that lists need no worker. JSON null otherwise.</summary>
    public const string WaitingForMemo = "luxWaitingFor";
}

/// <summary>Who ends a run, and why; neither may be empty.</summary>
public sealed record AbortOrder(string Person, string Reason);

/// <summary>A person retries or skips a failed step, or pauses or resumes the run.</summary>
/// <param name="Step">Flat id; null for pause and resume, and where only one step waits.</param>
public sealed record StepOrder(string? Step, string Person, string Reason);

/// <summary>What a run waits for, as <c>runs list --json</c> shows it.</summary>
/// <param name="Kind"><c>approval</c> or <c>person</c>.</param>
/// <param name="Approvers">Who may still decide; empty for a failed step, which anybody may retry.</param>
/// <param name="Until">Null: a failed step waits for as long as it takes.</param>
public sealed record WaitingFor(string Step, string Kind, IReadOnlyList<string> Approvers, DateTimeOffset? Until);

/// <summary>The words of <see cref="StepTiming.State"/>.</summary>
public static class StepStates
{
    public const string Running = "running";
    public const string Waiting = "waiting";
    public const string Done = "done";
    public const string Failed = "failed";
    public const string Cancelled = "cancelled";
    public const string Skipped = "skipped";
}
