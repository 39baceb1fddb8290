using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Audit;
using Temporalio.Client;

namespace LuxHedge.Tests.Workflow.Atlas;

/// <summary>Waiting for Atlas: timers of the workflow, for hours, through outages, and never for ever.</summary>
public sealed class AtlasWorkflowTests
{
    [Fact]
    public async Task A_snapshot_is_asked_for_once_and_waited_for_for_hours()
    {
        await using var worker = await TestWorker.CreateAsync();
        for (var i = 0; i < 90; i++)
            worker.Activities.SnapshotLooks.Enqueue(Answers.Snapshot(i < 5 ? AtlasStatus.Queued : AtlasStatus.InProgress));
        worker.Activities.SnapshotLooks.Enqueue(Answers.Snapshot(AtlasStatus.Completed));

        var summary = await (await worker.StartAtlasSnapshotAsync()).GetResultAsync<AtlasSnapshotSummary>();

        Assert.Equal((Verdict.Proven, AtlasStatus.Completed), (summary.Verdict, summary.Snapshot!.Status));
        Assert.Single(worker.Activities.Calls, c => c == "take-atlas-snapshot");
        Assert.Equal(91, worker.Activities.Calls.Count(c => c == "read-atlas-snapshot"));
        Assert.Equal([AuditKinds.RunStarted, AuditKinds.RunEnded], worker.Activities.Audit.Select(a => a.Kind));
        Assert.Equal("operator", worker.Activities.Audit.First().Person);
        Assert.Empty(summary.Notes);
    }

    [Fact]
    public async Task While_Atlas_is_busy_with_another_snapshot_this_one_waits_its_turn()
    {
        await using var worker = await TestWorker.CreateAsync();
        var busy = 3;
        worker.Activities.On("take-atlas-snapshot", () => busy-- > 0
            ? throw new RefusalException(ErrorKinds.Locked, "Atlas takes another snapshot.", "x") : Task.CompletedTask);

        var summary = await (await worker.StartAtlasSnapshotAsync()).GetResultAsync<AtlasSnapshotSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
        Assert.Equal(4, worker.Activities.Calls.Count(c => c == "take-atlas-snapshot"));
        Assert.Contains("Atlas was busy", Assert.Single(summary.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_snapshot_that_Atlas_fails_is_a_failed_run_that_names_it()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.SnapshotLooks.Enqueue(Answers.Snapshot(AtlasStatus.Failed));

        var error = await TestWorker.FailureAsync(await worker.StartAtlasSnapshotAsync());

        Assert.Equal((ErrorKinds.Backup, Answers.Snapshot("").Id), (error.Kind, error.Where));
        Assert.Contains("failed", error.Message, StringComparison.Ordinal);
        Assert.Equal("Failed", worker.Activities.Audit.Last().Facts["verdict"]);
    }

    [Fact]
    public async Task A_snapshot_that_never_completes_ends_NotProven_after_half_a_day()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.SnapshotLooks.Enqueue(Answers.Snapshot(AtlasStatus.InProgress));
        var run = await worker.StartAtlasSnapshotAsync();

        var summary = await run.GetResultAsync<AtlasSnapshotSummary>();

        Assert.Equal((Verdict.NotProven, "TimedOut"), (summary.Verdict, summary.Ended));
        var history = await run.FetchHistoryAsync();
        Assert.InRange(history.Events.Count, 500, 5_000);
    }

    [Fact]
    public async Task An_outage_of_the_API_says_nothing_of_the_snapshot()
    {
        await using var worker = await TestWorker.CreateAsync();
        var away = 3;
        worker.Activities.On("read-atlas-snapshot", () => away-- > 0
            ? throw new RefusalException(ErrorKinds.Unreachable, "Atlas has a fault of its own.", "x") : Task.CompletedTask);

        var summary = await (await worker.StartAtlasSnapshotAsync()).GetResultAsync<AtlasSnapshotSummary>();

        Assert.Equal(Verdict.Proven, summary.Verdict);
    }

    [Fact]
    public async Task Keys_that_are_refused_for_more_than_an_hour_end_the_run_with_that()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("read-atlas-snapshot", new RefusalException(ErrorKinds.Unreachable, "Atlas refused the keys of cluster 'main'.", "clusters.main.atlas"));

        var error = await TestWorker.FailureAsync(await worker.StartAtlasSnapshotAsync());

        Assert.Equal((ErrorKinds.Unreachable, "clusters.main.atlas"), (error.Kind, error.Where));
    }

    [Fact]
    public async Task An_aborted_snapshot_goes_on_at_Atlas_and_the_run_says_so()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.SnapshotLooks.Enqueue(Answers.Snapshot(AtlasStatus.InProgress));
        worker.Activities.Hang("read-atlas-snapshot");
        var run = await worker.StartAtlasSnapshotAsync();
        await worker.UntilCalledAsync("read-atlas-snapshot");

        Assert.True((await TestWorker.AbortAsync(run)).Accepted);
        var summary = await run.GetResultAsync<AtlasSnapshotSummary>();

        Assert.Equal((Verdict.NotProven, "Aborted"), (summary.Verdict, summary.Ended));
        Assert.Contains("Atlas goes on with it all the same.", summary.Notes);
    }

    [Fact]
    public async Task A_restore_is_started_once_waited_for_and_looked_at()
    {
        await using var worker = await TestWorker.CreateAsync();
        for (var i = 0; i < 70; i++)
            worker.Activities.JobLooks.Enqueue(Answers.Job());
        worker.Activities.JobLooks.Enqueue(Answers.Job() with { FinishedAt = Answers.Moment });

        var summary = await (await worker.StartAtlasRestoreAsync()).GetResultAsync<AtlasRestoreSummary>();

        Assert.Equal((Verdict.Proven, "Drills", TimeSpan.FromMinutes(3)), (summary.Verdict, summary.To!.Cluster, summary.Rpo!.Value));
        Assert.Single(worker.Activities.Calls, c => c == "start-atlas-restore");
        Assert.True(summary.Took > TimeSpan.FromHours(1));
        Assert.Equal("Drills (project p)", worker.Activities.Audit.First().Facts["into"]);
    }

    [Theory]
    [InlineData(true, false, false, "failed")]
    [InlineData(false, true, false, "was cancelled")]
    [InlineData(false, false, true, "expired")]
    public async Task A_restore_that_Atlas_does_not_finish_is_a_failed_run_that_says_how(bool failed, bool cancelled, bool expired, string how)
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.JobLooks.Enqueue(Answers.Job());
        worker.Activities.JobLooks.Enqueue(Answers.Job() with { Failed = failed, Cancelled = cancelled, Expired = expired });

        var error = await TestWorker.FailureAsync(await worker.StartAtlasRestoreAsync());

        Assert.Equal(ErrorKinds.Restore, error.Kind);
        Assert.Contains($"into Drills {how}", error.Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task A_restore_that_is_never_finished_ends_NotProven_after_a_day()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.JobLooks.Enqueue(Answers.Job());

        var summary = await (await worker.StartAtlasRestoreAsync()).GetResultAsync<AtlasRestoreSummary>();

        Assert.Equal((Verdict.NotProven, "TimedOut"), (summary.Verdict, summary.Ended));
        Assert.DoesNotContain("check-atlas-restore", worker.Activities.Calls);
    }

    [Fact]
    public async Task Data_that_nobody_looked_at_is_NotProven()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.CameBack = new([new("restore job", Verdict.Proven, "finished"), new("data", Verdict.NotProven, "nobody has looked")], null);

        var summary = await (await worker.StartAtlasRestoreAsync()).GetResultAsync<AtlasRestoreSummary>();

        Assert.Equal((Verdict.NotProven, null), (summary.Verdict, summary.Rpo));
    }

    [Fact]
    public async Task A_refused_target_ends_the_run_before_anything_is_started()
    {
        await using var worker = await TestWorker.CreateAsync();
        worker.Activities.Fail("plan-atlas-restore", new RefusalException(ErrorKinds.NotApproved, "Nothing is restored into Cluster0.", "Cluster0"));

        var error = await TestWorker.FailureAsync(await worker.StartAtlasRestoreAsync());

        Assert.Equal(ErrorKinds.NotApproved, error.Kind);
        Assert.DoesNotContain("start-atlas-restore", worker.Activities.Calls);
    }
}
