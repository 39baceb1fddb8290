using Temporalio.Activities;

namespace LuxHedge.Workflows.Watch;

public interface IWatchActivities
{
    /// <summary>
    /// Looks at the stores, at Temporal and at the plan: backups, verifications, drills and reviews that are overdue, a standing RPO over its
    /// target, suspect and tampered backups, runs that did not end Proven. What can't be reached is unknown, and never throws.
    /// </summary>
    /// <param name="since">Of runs: those that closed after it; null: of the last day.</param>
    [Activity("watch-look")]
    Task<WatchLook> LookAsync(DateTimeOffset? since);

    /// <summary>Calls the plan's <c>deadMan</c> address, whose silence alerts from outside. Never throws, and never shows the address.</summary>
    /// <returns>As <see cref="WatchResult.DeadMan"/>.</returns>
    [Activity("call-dead-man")]
    Task<string> CallDeadManAsync();
}
