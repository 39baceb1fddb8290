using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
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
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Commands;

/// <summary>Runs in the plan's Temporal. Tells apart what ended a run and what kept this command from following it: they exit differently.</summary>
public sealed class TemporalRuns(LuxClient client, TemporalPlan plan) : IRuns
{
    public static async Task<IRuns> ConnectAsync(Plan plan, CancellationToken cancellation) =>
        new TemporalRuns(await LuxClient.ConnectAsync(plan, cancellation), plan.Temporal);

    public string Namespace => plan.Namespace;

    public Uri? Link(RunReference run) => plan.Ui is { Length: > 0 } ui
        ? new Uri($"{ui.TrimEnd('/')}/namespaces/{Uri.EscapeDataString(plan.Namespace)}/workflows/{Uri.EscapeDataString(run.WorkflowId)}/{run.TemporalRunId}")
        : null;

    public Task<RunReference> StartAsync(DatabaseBackupRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartBackupAsync(request, cancellation), WorkflowIds.Backup(request.Asset), cancellation);

    public Task<RunReference> StartAsync(VerificationRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartVerificationAsync(request, cancellation), WorkflowIds.Verification(request.Asset), cancellation);

    public Task<RunReference> StartAsync(RestoreRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartRestoreAsync(request, cancellation), WorkflowIds.Restore(request.Target), cancellation);

    public Task<RunReference> StartAsync(ExportRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartExportAsync(request, cancellation), WorkflowIds.Export(request.BackupId), cancellation);

    public Task<RunReference> StartAsync(AcceptanceRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartAcceptanceAsync(request, cancellation), WorkflowIds.Acceptance(request.BackupId), cancellation);

    public Task<RunReference> StartAsync(AtlasSnapshotRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartAtlasSnapshotAsync(request, cancellation), WorkflowIds.AtlasSnapshot(request.Asset), cancellation);

    public Task<RunReference> StartAsync(AtlasRestoreRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartAtlasRestoreAsync(request, cancellation), WorkflowIds.AtlasRestore(request.Asset), cancellation);

    public Task<RunReference> StartAsync(RunbookRequest request, CancellationToken cancellation) =>
        LockedAsync(client.StartRunbookAsync(request, cancellation), RunbookClaim.Of(request).WorkflowId(), cancellation);

    public async Task<IReadOnlyList<RunRow>> ListAsync(int limit, CancellationToken cancellation)
    {
        // Newest first may leave an old one that is still open out of the first so many.
        var open = await client.ListAsync(onlyOpen: true, limit: 1000, cancellation);
        var newest = await client.ListAsync(onlyOpen: false, limit, cancellation);
        return [.. open.Concat(newest).DistinctBy(r => r.Reference.TemporalRunId).OrderByDescending(r => r.StartedAt)];
    }

    public Task<RunRow> FindAsync(string runOrWorkflowId, CancellationToken cancellation) => client.FindAsync(runOrWorkflowId, cancellation);

    public Task<RunRow?> HolderAsync(string workflowId, CancellationToken cancellation) => client.HolderAsync(workflowId, cancellation);

    public Task<RunView> LookAsync(RunReference run, CancellationToken cancellation) => client.LookAsync(run, cancellation);

    public Task<RunState?> StateAsync(RunReference run, CancellationToken cancellation) => client.StateAsync(run, cancellation);

    public async Task<T> ResultAsync<T>(RunReference run, CancellationToken cancellation)
    {
        try
        {
            return await client.ResultAsync<T>(run, cancellation);
        }
        catch (RefusalException e) when (e.InnerException is WorkflowFailedException)
        {
            throw new RunFailedException(run, e.Report, e);
        }
    }

    public Task<DecisionAnswer> DecideAsync(RunReference run, Decision decision, CancellationToken cancellation) =>
        client.DecideAsync(run, decision, cancellation);

    public Task<DecisionAnswer> AbortAsync(RunReference run, AbortOrder order, CancellationToken cancellation) =>
        client.AbortAsync(run, order.Person, order.Reason, cancellation);

    public Task<DecisionAnswer> OrderAsync(RunReference run, string order, StepOrder argument, CancellationToken cancellation) =>
        client.OrderAsync(run, order, argument, cancellation);

    private async Task<RunReference> LockedAsync(Task<RunReference> start, string workflowId, CancellationToken cancellation)
    {
        try
        {
            return await start;
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Locked)
        {
            throw await client.HolderAsync(workflowId, cancellation) is { } holder ? new RunLockedException(holder, e) : e;
        }
    }
}
