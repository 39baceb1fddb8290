using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Notifications;

/// <summary>A run as one message that is updated: how it stands first, then its steps, and at its end the verdict and what it rests on.</summary>
internal sealed class RunMessage(Plan plan, RunNotice notice, DateTimeOffset now)
{
    /// <summary>Finished steps that are shown one by one; those before are counted.</summary>
    private const int DoneShown = 12;

    private const int LongestDetail = 200;

    public SlackMessage Build()
    {
        var heading = $"{Word()}: {notice.Title}";
        var blocks = new List<IMessageBlock>
        {
            new Header(new PlainText(Mrkdwn.Cut(heading, 120))),
            new Section(new MarkdownText($"{Reality()} {Took()}")),
        };
        if (notice.Steps.Count > 0)
            blocks.Add(new Section(new MarkdownText(Mrkdwn.CutLines(StepLines(), SlackLimits.SectionText))));
        if (notice.Details.Count > 0)
            blocks.Add(new Section(new MarkdownText(Mrkdwn.CutLines(notice.Details.Select(d => $"• {Mrkdwn.Escape(d, 1_000)}"), SlackLimits.SectionText))));
        blocks.Add(new Context([new MarkdownText(Small())]));
        return new(Mrkdwn.Escape(heading, 300), blocks);
    }

    private bool Waits => notice.Steps.Any(s => s.State == StepStates.Waiting);

    private string Word() => notice.Verdict switch
    {
        Verdict.Proven => "Proven",
        Verdict.Failed => "FAILED",
        Verdict.NotProven => "NOT PROVEN",
        _ => Waits ? "Waits for people" : "Running",
    };

    private string Reality()
    {
        var what = notice.Run.Mode switch
        {
            "drill" => ":test_tube: *A drill of",
            "test" => ":test_tube: *A test of",
            _ => ":rotating_light: *Real:",
        };
        var verdict = notice.Verdict switch
        {
            Verdict.Proven => ":white_check_mark: ",
            Verdict.Failed => ":x: ",
            Verdict.NotProven => ":warning: ",
            _ => "",
        };
        return $"{verdict}{what} {Mrkdwn.Escape(notice.Run.Asset, 100)}.*";
    }

    private string Took()
    {
        if (notice.Steps.Count == 0)
            return "";
        var from = notice.Steps.Min(s => s.StartedAt);
        var to = notice.Verdict is null ? now : notice.Steps.Max(s => s.EndedAt ?? s.StartedAt);
        var waited = notice.Steps.Aggregate(TimeSpan.Zero, (sum, s) => sum + s.Waiting);
        var people = waited >= TimeSpan.FromSeconds(1) ? $", {Phrases.Span(waited)} of it waiting on people" : "";
        return $"Began {Mrkdwn.Time(from)}; {(notice.Verdict is null ? "so far" : "took")} {Phrases.Span(to - from)}{people}.";
    }

    private IEnumerable<string> StepLines()
    {
        var done = notice.Steps.Where(s => s.State == StepStates.Done).ToList();
        var passed = done.Take(Math.Max(0, done.Count - DoneShown)).ToHashSet();
        if (passed.Count > 0)
            yield return $"✓ {passed.Count} steps before";
        foreach (var step in notice.Steps.Where(s => !passed.Contains(s)))
            yield return Line(step);
    }

    private string Line(StepTiming step)
    {
        var name = Mrkdwn.Escape(step.Step, 150);
        var took = step.EndedAt is { } ended ? Phrases.Span(ended - step.StartedAt) : "";
        var attempts = step.Attempts > 1 ? $", {step.Attempts} attempts" : "";
        var detail = step.Detail is { Length: > 0 } text ? $": {Mrkdwn.Escape(text, LongestDetail)}" : "";
        return step.State switch
        {
            StepStates.Done => $"✓ {name} · {took}{attempts}{detail}",
            StepStates.Failed => $"✗ *{name} failed* after {took}{attempts}{detail}",
            StepStates.Waiting => $"⏸ *{name}* waits for people since {Phrases.Clock(step.StartedAt)}{detail}",
            StepStates.Skipped => $"– {name} skipped{detail}",
            StepStates.Cancelled => $"– {name} cancelled after {took}{detail}",
            _ => $"▸ *{name}* since {Phrases.Clock(step.StartedAt)}{attempts}{detail}",
        };
    }

    private string Small()
    {
        var run = Mrkdwn.Escape(notice.Run.RunId, 200);
        var link = plan.Temporal.Ui is { Length: > 0 } ui
            ? $" · <{ui.TrimEnd('/')}/namespaces/{Uri.EscapeDataString(plan.Temporal.Namespace)}/workflows/{Uri.EscapeDataString(notice.WorkflowId)}|in Temporal>"
            : "";
        var follow = notice.Verdict is null ? $" · `luxhedge runs watch {run}`" : "";
        return $"run {run}{follow}{link}";
    }
}
