using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using LuxHedge.Activities.Notifications;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Notifications;

/// <summary>
/// Every message against what a person has read and found good: <c>Golden/*.txt</c> is what is seen, <c>*.json</c> what is sent. After a
/// change, write them anew with <c>LUXHEDGE_WRITE_GOLDEN=1</c>, and read them as somebody would who was woken by one.
/// </summary>
public sealed class MessageTests
{
    private static readonly string[] Nasty = ["<!channel>", "<@U0MALLORY>", "👩‍👩‍👧‍👦", "&", "\n*", "x"];

    [Fact]
    public void An_open_ask_says_what_where_how_old_what_it_overwrites_who_asked_until_when_and_who_decides() =>
        AssertGolden("ask-opened", Message(SampleAsks.CreateNotice()));

    [Fact]
    public void An_ask_that_waits_for_the_second_approval_says_who_gave_the_first() =>
        AssertGolden("ask-half", Message(SampleAsks.CreateNotice(AskEvents.Decided, decisions: SampleAsks.Decide("alice"))));

    [Fact]
    public void An_approved_ask_has_no_buttons() =>
        AssertGolden("ask-approved", Message(SampleAsks.CreateNotice(
            AskEvents.Closed, outcome: nameof(AskOutcome.Approved), decisions: [SampleAsks.Decide("alice"), SampleAsks.Decide("bob", click: false)])));

    [Fact]
    public void A_denied_ask_says_why() =>
        AssertGolden("ask-denied", Message(SampleAsks.CreateNotice(
            AskEvents.Closed, outcome: nameof(AskOutcome.Denied), decisions: SampleAsks.Decide("bob", DecisionKind.Denied, "wrong backup: take the one of 01:00", click: false))));

    [Fact]
    public void An_expired_ask_says_what_to_do_next() =>
        AssertGolden("ask-expired", Message(SampleAsks.CreateNotice(AskEvents.Closed, outcome: nameof(AskOutcome.Expired), decisions: SampleAsks.Decide("alice"))));

    [Fact]
    public void A_withdrawn_ask_leaves_nothing_to_do() =>
        AssertGolden("ask-withdrawn", Message(SampleAsks.CreateNotice(AskEvents.Closed, outcome: nameof(AskOutcome.Withdrawn))));

    [Fact]
    public void A_drill_says_first_that_production_is_not_touched() =>
        AssertGolden("ask-drill", Message(SampleAsks.CreateNotice(mode: "drill", ask: SampleAsks.CreateAsk() with
        {
            Quorum = 1,
            Approvers = ["alice", "bob"],
            Title = "Begin the quarterly drill",
            RequestedBy = "",
            OutOfHours = true,
            Shows = [new("what", "Quarterly full drill of luxhedge_production"), new("target", "drills/luxhedge_drill_7f3a01bc")],
        })));

    [Fact]
    public void An_ask_that_wants_own_keys_gives_the_command_and_asks_nothing_by_click() =>
        AssertGolden("ask-own-key", Message(SampleAsks.CreateNotice(ask: SampleAsks.CreateAsk() with { OwnKey = true })));

    [Fact]
    public void A_manual_step_says_what_to_do_and_what_is_confirmed() =>
        AssertGolden("ask-manual", Message(SampleAsks.CreateNotice(ask: SampleAsks.CreateAsk() with
        {
            Step = "freeze-logins",
            Kind = AskKinds.Manual,
            Quorum = 1,
            Policy = "",
            Approvers = ["alice", "olive"],
            Title = "Nobody can sign in to the application",
            Shows =
            [
                new("do", "Put the application into maintenance: on app1 and app2 run `systemctl stop luxhedge-web`, then look at https://luxhedge.example"),
                new("confirm", "Nobody can sign in to the application"),
            ],
        })));

    [Fact]
    public void Replies_in_the_thread_say_what_happened_and_what_is_missing()
    {
        var escalated = SampleAsks.CreateAsk() with { Tiers = [new(SampleAsks.Now.AddMinutes(-1), "executives", ["dave"]), new(SampleAsks.Now.AddHours(1), "everyone", ["carol"])] };
        var replies = new[]
        {
            SampleAsks.CreateNotice(AskEvents.Decided, decisions: SampleAsks.Decide("alice")),
            SampleAsks.CreateNotice(AskEvents.Reminder, decisions: SampleAsks.Decide("alice")),
            SampleAsks.CreateNotice(AskEvents.Escalated, ask: escalated),
            SampleAsks.CreateNotice(AskEvents.Decided, outcome: nameof(AskOutcome.Approved), decisions: [SampleAsks.Decide("alice"), SampleAsks.Decide("dave")]),
            SampleAsks.CreateNotice(AskEvents.Decided, outcome: nameof(AskOutcome.Denied), decisions: SampleAsks.Decide("bob", DecisionKind.Denied, "not tonight", click: false)),
            SampleAsks.CreateNotice(AskEvents.Decided, outcome: nameof(AskOutcome.Approved), decisions: SampleAsks.Decide("dave", reason: "nobody answers", click: false) with { BreakGlass = true }),
            SampleAsks.CreateNotice(AskEvents.Closed, outcome: nameof(AskOutcome.Expired)),
        };

        Assert.Null(new AskMessage(SampleAsks.CreatePlan(), SampleAsks.CreateNotice(), SampleAsks.Now).Reply());
        AssertGolden("replies", [.. replies.Select(r => new AskMessage(SampleAsks.CreatePlan(), r, SampleAsks.Now).Reply()!)]);
    }

    [Fact]
    public void A_run_shows_how_it_stands() => AssertGolden("run-under-way", Run(SampleAsks.CreateRun()));

    [Fact]
    public void A_run_that_is_not_proven_is_never_shown_green()
    {
        var message = Run(SampleAsks.CreateRun(
            Verdict.NotProven, [.. SampleAsks.Steps().Where(s => s.State is not (StepStates.Waiting or StepStates.Running))],
            "RTO 7 min 1 s of 2 h: 3 min 46 s machine, 3 min 15 s people", "RPO not known: no canary in what came back",
            "Not proven: canary: none was found in the restored database", "Evidence: s3 runs/20261123T090000Z-drill-quarterly-7f3a/evidence.html"));

        Assert.DoesNotContain("white_check_mark", JsonSerializer.Serialize(message.Blocks, SlackJson.Options), StringComparison.Ordinal);
        AssertGolden("run-not-proven", message);
    }

    [Fact]
    public void A_proven_run_says_what_it_rests_on() => AssertGolden("run-proven", Run(SampleAsks.CreateRun(
        Verdict.Proven, [.. SampleAsks.Steps().Where(s => s.State == StepStates.Done)], "RTO 7 min of 2 h", "RPO 40 s of 1 h", "Evidence: s3 runs/20261123T090000Z-drill-quarterly-7f3a/evidence.html")));

    [Fact]
    public void An_alert_calls_who_is_to_act() => AssertGolden("alert", new AlertMessage(SampleAsks.CreatePlan(), new(
        "overdue/backup/luxhedge_production", "overdue", "The backup of luxhedge_production is overdue",
        "The newest verified backup is of 2026-11-21 02:04 UTC, 49 h old; the plan wants one each day.\nRun it: luxhedge backup run luxhedge_production", null, SampleAsks.Now)).Build());

    [Fact]
    public void Break_glass_is_told_to_everyone()
    {
        var message = new AlertMessage(SampleAsks.CreatePlan(), new("break-glass/1/dave", "break-glass", "Break-glass by dave", "Reason: nobody answers", SampleAsks.Run, SampleAsks.Now)).Build();

        Assert.All(new[] { "@U0OLIVE", "@U0ALICE", "@U0BOB", "Carol Clark", "@U0DAVE" }, called => Assert.Contains(called, SlackText.Render(message), StringComparison.Ordinal));
    }

    [Fact]
    public void Whatever_is_told_fits_and_calls_nobody_by_itself() =>
        Gen.Select(Gen.String[0, 4_000], Gen.Int[0, Nasty.Length - 1].Select(i => Nasty[i]).Array[0, 4_000], Gen.Int[0, 60]).Sample((text, parts, shown) =>
        {
            var nasty = string.Concat(parts) + text;
            var ask = SampleAsks.CreateAsk() with
            {
                Title = nasty,
                Policy = Cut(nasty, 200),
                Shows = [.. Enumerable.Range(0, shown).Select(i => new Shown(Cut(nasty, 300), nasty))],
            };
            var notice = SampleAsks.CreateNotice(AskEvents.Decided, ask, decisions: [SampleAsks.Decide("alice", reason: Cut(nasty, 2_000)), SampleAsks.Decide(Cut(nasty, 200))]);
            var message = Message(notice);

            AssertFits(message);
            AssertFits(new AskMessage(SampleAsks.CreatePlan(), notice, SampleAsks.Now).Reply()!);
            AssertFits(Run(SampleAsks.CreateRun(null, [.. Enumerable.Range(0, shown * 5).Select(i => new StepTiming(Cut(nasty, 200), SampleAsks.Now, null, 1, TimeSpan.Zero, StepStates.Running, nasty))], nasty)));
            AssertFits(new AlertMessage(SampleAsks.CreatePlan(), new("k", "failed", nasty, nasty, null, SampleAsks.Now)).Build());
            var written = JsonSerializer.Serialize(message.Blocks.Where(b => b is not Header and not Actions), SlackJson.Options);
            Assert.DoesNotContain("<!channel>", written, StringComparison.Ordinal);
            Assert.DoesNotContain("<@U0MALLORY>", written, StringComparison.Ordinal);
        }, iter: 60);

    [Fact]
    public void The_documentation_shows_messages_as_they_are()
    {
        var page = File.ReadAllText(Repository.Path("docs/slack.md"));
        var captures = Regex.Matches(page, "<!-- golden: (?<name>[a-z-]+) -->\n```text\n(?<text>.*?)```", RegexOptions.Singleline);

        Assert.True(captures.Count >= 6);
        Assert.All(captures, c => Assert.Equal(
            File.ReadAllText(Repository.Path($"tests/unit/Notifications/Golden/{c.Groups["name"].Value}.txt")), c.Groups["text"].Value));
    }

    [Fact]
    public void A_run_of_two_hundred_steps_is_one_message() =>
        AssertFits(Run(SampleAsks.CreateRun(null, [.. Enumerable.Range(0, 200).Select(i => new StepTiming($"each/{i}/restore", SampleAsks.Now, SampleAsks.Now.AddSeconds(i), 1, TimeSpan.Zero, StepStates.Done, new string('d', 300)))])));

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..most];

    private static SlackMessage Message(AskNotice notice) => new AskMessage(SampleAsks.CreatePlan(), notice, SampleAsks.Now).Build();

    private static SlackMessage Run(RunNotice notice) => new RunMessage(SampleAsks.CreatePlan(), notice, new(2026, 11, 23, 9, 8, 30, TimeSpan.Zero)).Build();

    private static void AssertFits(SlackMessage message)
    {
        Assert.InRange(message.Text.Length, 1, SlackLimits.Text);
        Assert.InRange(message.Blocks.Count, 1, SlackLimits.Blocks);
        foreach (var block in message.Blocks)
        {
            switch (block)
            {
                case Header h:
                    Assert.InRange(h.Text.Text.Length, 1, SlackLimits.HeaderText);
                    break;
                case Section s:
                    Assert.InRange(s.Text.Text.Length, 1, SlackLimits.SectionText);
                    break;
                case Context c:
                    Assert.InRange(c.Elements.Count, 1, SlackLimits.ContextElements);
                    Assert.All(c.Elements, e => Assert.InRange(e.Text.Length, 1, SlackLimits.SectionText));
                    break;
                case Actions a:
                    Assert.All(a.Elements, e =>
                    {
                        Assert.InRange(e.Value!.Length, 1, SlackLimits.ButtonValue);
                        Assert.InRange(e.Confirm?.Text.Text.Length ?? 1, 1, SlackLimits.ConfirmText);
                    });
                    break;
            }
        }
    }

    private static void AssertGolden(string name, params SlackMessage[] messages)
    {
        Assert.All(messages, AssertFits);
        AssertSame($"{name}.txt", string.Join("\n", messages.Select(SlackText.Render)));
        AssertSame($"{name}.json", string.Concat(messages.Select(m => JsonSerializer.Serialize(m, SlackJson.Indented) + "\n")));
    }

    private static void AssertSame(string file, string actual)
    {
        var path = Repository.Path($"tests/unit/Notifications/Golden/{file}");
        if (Environment.GetEnvironmentVariable("LUXHEDGE_WRITE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        Assert.Equal(File.ReadAllText(path), actual);
    }
}
