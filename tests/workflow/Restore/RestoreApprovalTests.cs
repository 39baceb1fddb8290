using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Workflow.Restore;

public sealed class RestoreApprovalTests
{
    [Fact]
    public async Task Nothing_is_written_while_the_ask_is_open_and_the_ask_says_what_is_asked_of_whom()
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync();

        var ask = (await TestWorker.UntilAsync(run, s => s.WaitingFor is not null)).WaitingFor!;

        Assert.Equal(("approval", "hash", "operator", 1, "run-r"), (ask.Step, ask.Hash, ask.RequestedBy, ask.Quorum, ask.RunId));
        Assert.Equal(["alice", "bob", "carol"], ask.Approvers);
        Assert.Equal(TimeSpan.FromMinutes(15), ask.Until - ask.AskedAt);
        Assert.DoesNotContain("prepare-target", worker.Activities.Calls);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task A_denied_restore_changes_nothing_and_is_not_proven()
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync();

        await TestWorker.DecideAsync(run, "bob", DecisionKind.Denied);
        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal((Verdict.NotProven, "Denied"), (summary.Verdict, summary.Ended));
        AssertNothingWritten(worker);
        Assert.Equal("bob", Assert.Single(Assert.Single(worker.Activities.Evidence).State.Decisions).Person);
    }

    [Fact]
    public async Task An_ask_that_nobody_decides_expires_and_counts_as_denied()
    {
        await using var worker = await CreateAsync();

        var summary = await (await worker.StartRestoreAsync()).GetResultAsync<RestoreSummary>();

        Assert.Equal((Verdict.NotProven, "Expired"), (summary.Verdict, summary.Ended));
        Assert.True(summary.Rto.Waiting >= TimeSpan.FromMinutes(15));
        AssertNothingWritten(worker);
    }

    [Fact]
    public async Task An_aborted_ask_changes_nothing()
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync();
        await TestWorker.UntilAsync(run, s => s.WaitingFor is not null);

        await TestWorker.AbortAsync(run);
        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal((Verdict.NotProven, "Aborted"), (summary.Verdict, summary.Ended));
        AssertNothingWritten(worker);
    }

    [Fact]
    public async Task A_quorum_of_two_needs_two_different_people()
    {
        await using var worker = await CreateAsync(quorum: 2);
        var run = await worker.StartRestoreAsync();

        Assert.True((await TestWorker.DecideAsync(run, "alice")).Accepted);
        var again = await TestWorker.DecideAsync(run, "alice");
        Assert.Equal((false, "alice has decided already: one decision a person."), (again.Accepted, again.Why));
        Assert.NotNull((await run.QueryAsync<RunState>(Wire.State, [])).WaitingFor);
        Assert.True((await TestWorker.DecideAsync(run, "bob")).Accepted);

        Assert.Equal(Verdict.Proven, (await run.GetResultAsync<RestoreSummary>()).Verdict);
        Assert.Equal(["alice", "bob"], worker.Activities.Works.First().Decisions.Select(d => d.Person));
    }

    [Fact]
    public async Task Who_asks_can_not_approve_and_the_refusal_is_kept()
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync();

        var answer = await TestWorker.DecideAsync(run, "operator");

        Assert.Equal((false, "Who asks can't approve."), (answer.Accepted, answer.Why));
        var state = await run.QueryAsync<RunState>(Wire.State, []);
        Assert.Equal(("operator", "Who asks can't approve."), (Assert.Single(state.Refused).Person, state.Refused[0].Why));
        Assert.NotNull(state.WaitingFor);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task A_bad_signature_does_not_use_up_the_persons_decision()
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync();

        Assert.False((await TestWorker.DecideAsync(run, "alice", signature: "forged")).Accepted);
        Assert.True((await TestWorker.DecideAsync(run, "alice")).Accepted);

        Assert.Equal(Verdict.Proven, (await run.GetResultAsync<RestoreSummary>()).Verdict);
    }

    [Fact]
    public async Task The_first_threshold_wins_and_what_comes_later_is_answered_and_kept()
    {
        await using var worker = await CreateAsync(quorum: 2);
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");
        var asked = (await run.QueryAsync<RunState>(Wire.State, [])).WaitingFor!;
        worker.Activities.Hang("clean-up");

        await TestWorker.DecideAsync(run, "bob", DecisionKind.Denied);
        await worker.UntilCalledAsync("clean-up");
        var late = await run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [new Decision(
            "default", "run-r", "approval", asked.Nonce, "hash", DecisionKind.Approved, "carol", "late", Answers.Moment, "carol", "good")]);

        Assert.Equal((false, "It was denied already: this decision came too late to count."), (late.Accepted, late.Why));
        Assert.Equal("carol", Assert.Single((await run.QueryAsync<RunState>(Wire.State, [])).Refused).Person);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task Two_decisions_of_one_person_at_once_count_as_one()
    {
        await using var worker = await CreateAsync(quorum: 2);
        var run = await worker.StartRestoreAsync();
        await TestWorker.UntilAsync(run, s => s.WaitingFor is not null);

        var answers = await Task.WhenAll(TestWorker.DecideAsync(run, "alice"), TestWorker.DecideAsync(run, "alice"));

        Assert.Single(answers, a => a.Accepted);
        Assert.Single((await run.QueryAsync<RunState>(Wire.State, [])).Decisions);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task A_decision_that_can_not_be_judged_is_refused_and_the_ask_stays_open()
    {
        await using var worker = await CreateAsync();
        worker.Activities.Fail("judge-decision", new InvalidOperationException("The plan can't be read."));
        var run = await worker.StartRestoreAsync();
        var deciding = TestWorker.DecideAsync(run, "alice");
        while (worker.Activities.Calls.Count(c => c == "judge-decision") < 3)
            await worker.SkipAsync(TimeSpan.FromSeconds(1));

        var answer = await deciding;

        Assert.False(answer.Accepted);
        Assert.NotNull((await run.QueryAsync<RunState>(Wire.State, [])).WaitingFor);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task A_malformed_or_oversized_decision_is_refused_without_a_trace()
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync();

        await Assert.ThrowsAsync<WorkflowUpdateFailedException>(() => TestWorker.DecideAsync(run, "alice", signature: ""));
        await Assert.ThrowsAsync<WorkflowUpdateFailedException>(() => TestWorker.DecideAsync(run, "alice",
            change: d => d with { Reason = new('x', 2_001) }));

        Assert.Empty((await run.QueryAsync<RunState>(Wire.State, [])).Refused);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task A_decision_before_anything_is_asked_changes_nothing()
    {
        await using var worker = await CreateAsync();
        worker.Activities.Hang("preflight");
        var run = await worker.StartRestoreAsync();

        var answer = await run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [new Decision(
            "default", "run-r", "approval", "guessed", "hash", DecisionKind.Approved, "alice", "", Answers.Moment, "alice", "good")]);

        Assert.Equal((false, "Nothing is asked here yet."), (answer.Accepted, answer.Why));
        await run.TerminateAsync();
    }

    [Fact]
    public async Task A_policy_that_can_not_reach_its_quorum_is_refused_rather_than_waited_for()
    {
        await using var worker = await CreateAsync();
        worker.Activities.Fail("prepare-ask", new RefusalException(ErrorKinds.Plan, "It wants 4 approvals, and only 3 may give one."));

        var report = await TestWorker.FailureAsync(await worker.StartRestoreAsync());

        Assert.Equal(ErrorKinds.Plan, report.Kind);
    }

    [Fact]
    public async Task Lists_see_who_may_still_decide_without_asking_a_worker()
    {
        await using var worker = await CreateAsync(quorum: 2);
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var waiting = await MemoAsync(run);

        Assert.Equal(("approval", "approval"), (waiting!.Step, waiting.Kind));
        Assert.Equal(["bob", "carol"], waiting.Approvers);
        await TestWorker.DecideAsync(run, "bob");
        await run.GetResultAsync<RestoreSummary>();
        Assert.Null(await MemoAsync(run));
    }

    [Fact]
    public async Task What_a_runbooks_step_was_approved_for_is_not_asked_again()
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync(worker.CreateRestore() with { Approved = CreateApproved() });

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.DoesNotContain("prepare-ask", worker.Activities.Calls);
        Assert.All(worker.Activities.Works, w => Assert.Equal(("declare", "alice"), (w.Ask!.Step, Assert.Single(w.Decisions).Person)));
        Assert.Equal(TimeSpan.Zero, summary.Rto.Waiting);
    }

    [Theory]
    [InlineData("other", 0, "is not what would be done now")]
    [InlineData("hash", 25, "too long ago")]
    public async Task What_has_changed_or_was_approved_long_ago_is_asked_again(string hash, int hours, string why)
    {
        await using var worker = await CreateAsync();
        var run = await worker.StartRestoreAsync(worker.CreateRestore() with { Approved = CreateApproved(hash, TimeSpan.FromHours(hours)) });

        await TestWorker.DecideAsync(run, "bob");
        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Contains(summary.Notes, n => n.Contains(why, StringComparison.Ordinal));
        Assert.All(worker.Activities.Works, w => Assert.Equal(("approval", "bob"), (w.Ask!.Step, Assert.Single(w.Decisions).Person)));
    }

    /// <summary>The time-skipping server begins at the machine's time.</summary>
    private static ApprovedAsk CreateApproved(string hash = "hash", TimeSpan ago = default)
    {
        var at = DateTimeOffset.UtcNow - ago;
        var ask = new Ask(
            "declare", "nonce", hash, "restore-production", ["alice"], "operator", 1, 1, at, at.AddMinutes(15), [], "default", "run-i");
        return new(ask, [new("default", "run-i", "declare", "nonce", hash, DecisionKind.Approved, "alice", "", at, "alice", "good")]);
    }

    private static async Task<WaitingFor?> MemoAsync(WorkflowHandle run) =>
        (await run.DescribeAsync()).Memo.TryGetValue(Wire.WaitingForMemo, out var memo) ? await memo.ToValueAsync<WaitingFor?>() : null;

    private static void AssertNothingWritten(TestWorker worker)
    {
        Assert.Empty(worker.Activities.Works);
        Assert.Empty(worker.Activities.Backups);
        Assert.False(Assert.Single(worker.Activities.CleanUps).Succeeded);
    }

    private static Task<TestWorker> CreateAsync(int quorum = 1) => TestWorker.CreateAsync(new()
    {
        Preflight = r => Answers.ProductionPlan(r) with { SafetySkipped = "the target is empty" },
        Ask = r => Answers.AskOf(r) with { Quorum = quorum },
    });
}
