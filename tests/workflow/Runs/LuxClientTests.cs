using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Workflow.Runs;

/// <summary>On the dev server: lists need its visibility.</summary>
public sealed class LuxClientTests
{
    private readonly string asset = $"asset_{Guid.NewGuid():N}";

    private string RunId => $"20261123T101500Z-test-{asset}";

    [Fact]
    public async Task A_run_is_started_followed_and_answers()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync();
        var client = CreateClient(worker);

        var run = await client.StartBackupAsync(CreateBackup(worker), default);
        var views = new List<RunView>();
        using var limit = new CancellationTokenSource(TestWorker.Limit);
        await foreach (var view in client.FollowAsync(run, TimeSpan.FromMilliseconds(20), limit.Token))
            views.Add(view);

        Assert.Equal(("completed", Verdict.Proven), (views[^1].Status, views[^1].State!.Verdict));
        Assert.All(views.SkipLast(1), v => Assert.True(v.Open));
        Assert.Equal(Verdict.Proven, (await client.BackupResultAsync(run, default)).Verdict);
    }

    [Fact]
    public async Task While_it_runs_the_heartbeats_of_its_activities_are_its_progress()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync(FakeActivities.Hanging("dump-lane 0/0 of 2",
            "dump-lane 0/1 of 2"));
        var client = CreateClient(worker);
        var run = await client.StartBackupAsync(CreateBackup(worker), default);

        var view = await FollowUntilAsync(client, run,
            v => v.Activities.Count(a => a.Activity == "dump-lane" && a.Progress is not null) == 2);

        Assert.Contains(new Progress("", 1, 2, "parts"), view.Activities.Select(a => a.Progress));
        Assert.Equal(StepStates.Running, view.State!.Steps.Single(s => s.Step == "dump").State);
        await client.AbortAsync(run, "alice", "enough", default);
        Assert.Equal("Aborted", (await client.BackupResultAsync(run, default)).Ended);
    }

    [Fact]
    public async Task A_held_lock_names_its_holder_since_when_and_what_to_do()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync(FakeActivities.Hanging("plan-ranges"));
        var client = CreateClient(worker);
        var run = await client.StartBackupAsync(CreateBackup(worker), default);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() =>
            client.StartBackupAsync(CreateBackup(worker) with { RunId = "another" }, default));

        Assert.Equal(ErrorKinds.Locked, refusal.Report.Kind);
        Assert.Contains(RunId, refusal.Report.Message, StringComparison.Ordinal);
        Assert.Contains("runs abort", refusal.Report.Hint, StringComparison.Ordinal);
        Assert.Equal(RunId, (await client.HolderAsync(WorkflowIds.Backup(asset), default))!.RunId);
        await client.AbortAsync(run, "alice", "enough", default);
        await client.BackupResultAsync(run, default);
        Assert.Null(await client.HolderAsync(WorkflowIds.Backup(asset), default));
    }

    [Fact]
    public async Task A_failed_run_tells_its_error_report()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync(FakeActivities.Failing("seal"));
        var client = CreateClient(worker);
        var run = await client.StartBackupAsync(CreateBackup(worker), default);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => client.BackupResultAsync(run, default));

        Assert.Equal(new(ErrorKinds.Backup, "It can't be done.", "seal", "Do something else."), refusal.Report);
    }

    [Fact]
    public async Task Lists_show_what_was_started_and_whom_it_waits_for_and_not_what_is_its_step()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync(FakeActivities.Hanging("plan-ranges"));
        var client = CreateClient(worker);
        var run = await client.StartRestoreAsync(CreateRestore(worker), default);
        var handle = worker.Client.GetWorkflowHandle(run.WorkflowId);
        await TestWorker.UntilAsync(handle, s => s.WaitingFor is not null);

        var waiting = await ListUntilAsync(client, rows => rows is [{ State: "waiting" }]);
        Assert.Equal(("approval", "approval"), (waiting[0].WaitingFor!.Step, waiting[0].WaitingFor!.Kind));
        Assert.Equal(["alice", "bob", "carol"], waiting[0].WaitingFor!.Approvers);
        Assert.Equal((RunId, Wire.Restore, asset), (waiting[0].RunId, waiting[0].Workflow, waiting[0].Asset));

        await TestWorker.DecideAsync(handle, "alice");
        await worker.UntilCalledAsync("plan-ranges");
        var view = await client.LookAsync(run, default);
        Assert.Equal(Wire.DatabaseBackup, Assert.Single(view.Children).Run.Workflow);
        Assert.Equal("running", Assert.Single(await ListUntilAsync(client, rows => rows is [{ WaitingFor: null }])).State);

        await client.AbortAsync(run, "alice", "enough", default);
        await client.RestoreResultAsync(run, default);
        Assert.Equal(Verdict.NotProven, Assert.Single(await ListUntilAsync(client, rows => rows is [{ Open: false }])).Verdict);
    }

    [Fact]
    public async Task A_run_is_found_by_its_run_id_and_by_its_workflow_id()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync();
        var client = CreateClient(worker);
        var run = await client.StartBackupAsync(CreateBackup(worker), default);

        Assert.Equal(run, (await client.FindAsync(RunId, default)).Reference);
        Assert.Equal(run, (await client.FindAsync(WorkflowIds.Backup(asset), default)).Reference);
        var refusal = await Assert.ThrowsAsync<RefusalException>(() => client.FindAsync("no' OR '1'='1", default));
        Assert.Equal(ErrorKinds.Usage, refusal.Report.Kind);
    }

    [Fact]
    public async Task What_is_over_can_not_be_decided_any_more()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync();
        var client = CreateClient(worker);
        var run = await client.StartBackupAsync(CreateBackup(worker), default);
        await client.BackupResultAsync(run, default);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => client.AbortAsync(run, "alice", "late", default));

        Assert.Equal(ErrorKinds.RefusedDecision, refusal.Report.Kind);
    }

    /// <summary>The server throws away a workflow's answer when an activity ends in the same moment; it was never taken, so it is asked
    /// again.</summary>
    [Fact]
    public async Task An_abort_at_any_moment_is_answered()
    {
        await using var worker = await TestWorker.CreateOnDevServerAsync();
        var client = CreateClient(worker);

        for (var i = 0; i < 10; i++)
        {
            var run = await client.StartBackupAsync(CreateBackup(worker) with { RunId = $"run-{i}", Asset = $"{asset}-{i}" }, default);
            DecisionAnswer? answer = null;
            try
            {
                answer = await client.AbortAsync(run, "alice", "at once", default);
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.RefusedDecision)
            {
                // On a busy machine the run can be over before the order reaches it: that is an answer too, and then nothing was aborted.
            }

            Assert.Equal(answer?.Accepted == true ? "Aborted" : null, (await client.BackupResultAsync(run, default)).Ended);
        }
    }

    [Fact]
    public async Task Without_a_worker_the_run_is_shown_with_why_nothing_moves()
    {
        var worker = await TestWorker.CreateOnDevServerAsync();
        var client = new LuxClient(worker.Client, CreatePlan($"{worker.Queue}-empty"));
        var run = await client.StartBackupAsync(CreateBackup(worker), default);

        var view = await client.LookAsync(run, default);

        Assert.Null(view.State);
        Assert.Contains("No worker", view.Problem, StringComparison.Ordinal);
        await worker.Client.GetWorkflowHandle(run.WorkflowId).TerminateAsync();
        await worker.DisposeAsync();
    }

    private static LuxClient CreateClient(TestWorker worker) => new(worker.Client, CreatePlan(worker.Queue));

    private static TemporalPlan CreatePlan(string queue) => new("127.0.0.1", "default", queue, false, null, null);

    private DatabaseBackupRequest CreateBackup(TestWorker worker) => new(RunId, asset, worker.Queue);

    private RestoreRequest CreateRestore(TestWorker worker) => worker.CreateRestore() with { RunId = RunId, Asset = asset, Target = asset };

    private static async Task<RunView> FollowUntilAsync(LuxClient client, RunReference run, Func<RunView, bool> condition)
    {
        using var limit = new CancellationTokenSource(TestWorker.Limit);
        await foreach (var view in client.FollowAsync(run, TimeSpan.FromMilliseconds(20), limit.Token))
        {
            if (condition(view))
                return view;
        }

        throw new InvalidOperationException("The run ended before that.");
    }

    private async Task<IReadOnlyList<RunRow>> ListUntilAsync(LuxClient client, Func<IReadOnlyList<RunRow>, bool> condition)
    {
        List<RunRow> rows = [];
        await TestWorker.UntilAsync(async () => condition(rows = [.. (await client.ListAsync(onlyOpen: false, 1000, default)).Where(r => r.Asset == asset)]));
        return rows;
    }
}
