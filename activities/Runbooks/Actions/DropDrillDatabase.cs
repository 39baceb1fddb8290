using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using MongoDB.Driver;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>Takes away what the drill restored. By its name the database is this run's: no other can be dropped.</summary>
[Action("drop-drill-database",
    "Drops the database that this drill made. May run again. Fails in a real run, and for every database that is not this run's own.",
    Output = typeof(Output))]
public sealed class DropDrillDatabase(Plan plan, ClusterConnections clusters) : ActivityAction<DropDrillDatabase.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose drill. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Target, "The drill's own database.", Required = true)]
        public string Target { get; init; } = "";
    }

    public sealed record Output
    {
        [Input(InputTypes.Number, "How many collections went with it.")]
        public long Collections { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var target = OwnTarget(plan, context, input.Asset, input.Target);
        var client = clusters[target.Cluster];
        var there = await TargetInventory.ListAsync(client.GetDatabase(target.Database), cancellation);
        await client.DropDatabaseAsync(target.Database, cancellation);
        return ActionOutcomes.Of(new Output { Collections = there.Count }) with { Detail = $"{target.Database}: {there.Count} collections" };
    }

    /// <summary>The run's own drill database, or a refusal: never production, never another run's, never one that was there before.</summary>
    internal static RunTarget OwnTarget(Plan plan, ActionContext context, string? asset, string target)
    {
        if (context.Mode != RunMode.Drill)
        {
            throw new RefusalException(
                ErrorKinds.NotApproved, $"Step {context.StepId} takes something away, and is for drills only.", context.StepId, "Let it run only in a drill: when: mode == 'drill'");
        }

        var own = RunTarget.Of(plan, context, asset, target);
        // That it was not there before the run, begin-runbook has made sure of.
        return DrillDatabases.IsOne(own.Database) && !own.Production
            ? own
            : throw new RefusalException(ErrorKinds.NotApproved, $"{own} was not made by this run.", context.StepId);
    }
}
