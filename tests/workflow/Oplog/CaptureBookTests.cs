using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Worker.Schedules;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Workflow.Oplog;

public sealed class CaptureBookTests
{
    [Fact]
    public async Task Capture_is_started_once_stopped_where_the_plan_has_it_no_more_and_seen_without_a_worker()
    {
        var server = await TemporalServer.SharedAsync();
        var asset = TestPlan.NewAsset();
        await using var files = TestPlan.Create(
            p => p with { TemporalAddress = server.Address, Assets = [new SandboxAsset(asset, asset) { Slice = "10s" }] }, asset: asset);
        var plan = files.Plan;
        var book = new CaptureBook(server.Client, plan);
        Assert.Equal(CaptureStates.Stopped, (await book.LookAsync(asset, default)).State);
        Assert.Equal([asset], (await book.CompareAsync(default)).Start);

        var run = await book.StartAsync(asset, $"run-{asset}", default);
        Assert.Equal(run, await book.StartAsync(asset, "another", default));
        Assert.Equal(CaptureStates.Waiting, (await book.LookAsync(asset, default)).State);
        var other = new CaptureBook(server.Client, plan with { Temporal = plan.Temporal with { TaskQueue = "somebody-else" } });
        Assert.Equal(ErrorKinds.Locked, (await Assert.ThrowsAsync<RefusalException>(() => other.CompareAsync(default))).Report.Kind);

        await using (await OplogRig.CreateAsync(plan.Temporal.TaskQueue))
        {
            await TestWorker.UntilAsync(async () => (await book.LookAsync(asset, default)).State == CaptureStates.Running);
            Assert.Equal([run], (await book.CompareAsync(default)).Running);

            var without = plan with { Assets = new Dictionary<string, AssetPlan> { [asset] = plan.Assets[asset] with { Capture = null } } };
            var dropped = new CaptureBook(server.Client, without);
            Assert.Equal([run], (await dropped.CompareAsync(default)).Stop);
            await dropped.StopAsync(run, "alice", "the plan changed", default);
            Assert.StartsWith("Stopped by alice", (await server.Client.GetWorkflowHandle(WorkflowIds.Oplog(asset)).GetResultAsync<CaptureResult>()).Ended, StringComparison.Ordinal);
        }

        Assert.Equal(CaptureStates.Stopped, (await book.LookAsync(asset, default)).State);
    }
}
