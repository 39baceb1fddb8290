using LuxHedge.Activities;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Integration.Hosting;

public sealed class WorkerHostTests
{
    [Fact]
    public async Task A_worker_takes_work_until_it_is_stopped()
    {
        var temporal = await TemporalServer.SharedAsync();
        var asset = TestPlan.NewAsset();
        await using var test = TestPlan.Create(p => p with { TemporalAddress = temporal.Address, Namespace = temporal.Namespace }, asset: asset);
        var plan = test.Plan;
        using var stop = new CancellationTokenSource();
        var ready = new TaskCompletionSource();
        var log = new StringWriter();
        var running = WorkerHost.RunAsync(plan, new() { LogOutput = TextWriter.Synchronized(log), Ready = ready.SetResult }, stop.Token);
        await await Task.WhenAny(ready.Task, running);
        var client = new LuxClient(temporal.Client, plan.Temporal);

        // The plan's cluster is nowhere: the real activity says so, at once and with what to check.
        var run = await client.StartBackupAsync(new($"20261123T101500Z-backup-{asset}-7f3a", asset, plan.Temporal.TaskQueue), default);
        var refusal = await Assert.ThrowsAsync<RefusalException>(() => client.BackupResultAsync(run, default));
        Assert.Equal(ErrorKinds.Unreachable, refusal.Report.Kind);
        Assert.Contains("127.0.0.1:1", refusal.Report.Message, StringComparison.Ordinal);

        await stop.CancelAsync();
        await running;
        Assert.Contains("Takes work from", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("Stops", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_Temporal_is_tried_again_and_then_named()
    {
        await using var test = TestPlan.Create();
        var log = new StringWriter();

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => WorkerHost.RunAsync(
            test.Plan, new() { LogOutput = log, ConnectFor = TimeSpan.FromSeconds(3) }, CancellationToken.None));

        Assert.Equal((ErrorKinds.Unreachable, "127.0.0.1:1"), (refusal.Report.Kind, refusal.Report.Where));
        Assert.Contains("Trying again", log.ToString(), StringComparison.Ordinal);
    }
}
