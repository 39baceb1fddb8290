using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Notifications;

namespace LuxHedge.Activities.Notifications;

/// <summary>What must not be missed, with the people who are to act on it called by name.</summary>
internal sealed class AlertMessage(Plan plan, Alert alert)
{
    private readonly Phrases say = new(plan);

    /// <summary>Break-glass is told to everyone; everything else to those of the plan's <c>alerts.to</c>.</summary>
    private IEnumerable<string> Told => alert.Kind == AlertsPlan.BreakGlass ? plan.People.Keys.Order(StringComparer.Ordinal) : plan.Alerts?.To ?? [];

    public SlackMessage Build()
    {
        var people = Told.ToList();
        var called = people.Count > 0 ? $" {Mrkdwn.CutLines([say.Calls(people, "and")], 500)}:" : "";
        var lines = alert.Text.Split('\n').Select(line => Mrkdwn.Escape(line, 1_000));
        var run = alert.RunId is { Length: > 0 } id ? $" · run {Mrkdwn.Escape(id, 200)} · `luxhedge runs watch {Mrkdwn.Escape(id, 200)}`" : "";
        return new(
            Mrkdwn.Escape($"{alert.Kind}: {alert.Title}", 300),
            [
                new Header(new PlainText(Mrkdwn.Cut(alert.Title, 140))),
                new Section(new MarkdownText(Mrkdwn.CutLines(lines.Prepend($":rotating_light:{called}"), SlackLimits.SectionText))),
                new Context([new MarkdownText($"{Mrkdwn.Escape(alert.Kind, 50)} · {Mrkdwn.Time(alert.At)}{run}")]),
            ]);
    }
}
