using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Workflow.Verification;

public sealed class VerificationWorkflowTests
{
    [Theory]
    [InlineData(VerificationLevel.Presence)]
    [InlineData(VerificationLevel.Integrity)]
    public async Task Every_store_is_checked_at_the_level_asked_and_recorded(VerificationLevel level)
    {
        await using var worker = await TestWorker.CreateAsync();

        var summary = await (await worker.StartVerificationAsync(level)).GetResultAsync<VerificationSummary>();

        Assert.Equal((Verdict.Proven, level), (summary.Verdict, summary.Level));
        Assert.Equal([("nas", level, Verdict.Proven), ("s3", level, Verdict.Proven)], worker.Activities.Records.OrderBy(r => r.Store));
        Assert.DoesNotContain("preflight", worker.Activities.Calls);
    }

    [Fact]
    public async Task The_worst_store_decides()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Verify = (store, _) => new(store, store == "s3" ? Verdict.NotProven : Verdict.Failed, [new("packs/0", "changed")]),
        });

        var summary = await (await worker.StartVerificationAsync(VerificationLevel.Integrity)).GetResultAsync<VerificationSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Equal(2, worker.Activities.Records.Count);
    }

    [Fact]
    public async Task A_restore_test_reads_every_byte_first_then_restores_each_copy_into_a_scratch_database_of_its_own()
    {
        var requests = new List<RestoreRequest>();
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Preflight = r =>
            {
                requests.Add(r);
                return Answers.ScratchPlan(r);
            },
        });

        var summary = await (await worker.StartVerificationAsync(VerificationLevel.Restore)).GetResultAsync<VerificationSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal([("s3", VerificationLevel.Integrity), ("nas", VerificationLevel.Integrity), ("s3", VerificationLevel.Restore), ("nas",
            VerificationLevel.Restore)],
            worker.Activities.Records.Select(r => (r.Store, r.Level)).OrderBy(r => r.Level).ThenByDescending(r => r.Store));
        Assert.Equal(["s3", "nas"], requests.Select(r => r.Store));
        Assert.All(requests, r => Assert.Matches("^luxhedge_scratch_[0-9a-f]{8}$", r.Into));
        Assert.All(requests, r => Assert.Equal(($"main/{r.Into}", RestorePurpose.RestoreTest, true), (r.Target, r.Purpose,
            r.NoSafetyBackup)));
        Assert.Equal(2, requests.Select(r => r.RunId).Distinct().Count());
        Assert.Equal([true, true], worker.Activities.CleanUps.Select(c => c.Succeeded));
        Assert.All(summary.Stores, s => Assert.Equal(FakeActivities.Manifest, s.ManifestSha256));
    }

    [Fact]
    public async Task A_restore_test_that_fails_names_its_checks_and_the_other_stores_go_on()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        var tests = 0;
        worker.Activities.On("check-restored", () =>
        {
            worker.Activities.Compared = ++tests == 1
                ? new([new("users", Verdict.Failed, "2 of 3 documents")], null, false, 2)
                : new([new("users", Verdict.Proven, "")], null, false, 3);
            return Task.CompletedTask;
        });

        var summary = await (await worker.StartVerificationAsync(VerificationLevel.Restore)).GetResultAsync<VerificationSummary>();

        Assert.Equal([Verdict.Failed, Verdict.Proven], summary.Stores.Select(s => s.Verdict));
        Assert.Equal(new("users", "2 of 3 documents"), Assert.Single(summary.Stores[0].Problems));
        Assert.Contains(("s3", VerificationLevel.Restore, Verdict.Failed), worker.Activities.Records);
    }

    [Theory]
    [InlineData(ErrorKinds.Unreachable, Verdict.NotProven)]
    [InlineData(ErrorKinds.Usage, Verdict.NotProven)]
    [InlineData(ErrorKinds.Integrity, Verdict.Failed)]
    public async Task A_restore_test_that_could_not_run_proves_nothing(string kind, Verdict expected)
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        worker.Activities.Fail("preflight", new RefusalException(kind, "no"));

        var summary = await (await worker.StartVerificationAsync(VerificationLevel.Restore)).GetResultAsync<VerificationSummary>();

        Assert.Equal(expected, summary.Verdict);
    }

    [Fact]
    public async Task A_copy_whose_bytes_are_not_proven_is_not_restored()
    {
        await using var worker = await TestWorker.CreateAsync(new()
        {
            Preflight = Answers.ScratchPlan,
            Verify = (store, _) => new(store, store == "s3" ? Verdict.Failed : Verdict.Proven,
                [])
            { ManifestSha256 = FakeActivities.Manifest },
        });

        var summary = await (await worker.StartVerificationAsync(VerificationLevel.Restore)).GetResultAsync<VerificationSummary>();

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.Single(worker.Activities.Calls, c => c == "preflight");
    }

    [Fact]
    public async Task An_id_that_no_store_knows_fails_as_wrong_usage()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("find-copies", new RefusalException(ErrorKinds.Usage, "No store knows it.", "20261123"));

        Assert.Equal(ErrorKinds.Usage,
            (await TestWorker.FailureAsync(await worker.StartVerificationAsync(VerificationLevel.Presence))).Kind);
    }

    [Fact]
    public async Task An_aborted_restore_test_is_cleaned_up_and_not_proven()
    {
        await using var worker = await TestWorker.CreateAsync(new() { Preflight = Answers.ScratchPlan });
        worker.Activities.Hang("replay-oplog");
        var run = await worker.StartVerificationAsync(VerificationLevel.Restore);
        await worker.UntilCalledAsync("replay-oplog");

        await TestWorker.AbortAsync(run);
        var summary = await run.GetResultAsync<VerificationSummary>();

        Assert.Equal(Verdict.NotProven, summary.Verdict);
        Assert.False(Assert.Single(worker.Activities.CleanUps).Succeeded);
        Assert.Contains("aborted by alice", summary.Stores[0].Problems[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_accepted_backup_is_answered_as_lists_show_it()
    {
        await using var worker = await TestWorker.CreateAsync();
        var decision = new LuxHedge.Workflows.Approvals.Decision("default", "run-a", "accept", "n", "h",
            LuxHedge.Workflows.Approvals.DecisionKind.Approved, "alice", "checked", Answers.Moment, "alice", "good");

        var run = await worker.StartAsync(Wire.Acceptance, "accept/b",
            new AcceptanceRequest("run-a", "luxhedge_production", "b", "checked", decision));

        Assert.Equal("b", (await run.GetResultAsync<BackupSummary>()).Id);
        Assert.Equal(["accept-backup", "append-audit accept", "summarise-backup"], worker.Activities.Calls.Order(StringComparer.Ordinal));
        var entry = Assert.Single(worker.Activities.Audit);
        Assert.Equal(("alice", "b", "checked"), (entry.Person, entry.Facts["backup"], entry.Facts["reason"]));
    }

    [Fact]
    public async Task An_audit_log_that_can_not_be_written_is_a_note_of_the_acceptance()
    {
        await using var worker = await TestWorker.CreateAsync(FakeActivities.Failing("append-audit accept"));
        var decision = new LuxHedge.Workflows.Approvals.Decision("default", "run-a", "accept", "n", "h",
            LuxHedge.Workflows.Approvals.DecisionKind.Approved, "alice", "checked", Answers.Moment, "alice", "good");

        var run = await worker.StartAsync(Wire.Acceptance, "accept/b",
            new AcceptanceRequest("run-a", "luxhedge_production", "b", "checked", decision));

        Assert.Contains((await run.GetResultAsync<BackupSummary>()).Notes, n => n.Contains("audit log", StringComparison.Ordinal));
    }
}
