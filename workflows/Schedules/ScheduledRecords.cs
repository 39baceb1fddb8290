using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Workflows.Schedules;

/// <summary>Input of <c>Scheduled</c>: all that a schedule in Temporal carries. What it comes to is read from the worker's own plan when it
/// starts, so that a schedule changes only when its times do.</summary>
/// <param name="Schedule">The schedule's id: <c>backup/{asset}</c>, <c>verify/{asset}</c> or <c>drill/{name}</c>.</param>
/// <param name="Workflow">What it starts: <c>DatabaseBackup</c>, <c>Verification</c> or <c>Runbook</c>.</param>
/// <param name="Name">The asset's, or the drill's.</param>
public sealed record ScheduledRun(string Schedule, string Workflow, string Name, string? Asset, string TaskQueue);

/// <summary>Answer of <c>prepare-scheduled</c>: the one request that is set, or why there is nothing to start.</summary>
public sealed record ScheduledWork
{
    public DatabaseBackupRequest? Backup { get; init; }
    public VerificationRequest? Verification { get; init; }
    public RunbookRequest? Runbook { get; init; }

    /// <summary>Why nothing is started, where that is no failure: the lock is held.</summary>
    public string? Skip { get; init; }
}

/// <summary>What <c>Scheduled</c> returns.</summary>
/// <param name="Outcome"><c>done</c>, <c>skipped</c> or <c>failed</c>.</param>
/// <param name="RunId">Of the run that was started; null when none was.</param>
public sealed record ScheduledResult(string Outcome, string? RunId, Verdict? Verdict, string? Why);
