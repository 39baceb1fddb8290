using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks.Actions;

/// <summary>The workflow AtlasRestore as a step. The target is the plan's <c>restoreTo</c> and nothing else: no input can name one.</summary>
[Action("atlas-restore",
    "Has Atlas restore a snapshot, or a point in time, into the cluster that the plan names as restoreTo, over everything there. Never "
    + "production: a target with a database of the plan is refused. Fails when Atlas refuses or fails it; data that could not be looked at "
    + "is a NotProven check.",
    Output = typeof(Output))]
public sealed class AtlasRestoreAction : WorkflowAction<AtlasRestoreAction.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose cluster's snapshots. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Text, "A snapshot's id at Atlas. The newest complete one unless said.")]
        public string? Snapshot { get; init; }

        [Input(InputTypes.Time, "A point in time instead of a snapshot; it needs Continuous Cloud Backup.")]
        public DateTimeOffset? PointInTime { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Text, "The snapshot that came back; empty with a point in time.")]
        public string? Snapshot { get; init; }

        [Input(InputTypes.Text, "Id of the restore job at Atlas.")]
        public string Job { get; init; } = "";

        [Input(InputTypes.Text, "Name of the cluster at Atlas that it came back in.")]
        public string Cluster { get; init; } = "";

        [Input(InputTypes.Time, "The moment its data is of.")]
        public DateTimeOffset Moment { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = input.Asset ?? context.Asset;
        var request = new AtlasRestoreRequest(
            RunIds.Child(context.RunId, $"{context.StepId}-atlas-restore", Workflow.NewGuid()), asset, context.TaskQueue, input.Snapshot, input.PointInTime)
        {
            Drill = context.Mode == RunMode.Drill,
        };
        var restored = await ChildRuns.RunAsync(
            (AtlasRestoreWorkflow w) => w.RunAsync(request), WorkflowIds.AtlasRestore(asset), $"Atlas restore of {asset}", context, cancellation);
        if (restored.Ended is not null || restored.Moment is not { } moment)
        {
            throw Failures.ToFailure(new(
                ErrorKinds.Ended, $"The restore did not end: {restored.Ended}. {string.Join(" ", restored.Notes)}".TrimEnd(), restored.RunId));
        }

        var output = new Output { Snapshot = restored.Snapshot, Job = restored.Job!, Cluster = restored.To!.Cluster, Moment = moment };
        return ActionOutcomes.Of(output, restored.Checks) with
        {
            Detail = $"{restored.Snapshot ?? $"{moment:u}"} into {restored.To.Cluster}",
            NewestCanary = restored.NewestCanary,
            MomentWanted = input.PointInTime ?? context.DeclaredAt,
        };
    }
}
