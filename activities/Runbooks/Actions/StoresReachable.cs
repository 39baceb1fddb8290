using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>A first look, before anybody waits for a restore that can't read.</summary>
[Action("stores-reachable",
    "Asks each store of an asset whether it answers and lets this worker read. One that does not is a NotProven check; fails when none does.",
    Output = typeof(Output))]
public sealed class StoresReachable(Plan plan, StoreSet stores) : ActivityAction<StoresReachable.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose stores. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Store, "A store that is known to be lost: it is not asked.")]
        public string? Without { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.List, "The stores that answered.")]
        public IReadOnlyList<string> Stores { get; init; } = [];

        [Input(InputTypes.Store, "The store that counts as lost: the one that was named, else the first that did not answer, else, in a drill, the first of the plan.")]
        public string? Lost { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, input.Asset ?? context.Asset);
        var checks = new List<Check>();
        var answered = new List<string>();
        foreach (var store in asset.Stores.Where(s => s != input.Without))
        {
            Beat.Report($"does {store} answer", checks.Count, asset.Stores.Count, "stores");
            try
            {
                await stores[store].ProbeAsync(cancellation);
                answered.Add(store);
                checks.Add(new($"store {store}", Verdict.Proven, "It answers."));
            }
            catch (Exception e) when (e is RefusalException or IOException)
            {
                checks.Add(new($"store {store}", Verdict.NotProven, e.Message));
            }
        }

        if (answered.Count == 0)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"No store of {asset.Name} answers: {string.Join(" ", checks.Select(c => c.Detail))}", asset.Name,
                "Without one of them there is nothing to restore from.");
        }

        var lost = input.Without ?? asset.Stores.FirstOrDefault(s => !answered.Contains(s)) ?? (context.Mode == RunMode.Drill ? asset.Stores[0] : null);
        return ActionOutcomes.Of(new Output { Stores = answered, Lost = lost }, checks) with { Detail = string.Join(", ", answered) };
    }
}
