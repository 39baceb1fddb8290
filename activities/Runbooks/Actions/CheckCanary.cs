using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>What was lost, measured: the newest canary that came back, against the moment wanted.</summary>
[Action("check-canary",
    "Finds the newest canary in a restored database: from it to the moment wanted is what was lost. Without one nothing is measured, and the "
    + "check is NotProven.",
    Output = typeof(Output))]
public sealed class CheckCanary(Plan plan, ClusterConnections clusters) : ActivityAction<CheckCanary.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Target, "The database to look at.", Required = true)]
        public string Target { get; init; } = "";

        [Input(InputTypes.Time, "The moment whose data is wanted. The declaration unless said.")]
        public DateTimeOffset? Moment { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Time, "When the newest canary was written; empty where there is none.")]
        public DateTimeOffset? Newest { get; init; }

        [Input(InputTypes.Duration, "What was lost.")]
        public TimeSpan? Lost { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var target = RunTarget.Of(plan, context, input.Asset, input.Target);
        var moment = input.Moment ?? context.DeclaredAt;
        if (!target.Asset.Canary)
            return NotMeasured(moment, $"The plan forbids canaries in {target.Asset.Name}.");
        var newest = await clusters[target.Cluster].GetDatabase(target.Database).GetCollection<BsonDocument>(Marks.CanaryCollection)
            .Find(new BsonDocument("at", new BsonDocument("$type", "date"))).Sort(new BsonDocument("at", -1)).Limit(1).FirstOrDefaultAsync(cancellation);
        if (newest is null)
            return NotMeasured(moment, "No canary came back, so what was lost can't be measured.");
        var at = new DateTimeOffset(newest["at"].ToUniversalTime());
        var lost = moment > at ? moment - at : TimeSpan.Zero;
        return ActionOutcomes.Of(
            new Output { Newest = at, Lost = lost }, new Check("canary", Verdict.Proven, $"The newest is of {at:u}, {RunbookVerdicts.Text(lost)} before {moment:u}.")) with
        {
            Detail = $"{RunbookVerdicts.Text(lost)} lost",
            NewestCanary = at,
            MomentWanted = moment,
            StopsClock = true,
        };
    }

    private static ActionOutcome NotMeasured(DateTimeOffset moment, string why) =>
        ActionOutcomes.Of(new Output(), new Check("canary", Verdict.NotProven, why)) with { Detail = why, MomentWanted = moment };
}
