using LuxHedge.Activities.Database;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using MongoDB.Driver;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>The disaster itself, rehearsed: only ever in the database that the drill has made.</summary>
[Action("lose-collection",
    "Drops collections of a drill's own database, as the disaster would. Fails in a real run, and for every other database.")]
public sealed class LoseCollection(Plan plan, ClusterConnections clusters) : ActivityAction<LoseCollection.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Target, "The drill's own database.", Required = true)]
        public string Target { get; init; } = "";

        [Input(InputTypes.List, "Which collections.", Required = true)]
        public IReadOnlyList<string> Collections { get; init; } = [];
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var target = DropDrillDatabase.OwnTarget(plan, context, null, input.Target);
        foreach (var name in input.Collections)
            await clusters[target.Cluster].GetDatabase(target.Database).DropCollectionAsync(name, cancellation);
        return ActionOutcomes.Of(new Nothing()) with { Detail = string.Join(", ", input.Collections) };
    }
}
