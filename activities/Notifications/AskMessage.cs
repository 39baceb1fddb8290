using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Notifications;

namespace LuxHedge.Activities.Notifications;

/// <summary>
/// An ask as people meet it, perhaps woken by it: what, how real, until when and by whom first; then everything they answer for; then who has
/// decided; then the buttons, and the way without Slack.
/// </summary>
internal sealed class AskMessage(Plan plan, AskNotice notice, DateTimeOffset now)
{
    private const int LongestTitle = 120;

    /// <summary>One shown line: a list of a hundred collections is cut, and the command shows all of it.</summary>
    private const int LongestLine = 2_500;

    /// <summary>Blocks that show what is asked; the others need their places too.</summary>
    private const int MostShown = 40;

    private readonly Phrases say = new(plan);
    private readonly Ask ask = notice.Ask;

    private bool Manual => ask.Kind == AskKinds.Manual;

    private bool Open => notice.Outcome is null;

    private string Title => notice.Title.Length > 0 ? notice.Title : ask.Title.Length > 0 ? ask.Title : ask.Step;

    private int Approvals => notice.Decisions.Count(d => d is { Kind: DecisionKind.Approved, BreakGlass: false });

    private int Missing => Math.Max(0, Math.Max(1, ask.Quorum) - Approvals);

    /// <summary>Who may decide now and has not.</summary>
    private List<string> Awaited => [.. MayDecide.Where(p => notice.Decisions.All(d => d.Person != p))];

    private IEnumerable<string> MayDecide =>
        ask.Approvers.Concat(ask.Tiers.Where(t => t.From <= now).SelectMany(t => t.People)).Distinct(StringComparer.Ordinal);

    /// <summary>The message itself, as it is to stand now.</summary>
    public SlackMessage Build()
    {
        var heading = $"{Word()}: {Title}";
        var blocks = new List<IMessageBlock>
        {
            new Header(new PlainText(Mrkdwn.Cut(heading, LongestTitle))),
            new Section(new MarkdownText(Mrkdwn.CutLines([Reality(), .. Open ? Wanted() : Ended(), AskedBy()], SlackLimits.SectionText))),
        };
        var shown = ShownLines().ToList();
        blocks.AddRange(shown.Take(MostShown));
        if (shown.Count > MostShown)
            blocks.Add(new Section(new MarkdownText(":warning: *There is more than a message holds: don't decide here.* The command below shows all of it.")));
        if (notice.Decisions.Count > 0)
            blocks.Add(new Section(new MarkdownText(Mrkdwn.CutLines(notice.Decisions.Select(Decided), SlackLimits.SectionText))));
        if (Open)
            blocks.Add(new Actions(Buttons()) { BlockId = AskButton.Block });
        blocks.Add(new Context([.. Small().Select(line => new MarkdownText(line))]));
        return new(Mrkdwn.CutLines([Notification()], SlackLimits.Text), blocks);
    }

    /// <summary>What the thread is told of this event; null: nothing.</summary>
    public SlackMessage? Reply()
    {
        var text = notice.Event switch
        {
            AskEvents.Decided when notice.Decision is { } decision => $"{Decided(decision)}\n{Standing()}",
            AskEvents.Reminder when Open => $"{say.Calls(Awaited, "and")}: this still waits for you. {Standing()}",
            AskEvents.Escalated when Open => Escalated(),
            AskEvents.Closed => string.Join("\n", Ended()),
            _ => null,
        };
        if (text is null)
            return null;
        text = Mrkdwn.CutLines(text.Split('\n'), SlackLimits.SectionText);
        return new(text, [new Section(new MarkdownText(text))]);
    }

    private string Word() => notice.Outcome switch
    {
        null => Manual ? "Please do and confirm" : "Approval needed",
        nameof(AskOutcome.Approved) => Manual ? "Confirmed" : "Approved",
        nameof(AskOutcome.Denied) => Manual ? "Not done" : "Denied",
        nameof(AskOutcome.Expired) => Manual ? "Not confirmed in time" : "Not decided in time, so denied",
        _ => "Withdrawn",
    };

    private string Reality() => notice.Run.Mode switch
    {
        "drill" => ":test_tube: *A drill.* Production is not touched.",
        "test" => ":test_tube: *A test.* Production is not touched.",
        _ when !Open => "*Real, no drill.*",
        _ when Manual => ":rotating_light: *Real, no drill.*",
        _ => ":rotating_light: *Real, no drill.* Once it is approved, what is named below is done to production.",
    };

    private IEnumerable<string> Wanted()
    {
        var awaited = Awaited;
        var until = $"by {Mrkdwn.Time(ask.Until)}";
        if (Manual)
        {
            yield return $"One of {say.Calls(awaited, "or")} does it and confirms {until}.";
            yield break;
        }

        var of = awaited.Count == Missing ? say.Calls(awaited, "and") : $"{(Missing == 1 ? "One" : Missing)} of {say.Calls(awaited, "or")}";
        yield return $"*{of} must {(Approvals > 0 ? "still " : "")}approve {until}.*";
        yield return $"{(ask.DenyThreshold <= 1 ? "One denial ends it" : $"{ask.DenyThreshold} denials end it")}; without an answer it counts as denied.";
    }

    private IEnumerable<string> Ended()
    {
        var approved = say.Names(notice.Decisions.Where(d => d.Kind == DecisionKind.Approved).Select(d => d.Person), "and");
        var denied = say.Names(notice.Decisions.Where(d => d.Kind == DecisionKind.Denied).Select(d => d.Person), "and");
        var retry = notice.Run.Mode == "real" ? $" In an incident `{Command("retry")}` asks again." : "";
        yield return notice.Outcome switch
        {
            nameof(AskOutcome.Approved) => Manual ? $":white_check_mark: *{approved} confirmed it.* The run goes on." : $":white_check_mark: *Approved by {approved}.* The run goes on.",
            nameof(AskOutcome.Denied) => $":no_entry: *{(Manual ? "Refused" : "Denied")} by {denied}.* It is not done.{retry}",
            nameof(AskOutcome.Expired) => $":hourglass: *Nobody{(Approvals > 0 ? " else" : "")} answered by {Mrkdwn.Time(ask.Until)}, so it is not done.*{retry}",
            _ => ":heavy_minus_sign: *The run ended before this was decided.* Nothing is left to do here.",
        };
    }

    private string AskedBy()
    {
        var outside = ask.OutOfHours ? ", outside of working hours" : "";
        return ask.RequestedBy.Length > 0
            ? $"Asked by {say.Name(ask.RequestedBy)}, {Mrkdwn.Time(ask.AskedAt)}{outside}."
            : $"Asked by the schedule, {Mrkdwn.Time(ask.AskedAt)}{outside}.";
    }

    private IEnumerable<IMessageBlock> ShownLines()
    {
        var lines = new List<string>();
        var length = 0;
        foreach (var shown in ask.Shows)
        {
            var line = $"*{Mrkdwn.Escape(shown.Label, 100)}:* {Mrkdwn.Escape(shown.Value, LongestLine)}";
            if (length + line.Length + 1 > SlackLimits.SectionText)
            {
                yield return Lines();
                lines.Clear();
                length = 0;
            }

            lines.Add(line);
            length += line.Length + 1;
        }

        if (lines.Count > 0)
            yield return Lines();

        Section Lines() => new(new MarkdownText(string.Join("\n", lines)));
    }

    private string Decided(Decision decision)
    {
        var how = decision.BreakGlass ? ", *break-glass*" : decision.Via is not null ? ", by a click" : "";
        var what = (decision.Kind, Manual) switch
        {
            (DecisionKind.Approved, false) => ":white_check_mark: {0} approved",
            (DecisionKind.Approved, true) => ":white_check_mark: {0} confirmed",
            _ => ":no_entry: {0} denied",
        };
        var reason = decision.Reason.Length > 0 ? $": “{Mrkdwn.Escape(decision.Reason, 500)}”" : "";
        return $"{what.Replace("{0}", $"*{say.Name(decision.Person)}*", StringComparison.Ordinal)} at {Phrases.Clock(decision.At)}{how}{reason}";
    }

    private string Standing() => notice.Outcome switch
    {
        nameof(AskOutcome.Approved) => "That is all that was needed.",
        nameof(AskOutcome.Denied) => "That ends it.",
        null when Manual => $"It is to be confirmed by {Mrkdwn.Time(ask.Until)}, in {Phrases.Span(ask.Until - now)}.",
        null => $"{Missing} more {(Missing == 1 ? "approval is" : "approvals are")} needed, of {say.Names(Awaited, "or")}, by {Mrkdwn.Time(ask.Until)}: {Phrases.Span(ask.Until - now)} left.",
        _ => "",
    };

    private string Escalated()
    {
        var tier = ask.Tiers.Where(t => t.From <= now).OrderBy(t => t.From).LastOrDefault();
        var called = tier is null ? Awaited : [.. tier.People.Where(p => Awaited.Contains(p, StringComparer.Ordinal))];
        return $"{say.Calls(called, "and")}: nobody has answered enough, so from now on you may decide this too. {Standing()}";
    }

    private List<Button> Buttons()
    {
        var value = AskButton.Of(notice.WorkflowId, ask).ToValue();
        if (ask.OwnKey)
        {
            // A click decides nothing here; it is answered with the command to use, whole, for the person who clicked.
            return
            [
                new(new PlainText(Manual ? "Confirm with my own key…" : "Approve with my own key…"), Manual ? AskButton.Confirm : AskButton.Approve, value, null, null),
                new(new PlainText(Manual ? "It can't be done, with my own key…" : "Deny with my own key…"), AskButton.Deny, value, null, null),
            ];
        }

        return Manual
            ?
            [
                new(new PlainText("It is done: confirm"), AskButton.Confirm, value, "primary", Asks("Is it done?", "Confirm", "primary")),
                new(new PlainText("It can't be done"), AskButton.Deny, value, "danger", Asks("Can it not be done?", "It can't", "danger")),
            ]
            :
            [
                new(new PlainText("Approve"), AskButton.Approve, value, "primary", Asks("Approve this?", "Approve", "primary")),
                new(new PlainText("Deny"), AskButton.Deny, value, "danger", Asks("Deny this?", "Deny", "danger")),
            ];
    }

    /// <summary>The last look before a word that counts: what it is about, once more.</summary>
    private Confirm Asks(string title, string yes, string style)
    {
        var reality = notice.Run.Mode is "drill" or "test" ? "Drill." : "*Real.*";
        var about = ask.Shows.Where(s => s.Label is "backup" or "replaces").Select(s => $"\n{s.Label}: {Mrkdwn.Escape(s.Value, 70)}");
        return new(
            new PlainText(title), new MarkdownText($"{reality} {Mrkdwn.Escape(Title, 110)}{string.Concat(about)}"), new PlainText(yes), new PlainText("Not yet"), style);
    }

    private IEnumerable<string> Small()
    {
        if (Open)
        {
            yield return ask.OwnKey
                ? $":key: Only a person's own key decides this: `{Command(Manual ? "confirm" : "approve")}` or `{Command("deny")} --reason TEXT`"
                : $"Without Slack: `{Command(Manual ? "confirm" : "approve")}` or `{Command("deny")} --reason TEXT`";
        }

        var policy = ask.Policy.Length > 0 ? $" · policy {Mrkdwn.Escape(ask.Policy, 100)}" : "";
        yield return $"run {Mrkdwn.Escape(ask.RunId, 200)} · step {Mrkdwn.Escape(ask.Step, 200)}{policy} · what is asked has the hash {ask.Hash[..Math.Min(12, ask.Hash.Length)]}";
    }

    private string Command(string word) => $"luxhedge runs {word} {Mrkdwn.Escape(ask.RunId, 200)} --step {Mrkdwn.Escape(ask.Step, 200)}";

    /// <summary>What a phone shows: how real and until when come first, since the rest is cut.</summary>
    private string Notification()
    {
        var real = notice.Run.Mode is "drill" or "test" ? "Drill" : "REAL";
        return Open
            ? $"{real}, {(Manual ? "to do" : "to approve")} by {Phrases.Clock(ask.Until)}: {Mrkdwn.Escape(Title, 300)} ({(Manual ? "one" : $"{Missing}")} of {say.Calls(Awaited, "or")})"
            : $"{real}. {Word()}: {Mrkdwn.Escape(Title, 300)}";
    }
}
