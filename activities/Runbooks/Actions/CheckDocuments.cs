using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks.Actions;

/// <summary>Looks at the restored database as the application will: under its own names, after the cut-over.</summary>
[Action("check-documents",
    "Compares a restored database with what the source held when the backup was made: collections, options, indexes, counts, and the hashes of "
    + "a share of the documents; at a point in time, with how many documents slices leave of each collection that they wrote to. What differs is a Failed check, by collection; what has no witness a NotProven one.",
    Output = typeof(Output))]
public sealed class CheckDocuments(Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, TimeProvider time)
    : ActivityAction<CheckDocuments.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose backup. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Backup, "Id of the backup that was restored.", Required = true)]
        public string Backup { get; init; } = "";

        [Input(InputTypes.Target, "The database to look at.", Required = true)]
        public string Target { get; init; } = "";

        [Input(InputTypes.Moment, "The point in time that was restored. The backup's own end mark unless said.")]
        public RestorePoint? PointInTime { get; init; }

        [Input(InputTypes.List, "Only these collections. All of the backup unless said.")]
        public IReadOnlyList<string>? Collections { get; init; }

        [Input(InputTypes.Flag, "Open the backup with the keys that --recovery-key handed over.")]
        public bool RecoveryKey { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Number, "Collections that are as they were.")]
        public long Collections { get; init; }

        [Input(InputTypes.Number, "Documents counted.")]
        public long Documents { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var target = RunTarget.Of(plan, context, input.Asset, input.Target);
        var found = await new StandingCheck(plan, stores, keys, clusters, time).CompareAsync(
            target, input.Backup, input.Collections, input.RecoveryKey ? context.Keys : null, cancellation, input.PointInTime);
        return ActionOutcomes.Of(
            new Output { Collections = found.Checks.Count(c => c.Verdict == Verdict.Proven), Documents = found.Documents }, found.Checks) with
        {
            Detail = found.Checks.FirstOrDefault(c => c.Verdict == Verdict.Failed) is { } wrong
                ? $"{wrong.Name}: {wrong.Detail}" : $"{found.Checks.Count} collections, {found.Documents} documents",
            StopsClock = found.Checks.All(c => c.Verdict == Verdict.Proven),
        };
    }
}
