using Temporalio.Activities;

namespace LuxHedge.Workflows.Atlas;

/// <summary>
/// What is asked of the Atlas Administration API: each activity is one or a few requests, and none waits. Keys are those of the worker's own
/// plan, resolved at each request. Refusals: <c>unreachable</c> (no answer, an error of Atlas' own, a limit of requests, keys that it refuses),
/// <c>plan</c> (Atlas has no such project or cluster), <c>usage</c> (no such snapshot), <c>locked</c> (Atlas is busy with another).
/// </summary>
public interface IAtlasActivities
{
    /// <summary>Asks for a snapshot on demand, once: one whose description carries the run's id is this run's, and is answered instead of asked
    /// for again. <c>locked</c>: another is queued or in progress, which Atlas finishes first.</summary>
    [Activity("take-atlas-snapshot")]
    Task<AtlasSnapshot> TakeSnapshotAsync(AtlasSnapshotRequest request);

    [Activity("read-atlas-snapshot")]
    Task<AtlasSnapshot> ReadSnapshotAsync(string asset, string snapshot);

    /// <summary>Chooses the snapshot and looks at the target. Refuses, as <see cref="StartRestoreAsync"/> does again: a plan without
    /// <c>restoreTo</c>, a target that holds a database of the plan.</summary>
    [Activity("plan-atlas-restore")]
    Task<AtlasRestorePlan> PlanRestoreAsync(AtlasRestoreRequest request);

    /// <summary>Starts the restore job, once: a job like it that was not there when it was planned is this run's. The last door: what the input
    /// says of the target decides nothing, the worker's plan and Atlas' own word for the target's hosts do.</summary>
    [Activity("start-atlas-restore")]
    Task<AtlasRestoreJob> StartRestoreAsync(AtlasRestoreWork work);

    [Activity("read-atlas-restore")]
    Task<AtlasRestoreJob> ReadRestoreAsync(string asset, string job);

    /// <summary>Looks for the asset's newest canary in the target, where the plan has a cluster that is the target.</summary>
    [Activity("check-atlas-restore")]
    Task<AtlasRestoreLook> CheckRestoreAsync(AtlasRestoreWork work);
}
