using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>Are Atlas' own snapshots as fresh as the asset's RPO asks?</summary>
[Action("check-atlas-snapshots",
    "Compares the age of the newest complete snapshot at Atlas with the asset's RPO. An older one, or none, is a Failed check; Atlas that "
    + "can't be asked is a NotProven one.",
    Output = typeof(Output))]
public sealed class CheckAtlasSnapshots(Plan plan, AtlasConnections atlas, TimeProvider time) : ActivityAction<CheckAtlasSnapshots.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose cluster. The run's asset unless said.")]
        public string? Asset { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Text, "Id of the newest complete snapshot; empty where there is none.")]
        public string? Snapshot { get; init; }

        [Input(InputTypes.Duration, "How old it is.")]
        public TimeSpan? Age { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, input.Asset ?? context.Asset);
        _ = AtlasConnections.SectionOf(plan, asset);
        var standing = await AtlasStanding.ReadAsync(atlas, asset, cancellation);
        var now = time.GetUtcNow();
        var age = standing.AgeAt(now);
        var detail = (standing.Unknown, standing.Newest) switch
        {
            ({ } why, _) => why,
            (_, null) => "Atlas has no complete snapshot.",
            (_, { } newest) => $"The newest complete one is of {newest.CreatedAt:u}, {RunbookVerdicts.Text(age!.Value)} old; {Units.Write(asset.Rpo)} are allowed.",
        };
        var verdict = standing.IsFresh(asset, now) switch { true => Verdict.Proven, false => Verdict.Failed, null => Verdict.NotProven };
        return ActionOutcomes.Of(new Output { Snapshot = standing.Newest?.Id, Age = age }, [new("atlas snapshots", verdict, detail)]) with { Detail = detail };
    }
}
