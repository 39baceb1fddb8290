using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Workflow.Backup;

public sealed class DatabaseBackupWorkflowTests
{
    [Fact]
    public async Task A_backup_is_complete_and_verified_in_every_store_in_the_order_of_the_runbook()
    {
        await using var worker = await TestWorker.CreateAsync();

        var run = await worker.StartBackupAsync();
        var result = await run.GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.Proven, result.Verdict);
        Assert.Equal(["s3", "nas"], result.Stores.Select(s => s.Store));
        Assert.Matches("^[0-9]{8}T[0-9]{6}Z-luxhedge_production-[0-9a-f]{4}$", result.Backup!.Id);
        string[] order = ["begin-backup", "mark-oplog-start", "plan-ranges", "dump-lane 0/0 of 2", "find-changed-collections()",
            "mark-the-end", "tail-oplog ended",
            "seal", "copy-backup nas", "verify-copy nas", "record-verification nas", "summarise-backup"];
        Assert.Equal(order, worker.Activities.Returned.Where(order.Contains));
        Assert.Equal([("s3", VerificationLevel.Integrity, Verdict.Proven), ("nas", VerificationLevel.Integrity, Verdict.Proven)],
            worker.Activities.Records.OrderByDescending(r => r.Store));
        Assert.Equal(new EndMark(FakeActivities.End, Answers.Moment), worker.Activities.SealAsked!.End);

        var state = await run.QueryAsync<RunState>(Wire.State, []);
        Assert.Equal(["begin", "mark oplog start", "plan ranges", "tail the oplog", "dump", "find changed collections", "mark the end",
            "seal"],
            state.Steps.Take(8).Select(s => s.Step));
        Assert.All(state.Steps, s => Assert.Equal((StepStates.Done, true), (s.State, s.EndedAt is not null)));
        Assert.Equal(Verdict.Proven, state.Verdict);
    }

    [Fact]
    public async Task The_lanes_and_the_tail_of_the_oplog_run_at_the_same_time()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.On("dump-lane 0/0 of 2", () => worker.UntilCalledAsync("dump-lane 0/1 of 2"));
        worker.Activities.On("dump-lane 0/1 of 2", () => worker.UntilCalledAsync("tail-oplog"));
        worker.Activities.On("tail-oplog", () => worker.UntilCalledAsync("dump-lane 0/0 of 2"));

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.Proven, result.Verdict);
    }

    [Fact]
    public async Task There_are_never_more_lanes_than_ranges()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Ranges = 1 });

        await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(["dump-lane 0/0 of 1"], worker.Activities.Calls.Where(c => c.StartsWith("dump-lane", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_end_mark_is_not_before_the_newest_reply_of_any_lane()
    {
        await using var worker = await TestWorker.CreateAsync();

        await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(new ClusterTime(1_501, 0), worker.Activities.NewestToldToEnd);
    }

    [Fact]
    public async Task The_tail_is_told_where_to_end_only_after_the_end_mark_was_taken()
    {
        await using var worker = await TestWorker.CreateAsync();
        ClusterTime? told = new ClusterTime(9, 9);
        var run = await worker.StartBackupAsync();
        worker.Activities.On("mark-the-end", async () => told = await run.QueryAsync<ClusterTime?>(Wire.OplogUntil, []));

        await run.GetResultAsync<BackupResult>();

        Assert.Null(told);
        Assert.Equal(FakeActivities.End, await run.QueryAsync<ClusterTime?>(Wire.OplogUntil, []));
    }

    [Theory]
    [InlineData("begin-backup")]
    [InlineData("mark-oplog-start")]
    [InlineData("plan-ranges")]
    [InlineData("find-changed-collections()")]
    [InlineData("mark-the-end")]
    [InlineData("seal")]
    [InlineData("summarise-backup")]
    public async Task A_step_that_is_refused_fails_the_backup_and_leaves_nothing_running(string call)
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail(call, new RefusalException(ErrorKinds.Backup, "The oplog has a gap.", "db1", "Make the oplog larger."));

        var run = await worker.StartBackupAsync();
        var report = await TestWorker.FailureAsync(run);

        Assert.Equal(new(ErrorKinds.Backup, "The oplog has a gap.", "db1", "Make the oplog larger."), report);
        Assert.Equal(0, await worker.CountChildrenOpenAsync(run));
        Assert.Equal(1, worker.Activities.Calls.Count(c => c == call));
    }

    [Fact]
    public async Task When_the_tail_fails_the_lanes_are_cancelled()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Hang("dump-lane 0/0 of 2", "dump-lane 0/1 of 2");
        worker.Activities.On("tail-oplog", async () =>
        {
            await worker.UntilCalledAsync("dump-lane 0/0 of 2");
            await worker.UntilCalledAsync("dump-lane 0/1 of 2");
            throw new RefusalException(ErrorKinds.Backup, "gap");
        });

        var report = await TestWorker.FailureAsync(await worker.StartBackupAsync());

        Assert.Equal("gap", report.Message);
        Assert.True(worker.Activities.WasCancelled("dump-lane 0/0 of 2") && worker.Activities.WasCancelled("dump-lane 0/1 of 2"));
    }

    [Fact]
    public async Task When_a_lane_fails_the_other_lanes_and_the_tail_are_cancelled()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Hang("dump-lane 0/0 of 2", "tail-oplog");
        worker.Activities.On("dump-lane 0/1 of 2", async () =>
        {
            await worker.UntilCalledAsync("dump-lane 0/0 of 2");
            await worker.UntilCalledAsync("tail-oplog");
            throw new RefusalException(ErrorKinds.Backup, "unreadable");
        });

        var report = await TestWorker.FailureAsync(await worker.StartBackupAsync());

        Assert.Equal("unreadable", report.Message);
        Assert.True(worker.Activities.WasCancelled("dump-lane 0/0 of 2") && worker.Activities.WasCancelled("tail-oplog"));
    }

    [Fact]
    public async Task A_collection_that_changed_while_it_was_read_is_dumped_again_once()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Changed = new(["cars"], 2),
            Lane = w => new(w.Lane, 1, 10, 10, 10, new(1_500 + (100 * (uint)w.Round), 0), w.Round == 0 ? ["cars"] : []),
        });

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.Proven, result.Verdict);
        Assert.Contains("find-changed-collections(cars)", worker.Activities.Calls);
        Assert.Equal(["dump-lane 1/0 of 2", "dump-lane 1/1 of 2"],
            worker.Activities.Calls.Where(c => c.StartsWith("dump-lane 1", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.True(worker.Activities.SealAsked!.Redumped);
        Assert.Equal(new ClusterTime(1_600, 0), worker.Activities.NewestToldToEnd);
    }

    [Fact]
    public async Task A_collection_that_changed_a_second_time_fails_the_backup_by_name()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Changed = new(["cars"], 2) });
        worker.Activities.Fail("refuse-second-change",
            new RefusalException(ErrorKinds.Backup, "The collection cars changed twice.", "cars"));

        var report = await TestWorker.FailureAsync(await worker.StartBackupAsync());

        Assert.Equal("cars", report.Where);
        Assert.DoesNotContain("seal", worker.Activities.Calls);
    }

    [Fact]
    public async Task A_copy_that_could_not_be_verified_makes_the_run_not_proven()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Verify = (store, _) => store == "nas"
                ? new(store, Verdict.NotProven, [new("nas", "It can't be reached.")])
                : new(store, Verdict.Proven, []) { ManifestSha256 = FakeActivities.Manifest },
        });

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.NotProven, result.Verdict);
        Assert.NotNull(result.Backup);
    }

    [Theory]
    [InlineData(ErrorKinds.Unreachable, Verdict.NotProven)]
    [InlineData(ErrorKinds.Integrity, Verdict.Failed)]
    public async Task A_store_that_can_not_be_copied_to_does_not_keep_the_others_from_being_verified(string kind, Verdict expected)
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("copy-backup nas", new RefusalException(kind, "No such bucket.", "nas"));

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(expected, result.Verdict);
        Assert.Equal([("s3", Verdict.Proven), ("nas", expected)], result.Stores.Select(s => (s.Store, s.Verdict)));
        Assert.Equal("No such bucket.", Assert.Single(result.Stores[1].Problems).Text);
        Assert.DoesNotContain("verify-copy nas", worker.Activities.Calls);
    }

    [Fact]
    public async Task A_manifest_other_than_the_sealed_one_is_a_failure()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Verify = (store, _) => new(store, Verdict.Proven, []) { ManifestSha256 = store == "nas" ? "planted" : FakeActivities.Manifest },
        });

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.Failed, result.Verdict);
        Assert.Contains(("nas", VerificationLevel.Integrity, Verdict.Failed), worker.Activities.Records);
    }

    [Fact]
    public async Task A_verification_that_could_not_be_recorded_is_not_proven()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("record-verification s3", new RefusalException(ErrorKinds.Unreachable, "gone", "s3"));

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.NotProven, result.Verdict);
    }

    [Fact]
    public async Task A_suspect_backup_is_not_proven_and_says_why()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Sealed = new(FakeActivities.Manifest, 9, 0, 0, 10, ["documents fell from 200 to 0"], ["cars"]),
        });

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.NotProven, result.Verdict);
        Assert.Contains("Suspect: documents fell from 200 to 0", result.Notes);
        Assert.Contains(result.Notes, n => n.EndsWith("cars", StringComparison.Ordinal));
    }

    [Fact]
    public async Task At_the_door_what_can_not_be_reached_is_said_at_once()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("begin-backup",
            new RefusalException(ErrorKinds.Unreachable, "No MongoDB at db1:27017.", "db1:27017") { MayPass = true });

        var report = await TestWorker.FailureAsync(await worker.StartBackupAsync());

        Assert.Equal(ErrorKinds.Unreachable, report.Kind);
        Assert.Equal(["begin-backup"], worker.Activities.Calls);
    }

    [Fact]
    public async Task An_outage_that_may_pass_is_waited_out_by_what_moves_bytes()
    {
        await using var worker = await TestWorker.CreateAsync();
        var attempts = 0;
        worker.Activities.On("copy-backup nas", () =>
            ++attempts < 3 ? throw new RefusalException(ErrorKinds.Unreachable, "failover") { MayPass = true } : Task.CompletedTask);

        var result = await (await worker.StartBackupAsync()).GetResultAsync<BackupResult>();

        Assert.Equal((Verdict.Proven, 3), (result.Verdict, attempts));
    }

    [Theory]
    [InlineData("dump-lane 0/0 of 2", "dump-lane 0/1 of 2")]
    [InlineData("verify-copy nas", "verify-copy s3")]
    public async Task An_aborted_backup_leaves_no_lane_open_and_says_who_and_why(string during, string and)
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Hang(during, and);
        var run = await worker.StartBackupAsync();
        await worker.UntilCalledAsync(during);
        await worker.UntilCalledAsync(and);

        var answer = await TestWorker.AbortAsync(run);
        var result = await run.GetResultAsync<BackupResult>();

        Assert.True(answer.Accepted);
        Assert.Equal((Verdict.NotProven, "Aborted"), (result.Verdict, result.Ended));
        Assert.Contains("Aborted by alice: wrong backup", result.Notes);
        Assert.Equal(0, await worker.CountChildrenOpenAsync(run));
        Assert.True(worker.Activities.WasCancelled(during));
    }

    [Fact]
    public async Task A_backup_cancelled_through_Temporal_leaves_no_lane_open()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Hang("dump-lane 0/0 of 2", "dump-lane 0/1 of 2");
        var run = await worker.StartBackupAsync();
        await worker.UntilCalledAsync("dump-lane 0/0 of 2");
        await worker.UntilCalledAsync("dump-lane 0/1 of 2");

        await run.CancelAsync();

        Assert.Equal(ErrorKinds.Ended, (await TestWorker.FailureAsync(run)).Kind);
        Assert.True(worker.Activities.WasCancelled("dump-lane 0/0 of 2"));
        Assert.Equal(0, await worker.CountChildrenOpenAsync(run));
    }

    [Theory]
    [InlineData("", "why")]
    [InlineData("alice", " ")]
    public async Task An_abort_without_who_or_why_is_refused_and_leaves_no_trace(string person, string reason)
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Hang("seal");
        var run = await worker.StartBackupAsync();
        await worker.UntilCalledAsync("seal");

        await Assert.ThrowsAsync<WorkflowUpdateFailedException>(() => TestWorker.AbortAsync(run, person, reason));

        Assert.Null((await run.QueryAsync<RunState>(Wire.State, [])).AbortedBy);
        Assert.True((await TestWorker.AbortAsync(run)).Accepted);
        Assert.False((await TestWorker.AbortAsync(run, "bob", "me too")).Accepted);
        await run.GetResultAsync<BackupResult>();
    }
}
