using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using Temporalio.Exceptions;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookRig;

namespace LuxHedge.Tests.Workflow.Runbooks;

public sealed class RunbookPeopleTests
{
    [Fact]
    public async Task An_approval_is_asked_and_its_time_is_peoples()
    {
        await using var rig = await CreateAsync();
        var run = await rig.StartAsync(Define(Approve("declare"), Act("restore")));
        await AsksAsync(run);
        await rig.SkipAsync(TimeSpan.FromMinutes(5));

        Assert.True((await DecideAsync(run, "alice")).Accepted);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(("declare", "approved", "alice"), Assert.Single(summary.Approvals.Select(a => (a.Step, a.Decision, a.By))));
        Assert.True(summary.Rto.Waiting >= TimeSpan.FromMinutes(5));
        Assert.True(summary.Steps[0].Waiting >= TimeSpan.FromMinutes(5));
        Assert.Equal("approve", summary.Steps[0].Kind);
    }

    [Fact]
    public async Task A_manual_step_waits_until_one_of_its_people_confirms()
    {
        await using var rig = await CreateAsync();
        var run = await rig.StartAsync(Define(Confirm("bank"), Act("after")));

        await DecideAsync(run, "bob");
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(("manual", "done"), (summary.Steps[0].Kind, summary.Steps[0].State));
        Assert.Empty(summary.Approvals);
    }

    [Fact]
    public async Task A_denied_approval_ends_a_drill_not_proven_and_clean_up_runs()
    {
        await using var rig = await CreateAsync();
        var run = await rig.StartAsync(Define(Approve("declare"), Act("restore")) with { Cleanup = [Act("tidy")] }, RunMode.Drill);

        await DecideAsync(run, "bob", DecisionKind.Denied);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal((Verdict.NotProven, "Denied"), (summary.Verdict, summary.Ended));
        Assert.Equal([("declare", "failed"), ("restore", "skipped"), ("tidy", "done")], summary.Steps.Select(s => (s.Id, s.State)));
        Assert.Equal(["tidy"], rig.Ran);
    }

    [Fact]
    public async Task An_expired_approval_of_a_real_run_waits_and_retry_asks_again()
    {
        await using var rig = await CreateAsync();
        var run = await rig.StartAsync(Define(Approve("declare"), Act("restore")));
        await AsksAsync(run);
        await rig.SkipAsync(Expiry + TimeSpan.FromMinutes(1));

        var waits = Assert.Single((await WaitsAsync(run)).WaitingSteps);
        Assert.Equal(("declare", "approve", false), (waits.Step, waits.Kind, waits.MaySkip));
        Assert.False((await OrderAsync(run, Wire.Skip)).Accepted);
        Assert.True((await OrderAsync(run, Wire.Retry)).Accepted);
        Assert.True((await DecideAsync(run, "alice")).Accepted);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(2, summary.Steps[0].Attempts);
        Assert.Equal(["retry by alice: looked at it"], summary.Steps[0].Interventions);
        Assert.Equal(["Expired", "Approved"], Assert.Single(rig.Evidence).Asks.Select(a => a.Outcome));
        Assert.True(summary.Rto.Waiting >= Expiry);
    }

    [Fact]
    public async Task An_expired_approval_ends_a_drill_not_proven()
    {
        await using var rig = await CreateAsync();

        var summary = await rig.RunAsync(Define(Approve("declare"), Act("restore")), RunMode.Drill);

        Assert.Equal((Verdict.NotProven, "Expired"), (summary.Verdict, summary.Ended));
        Assert.Empty(rig.Ran);
    }

    [Fact]
    public async Task Attempts_are_made_as_the_runbook_says_with_growing_pauses()
    {
        await using var rig = await CreateAsync();
        rig.Fail("shaky", times: 2);

        var summary = await rig.RunAsync(Define(Act("shaky", "shaky") with { Retry = new(3, TimeSpan.FromSeconds(10)) }));

        Assert.Equal((Verdict.Proven, 3), (summary.Verdict, summary.Steps[0].Attempts));
        Assert.True(summary.Steps[0].EndedAt - summary.Steps[0].StartedAt >= TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_failed_step_of_a_drill_stops_it_and_says_what_failed()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");

        var summary = await rig.RunAsync(Define(Act("bad", "bad"), Act("after")) with { Cleanup = [Act("tidy")] }, RunMode.Drill);

        Assert.Equal((Verdict.Failed, null, "It can't be done."), (summary.Verdict, summary.Ended, summary.Error?.Message));
        Assert.Equal([("bad", "failed"), ("after", "skipped"), ("tidy", "done")], summary.Steps.Select(s => (s.Id, s.State)));
    }

    [Fact]
    public async Task What_could_not_be_reached_is_not_proven()
    {
        await using var rig = await CreateAsync();
        rig.Fail("far", kind: ErrorKinds.Unreachable);

        var summary = await rig.RunAsync(Define(Act("far", "far") with { Retry = new(1, TimeSpan.Zero), OnFailure = OnFailure.Continue }, Act("after")));

        Assert.Equal(Verdict.NotProven, summary.Verdict);
        Assert.Contains(summary.NotProven, n => n.StartsWith("far: ", StringComparison.Ordinal));
        Assert.Equal("after", rig.Ran.Last());
    }

    [Fact]
    public async Task A_failure_that_may_pass_counts_and_the_steps_after_it_run()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");

        var summary = await rig.RunAsync(Define(Act("bad", "bad") with { OnFailure = OnFailure.Continue }, Act("after")));

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Equal(["bad", "after"], rig.Ran);
    }

    [Fact]
    public async Task A_failure_inside_a_group_that_may_pass_stops_only_the_group()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");
        var nested = Define(Act("bad", "bad"), Act("never")) with { Cleanup = [Act("tidy")] };

        var summary = await rig.RunAsync(Define(Nested("inner", nested) with { OnFailure = OnFailure.Continue }, Act("after")), RunMode.Drill);

        Assert.Equal(["bad", "tidy", "after"], rig.Ran.Select(r => r.Split('/')[^1]));
        Assert.Equal(Verdict.Failed, summary.Verdict);
    }

    [Fact]
    public async Task Clean_up_as_the_answer_to_a_failure_skips_the_rest()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");

        var summary = await rig.RunAsync(
            Define(Act("bad", "bad") with { OnFailure = OnFailure.CleanUp }, Act("after")) with { Cleanup = [Act("tidy")] });

        Assert.Equal(["bad", "tidy"], rig.Ran);
        Assert.Equal(Verdict.Failed, summary.Verdict);
    }

    [Fact]
    public async Task A_failed_step_that_asks_is_retried_by_a_person_and_the_run_is_proven()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad", times: 1);
        var run = await rig.StartAsync(Define(Act("bad", "bad") with { OnFailure = OnFailure.Ask }, Act("after")));
        var waits = Assert.Single((await WaitsAsync(run)).WaitingSteps);
        await rig.SkipAsync(TimeSpan.FromMinutes(10));

        await OrderAsync(run, Wire.Retry, "bad");
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(("bad", "It can't be done.", true), (waits.Step, waits.Why, waits.MaySkip));
        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(["retry by alice: looked at it"], summary.Steps[0].Interventions);
        Assert.True(summary.Rto.Waiting >= TimeSpan.FromMinutes(10));
        Assert.Equal(("retry", "bad", "alice"), Assert.Single(summary.Interventions.Select(i => (i.Kind, i.Step, i.Person))));
    }

    [Fact]
    public async Task A_skipped_failed_step_makes_the_run_not_proven_at_best()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");
        var run = await rig.StartAsync(Define(Act("bad", "bad"), Act("after")));
        await WaitsAsync(run);

        await OrderAsync(run, Wire.Skip);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(Verdict.NotProven, summary.Verdict);
        Assert.Equal(["skipped", "done"], summary.Steps.Select(s => s.State));
        Assert.Contains("bad: skipped by alice (looked at it)", Assert.Single(summary.NotProven), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_two_waiting_steps_an_order_says_which()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad", times: 2);
        var run = await rig.StartAsync(Define(Parallel("both", Act("a", "bad"), Act("b", "bad"))));
        await WaitsAsync(run, 2);

        var vague = await OrderAsync(run, Wire.Retry);
        var wrong = await OrderAsync(run, Wire.Retry, "c");
        await OrderAsync(run, Wire.Retry, "b");
        await WaitsAsync(run, 1);
        await OrderAsync(run, Wire.Retry);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.False(vague.Accepted);
        Assert.False(wrong.Accepted);
        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(["retry", "retry"], Assert.Single(rig.Evidence).Refused.Select(r => r.Order));
    }

    [Fact]
    public async Task The_negative_control_can_not_be_skipped()
    {
        await using var rig = await CreateAsync();
        rig.Fail(RunbookVerdicts.NegativeControl);
        var run = await rig.StartAsync(Define(Act("control", RunbookVerdicts.NegativeControl)));
        await WaitsAsync(run);

        var answer = await OrderAsync(run, Wire.Skip);

        Assert.False(answer.Accepted);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task A_paused_run_begins_no_step_until_it_is_resumed_and_people_are_on_the_clock()
    {
        await using var rig = await CreateAsync();
        var go = new TaskCompletionSource();
        rig.On("slow", async (_, _) =>
        {
            await go.Task;
            return Outcome();
        });
        var run = await rig.StartAsync(Define(Act("one", "slow"), Act("two")));
        await rig.UntilRanAsync("one");
        Assert.True((await OrderAsync(run, Wire.Pause)).Accepted);
        Assert.False((await OrderAsync(run, Wire.Pause, person: "bob")).Accepted);
        go.SetResult();
        await TestWorker.UntilAsync(run, s => s.Steps[0].State == "done");
        await rig.SkipAsync(TimeSpan.FromMinutes(10));
        var state = await run.QueryAsync<RunState>(Wire.State, []);

        await OrderAsync(run, Wire.Resume, person: "bob");
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal("alice", state.Paused?.Person);
        Assert.Single(state.Steps);
        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.True(summary.Rto.Waiting >= TimeSpan.FromMinutes(9), $"{summary.Rto}");
        Assert.Equal(["pause", "resume"], summary.Interventions.Select(i => i.Kind));
    }

    [Fact]
    public async Task An_aborted_run_cancels_its_step_cleans_up_and_is_not_proven()
    {
        await using var rig = await CreateAsync();
        rig.Hang("hang");
        var run = await rig.StartAsync(Define(Act("one", "hang"), Act("two")) with { Cleanup = [Act("tidy")] });
        await rig.UntilRanAsync("one");

        await TestWorker.AbortAsync(run);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal((Verdict.NotProven, "Aborted"), (summary.Verdict, summary.Ended));
        Assert.Equal([("one", "failed"), ("two", "skipped"), ("tidy", "done")], summary.Steps.Select(s => (s.Id, s.State)));
        Assert.Single(rig.Evidence);
    }

    [Fact]
    public async Task A_paused_or_waiting_run_can_be_aborted()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");
        var run = await rig.StartAsync(Define(Act("bad", "bad"), Act("two")) with { Cleanup = [Act("tidy")] });
        await WaitsAsync(run);
        await OrderAsync(run, Wire.Pause);

        await TestWorker.AbortAsync(run);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal((Verdict.Failed, "Aborted"), (summary.Verdict, summary.Ended));
        Assert.Equal(["bad", "tidy"], rig.Ran);
    }

    [Fact]
    public async Task A_step_that_does_not_end_in_its_time_is_cancelled_and_failed()
    {
        await using var rig = await CreateAsync();
        rig.Hang("hang");
        var run = await rig.StartAsync(
            Define(Act("slow", "hang") with { Timeout = TimeSpan.FromSeconds(2), OnFailure = OnFailure.Continue }, Act("after")));

        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal((Verdict.Failed, "failed"), (summary.Verdict, summary.Steps[0].State));
        Assert.Contains("did not end in", summary.Steps[0].Detail, StringComparison.Ordinal);
        Assert.Equal("after", rig.Ran.Last());
    }

    [Fact]
    public async Task A_failed_clean_up_step_does_not_keep_the_next_from_running()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");

        var summary = await rig.RunAsync(Define(Act("one")) with { Cleanup = [Act("tidy", "bad"), Act("tidy-too")] });

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Equal(["one", "tidy", "tidy-too"], rig.Ran);
    }

    [Fact]
    public async Task An_order_that_is_malformed_leaves_no_trace_and_one_that_changes_nothing_is_kept()
    {
        await using var rig = await CreateAsync();
        rig.Hang("hang");
        var run = await rig.StartAsync(Define(Act("one", "hang")));
        await rig.UntilRanAsync("one");

        await Assert.ThrowsAsync<WorkflowUpdateFailedException>(() => OrderAsync(run, Wire.Retry, reason: " "));
        await Assert.ThrowsAsync<WorkflowUpdateFailedException>(() => OrderAsync(run, Wire.Pause, reason: new('x', 2_001)));
        Assert.False((await OrderAsync(run, Wire.Retry)).Accepted);
        Assert.False((await OrderAsync(run, Wire.Resume)).Accepted);

        var state = await run.QueryAsync<RunState>(Wire.State, []);
        Assert.Equal(["retry", "resume"], state.Refused.Select(r => r.Order));
        await run.TerminateAsync();
    }

    [Fact]
    public async Task Lists_see_what_a_run_waits_for_without_asking_a_worker()
    {
        await using var rig = await CreateAsync();
        rig.Fail("bad");
        var run = await rig.StartAsync(Define(Approve("declare"), Act("bad", "bad")));
        await AsksAsync(run);
        var asked = await MemoAsync(run);
        await DecideAsync(run, "alice");
        await WaitsAsync(run);
        var failed = await MemoAsync(run);
        await OrderAsync(run, Wire.Skip);
        await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(("declare", "approval"), (asked!.Step, asked.Kind));
        Assert.Equal(("bad", "person", null), (failed!.Step, failed.Kind, failed.Until));
        Assert.Null(await MemoAsync(run));
    }

    internal static async Task<DecisionAnswer> DecideAsync(
        WorkflowHandle run, string person, DecisionKind kind = DecisionKind.Approved, string? step = null)
    {
        var state = await TestWorker.UntilAsync(run, s => s.Asks.Any(a => step is null || a.Step == step));
        var ask = state.Asks.First(a => step is null || a.Step == step);
        return await run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [new Decision(
            ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash, kind, person, "as asked", Answers.Moment, person, "good")]);
    }

    private static async Task<WaitingFor?> MemoAsync(WorkflowHandle run) =>
        (await run.DescribeAsync()).Memo.TryGetValue(Wire.WaitingForMemo, out var memo) ? await memo.ToValueAsync<WaitingFor?>() : null;
}
