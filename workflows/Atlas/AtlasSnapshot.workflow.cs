using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Atlas;

/// <summary>A snapshot on demand, before a risky change: asked for once, waited for until Atlas has completed it.</summary>
[Workflow(Wire.AtlasSnapshot)]
public sealed class AtlasSnapshotWorkflow
{
    private readonly AtlasSnapshotRequest request;
    private readonly Steps steps;
    private readonly AbortSwitch abort = new();
    private readonly AuditTrail audit = new();
    private readonly AtlasPatience patience;
    private AtlasSnapshot? snapshot;
    private Verdict? verdict;

    [WorkflowInit]
    public AtlasSnapshotWorkflow(AtlasSnapshotRequest request)
    {
        this.request = request;
        steps = new(request.RunId, Wire.AtlasSnapshot, request.Asset);
        patience = new(AtlasPatience.ForSnapshot, abort.Token);
    }

    [WorkflowRun]
    public async Task<AtlasSnapshotSummary> RunAsync(AtlasSnapshotRequest request)
    {
        try
        {
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(request.RunId, request.Asset, "atlas-snapshot", "real"));
            audit.Tell(AuditEntries.RunStarted(
                request.RunId, "atlas snapshot", request.Asset, Steps.Now, request.Person, ("reason", request.Reason)));
            snapshot = await steps.RunAsync("ask Atlas for it", AskAsync, s => $"{s.Id}: {s.Status}");
            snapshot = await steps.RunAsync("wait until it is complete", WaitAsync, s => s.Status);
            return snapshot.Status switch
            {
                AtlasStatus.Completed => await EndAsync(Verdict.Proven, null),
                AtlasStatus.Failed => throw Failures.ToFailure(new(
                    ErrorKinds.Backup, $"Atlas says that its snapshot {snapshot.Id} of {request.Asset} failed.", snapshot.Id,
                    "Look at the cluster's backups in Atlas; then take another.")),
                _ => await EndAsync(Verdict.NotProven, "TimedOut", $"Atlas has not completed it within {AtlasPatience.ForSnapshot.TotalHours:0} hours."),
            };
        }
        catch (Exception e) when (abort.Caused(e))
        {
            return await EndAsync(Verdict.NotProven, "Aborted", $"Aborted by {abort.Order!.Person}: {abort.Order.Reason}",
                snapshot is null ? "If Atlas was asked just then, it takes it all the same." : "Atlas goes on with it all the same.");
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            Show(Verdict.Failed);
            Told(Verdict.Failed, null);
            throw Failures.ToFailure(Failures.ToReport(e), e);
        }
        finally
        {
            await audit.FlushAsync();
            await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        }
    }

    [WorkflowQuery(Wire.State)]
    public RunState State() => steps.State(verdict, abort.Order);

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => Task.FromResult(abort.Take(order));

    /// <summary>Atlas takes one snapshot on demand after another: while it is busy with somebody else's, this one waits.</summary>
    private async Task<AtlasSnapshot> AskAsync()
    {
        while (true)
        {
            try
            {
                return await Workflow.ExecuteActivityAsync(
                    (IAtlasActivities a) => a.TakeSnapshotAsync(request), ActivityPolicies.ForShortWork("ask Atlas for a snapshot", abort.Token));
            }
            catch (FailureException e) when (!TemporalException.IsCanceledException(e) && !patience.IsOver
                && Failures.ToReport(e).Kind == ErrorKinds.Locked)
            {
                var note = $"Waited, since Atlas was busy: {Failures.ToReport(e).Message}";
                if (!patience.Notes.Contains(note, StringComparer.Ordinal))
                    patience.Notes.Add(note);
                await patience.WaitAsync("until Atlas has finished another snapshot");
            }
        }
    }

    private async Task<AtlasSnapshot> WaitAsync()
    {
        var asked = snapshot!;
        return await patience.UntilAsync("the snapshot", () => ReadAsync(asked), s => s.Status is AtlasStatus.Completed or AtlasStatus.Failed) ?? snapshot!;
    }

    private async Task<AtlasSnapshot> ReadAsync(AtlasSnapshot asked) => snapshot = await Workflow.ExecuteActivityAsync(
        (IAtlasActivities a) => a.ReadSnapshotAsync(request.Asset, asked.Id), ActivityPolicies.ForShortWork("how far is it?", abort.Token));

    private async Task<AtlasSnapshotSummary> EndAsync(Verdict v, string? ended, params string[] notes)
    {
        abort.TooLate = "The run is over.";
        Show(v);
        Told(v, ended);
        await audit.FlushAsync();
        return new(request.RunId, v, request.Asset, snapshot) { Ended = ended, Notes = [.. notes, .. patience.Notes, .. audit.Notes] };
    }

    private void Told(Verdict v, string? ended) => audit.Tell(AuditEntries.RunEnded(
        request.RunId, "atlas snapshot", request.Asset, Steps.Now, v, ended, ("snapshot", snapshot?.Id)));

    private void Show(Verdict v)
    {
        verdict = v;
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Verdict.ValueSet(v.ToString()));
    }
}
