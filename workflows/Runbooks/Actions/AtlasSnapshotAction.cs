using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks.Actions;

/// <summary>The workflow AtlasSnapshot as a step: before a risky change. It only reads production, in a drill too.</summary>
[Action("atlas-snapshot",
    "Has Atlas take a snapshot of the asset's cluster, and waits until it is complete. Fails when Atlas refuses or fails it, or has not "
    + "completed it in 12 hours.",
    Output = typeof(Output))]
public sealed class AtlasSnapshotAction : WorkflowAction<AtlasSnapshotAction.Input>
{
    private const int DefaultDays = 7;

    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose cluster. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Text, "Why; it stands in the snapshot's description.")]
        public string? Reason { get; init; }

        [Input(InputTypes.Number, "Atlas deletes it after so many days. 7 unless said.")]
        public int? RetentionDays { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Text, "Its id at Atlas.")]
        public string Snapshot { get; init; } = "";

        [Input(InputTypes.Time, "The moment its data is of.")]
        public DateTimeOffset CreatedAt { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = input.Asset ?? context.Asset;
        var request = new AtlasSnapshotRequest(
            RunIds.Child(context.RunId, $"{context.StepId}-atlas-snapshot", Workflow.NewGuid()), asset, context.TaskQueue,
            input.Reason ?? $"step {context.StepId} of {context.RunId}", input.RetentionDays ?? DefaultDays);
        var taken = await ChildRuns.RunAsync(
            (AtlasSnapshotWorkflow w) => w.RunAsync(request), WorkflowIds.AtlasSnapshot(asset), $"Atlas snapshot of {asset}", context, cancellation);
        if (taken.Ended is not null || taken.Snapshot is not { IsComplete: true } snapshot)
        {
            throw Failures.ToFailure(new(
                ErrorKinds.Ended, $"There is no snapshot: {taken.Ended ?? "not complete"}. {string.Join(" ", taken.Notes)}".TrimEnd(), taken.RunId));
        }

        var detail = $"{snapshot.Id} of {snapshot.CreatedAt:u}";
        return ActionOutcomes.Of(new Output { Snapshot = snapshot.Id, CreatedAt = snapshot.CreatedAt!.Value }, [new("atlas snapshot", Verdict.Proven, detail)]) with
        {
            Detail = detail,
        };
    }
}
