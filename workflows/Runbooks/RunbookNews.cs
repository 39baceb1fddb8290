using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// Tells of a run: one message that is updated while it goes on, an alert when it did not prove what it should, entries of the audit log. It
/// never fails a run and never holds up a step: what could not be told becomes a note.
/// </summary>
internal sealed class RunbookNews(RunbookRequest request, StepBook book, List<string> notes)
{
    /// <summary>Between two updates of the message: people read it, and Slack counts.</summary>
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(10);

    /// <summary>A run of more changes than this is told less often, so that its telling stays small beside its steps.</summary>
    private const int OftenUntil = 200;

    private Task following = Task.CompletedTask;
    private bool told;
    private bool ended;

    public MessageReference? Message { get; set; }

    public RunbookFacts Facts { get; } = new(request.RunId, request.Name, request.Mode == RunMode.Drill ? "drill" : "real", request.Asset);

    private string What => $"{(request.Mode == RunMode.Drill ? "drill" : "incident")} {request.Name}";

    /// <summary>Begins to tell, beside the steps.</summary>
    /// <param name="isNew">False: an earlier execution has said that the run began.</param>
    /// <param name="isTold">Whether anybody listens to messages.</param>
    public void Start(DateTimeOffset startedAt, bool isNew, bool isTold)
    {
        told = isTold;
        following = FollowAsync(startedAt, isNew);
    }

    /// <summary>The end, where the evidence is, and an alert for what is Failed or NotProven.</summary>
    /// <param name="logged">The audit log has the end already, with the evidence.</param>
    public async Task EndAsync(RunbookSummary summary, bool logged)
    {
        await StopAsync();
        if (!logged)
        {
            await TryAsync("The audit log", () => AppendAsync(AuditEntries.RunEnded(
                request.RunId, What, request.Asset, Steps.Now, summary.Verdict, summary.Ended, [("runbook", $"{summary.Runbook} {summary.Version}")])));
        }

        if (told)
            await TryAsync("The message about the run", () => ShowAsync(summary.Verdict, Details(summary)));
        if (summary.Verdict != Verdict.Proven)
            await AlertAsync(summary.Verdict, string.Join("\n", Details(summary)));
    }

    public async Task StopAsync()
    {
        ended = true;
        await following;
    }

    /// <summary>A run that could not begin is told at once too.</summary>
    public async Task AlertAsync(Verdict verdict, string text)
    {
        var kind = verdict == Verdict.Failed ? "failed" : "not-proven";
        var title = $"{What} is {(verdict == Verdict.Failed ? "Failed" : "NotProven")}";
        var alert = new Alert($"run/{request.RunId}", kind, title, text, request.RunId, Steps.Now);
        await TryAsync("The alert", () => Workflow.ExecuteActivityAsync(
            (INotificationActivities a) => a.AlertAsync(alert), ActivityPolicies.ForTelling(title)));
    }

    private async Task FollowAsync(DateTimeOffset startedAt, bool isNew)
    {
        if (isNew)
        {
            await TryAsync("The audit log", () => AppendAsync(AuditEntries.RunStarted(
                request.RunId, What, request.Asset, startedAt, request.RequestedBy?.Person,
                [("runbook", $"{request.Definition.Runbook} {request.Definition.Version}"), ("sha256", request.Definition.Sha256)])));
            if (told)
                await TryAsync("The message about the run", () => ShowAsync(null, []));
        }

        var shown = book.Version;
        while (Message is not null && !ended)
        {
            await Workflow.WaitConditionAsync(() => ended || book.Version != shown);
            if (ended)
                return;
            shown = book.Version;
            await TryAsync("The message about the run", () => ShowAsync(null, []));
            await Workflow.WaitConditionWithOptionsAsync(new(() => ended)
            {
                Timeout = shown < OftenUntil ? Between : 6 * Between,
                TimeoutSummary = "until the message is updated again",
            });
        }
    }

    private async Task ShowAsync(Verdict? verdict, IReadOnlyList<string> details)
    {
        var notice = new RunNotice(Workflow.Info.WorkflowId, Facts, request.Definition.Title, book.Timings, verdict, details, Message);
        Message = await Workflow.ExecuteActivityAsync(
            (INotificationActivities a) => a.ShowRunAsync(notice), ActivityPolicies.ForTelling("tell how the run stands")) ?? Message;
    }

    private static Task<string> AppendAsync(AuditEntry entry) => Workflow.ExecuteActivityAsync(
        (IAuditActivities a) => a.AppendAsync(entry), ActivityPolicies.ForTelling($"audit log: {entry.Kind}"));

    private async Task TryAsync(string what, Func<Task> tell)
    {
        try
        {
            await tell();
        }
        catch (FailureException e)
        {
            var note = $"{what} could not be written: {Failures.ToReport(e).Message}";
            if (!notes.Contains(note))
                notes.Add(note);
        }
    }

    private static List<string> Details(RunbookSummary summary)
    {
        var details = new List<string>
        {
            $"RTO {RunbookVerdicts.Text(summary.Rto.Total)} (machine {RunbookVerdicts.Text(summary.Rto.Machine)}, "
                + $"people {RunbookVerdicts.Text(summary.Rto.Waiting)}), clean-up {RunbookVerdicts.Text(summary.Rto.Cleanup)}",
            summary.Rpo.Measured is { } loss ? $"RPO {RunbookVerdicts.Text(loss)}" : "RPO not measured",
        };
        if (summary.Ended is { } ended)
            details.Add($"It ended early: {ended}");
        if (summary.Error is { } error)
            details.Add(error.Message);
        details.AddRange(summary.NotProven.Select(n => $"Not proven: {n}").Take(10));
        details.AddRange(summary.Evidence.Select(e => $"Evidence: {e.Store}:{e.Object}").Take(4));
        return details;
    }
}
