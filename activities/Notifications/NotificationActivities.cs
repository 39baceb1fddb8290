using System.Collections.Concurrent;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Notifications;
using Serilog;
using Temporalio.Activities;

namespace LuxHedge.Activities.Notifications;

/// <summary>Tells people: in the log always, in Slack where the plan has it.</summary>
public sealed class NotificationActivities : INotificationActivities, IDisposable
{
    /// <summary>An update of a run's progress that would have to wait longer for its turn is left out: the next one says more. Its end is
    /// never left out.</summary>
    private static readonly TimeSpan PatienceWithProgress = TimeSpan.FromSeconds(10);

    /// <summary>As many alerts are remembered as told, so that a look every few minutes asks Slack once a day.</summary>
    private const int AlertsRemembered = 1_000;

    private readonly Plan plan;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly SlackWebApiClient? client;
    private readonly SlackPoster? poster;
    private readonly ConcurrentDictionary<string, bool> toldToday = new(StringComparer.Ordinal);

    public NotificationActivities(Plan plan, TimeProvider time, ILogger log)
    {
        (this.plan, this.time, this.log) = (plan, time, log);
        if (plan.Slack is { } slack)
        {
            client = new(slack, time);
            poster = new(client, slack, time, log);
        }
    }

    public Task<MessageReference?> ShowAskAsync(AskNotice notice) => ToldAsync(async slack =>
    {
        log.Information(
            "Ask {Event}: {Title} (step {Step} of {Run}, {Mode}), {Approvals} of {Quorum} approvals, until {Until:u}",
            notice.Event, notice.Title, notice.Ask.Step, notice.Run.RunId, notice.Run.Mode, notice.Decisions.Count, notice.Ask.Quorum, notice.Ask.Until);
        if (slack is null)
            return null;
        var message = new AskMessage(plan, notice, time.GetUtcNow());
        var reference = await ShowAsync(
            slack, notice.Message, message.Build(), $"ask/{notice.Ask.Nonce}", notice.Ask.AskedAt, notice.Event == AskEvents.Opened, null);
        if (message.Reply() is { } reply)
        {
            // Only a reminder and an escalation are for people who don't look at the thread yet.
            var broadcast = notice.Event is AskEvents.Reminder or AskEvents.Escalated;
            await slack.ReplyAsync(reference, reply, $"{notice.Ask.Nonce}/{Call()}", broadcast, Again, Beat.Cancellation);
        }

        return reference;
    });

    public Task<MessageReference?> ShowRunAsync(RunNotice notice) => ToldAsync(async slack =>
    {
        log.Information("Run {Run} ({Mode}): {Title}: {Verdict}", notice.Run.RunId, notice.Run.Mode, notice.Title, notice.Verdict?.ToString() ?? "under way");
        if (slack is null)
            return null;
        var now = time.GetUtcNow();
        var since = notice.Steps.Count > 0 ? notice.Steps.Min(s => s.StartedAt) : now;
        return (MessageReference?)await ShowAsync(
            slack, notice.Message, new RunMessage(plan, notice, now).Build(), $"run/{notice.Run.RunId}", since, first: false,
            notice.Verdict is null ? PatienceWithProgress : null);
    });

    public Task AlertAsync(Alert alert) => ToldAsync(async slack =>
    {
        var day = $"{alert.Key}/{alert.At.UtcDateTime:yyyyMMdd}";
        if (toldToday.ContainsKey(day))
            return null;
        log.Warning("Alert ({Kind}): {Title}. {Text}", alert.Kind, alert.Title, alert.Text);
        if (slack is not null && plan.Alerts?.Tells(alert.Kind) != false)
        {
            var midnight = new DateTimeOffset(alert.At.UtcDateTime.Date, TimeSpan.Zero);
            await slack.PostAsync(new AlertMessage(plan, alert).Build(), $"alert/{day}", midnight, mayBeThere: true, Beat.Cancellation);
        }

        if (toldToday.Count > AlertsRemembered)
            toldToday.Clear();
        toldToday[day] = true;
        return null;
    });

    public void Dispose() => client?.Dispose();

    /// <summary>An earlier attempt of this very call may have got through.</summary>
    private static bool Again => ActivityExecutionContext.HasCurrent && ActivityExecutionContext.Current.Info.Attempt > 1;

    /// <summary>Names this call of the workflow's, the same in all its attempts.</summary>
    private static string Call() => ActivityExecutionContext.HasCurrent
        ? $"{ActivityExecutionContext.Current.Info.WorkflowRunId}/{ActivityExecutionContext.Current.Info.ActivityId}"
        : Guid.NewGuid().ToString("N");

    /// <summary>Updates the message, or posts it where it is not there yet or not any more.</summary>
    /// <param name="first">Nothing of it can have been posted before this call.</param>
    private async Task<MessageReference> ShowAsync(
        SlackPoster slack, MessageReference? reference, SlackMessage message, string nonce, DateTimeOffset since, bool first, TimeSpan? patience)
    {
        if (reference is null)
        {
            var posted = await slack.PostAsync(message, nonce, since, mayBeThere: !first || Again, Beat.Cancellation);
            if (first && !Again)
                return posted;
            reference = posted; // perhaps found, and then as an earlier attempt left it
        }

        try
        {
            await slack.UpdateAsync(reference, message, nonce, patience, Beat.Cancellation);
            return reference;
        }
        catch (SlackException e) when (e.Error is "message_not_found" or "cant_update_message" or "edit_window_closed")
        {
            log.Warning("A message can't be updated any more ({Why}): it is posted anew", e.Message);
            return await slack.PostAsync(message, $"{nonce}/{Call()}", time.GetUtcNow(), Again, Beat.Cancellation);
        }
    }

    private async Task<MessageReference?> ToldAsync(Func<SlackPoster?, Task<MessageReference?>> tell)
    {
        try
        {
            return await tell(poster);
        }
        catch (SlackException e)
        {
            throw new RefusalException(
                e.Final ? ErrorKinds.Plan : ErrorKinds.Unreachable, $"Slack did not take it: {e.Error}.", "slack", Hint(e.Error), e)
            { MayPass = !e.Final };
        }
    }

    private static string Hint(string error) => error switch
    {
        "invalid_auth" or "not_authed" or "token_revoked" or "token_expired" or "account_inactive" or "not_allowed_token_type" =>
            "Check slack.botToken of the plan: it is the bot's (xoxb-), of an app that is installed.",
        "channel_not_found" or "not_in_channel" or "is_archived" => "Check slack.channel of the plan, and invite the app there: /invite.",
        "missing_scope" => "Give the app the scopes of docs/slack.md, and install it again.",
        _ => "People are told in the log, and can decide with luxhedge runs approve.",
    };
}
