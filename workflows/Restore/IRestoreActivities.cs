using Temporalio.Activities;

namespace LuxHedge.Workflows.Restore;

/// <summary>
/// How a restore's steps are done. Every one that writes to production first verifies the decisions in <see cref="RestoreWork"/> against
/// its own worker's plan file, over the hash that it computes itself from what it is about to do.
/// <para>
/// Heartbeats (<see cref="Runs.Progress"/>): the lanes' activities (load, replay) at least every 10 s, prepare, indexes, checks, cut-over
/// and clean-up at least every 20 s, from progress; while one long server command runs, from seeing that it still runs there.
/// </para>
/// </summary>
public interface IRestoreActivities
{
    /// <summary>Chooses the backup and the stores, opens its key, looks at the target. Refuses: no such backup, nothing eligible (names the
    /// newest complete ones), a target with data without --drop, system databases, a time that can't be reached, too little room. For
    /// production also: a request without the valid signature of a person of the plan, a policy that can't reach its quorum without that
    /// person, a backup of the asset that is running (kind <c>locked</c>). May be run again.</summary>
    [Activity("preflight")]
    Task<RestorePlan> PreflightAsync(RestoreRequest request);

    /// <summary>Writes <c>using</c> records, makes the state collection with its fences, and creates the collections beside the
    /// target.</summary>
    [Activity("prepare-target")]
    Task PrepareAsync(RestoreWork work);

    /// <summary>Loads one lane's ranges. Raises its own fence first, checks it before each batch.</summary>
    [Activity("load-lane")]
    Task<LoadResult> LoadLaneAsync(LoadWork work);

    /// <summary>Folds the oplog of the backup over what was loaded, window by window, up to the backup's end mark.</summary>
    [Activity("replay-oplog")]
    Task<ReplayResult> ReplayAsync(RestoreWork work);

    /// <summary>Of a point in time: compares what stands beside the target with the base's witness while it is as it was at the end mark, and
    /// keeps what it counted for <see cref="CheckAsync"/>. What is not Proven is a check of its own.</summary>
    [Activity("check-base")]
    Task<IReadOnlyList<Check>> CheckBaseAsync(RestoreWork work);

    /// <summary>Of a point in time: goes on over slices to the point, exactly. A document or path that is missing is a failed check.</summary>
    [Activity("replay-to-point")]
    Task<ReplayResult> ReplayToPointAsync(RestoreWork work);

    /// <summary>Indexes (TTL last), validators; what the server refuses is a failed check with the document's <c>_id</c>.</summary>
    [Activity("build-indexes")]
    Task<IReadOnlyList<Check>> BuildIndexesAsync(RestoreWork work);

    /// <summary>Compares what was loaded with the witness, the options and the indexes, before anything is replaced. Where slices wrote there is
    /// no witness: the count must be the base's with what they added.</summary>
    [Activity("check-restored")]
    Task<CheckResult> CheckAsync(RestoreWork work);

    /// <summary>Renames the loaded collections over the old ones, makes views and time series, checks that all stand there.</summary>
    [Activity("cut-over")]
    Task<IReadOnlyList<Check>> CutOverAsync(RestoreWork work);

    /// <summary>Runs however the restore ended, also when nothing was prepared (it finds nothing then) and when the approval was denied: it
    /// needs no decisions, and touches only what this run made. Removes the state collection and everything loaded beside the target; for a
    /// restore test the whole scratch database. A cut-over that began and did not finish is not undone by halves: what is not renamed yet
    /// is left, and named in StillThere. Proven by an inventory: <see cref="CleanUpResult.StillThere"/> is empty.</summary>
    [Activity("clean-up")]
    Task<CleanUpResult> CleanUpAsync(RestoreWork work, bool succeeded);

    /// <summary>Writes the signed evidence <c>runs/{runId}/evidence.json</c> to every store that answers; answers where.</summary>
    [Activity("write-evidence")]
    Task<IReadOnlyList<string>> WriteEvidenceAsync(RestoreEvidence evidence);
}

/// <param name="State">With the decisions that counted, and the refused ones.</param>
public sealed record RestoreEvidence(RestoreRequest Request, RestorePlan? Plan, RestoreSummary Summary, Runs.RunState State)
{
    /// <summary>What it asked by itself; what it was approved by before is in the request.</summary>
    public IReadOnlyList<Runbooks.AskRecord> Asks { get; init; } = [];
}
