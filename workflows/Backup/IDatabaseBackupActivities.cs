using Temporalio.Activities;

namespace LuxHedge.Workflows.Backup;

/// <summary>
/// How a database backup's steps are done. Each may be killed, or left behind alive, at any instant and run again with the same input:
/// the outcome is the same, and nothing sealed is changed.
/// <para>
/// Heartbeats (<see cref="Runs.Progress"/>): the lanes' activities (dump, tail) at least every 10 s, plan and seal at least every 20 s,
/// from progress. Without them Temporal takes a long attempt for dead and starts another.
/// </para>
/// </summary>
public interface IDatabaseBackupActivities
{
    /// <summary>Refuses at the door: unknown asset or collection, unreachable database (host, time-out, what to check), wrong credentials,
    /// a store without its bucket. Answers where and how to write.</summary>
    [Activity("begin-backup")]
    Task<BackupStart> BeginAsync(DatabaseBackupRequest request);

    /// <summary>Puts the data key's object (or adopts the one there), reads it back and unwraps it, then takes the start mark.</summary>
    [Activity("mark-oplog-start")]
    Task<StartMark> MarkStartAsync(BackupContext backup);

    /// <summary>Lists the collections after the mark, cuts ranges, and puts the encrypted <c>ranges</c> object (or adopts the one
    /// there).</summary>
    [Activity("plan-ranges")]
    Task<RangePlan> PlanRangesAsync(BackupContext backup, StartMark start);

    /// <summary>Dumps one lane's ranges into packs. Starts again after the last whole range of an earlier attempt's packs.</summary>
    [Activity("dump-lane")]
    Task<LaneResult> DumpLaneAsync(LaneWork work);

    /// <summary>Tails the oplog into the backup's own packs until the workflow's query <c>oplog-until</c> names an end and the majority
    /// point has passed it. Goes on after the parts of an earlier attempt; a gap fails the backup.</summary>
    [Activity("tail-oplog")]
    Task<OplogTailResult> TailOplogAsync(OplogTail tail);

    /// <summary>Lists the collections again; plans round 1 for those whose name or UUID changed.</summary>
    [Activity("find-changed-collections")]
    Task<ChangedCollections> FindChangedAsync(BackupContext backup, IReadOnlyList<string> unreadable);

    /// <summary>After round 1: fails the backup by name when a collection changed a second time.</summary>
    [Activity("refuse-second-change")]
    Task RefuseSecondChangeAsync(BackupContext backup, IReadOnlyList<string> unreadable);

    /// <summary>Writes a canary, then takes the end mark: the newest operation time of any reply, and not before
    /// <paramref name="newest"/>.</summary>
    [Activity("mark-the-end")]
    Task<EndMark> MarkEndAsync(BackupContext backup, ClusterTime newest);

    /// <summary>Takes the witness, chooses one attempt for each range, reads every object back, writes index, objects and
    /// manifest.</summary>
    [Activity("seal")]
    Task<SealResult> SealAsync(SealWork work);
}
