using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Slack;

/// <summary>
/// <c>/dr status | drill NAME | approve RUN</c>: what runs and what waits, for who is away from a terminal. It starts drills, which can write
/// nowhere but to a database of their own; incidents and restores are started with the person's own key. It decides nothing: a decision is a
/// click on the ask, or <c>luxhedge runs approve</c>.
/// </summary>
public sealed class CommandHandler(
    Plan plan, SlackPlan slackPlan, EndpointKey endpoint, IRuns runs, ISlackApiClient slack, TimeProvider time, ILogger log)
{
    private const int RunsShown = 8;

    /// <summary>Slack waits three seconds.</summary>
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2.5);

    public async Task<Handled> HandleAsync(SlashCommand command, CancellationToken stopping)
    {
        if (slackPlan.Team is { } team && command.TeamId != team)
            return Said($"This is not the workspace that the plan names ({team}).");
        if (plan.People.Values.FirstOrDefault(p => p.SlackId == command.UserId) is not { } person)
            return Said("The plan knows no person with your Slack account. Who keeps the plan can add you to slack.people.");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(AnswerWithin);
        var words = command.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        try
        {
            return Said(words switch
            {
                [] or ["status"] => await StatusAsync(limit.Token),
                ["drill", var name] => await StartDrillAsync(name, person, command, limit.Token),
                ["drill"] => $"Which drill? The plan has: {Names(plan.Drills.Keys)}.",
                ["approve", var run] => await ApproveAsync(run, person, limit.Token),
                ["approve"] => await StatusAsync(limit.Token),
                _ => $"I know `{command.Command} status`, `{command.Command} drill NAME` and `{command.Command} approve RUN`.",
            });
        }
        catch (RefusalException e)
        {
            return Said($"{Mrkdwn.Escape(e.Report.Message, 1_000)}{(e.Report.Hint is { } hint ? $"\n{Mrkdwn.Escape(hint, 500)}" : "")}");
        }
        catch (OperationCanceledException)
        {
            log.Warning("A command of {User} could not be answered in time", command.UserId);
            return Said("Temporal did not answer in time. Ask again, or look with `luxhedge runs list`.");
        }
    }

    private async Task<string> StatusAsync(CancellationToken cancellation)
    {
        var all = await runs.ListAsync(RunsShown, cancellation);
        var open = all.Where(r => r.Open).ToList();
        var lines = new List<string> { open.Count == 0 ? "*Nothing runs.*" : $"*{open.Count} {(open.Count == 1 ? "run" : "runs")} under way:*" };
        foreach (var run in open.OrderBy(r => r.WaitingFor is null))
        {
            var waits = run.WaitingFor is { } w
                ? $"⏸ *waits at {Mrkdwn.Escape(w.Step, 100)}* for {(w.Approvers.Count > 0 ? Names(w.Approvers) : "a person")}{(w.Until is { } until ? $", until {Mrkdwn.Time(until)}" : "")}"
                : "▸ runs";
            lines.Add($"{waits}: {Mrkdwn.Escape(run.Workflow, 50)} of {Mrkdwn.Escape(run.Asset, 100)}, for {Amounts.Span(time.GetUtcNow() - run.StartedAt)} · `{Mrkdwn.Escape(run.RunId, 200)}`");
        }

        var ended = all.Where(r => !r.Open).Take(RunsShown).ToList();
        if (ended.Count > 0)
            lines.Add("*Ended last:*");
        foreach (var run in ended)
        {
            var verdict = run.Verdict?.ToString() ?? run.State;
            lines.Add($"{(run.Verdict == Workflows.Verdict.Proven ? "✓" : "✗")} {verdict}: {Mrkdwn.Escape(run.Workflow, 50)} of {Mrkdwn.Escape(run.Asset, 100)}, {Mrkdwn.Time(run.ClosedAt ?? run.StartedAt)} · `{Mrkdwn.Escape(run.RunId, 200)}`");
        }

        lines.Add("What is overdue: `luxhedge status` and `luxhedge drill calendar`.");
        return Mrkdwn.CutLines(lines, SlackLimits.Text);
    }

    /// <summary>Signed by the endpoint for the person, who can't approve it then. The drill's lock makes a command that Slack sends twice start
    /// one.</summary>
    private async Task<string> StartDrillAsync(string name, PersonPlan person, SlashCommand command, CancellationToken cancellation)
    {
        if (!plan.Drills.TryGetValue(name, out var drill))
            return $"The plan has no drill {Mrkdwn.Escape(name, 100)}. It has: {Names(plan.Drills.Keys)}.";
        if (await runs.HolderAsync(WorkflowIds.Drill(drill.Name), cancellation) is { } holder)
            return $"It runs already, for {Amounts.Span(time.GetUtcNow() - holder.StartedAt)}: `{Mrkdwn.Escape(holder.RunId, 200)}`.";
        var now = time.GetUtcNow();
        var request = PlannedDrill.ToRequest(plan, drill, RunIds.Create(now, $"drill-{drill.Name}", Guid.NewGuid()), plan.Temporal.TaskQueue);
        var signed = RequestSigner.SignForCommand(
            endpoint, person.Name, command.UserId, command.TeamId, command.ChannelId, runs.Namespace, request, now);
        try
        {
            await runs.StartAsync(signed, cancellation);
        }
        catch (RunLockedException e)
        {
            return Mrkdwn.Escape(e.Message, 1_000);
        }

        log.Information("{Person} started the drill {Drill} from Slack: {Run}", person.Name, drill.Name, request.RunId);
        return $"*{Mrkdwn.Escape(request.Definition.Title, 200)}* has begun, for you: `{Mrkdwn.Escape(request.RunId, 200)}`. Production is not written to. "
            + "Others approve it, here or with `luxhedge runs approve`.";
    }

    private async Task<string> ApproveAsync(string runId, PersonPlan person, CancellationToken cancellation)
    {
        var run = await runs.FindAsync(runId, cancellation);
        var state = run.Open ? await runs.StateAsync(run.Reference, cancellation) : null;
        var asks = state is null ? [] : state.Asks.Count > 0 ? state.Asks : state.WaitingFor is { } one ? [one] : [];
        if (asks.Count == 0)
            return $"`{Mrkdwn.Escape(run.RunId, 200)}` asks nothing just now; it is {Mrkdwn.Escape(run.Verdict?.ToString() ?? run.State, 50)}.";
        var lines = new List<string>();
        foreach (var ask in asks)
        {
            lines.Add($"*{Mrkdwn.Escape(ask.Title.Length > 0 ? ask.Title : ask.Step, 300)}*");
            lines.AddRange(ask.Shows.Select(s => $"*{Mrkdwn.Escape(s.Label, 100)}:* {Mrkdwn.Escape(s.Value, 500)}"));
            lines.Add($"Asked by {Mrkdwn.Escape(ask.RequestedBy.Length > 0 ? ask.RequestedBy : "the schedule", 100)}, until {Mrkdwn.Time(ask.Until)}.");
            if (!ask.OwnKey && state!.AskMessages.TryGetValue(ask.Nonce, out var message))
                lines.Add(await LinkAsync(message, cancellation));
            lines.Add($"Or: `luxhedge runs {(ask.Kind == AskKinds.Manual ? "confirm" : "approve")} {Mrkdwn.Escape(ask.RunId, 200)} --step {Mrkdwn.Escape(ask.Step, 200)} --as {person.Name}`");
        }

        return Mrkdwn.CutLines(lines, SlackLimits.Text);
    }

    private async Task<string> LinkAsync(Workflows.Notifications.MessageReference message, CancellationToken cancellation)
    {
        try
        {
            var link = await slack.Chat.GetPermalink(message.Channel, message.Timestamp, cancellation);
            return $"<{link.Permalink}|Decide it there>.";
        }
        catch (SlackException)
        {
            return $"Decide it in <#{message.Channel}>.";
        }
    }

    private static string Names(IEnumerable<string> names) => Mrkdwn.Escape(Words.List(names.Order(StringComparer.Ordinal), "none"), 1_000);

    private static Handled Said(string text) => new(HandledKind.Taken, text);
}
