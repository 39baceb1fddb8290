using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using Microsoft.Extensions.Logging;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Schedules;

/// <summary>
/// What a schedule starts. Temporal puts the time behind the id of every workflow that a schedule starts, so such a workflow holds no lock of
/// ours; this one starts the run under the id that does, as its child, waits for it, and alerts at once when it did not end Proven. A lock
/// that another run holds is no failure: this time is skipped, and says so.
/// </summary>
[Workflow(Wire.Scheduled)]
public sealed class ScheduledWorkflow
{
    private string? runId;

    [WorkflowRun]
    public async Task<ScheduledResult> RunAsync(ScheduledRun scheduled)
    {
        runId = RunIds.Create(Steps.Now, scheduled.Schedule.Replace('/', '-'), Workflow.NewGuid());
        ScheduledResult result;
        try
        {
            var work = await Workflow.ExecuteActivityAsync((IScheduleActivities a) => a.PrepareAsync(scheduled, runId),
                ActivityPolicies.ForShortWork("what the plan says to start", Workflow.CancellationToken));
            result = work.Skip is { } why ? new("skipped", null, null, why) : await RunAsync(scheduled, work);
        }
        catch (WorkflowAlreadyStartedException)
        {
            result = new("skipped", null, null, $"{scheduled.Schedule} is held by a run that is under way.");
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            var report = Failures.ToReport(e);
            result = report.Kind == ErrorKinds.Locked
                ? new("skipped", runId, null, report.Message)
                : new("failed", runId, Verdict.Failed, report.Message);
        }

        if (result.Verdict is { } verdict && verdict != Verdict.Proven && !TellsItself(scheduled, result))
            await AlertAsync(scheduled, verdict, result.Why);
        Workflow.CurrentDetails = $"{result.Outcome}: {result.RunId ?? "nothing started"} {result.Verdict} {result.Why}".TrimEnd();
        return result;
    }

    /// <summary>A runbook that came to a verdict has told it with its evidence.</summary>
    private static bool TellsItself(ScheduledRun scheduled, ScheduledResult result) =>
        scheduled.Workflow == Wire.Runbook && result.Outcome == "done";

    private async Task<ScheduledResult> RunAsync(ScheduledRun scheduled, ScheduledWork work)
    {
        switch (work)
        {
            case { Backup: { } backup }:
                var made = await Workflow.ExecuteChildWorkflowAsync((DatabaseBackupWorkflow w) => w.RunAsync(backup),
                    Child(scheduled, WorkflowIds.Backup(backup.Asset), $"Backup of {backup.Asset}, by its schedule"));
                return new("done", backup.RunId, made.Verdict, Why(made.Notes, made.Stores));
            case { Verification: { } verification }:
                var found = await Workflow.ExecuteChildWorkflowAsync((VerificationWorkflow w) => w.RunAsync(verification),
                    Child(scheduled, WorkflowIds.Verification(verification.Asset),
                        $"Restore test of {verification.BackupId}, by its schedule"));
                return new("done", verification.RunId, found.Verdict, Why([], found.Stores));
            case { Runbook: { } runbook }:
                var drilled = await Workflow.ExecuteChildWorkflowAsync((RunbookWorkflow w) => w.RunAsync(runbook),
                    Child(scheduled, WorkflowIds.Drill(runbook.Name), $"Drill {runbook.Name}, by its schedule"));
                return new("done", runbook.RunId, drilled.Verdict, null);
            default:
                return new("skipped", null, null, "There is nothing to start.");
        }
    }

    /// <summary>The run goes on when this workflow is terminated: what it has begun, it cleans up itself.</summary>
    private static ChildWorkflowOptions Child(ScheduledRun scheduled, string id, string summary) => new()
    {
        Id = id,
        TaskQueue = scheduled.TaskQueue,
        ParentClosePolicy = ParentClosePolicy.Abandon,
        CancellationType = ChildWorkflowCancellationType.WaitCancellationCompleted,
        StaticSummary = summary,
    };

    private static string? Why(IEnumerable<string> notes, IEnumerable<StoreVerification> stores)
    {
        var problems = stores.Where(s => s.Verdict != Verdict.Proven)
            .SelectMany(s => s.Problems.Take(3).Select(p => $"{s.Store}: {p.Object} {p.Text}"));
        var all = string.Join("; ", notes.Concat(problems).Take(10));
        return all.Length == 0 ? null : all;
    }

    /// <summary>Never fails: Watch finds the run too.</summary>
    private async Task AlertAsync(ScheduledRun scheduled, Verdict verdict, string? why)
    {
        var kind = verdict == Verdict.Failed ? "failed" : "not-proven";
        var alert = new Alert($"run/{runId}", kind, $"{scheduled.Schedule}, started by its schedule, is {verdict}",
            why ?? "Look at the run.", runId, Steps.Now);
        try
        {
            await Workflow.ExecuteActivityAsync((INotificationActivities a) => a.AlertAsync(alert),
                ActivityPolicies.ForTelling("tell people"));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            Workflow.Logger.LogWarning("Nobody was told that {Schedule} is {Verdict}", scheduled.Schedule, verdict);
        }
    }
}
