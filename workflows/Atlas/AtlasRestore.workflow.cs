using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Atlas;

/// <summary>Atlas restores a snapshot, or a point in time, into the plan's other cluster: started once, waited for, looked at.</summary>
[Workflow(Wire.AtlasRestore)]
public sealed class AtlasRestoreWorkflow
{
    private readonly AtlasRestoreRequest request;
    private readonly Steps steps;
    private readonly AbortSwitch abort = new();
    private readonly AuditTrail audit = new();
    private readonly AtlasPatience patience;
    private AtlasRestorePlan? plan;
    private AtlasRestoreJob? job;
    private Verdict? verdict;

    [WorkflowInit]
    public AtlasRestoreWorkflow(AtlasRestoreRequest request)
    {
        this.request = request;
        steps = new(request.RunId, Wire.AtlasRestore, request.Asset);
        patience = new(AtlasPatience.ForRestore, abort.Token);
    }

    [WorkflowRun]
    public async Task<AtlasRestoreSummary> RunAsync(AtlasRestoreRequest request)
    {
        try
        {
            Workflow.UpsertTypedSearchAttributes(
                LuxSearchAttributes.Of(request.RunId, request.Asset, "atlas-restore", request.Drill ? "drill" : "real"));
            plan = await steps.RunAsync("choose, and look at the target", PlanAsync, p => $"{p.Moment:u} into {p.To.Cluster}");
            audit.Tell(AuditEntries.RunStarted(
                request.RunId, "atlas restore", request.Asset, Steps.Now, request.Person,
                ("into", plan.To.ToString()), ("snapshot", plan.Snapshot?.Id), ("moment", $"{plan.Moment:u}")));
            var work = new AtlasRestoreWork(request, plan);
            job = await steps.RunAsync("start it at Atlas", () => StartAsync(work), j => j.Id);
            var over = await steps.RunAsync("wait until it is finished", () => WaitAsync(job.Id), j => j?.Trouble ?? (j is null ? "not finished" : "finished"));
            if (over?.Trouble is { } trouble)
            {
                throw Failures.ToFailure(new(
                    ErrorKinds.Restore, $"Atlas says that its restore job {job.Id} into {plan.To.Cluster} {trouble}.", job.Id,
                    "Look at the restore jobs of the cluster in Atlas. What is in the target now is not known."));
            }

            if (over is null)
                return await EndAsync(null, "TimedOut", $"Atlas has not finished it within {AtlasPatience.ForRestore.TotalHours:0} hours, and may yet.");
            var look = await steps.RunAsync("look at what came back", () => LookAsync(work), l => string.Join("; ", l.Checks.Select(c => c.Detail)));
            return await EndAsync(look, null);
        }
        catch (Exception e) when (abort.Caused(e))
        {
            return await EndAsync(null, "Aborted", $"Aborted by {abort.Order!.Person}: {abort.Order.Reason}",
                job is null ? "If Atlas was asked just then, it restores all the same." : $"Atlas goes on with the restore job {job.Id}; cancel it there.");
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

    private Task<AtlasRestorePlan> PlanAsync() => Workflow.ExecuteActivityAsync(
        (IAtlasActivities a) => a.PlanRestoreAsync(request), ActivityPolicies.AtTheDoor("snapshots, target, restore jobs", abort.Token));

    private Task<AtlasRestoreJob> StartAsync(AtlasRestoreWork work) => Workflow.ExecuteActivityAsync(
        (IAtlasActivities a) => a.StartRestoreAsync(work), ActivityPolicies.ForShortWork("start the restore job", abort.Token));

    private Task<AtlasRestoreJob?> WaitAsync(string id) => patience.UntilAsync("the restore", () => ReadAsync(id), j => j.IsOver);

    private Task<AtlasRestoreJob> ReadAsync(string id) => Workflow.ExecuteActivityAsync(
        (IAtlasActivities a) => a.ReadRestoreAsync(request.Asset, id), ActivityPolicies.ForShortWork("how far is it?", abort.Token));

    private Task<AtlasRestoreLook> LookAsync(AtlasRestoreWork work) => Workflow.ExecuteActivityAsync(
        (IAtlasActivities a) => a.CheckRestoreAsync(work), ActivityPolicies.ForShortWork("the newest canary in the target", abort.Token));

    private async Task<AtlasRestoreSummary> EndAsync(AtlasRestoreLook? look, string? ended, params string[] notes)
    {
        abort.TooLate = "The run is over.";
        var took = Steps.Now - steps.StartedAt; // what is told afterwards is no part of the RTO
        var v = look is null ? Verdict.NotProven : Verdicts.Worst(look.Checks.Select(c => c.Verdict));
        Show(v);
        Told(v, ended);
        await audit.FlushAsync();
        var rpo = plan is not null && look?.NewestCanary is { } canary ? plan.Moment - canary : (TimeSpan?)null;
        return new(request.RunId, v, request.Asset, plan?.To, plan?.Snapshot?.Id, plan?.Moment, job?.Id, took,
            rpo < TimeSpan.Zero ? TimeSpan.Zero : rpo)
        {
            Checks = look?.Checks ?? [],
            NewestCanary = look?.NewestCanary,
            Ended = ended,
            Notes = [.. notes, .. patience.Notes, .. audit.Notes],
        };
    }

    private void Told(Verdict v, string? ended) => audit.Tell(AuditEntries.RunEnded(
        request.RunId, "atlas restore", request.Asset, Steps.Now, v, ended, ("job", job?.Id)));

    private void Show(Verdict v)
    {
        verdict = v;
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Verdict.ValueSet(v.ToString()));
    }
}
