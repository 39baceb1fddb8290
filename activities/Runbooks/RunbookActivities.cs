using System.Text.Json;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>The steps of a runbook that are not a workflow's: where it may write, its actions that do I/O, and what it left behind.</summary>
/// <param name="create">Makes an action of that class in the worker's container: its constructor asks for what it needs.</param>
public sealed class RunbookActivities(Plan plan, StoreSet stores, ClusterConnections clusters, Func<Type, IActivityAction> create) : IRunbookActivities
{
    private readonly RunInventory inventory = new(plan, stores, clusters);

    public async Task<RunbookSite> BeginAsync(RunbookRequest request)
    {
        var asset = RunTarget.AssetOf(plan, request.Asset);
        var notes = new List<string>();
        RunTarget target;
        if (request.Mode == RunMode.Drill)
        {
            target = RunTarget.OfDrill(plan, asset, request.RunId);
            await clusters.CheckAsync(target.Cluster, Beat.Cancellation);
        }
        else
        {
            target = new(asset, asset.Cluster!, asset.Database!, Production: true);
            RefuseUnsigned(request);
        }

        var before = await inventory.ListAsync(request, Beat.Cancellation);
        if (!target.Production && before.Contains(RunInventory.DatabaseItem(target.Cluster, target.Database)))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"{target} is there already, and is to be made by this drill.", target.ToString(), "Drop it, when nobody needs it, and start the drill again.");
        }

        var taken = await StepDurations.ReadAsync(plan, stores, request.Name, request.Definition.Runbook, Beat.Cancellation);
        notes.AddRange(taken.Unknown.Select(u => $"How long steps took before is not known of {u}"));
        return new RunbookSite(
            target.ToString(), clusters.Hosts(target.Cluster), target.Database, before, Tiers(request, asset),
            taken.ByStep, notes)
        {
            Production = [.. plan.Assets.Values.Where(a => a.Kind == "database").SelectMany(a => new[] { a.Name, $"{a.Cluster}/{a.Database}" }).Distinct()],
            Told = plan.Slack is not null,
        };
    }

    public async Task<ActionOutcome> RunActionAsync(string action, ActionContext context, JsonElement input)
    {
        if (ActionCatalog.All[action] is not { DoesIO: true } known)
        {
            throw new RefusalException(
                ErrorKinds.Plan, $"This worker knows no action '{action}'.", context.StepId, "Let all workers run the version that started the run.");
        }

        Beat.Report(action, 0, 0, "");
        return await create(known.Class).RunAsync(context, input, Beat.Cancellation);
    }

    public Task<IReadOnlyList<string>> InventoryAsync(RunbookRequest request, RunbookSite site) =>
        inventory.LeftAsync(request, site.Before, Beat.Cancellation);

    /// <summary>The real event is declared by a person of the plan, with that person's key.</summary>
    private void RefuseUnsigned(RunbookRequest request)
    {
        if (RequestSigner.ProblemOf(plan, request) is { } unsigned)
        {
            throw new RefusalException(
                ErrorKinds.NotApproved, $"The real event is declared by a person of the plan, with that person's key: {unsigned}.", request.RunId,
                "Start it with `luxhedge incident run NAME --as PERSON`.");
        }
    }

    private List<TierTarget> Tiers(RunbookRequest request, AssetPlan asset)
    {
        var tiers = new List<TierTarget>();
        if (request.Definition.Targets is { Rto: { } rto, Rpo: { } rpo })
            tiers.Add(new("runbook", rto, rpo));
        if (plan.Drills.TryGetValue(request.Name, out var drill) && drill is { Rto: { } drillRto, Rpo: { } drillRpo })
            tiers.Add(new("drill", drillRto, drillRpo));
        tiers.Add(new(asset.Tier ?? asset.Name, asset.Rto, asset.Rpo));
        return tiers;
    }
}
