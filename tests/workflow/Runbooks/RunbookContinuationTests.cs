using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using Temporalio.Worker;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookRig;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookStepTests;

namespace LuxHedge.Tests.Workflow.Runbooks;

/// <summary>A run that goes on in a new execution every few events comes to the same as one that doesn't.</summary>
public sealed class RunbookContinuationTests
{
    [Fact]
    public async Task Many_steps_are_done_once_each_through_many_executions()
    {
        await using var rig = await CreateAsync();
        rig.On("count", (c, input) => Outcome(new { n = input.GetProperty("n").GetInt32() + 1 }));
        var steps = Enumerable.Range(1, 12).Select(i => Act($"s{i}", "count") with { With = With(("n", i == 1 ? 0 : $"${{steps.s{i - 1}.n}}")) });

        var run = await StartAsync(rig, Define([.. steps]), 30);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(Enumerable.Range(1, 12).Select(i => $"s{i}"), rig.Ran);
        Assert.All(summary.Steps, s => Assert.Equal(1, s.Attempts));
        Assert.True(await ExecutionsAsync(rig, run) > 2);
        Assert.Single(rig.Audit, a => a.Kind == "run-started");
    }

    [Fact]
    public async Task An_open_ask_and_what_was_decided_of_it_are_carried()
    {
        await using var rig = await CreateOnDevServerAsync();
        var run = await StartAsync(rig, Define(Act("one"), Approve("declare") with { Approve = Approve("declare").Approve! with { Quorum = 2 } }, Act("two")), 1);
        await RunbookPeopleTests.DecideAsync(run, "alice");
        var open = Assert.Single((await run.QueryAsync<RunState>(Wire.State, [])).Asks);
        var again = await RunbookPeopleTests.DecideAsync(run, "alice");
        await RunbookPeopleTests.DecideAsync(run, "bob");
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.False(again.Accepted);
        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(["alice", "bob"], summary.Approvals.Select(a => a.By));
        Assert.Single(rig.Asked);
        var asked = Assert.Single(Assert.Single(rig.Evidence).Asks);
        Assert.Equal(open.Nonce, asked.Ask.Nonce);
        Assert.Equal("alice", Assert.Single(rig.Evidence.Single().Refused).Person);
    }

    [Fact]
    public async Task An_expiry_keeps_its_time_through_executions()
    {
        await using var rig = await CreateAsync();

        var run = await StartAsync(rig, Define(Approve("declare"), Act("two")), 1, RunMode.Drill);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal("Expired", summary.Ended);
        Assert.InRange(summary.Steps[0].Waiting, Expiry, Expiry + TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_failed_step_that_waits_and_a_pause_are_carried()
    {
        await using var rig = await CreateOnDevServerAsync();
        rig.Fail("bad", times: 1);
        var run = await StartAsync(rig, Define(Act("bad", "bad") with { OnFailure = OnFailure.Ask }, Act("two")), 1);
        await WaitsAsync(run);
        await OrderAsync(run, Wire.Pause, person: "bob");
        var state = await WaitsAsync(run);
        await OrderAsync(run, Wire.Retry);
        await TestWorker.UntilAsync(run, s => s.WaitingSteps.Count == 0);
        await OrderAsync(run, Wire.Resume, person: "bob");
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal("bob", state.Paused?.Person);
        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(["pause", "retry", "resume"], summary.Interventions.Select(i => i.Kind));
        Assert.Equal(2, summary.Steps[0].Attempts);
        Assert.InRange(summary.Steps[0].StartedAt, summary.StartedAt, state.WaitingSteps[0].Since); // the first attempt's
        Assert.Equal(["bad", "bad", "two"], rig.Ran);
    }

    [Fact]
    public async Task A_wait_ends_when_it_would_have_ended()
    {
        await using var rig = await CreateAsync();

        var run = await StartAsync(rig, Define(Wait("long", "PT2H"), Act("two")), 1);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.InRange(summary.Steps[0].EndedAt - summary.Steps[0].StartedAt, TimeSpan.FromHours(2), TimeSpan.FromMinutes(121));
    }

    [Fact]
    public async Task Loops_nested_runbooks_and_parallel_steps_go_on_where_they_were()
    {
        await using var rig = await CreateAsync();
        rig.On("list", (_, _) => Outcome(new { items = new[] { "a", "b", "c" } }));
        var loop = new RunbookStep("each") { ForEach = new("steps.list.items", "item", [Act("x"), Act("y") with { With = With(("item", "${item}")) }]) };
        var nested = Define(Act("list", "list"), loop, Parallel("both", Act("p"), Act("q"))) with { Cleanup = [Act("tidy")] };

        var run = await StartAsync(rig, Define(Nested("inner", nested), Nested("again", nested)), 25);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(rig.Ran.Distinct(), rig.Ran);
        Assert.Equal(20, summary.Steps.Count);
        Assert.True(await ExecutionsAsync(rig, run) > 2);
    }

    /// <summary>The answer may be lost with the execution that gave it: the client sends the Update again, under the same id.</summary>
    [Fact]
    public async Task An_update_that_is_sent_again_after_a_new_execution_began_counts_once()
    {
        await using var rig = await CreateOnDevServerAsync();
        var run = await StartAsync(rig, Define(Approve("declare") with { Approve = Approve("d").Approve! with { Quorum = 2 } }), 1);
        var ask = (await AsksAsync(run)).Asks[0];
        var decision = new Decision(ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash, DecisionKind.Approved, "alice", "", Answers.Moment, "alice", "good");
        var first = await run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [decision], new() { Id = "once" });
        var executions = await ExecutionsAsync(rig, run);
        await TestWorker.UntilAsync(async () => await ExecutionsAsync(rig, run) != executions || executions >= 2);

        var second = await run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [decision], new() { Id = "once" });

        Assert.Equal(first, second);
        Assert.Empty((await run.QueryAsync<RunState>(Wire.State, [])).Refused);
        await run.TerminateAsync();
    }

    [Fact]
    public async Task An_aborted_run_goes_on_in_no_new_execution()
    {
        await using var rig = await CreateOnDevServerAsync();
        var run = await StartAsync(rig, Define(Act("one"), Approve("declare"), Act("two")) with { Cleanup = [Act("tidy")] }, 1);
        await AsksAsync(run);

        await TestWorker.AbortAsync(run);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal((Verdict.NotProven, "Aborted"), (summary.Verdict, summary.Ended));
        Assert.Equal(["one", "tidy"], rig.Ran);
    }

    /// <summary>With no cache every workflow task replays all before it, as a worker does that takes over from a dead one.</summary>
    [Fact]
    public async Task A_run_comes_to_the_same_when_every_task_is_replayed_from_its_history()
    {
        await using var rig = await CreateAsync(cached: false);
        rig.Message = new("C1", "1.0");
        rig.Fail("bad", times: 1);
        var run = await rig.StartAsync(Define(
            Approve("declare"), Parallel("both", Act("a"), Act("b") with { Timeout = TimeSpan.FromMinutes(5) }),
            Act("bad", "bad") with { OnFailure = OnFailure.Ask }, Wait("pause", "PT1M"), Act("last")));
        await RunbookPeopleTests.DecideAsync(run, "alice");
        await WaitsAsync(run);
        await OrderAsync(run, Wire.Retry);
        var summary = await run.GetResultAsync<RunbookSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(6, summary.Steps.Count);
    }

    /// <summary>A handle that follows the run: asks and orders go to the execution that it is in.</summary>
    private static async Task<WorkflowHandle> StartAsync(RunbookRig rig, RunbookDefinition definition, int events, RunMode mode = RunMode.Real)
    {
        var first = await rig.StartAsync(rig.Request(definition, mode) with { EventsPerExecution = events });
        return first with { RunId = null };
    }

    private static async Task<int> ExecutionsAsync(RunbookRig rig, WorkflowHandle run)
    {
        var executions = 1;
        var description = await rig.Client.GetWorkflowHandle(run.Id).DescribeAsync();
        var history = await rig.Client.GetWorkflowHandle(run.Id, description.RunId).FetchHistoryAsync();
        while (history.Events.First().WorkflowExecutionStartedEventAttributes.ContinuedExecutionRunId is { Length: > 0 } before)
        {
            executions++;
            history = await rig.Client.GetWorkflowHandle(run.Id, before).FetchHistoryAsync();
        }

        return executions;
    }
}
