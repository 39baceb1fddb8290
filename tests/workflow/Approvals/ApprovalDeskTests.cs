using CsCheck;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;

namespace LuxHedge.Tests.Workflow.Approvals;

public sealed class ApprovalDeskTests
{
    private static readonly string[] People = ["alice", "bob", "carol", "dave", "erin", "mallory"];

    private static ApproveStep Policy(int quorum = 1, int deny = 1, int[]? reminders = null, (int After, string To)[]? tiers = null) => new(
        null, [], quorum, deny, Minutes(15), null, [.. (reminders ?? []).Select(m => Minutes(m))],
        [.. (tiers ?? []).Select(t => new EscalationTier(Minutes(t.After), t.To))], [], null);

    [Fact]
    public async Task People_are_reminded_then_the_next_tier_is_asked_then_it_is_a_denial()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await StartAsync(worker, new DeskInput([Ask("declare", Policy(reminders: [3, 8], tiers: [(5, "dave")]))], []));

        var output = await run.GetResultAsync<DeskOutput>();

        Assert.Equal(
            [AskEvents.Opened, AskEvents.Reminder, AskEvents.Escalated, AskEvents.Reminder, AskEvents.Closed],
            worker.Activities.Notices.Select(n => n.Event));
        Assert.Equal("Expired", worker.Activities.Notices.Last().Outcome);
        Assert.Equal("Expired", Assert.Single(output.Asks).Outcome);
        Assert.InRange(output.Waiting, Minutes(15), Minutes(16));
        // The first notice's message is the one that the others update.
        Assert.Null(worker.Activities.Notices.First().Message);
        Assert.Single(worker.Activities.Notices.Skip(1).Select(n => n.Message).Distinct(), m => m is not null);
    }

    [Fact]
    public async Task Lists_show_the_next_tier_once_it_is_asked()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await StartAsync(worker, new DeskInput([Ask("declare", Policy(tiers: [(5, "dave")]))], []));
        await TestWorker.UntilAsync(run, s => s.WaitingFor is not null);
        Assert.Equal(["alice", "bob", "carol"], (await MemoAsync(run))!.Approvers);

        await worker.SkipAsync(Minutes(6));
        await worker.UntilCalledAsync("show-ask escalated");

        Assert.Equal(["alice", "bob", "carol", "dave"], (await MemoAsync(run))!.Approvers);
        Assert.True((await TestWorker.DecideAsync(run, "dave")).Accepted);
        Assert.Equal("dave", Assert.Single(Assert.Single((await run.GetResultAsync<DeskOutput>()).Asks).Decisions).Person);
    }

    [Fact]
    public async Task Two_asks_at_once_take_each_its_own_decisions()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await StartAsync(worker, new DeskInput([Ask("one", Policy()), Ask("two", Policy())], []));
        var asks = (await TestWorker.UntilAsync(run, s => s.Asks.Count == 2)).Asks;

        Assert.True((await DecideAsync(run, asks[1], "alice")).Accepted);
        Assert.Equal(asks[0].Step, (await MemoAsync(run))!.Step);
        Assert.False((await DecideAsync(run, asks[1], "bob")).Accepted);
        Assert.False((await DecideAsync(run, asks[0] with { Nonce = "guessed" }, "bob")).Accepted);
        Assert.Equal("The step 'three' asks nothing.", (await DecideAsync(run, asks[0] with { Step = "three", Nonce = "x" }, "bob")).Why);
        Assert.True((await DecideAsync(run, asks[0], "alice", DecisionKind.Denied)).Accepted);

        var output = await run.GetResultAsync<DeskOutput>();
        Assert.Equal([(asks[0].Step, "Denied"), (asks[1].Step, "Approved")], output.Asks.Select(a => (a.Ask.Step, a.Outcome)));
        Assert.Equal(3, output.Refused.Count);
        Assert.Null(await MemoAsync(run));
    }

    [Fact]
    public async Task An_open_ask_survives_continue_as_new_with_its_nonce_its_decisions_and_what_is_left_of_its_time()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await StartAsync(worker, new DeskInput([Ask("declare", Policy(quorum: 2, reminders: [3, 8], tiers: [(5, "dave")]))], []));
        await TestWorker.DecideAsync(run, "alice");
        await TestWorker.DecideAsync(run, "mallory");
        await worker.SkipAsync(Minutes(6));
        await worker.UntilCalledAsync("show-ask escalated");
        var before = (await run.QueryAsync<RunState>(Wire.State, [])).WaitingFor!;

        await run.SignalAsync(DeskWorkflow.Move, []);
        var moved = worker.Client.GetWorkflowHandle(run.Id);
        await TestWorker.UntilAsync(async () => (await moved.DescribeAsync()).RunId != run.ResultRunId);
        var state = await TestWorker.UntilAsync(moved, s => s.WaitingFor is not null);

        Assert.Equal(before.Nonce, state.WaitingFor!.Nonce);
        Assert.Equal("alice", Assert.Single(state.Decisions).Person);
        Assert.Equal("mallory", Assert.Single(state.Refused).Person);
        Assert.False((await TestWorker.DecideAsync(moved, "alice")).Accepted);
        var output = await run.GetResultAsync<DeskOutput>();
        Assert.Equal("Expired", Assert.Single(output.Asks).Outcome);
        Assert.Single(worker.Activities.Calls, c => c == "prepare-ask");
        Assert.Equal(
            [AskEvents.Opened, AskEvents.Decided, AskEvents.Reminder, AskEvents.Escalated, AskEvents.Reminder, AskEvents.Closed],
            worker.Activities.Notices.Select(n => n.Event));
        Assert.InRange(output.Waiting, Minutes(15), Minutes(16));
    }

    [Fact]
    public async Task People_who_can_not_be_told_stop_nothing()
    {
        await using var worker = await TestWorker.CreateAsync();
        foreach (var what in new[] { AskEvents.Opened, AskEvents.Decided, AskEvents.Closed })
            worker.Activities.Fail($"show-ask {what}", new InvalidOperationException("Slack is down."));
        var run = await StartAsync(worker, new DeskInput([Ask("declare", Policy())], []));

        Assert.True((await TestWorker.DecideAsync(run, "alice")).Accepted);

        var output = await run.GetResultAsync<DeskOutput>();
        Assert.Equal("Approved", Assert.Single(output.Asks).Outcome);
        Assert.Contains("Slack is down", Assert.Single(output.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Break_glass_is_told_to_everyone_at_once()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Ask = r => Answers.AskOf(r) with { Quorum = 2, BreakGlass = new(["carol"], 1, []) },
        });
        var run = await StartAsync(worker, new DeskInput([Ask("declare", Policy())], []));
        var ask = (await TestWorker.UntilAsync(run, s => s.WaitingFor is not null)).WaitingFor!;

        await DecideAsync(run, ask, "alice");
        await DecideAsync(run, ask, "carol", change: d => d with { BreakGlass = true, Reason = "nobody else" });

        Assert.Equal("Approved", Assert.Single((await run.GetResultAsync<DeskOutput>()).Asks).Outcome);
        var alert = Assert.Single(worker.Activities.Alerts);
        Assert.Equal("break-glass", alert.Kind);
        Assert.Contains("nobody else", alert.Text, StringComparison.Ordinal);
        Assert.Contains("append-audit break-glass", worker.Activities.Calls);
    }

    /// <summary>Any order of decisions, forgeries, tiers, reminders and the end, against a model of a few lines.</summary>
    [Fact]
    public async Task Whatever_the_order_of_decisions_and_time_outs_it_ends_as_the_model_says()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Judge = (ask, decision) =>
            decision.Signature == "good" && From(ask, decision.Person) <= decision.At ? new(true, "") : new(false, "It does not count.");
        var move = Gen.Select(Gen.Int[0, 19], Gen.Int[0, People.Length - 1], Gen.Bool, Gen.Int[0, 3], (at, person, denies, luck) =>
            new DeskMove(Minutes(at) + TimeSpan.FromSeconds(30), People[person], denies ? DecisionKind.Denied : DecisionKind.Approved, luck > 0));
        var cases = Gen.Select(Gen.Int[1, 3], Gen.Int[1, 2], Gen.Int[1, 14], Gen.Int[1, 14], move.Array[0, 9]);

        var number = 0;
        await cases.SampleAsync(
            async (quorum, deny, firstTier, secondTier, moves) =>
            {
                var script = moves.OrderBy(m => m.After).ToList();
                (int, string)[] tiers = [.. new[] { (firstTier, "dave"), (secondTier, "erin") }.OrderBy(t => t.Item1)];
                var run = await StartAsync(
                    worker, new DeskInput([Ask("declare", Policy(quorum, deny, [4, 9], tiers))], script), Interlocked.Increment(ref number));

                var output = await run.GetResultAsync<DeskOutput>();

                var (outcome, counted, closed) = Model(quorum, deny, firstTier, secondTier, script);
                var record = Assert.Single(output.Asks);
                Assert.Equal(outcome, record.Outcome);
                Assert.Equal(counted, record.Decisions.Select(d => d.Person));
                Assert.Equal(script.Count - counted.Count, output.Refused.Count);
                var told = worker.Activities.Notices.Where(n => n.Ask.Nonce == record.Ask.Nonce).ToList();
                Assert.Equal(new[] { firstTier, secondTier }.Count(t => Minutes(t) < closed), told.Count(n => n.Event == AskEvents.Escalated));
                Assert.Equal(new[] { 4, 9 }.Count(t => Minutes(t) < closed), told.Count(n => n.Event == AskEvents.Reminder));
                Assert.Equal(counted.Count, told.Count(n => n.Event == AskEvents.Decided));
            },
            iter: 25, threads: 1);
    }

    /// <summary>Minutes after the ask from which each may decide; mallory never.</summary>
    private static (string Outcome, List<string> Counted, TimeSpan Closed) Model(
        int quorum, int deny, int firstTier, int secondTier, List<DeskMove> script)
    {
        var counted = new List<(string Person, DecisionKind Kind)>();
        foreach (var move in script.Where(m => m.Good && m.After < Minutes(15)))
        {
            var from = move.Person switch { "alice" or "bob" or "carol" => 0, "dave" => firstTier, "erin" => secondTier, _ => int.MaxValue };
            if (from > move.After.TotalMinutes || counted.Exists(c => c.Person == move.Person))
                continue;
            counted.Add((move.Person, move.Kind));
            if (counted.Count(c => c.Kind == DecisionKind.Denied) >= deny)
                return ("Denied", [.. counted.Select(c => c.Person)], move.After);
            if (counted.Count(c => c.Kind == DecisionKind.Approved) >= quorum)
                return ("Approved", [.. counted.Select(c => c.Person)], move.After);
        }

        return ("Expired", [.. counted.Select(c => c.Person)], Minutes(15));
    }

    private static DateTimeOffset From(Ask ask, string person) =>
        ask.Approvers.Contains(person) ? ask.AskedAt
        : ask.Tiers.FirstOrDefault(t => t.People.Contains(person))?.From ?? DateTimeOffset.MaxValue;

    private static TimeSpan Minutes(int minutes) => TimeSpan.FromMinutes(minutes);

    private static AskRequest Ask(string step, ApproveStep approve) =>
        new("run-d", step, "operator", $"May {step} be done?", [new("target", "production")]) { Approve = approve };

    private static Task<WorkflowHandle> StartAsync(TestWorker worker, DeskInput input, int number = 0) =>
        worker.StartAsync(DeskWorkflow.Type, $"desk/{number}", input);

    private static Task<DecisionAnswer> DecideAsync(
        WorkflowHandle run, Ask ask, string person, DecisionKind kind = DecisionKind.Approved, Func<Decision, Decision>? change = null)
    {
        var decision = new Decision(ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash, kind, person, "", ask.AskedAt, person, "good");
        return run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [change is null ? decision : change(decision)]);
    }

    private static async Task<WaitingFor?> MemoAsync(WorkflowHandle run) =>
        (await run.DescribeAsync()).Memo.TryGetValue(Wire.WaitingForMemo, out var memo) ? await memo.ToValueAsync<WaitingFor?>() : null;
}
