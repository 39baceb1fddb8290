using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Worker.Commands;

/// <summary>
/// The runs of one plan's Temporal namespace, as commands need them: <see cref="TemporalRuns"/>, or a test's own. Each call throws
/// <see cref="Activities.RefusalException"/> of kind <c>unreachable</c> where Temporal does not answer.
/// </summary>
public interface IRuns
{
    /// <summary>Part of what a decision's signature is over.</summary>
    string Namespace { get; }

    /// <summary>Where a person can look at a run in a browser; null where the plan names no UI.</summary>
    Uri? Link(RunReference run);

    /// <summary>Starts a backup. Throws <see cref="RunLockedException"/> where another run holds the lock; so do the others.</summary>
    Task<RunReference> StartAsync(DatabaseBackupRequest request, CancellationToken cancellation);

    Task<RunReference> StartAsync(VerificationRequest request, CancellationToken cancellation);

    Task<RunReference> StartAsync(RestoreRequest request, CancellationToken cancellation);

    Task<RunReference> StartAsync(ExportRequest request, CancellationToken cancellation);

    Task<RunReference> StartAsync(AcceptanceRequest request, CancellationToken cancellation);

    Task<RunReference> StartAsync(AtlasSnapshotRequest request, CancellationToken cancellation);

    Task<RunReference> StartAsync(AtlasRestoreRequest request, CancellationToken cancellation);

    /// <summary>Under the drill's lock, or the incident's.</summary>
    Task<RunReference> StartAsync(RunbookRequest request, CancellationToken cancellation);

    /// <summary>One for each run that a person or a schedule started, newest first; children are its steps and not listed.</summary>
    Task<IReadOnlyList<RunRow>> ListAsync(int limit, CancellationToken cancellation);

    /// <summary>The newest run with this run id or workflow id; refuses (<c>usage</c>) where there is none.</summary>
    Task<RunRow> FindAsync(string runOrWorkflowId, CancellationToken cancellation);

    /// <summary>The open run that holds a lock; null: it is free.</summary>
    Task<RunRow?> HolderAsync(string workflowId, CancellationToken cancellation);

    /// <summary>How the run stands now: its status and activities from Temporal, its state from a worker.</summary>
    Task<RunView> LookAsync(RunReference run, CancellationToken cancellation);

    /// <summary>What the run answers to its query <c>state</c>; null where no worker answers in a few seconds.</summary>
    Task<RunState?> StateAsync(RunReference run, CancellationToken cancellation);

    /// <summary>Waits for the run's end. Throws <see cref="RunFailedException"/> where it did not end in a result.</summary>
    Task<T> ResultAsync<T>(RunReference run, CancellationToken cancellation);

    Task<DecisionAnswer> DecideAsync(RunReference run, Decision decision, CancellationToken cancellation);

    /// <summary>Asks the run to end. It answers when it has taken the order, not when it has ended.</summary>
    Task<DecisionAnswer> AbortAsync(RunReference run, AbortOrder order, CancellationToken cancellation);

    /// <summary>Retries or skips a failed step, pauses or resumes a run.</summary>
    /// <param name="order"><see cref="Wire.Retry"/>, <see cref="Wire.Skip"/>, <see cref="Wire.Pause"/> or <see cref="Wire.Resume"/>.</param>
    Task<DecisionAnswer> OrderAsync(RunReference run, string order, StepOrder argument, CancellationToken cancellation);
}
