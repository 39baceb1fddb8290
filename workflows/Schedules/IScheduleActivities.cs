using Temporalio.Activities;

namespace LuxHedge.Workflows.Schedules;

public interface IScheduleActivities
{
    /// <summary>
    /// What a schedule comes to now, by the worker's own plan: the newest eligible backup for a verification, the runbook's text for a drill.
    /// Refuses (<c>plan</c>) what the plan does not have any more, and (<c>usage</c>) a verification where there is nothing to verify.
    /// </summary>
    /// <param name="runId">The id that the run gets.</param>
    [Activity("prepare-scheduled")]
    Task<ScheduledWork> PrepareAsync(ScheduledRun scheduled, string runId);
}
