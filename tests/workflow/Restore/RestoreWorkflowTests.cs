using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Workflow.Restore;

public sealed class RestoreWorkflowTests
{
    [Fact]
    public async Task A_restore_into_production_runs_its_steps_in_order_and_is_proven()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await worker.StartRestoreAsync();

        Assert.True((await TestWorker.DecideAsync(run, "alice")).Accepted);
        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal((Verdict.Proven, null), (summary.Verdict, summary.Ended));
        Assert.Equal(["indexes", "witness", "in place", "clean-up", "rto", "rpo"], summary.Checks.Select(c => c.Name));
        Assert.Equal(200, summary.Documents);
        Assert.Equal(TimeSpan.FromSeconds(30), summary.Rpo.Measured);
        Assert.Equal(["s3:runs/evidence.json"], summary.Evidence);
        string[] order = ["preflight", "judge-decision", "begin-backup", "prepare-target", "load-lane 0", "replay-oplog", "build-indexes",
            "check-restored", "cut-over",
            "clean-up", "write-evidence"];
        Assert.Equal(order, worker.Activities.Returned.Where(order.Contains).Take(order.Length));
        Assert.Equal(["preflight", "approval", "safety backup", "prepare", "load", "replay the oplog", "build indexes", "check", "cut over",
            "clean up", "evidence",
            "start the next backup"], (await run.QueryAsync<RunState>(Wire.State, [])).Steps.Select(s => s.Step));
    }

    [Fact]
    public async Task To_a_point_in_time_the_base_is_checked_before_slices_lead_on_from_it()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.PointPlan });
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Contains(summary.Checks, c => c.Name == "base");
        Assert.Equal(["load", "replay the oplog", "check the base", "replay to the point", "build indexes", "check", "cut over"],
            (await run.QueryAsync<RunState>(Wire.State, [])).Steps.Select(s => s.Step).SkipWhile(s => s != "load").Take(7));
        Assert.Single(worker.Activities.Works.Select(w => w.Plan.Point!.BaseEnd).Distinct());
    }

    [Fact]
    public async Task A_base_that_is_not_as_its_witness_replaces_nothing()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.PointPlan, Base = new("base", Verdict.Failed, "users differ") });
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.DoesNotContain("cut-over", worker.Activities.Returned);
    }

    [Fact]
    public async Task Every_writing_activity_gets_the_decisions_and_the_nonce_that_were_asked_for()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");
        await run.GetResultAsync<RestoreSummary>();

        Assert.All(worker.Activities.Works, w => Assert.Equal("alice", Assert.Single(w.Decisions).Person));
        Assert.All(worker.Activities.Works, w => Assert.Equal(w.Decisions[0].Nonce, w.Ask!.Nonce));
        Assert.Equal(32, worker.Activities.Works.First().Ask!.Nonce.Length);
    }

    [Fact]
    public async Task That_a_restore_began_is_in_the_audit_log_before_anybody_has_approved_it()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await worker.StartRestoreAsync();
        await worker.UntilCalledAsync("append-audit run-started");
        await TestWorker.DecideAsync(run, "alice");
        await run.GetResultAsync<RestoreSummary>();

        var entry = Assert.Single(worker.Activities.Audit);
        Assert.Equal(("operator", "true"), (entry.Person, entry.Facts["production"]));
        Assert.Single(Assert.Single(worker.Activities.Evidence).Asks);
    }

    [Fact]
    public async Task An_audit_log_that_can_not_be_written_is_a_note_and_neither_stops_nor_fails_a_restore()
    {
        await using var worker = await TestWorker.CreateAsync(FakeActivities.Failing("append-audit run-started"));
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Contains(summary.Notes, n => n.Contains("audit log", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_safety_backup_is_a_child_and_the_next_backup_outlives_the_restore()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");
        var summary = await run.GetResultAsync<RestoreSummary>();
        await worker.Client.GetWorkflowHandle(WorkflowIds.Backup("luxhedge_production")).GetResultAsync<BackupResult>();

        var backups = worker.Activities.Backups.ToList();
        Assert.Equal([(true, false), (false, true)], backups.Select(b => (b.Safety, b.AfterRestore)));
        Assert.Contains("-luxhedge_production-", summary.SafetyBackup, StringComparison.Ordinal);
        Assert.Contains(summary.Notes, n => n.Contains(backups[1].RunId, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_backup_that_runs_already_is_no_reason_for_a_restore_to_fail()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Preflight = r =>
            Answers.ProductionPlan(r) with { SafetySkipped = "the target is empty" }
        });
        worker.Activities.Hang("plan-ranges");
        var backup = await worker.StartBackupAsync();
        await worker.UntilCalledAsync("plan-ranges");
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Contains("A backup of the asset runs already; no other was started.", summary.Notes);
        await backup.TerminateAsync();
    }

    [Fact]
    public async Task The_lanes_load_at_the_same_time()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        worker.Activities.On("load-lane 0", () => worker.UntilCalledAsync("load-lane 1"));
        worker.Activities.On("load-lane 1", () => worker.UntilCalledAsync("load-lane 0"));

        var summary = await (await worker.StartRestoreAsync(CreateScratch(worker))).GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
    }

    [Fact]
    public async Task Waiting_on_people_is_told_apart_from_the_machine_and_clean_up_is_not_in_the_clock()
    {
        await using var worker = await TestWorker.CreateAsync();
        var run = await worker.StartRestoreAsync();
        await TestWorker.UntilAsync(run, s => s.WaitingFor is not null);
        await worker.SkipAsync(TimeSpan.FromMinutes(10));
        await TestWorker.DecideAsync(run, "alice");

        var rto = (await run.GetResultAsync<RestoreSummary>()).Rto;

        Assert.InRange(rto.Waiting, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(15));
        Assert.Equal(rto.Total, rto.Machine + rto.Waiting);
        var state = await run.QueryAsync<RunState>(Wire.State, []);
        var steps = state.Steps.ToDictionary(s => s.Step);
        Assert.Equal(steps["cut over"].EndedAt - state.StartedAt, rto.Total);
        Assert.Equal(steps["clean up"].EndedAt - steps["clean up"].StartedAt, rto.Cleanup);
        Assert.Equal(rto.Waiting, steps["approval"].Waiting);
    }

    [Fact]
    public async Task A_restore_that_took_longer_than_the_plan_allows_is_failed()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Preflight = r =>
            Answers.ProductionPlan(r) with { RtoTarget = TimeSpan.FromMinutes(5) }
        });
        var run = await worker.StartRestoreAsync();
        await TestWorker.UntilAsync(run, s => s.WaitingFor is not null);
        await worker.SkipAsync(TimeSpan.FromMinutes(10));
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Equal(Verdict.Failed, summary.Checks.Single(c => c.Name == "rto").Verdict);
    }

    [Fact]
    public async Task Without_a_canary_the_loss_is_not_proven()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Compared = worker.Activities.Compared with { NewestCanary = null };
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal((Verdict.NotProven, null), (summary.Verdict, summary.Rpo.Measured));
    }

    [Fact]
    public async Task What_preflight_refuses_fails_the_run_as_it_is_and_nothing_is_touched()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("preflight",
            new RefusalException(ErrorKinds.Usage, "The target has data.", "luxhedge_production", "Say --drop."));

        var report = await TestWorker.FailureAsync(await worker.StartRestoreAsync());

        Assert.Equal(new(ErrorKinds.Usage, "The target has data.", "luxhedge_production", "Say --drop."), report);
        Assert.Equal(["preflight"], worker.Activities.Calls);
    }

    [Theory]
    [InlineData("prepare-target", "prepare")]
    [InlineData("replay-oplog", "replay the oplog")]
    [InlineData("build-indexes", "build indexes")]
    [InlineData("check-restored", "check")]
    [InlineData("cut-over", "cut over")]
    public async Task A_step_that_fails_is_cleaned_up_after_told_and_kept_as_evidence(string call, string step)
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail(call, new RefusalException(ErrorKinds.Restore, "No room.", "db1", "Make room."));
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Equal(new(ErrorKinds.Restore, "No room.", "db1", "Make room."), summary.Error);
        Assert.Equal("No room.", summary.Checks.Single(c => c.Name == step).Detail);
        Assert.False(Assert.Single(worker.Activities.CleanUps).Succeeded);
        Assert.Equal(Verdict.Failed, Assert.Single(worker.Activities.Evidence).Summary.Verdict);
        Assert.Single(worker.Activities.Backups); // the safety backup, but no next one
        Assert.Equal(call == "cut-over", worker.Activities.Calls.Contains("cut-over"));
    }

    [Fact]
    public async Task When_a_lane_fails_the_others_are_cancelled_and_clean_up_comes_after()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        worker.Activities.Hang("load-lane 0");
        worker.Activities.On("load-lane 1", async () =>
        {
            await worker.UntilCalledAsync("load-lane 0");
            throw new RefusalException(ErrorKinds.Integrity, "A chunk is not what it was.");
        });

        var run = await worker.StartRestoreAsync(CreateScratch(worker));
        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        var calls = worker.Activities.Calls.ToList();
        Assert.True(calls.IndexOf("cancelled load-lane 0") < calls.IndexOf("clean-up"));
        Assert.Equal(0, await worker.CountChildrenOpenAsync(run));
    }

    [Fact]
    public async Task The_last_door_refusing_is_not_proven_and_says_so()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("prepare-target", new RefusalException(ErrorKinds.NotApproved, "No decision opens this door."));
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal((Verdict.NotProven, "NotApproved"), (summary.Verdict, summary.Ended));
        Assert.Single(worker.Activities.CleanUps);
    }

    [Fact]
    public async Task A_failed_check_stops_a_restore_into_production_before_anything_is_replaced()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Compared = new([new("witness", Verdict.Failed, "users: 2 of 3 documents")], Answers.Moment, false, 2);
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.DoesNotContain("cut-over", worker.Activities.Calls);
        Assert.Contains(summary.Notes, n => n.Contains("nothing was replaced", StringComparison.Ordinal));
        Assert.False(Assert.Single(worker.Activities.CleanUps).Succeeded);
    }

    [Fact]
    public async Task A_failed_check_does_not_stop_a_restore_that_replaces_nothing()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Preflight = Answers.ScratchPlan,
            Load = w => new(w.Lane, 1, 1, 1, w.Lane == 0 ? [new("users", Verdict.Failed, "duplicate _id 7")] : []),
        });

        var summary = await (await worker.StartRestoreAsync(CreateScratch(worker))).GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Contains("cut-over", worker.Activities.Calls);
    }

    [Fact]
    public async Task A_restore_in_which_nothing_was_compared_is_not_proven()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Compared = new([], Answers.Moment, false, 0) });
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        Assert.Equal(Verdict.NotProven, (await run.GetResultAsync<RestoreSummary>()).Verdict);
    }

    [Fact]
    public async Task A_safety_backup_verified_nowhere_stops_the_restore_before_it_writes()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Verify = (store, _) => new(store, Verdict.NotProven, []) });
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");

        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.DoesNotContain("prepare-target", worker.Activities.Calls);
    }

    [Fact]
    public async Task What_is_still_there_after_clean_up_is_a_failure()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Preflight = Answers.ScratchPlan,
            Cleaned = new([],
            ["luxhedge_restoring.users"])
        });

        var summary = await (await worker.StartRestoreAsync(CreateScratch(worker))).GetResultAsync<RestoreSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Contains("luxhedge_restoring.users", summary.Checks.Single(c => c.Name == "clean-up").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evidence_that_could_not_be_written_is_noted()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        worker.Activities.Fail("write-evidence", new RefusalException(ErrorKinds.Unreachable, "no store answers"));

        var summary = await (await worker.StartRestoreAsync(CreateScratch(worker))).GetResultAsync<RestoreSummary>();

        Assert.Contains(summary.Notes, n => n.Contains("no store answers", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("preflight")]
    [InlineData("prepare-target")]
    [InlineData("load-lane 0", "load-lane 1")]
    [InlineData("replay-oplog")]
    [InlineData("build-indexes")]
    [InlineData("check-restored")]
    public async Task An_abort_before_the_cut_over_ends_in_clean_up_with_nothing_replaced(params string[] during)
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        worker.Activities.Hang(during);
        var run = await worker.StartRestoreAsync(CreateScratch(worker));
        foreach (var call in during)
            await worker.UntilCalledAsync(call);

        Assert.True((await TestWorker.AbortAsync(run)).Accepted);
        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal((Verdict.NotProven, "Aborted"), (summary.Verdict, summary.Ended));
        Assert.Contains("Aborted by alice: wrong backup", summary.Notes);
        Assert.DoesNotContain("cut-over", worker.Activities.Calls);
        // Preflight only looks: nothing waits for its end, and there is nothing to clean up.
        Assert.Equal(during[0] == "preflight" ? [] : [false], worker.Activities.CleanUps.Select(c => c.Succeeded));
        Assert.Equal(during[0] == "preflight" ? 1 : 0, await worker.CountChildrenOpenAsync(run));
    }

    [Fact]
    public async Task An_abort_during_the_safety_backup_ends_that_backup_too()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Hang("plan-ranges");
        var run = await worker.StartRestoreAsync();
        await TestWorker.DecideAsync(run, "alice");
        await worker.UntilCalledAsync("plan-ranges");

        await TestWorker.AbortAsync(run);
        var summary = await run.GetResultAsync<RestoreSummary>();

        Assert.Equal("Aborted", summary.Ended);
        Assert.True(worker.Activities.WasCancelled("plan-ranges"));
        Assert.DoesNotContain("prepare-target", worker.Activities.Calls);
    }

    [Fact]
    public async Task Once_the_cut_over_has_begun_an_abort_is_refused_with_why()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        var goOn = new TaskCompletionSource();
        worker.Activities.On("cut-over", () => goOn.Task);
        var run = await worker.StartRestoreAsync(CreateScratch(worker));
        await worker.UntilCalledAsync("cut-over");

        var answer = await TestWorker.AbortAsync(run);
        goOn.SetResult();

        Assert.False(answer.Accepted);
        Assert.Contains("cut-over", answer.Why, StringComparison.Ordinal);
        Assert.Equal((Verdict.Proven, null), await run.GetResultAsync<RestoreSummary>() is var s ? (s.Verdict, s.Ended) : default);
    }

    [Fact]
    public async Task A_restore_cancelled_through_Temporal_cleans_up_and_ends_as_cancelled()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        worker.Activities.Hang("load-lane 0", "load-lane 1");
        var run = await worker.StartRestoreAsync(CreateScratch(worker));
        await worker.UntilCalledAsync("load-lane 0");
        await worker.UntilCalledAsync("load-lane 1");

        await run.CancelAsync();

        Assert.Equal(ErrorKinds.Ended, (await TestWorker.FailureAsync(run)).Kind);
        Assert.False(Assert.Single(worker.Activities.CleanUps).Succeeded);
        Assert.Equal("Cancelled", Assert.Single(worker.Activities.Evidence).Summary.Ended);
    }

    private static RestoreRequest CreateScratch(TestWorker worker) => worker.CreateRestore() with
    {
        Target = "main/copy",
        Into = "copy",
        RequestedBy = null,
        Drop = false,
    };
}
