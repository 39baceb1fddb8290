using LuxHedge.Activities;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Unit.Commands;

/// <summary>Runs as a test lays them out: what is started is kept, looks are played in order, results are given.</summary>
internal sealed class FakeRuns : IRuns
{
    public RefusalException? Unreachable { get; set; }

    public List<object> Started { get; } = [];

    public List<RunRow> Rows { get; } = [];

    /// <summary>Open runs by the lock they hold.</summary>
    public Dictionary<string, RunRow> Holders { get; } = new(StringComparer.Ordinal);

    /// <summary>One for each look; the last one stays. None: the run is closed at once.</summary>
    public Queue<Func<RunReference, RunView>> Looks { get; } = new();

    public RunState? State { get; set; }

    /// <summary>What the run ends in: a result, or an exception.</summary>
    public object? Result { get; set; }

    public List<Decision> Decisions { get; } = [];

    public List<AbortOrder> Aborts { get; } = [];

    public List<(string Order, StepOrder Argument)> Orders { get; } = [];

    public DecisionAnswer Answer { get; set; } = new(true, "");

    public string Namespace => "default";

    public Uri? Link(RunReference run) => null;

    public Task<RunReference> StartAsync(DatabaseBackupRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.DatabaseBackup, WorkflowIds.Backup(request.Asset), request.RunId, request.Asset);

    public Task<RunReference> StartAsync(VerificationRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.Verification, WorkflowIds.Verification(request.Asset), request.RunId, request.Asset);

    public Task<RunReference> StartAsync(RestoreRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.Restore, WorkflowIds.Restore(request.Target), request.RunId, request.Asset);

    public Task<RunReference> StartAsync(ExportRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.Export, WorkflowIds.Export(request.BackupId), request.RunId, request.Asset);

    public Task<RunReference> StartAsync(AcceptanceRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.Acceptance, WorkflowIds.Acceptance(request.BackupId), request.RunId, request.Asset);

    public Task<RunReference> StartAsync(AtlasSnapshotRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.AtlasSnapshot, WorkflowIds.AtlasSnapshot(request.Asset), request.RunId, request.Asset);

    public Task<RunReference> StartAsync(AtlasRestoreRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.AtlasRestore, WorkflowIds.AtlasRestore(request.Asset), request.RunId, request.Asset);

    public Task<RunReference> StartAsync(RunbookRequest request, CancellationToken cancellation) =>
        StartAsync(request, Wire.Runbook, RunbookClaim.Of(request).WorkflowId(), request.RunId, request.Asset);

    public Task<IReadOnlyList<RunRow>> ListAsync(int limit, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<RunRow>>(Rows);

    public Task<RunRow> FindAsync(string runOrWorkflowId, CancellationToken cancellation) =>
        Task.FromResult(Rows.Find(r => r.RunId == runOrWorkflowId || r.Reference.WorkflowId == runOrWorkflowId)
            ?? throw new RefusalException(ErrorKinds.Usage, $"There is no run '{runOrWorkflowId}'.", runOrWorkflowId));

    public Task<RunRow?> HolderAsync(string workflowId, CancellationToken cancellation) => Task.FromResult(Holders.GetValueOrDefault(workflowId));

    public Task<RunView> LookAsync(RunReference run, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Task.FromResult(Looks.Count switch
        {
            0 => new RunView(run, "completed", State, [], []),
            1 => Looks.Peek()(run),
            _ => Looks.Dequeue()(run),
        });
    }

    public Task<RunState?> StateAsync(RunReference run, CancellationToken cancellation) => Task.FromResult(State);

    public Task<T> ResultAsync<T>(RunReference run, CancellationToken cancellation) => Result switch
    {
        ErrorReport report => throw new RunFailedException(run, report),
        T result => Task.FromResult(result),
        _ => throw new InvalidOperationException($"The test gives no {typeof(T).Name}."),
    };

    public Task<DecisionAnswer> DecideAsync(RunReference run, Decision decision, CancellationToken cancellation)
    {
        Decisions.Add(decision);
        return Task.FromResult(Answer);
    }

    public Task<DecisionAnswer> OrderAsync(RunReference run, string order, StepOrder argument, CancellationToken cancellation)
    {
        Orders.Add((order, argument));
        return Task.FromResult(Answer);
    }

    public Task<DecisionAnswer> AbortAsync(RunReference run, AbortOrder order, CancellationToken cancellation)
    {
        Aborts.Add(order);
        if (Answer.Accepted)
        {
            Holders.Remove(run.WorkflowId);
        }

        return Task.FromResult(Answer);
    }

    private Task<RunReference> StartAsync(object request, string workflow, string workflowId, string runId, string asset)
    {
        if (Holders.TryGetValue(workflowId, out var holder))
        {
            throw new RunLockedException(holder);
        }

        Started.Add(request);
        return Task.FromResult(new RunReference(runId, workflowId, "execution-1", workflow, asset));
    }
}
