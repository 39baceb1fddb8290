using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Schedules;

/// <summary>What a schedule comes to at the moment it starts, by the plan of the worker that it runs on.</summary>
public sealed class ScheduleActivities(Plan plan, StoreSet stores, TimeProvider time) : IScheduleActivities
{
    public async Task<ScheduledWork> PrepareAsync(ScheduledRun scheduled, string runId) => scheduled.Workflow switch
    {
        Wire.DatabaseBackup => new() { Backup = new DatabaseBackupRequest(runId, Asset(scheduled), scheduled.TaskQueue) },
        Wire.Verification => await VerifyAsync(Asset(scheduled), runId, scheduled.TaskQueue),
        Wire.Runbook => new() { Runbook = Drill(scheduled, runId) },
        _ => throw new RefusalException(
            ErrorKinds.Plan, $"The schedule {scheduled.Schedule} starts a {scheduled.Workflow}, which this worker does not know.", scheduled.Schedule,
            "Run the version of the worker that applied the schedules."),
    };

    private RunbookRequest Drill(ScheduledRun scheduled, string runId)
    {
        if (!plan.Drills.TryGetValue(scheduled.Name, out var drill))
        {
            throw new RefusalException(
                ErrorKinds.Plan, $"The plan of this worker has no drill '{scheduled.Name}' any more.", scheduled.Schedule, "Run luxhedge schedules apply.");
        }

        return PlannedDrill.ToRequest(plan, drill, runId, scheduled.TaskQueue);
    }

    /// <summary>The backup that <c>latest</c> would choose is the one to be proven.</summary>
    private async Task<ScheduledWork> VerifyAsync(string asset, string runId, string taskQueue)
    {
        var view = await new BackupCatalog(plan, stores, time).ListAsync(asset, Beat.Cancellation);
        var unknown = string.Join("; ", view.Unknown.Select(u => u.Why));
        return view.NewestEligible is { } newest
            ? new() { Verification = new VerificationRequest(runId, asset, taskQueue, newest.Id, null, VerificationLevel.Restore) }
            : throw new RefusalException(
                view.Unknown.Count > 0 ? ErrorKinds.Unreachable : ErrorKinds.Backup,
                $"There is no eligible backup of {asset} to test{(unknown.Length == 0 ? "" : $", as far as the stores answer: {unknown}")}.",
                asset, "luxhedge backups list shows what there is, and why it is not eligible.");
    }

    private string Asset(ScheduledRun scheduled) => plan.Assets.ContainsKey(scheduled.Name)
        ? scheduled.Name
        : throw new RefusalException(
            ErrorKinds.Plan, $"The plan of this worker has no asset '{scheduled.Name}' any more.", scheduled.Schedule, "Run luxhedge schedules apply.");
}
