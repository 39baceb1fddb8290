using LuxHedge.Tests.EndToEnd.Sandbox;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.EndToEnd.Workers;

/// <summary>Workers as real processes, killed or stopped in the middle of moving bytes. Long: a dead lane is noticed after 30 s.</summary>
public class KilledWorkerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task A_worker_killed_in_a_dump_and_one_killed_in_a_restore_leave_nothing_half_done()
    {
        await using var site = await WorkerSite.CreateAsync();
        var first = site.StartWorker();
        var run = await site.StartBackupAsync();
        await RunningSandbox.UntilAsync(() => site.IsInTheMiddleOfADump(), "the middle of the dump");
        first.Kill();
        Assert.True(site.IsInTheMiddleOfADump(), "the dump was over when the worker was killed");

        var second = site.StartWorker();
        var backup = await site.Client.BackupResultAsync(run, Cancellation);
        Assert.Equal(Verdict.Proven, backup.Verdict);
        await site.AssertNothingUnexplainedAsync(backup.Backup!.Id);

        var (restore, into) = await site.StartRestoreAsync(backup.Backup.Id);
        await site.UntilInTheMiddleOfALoadAsync(into);
        second.Kill();
        Assert.True(await site.IsLoadingAsync(into), "the load was over when the worker was killed");

        site.StartWorker();
        var restored = await site.Client.RestoreResultAsync(restore, Cancellation);
        Assert.True(restored.Verdict == Verdict.Proven, string.Join("; ", restored.Checks));
        Assert.Equal(await site.ContentAsync(site.Source), await site.ContentAsync(into));
        await site.AssertNothingUnexplainedAsync(backup.Backup.Id);
    }

    [Fact(Explicit = true)]
    public async Task A_worker_stopped_in_a_dump_or_a_restore_and_woken_after_its_successor_changes_nothing()
    {
        await using var site = await WorkerSite.CreateAsync();
        var first = site.StartWorker();
        var run = await site.StartBackupAsync();
        await RunningSandbox.UntilAsync(() => site.IsInTheMiddleOfADump(), "the middle of the dump");
        WorkerSite.Send(first, "STOP");
        Assert.True(site.IsInTheMiddleOfADump(), "the dump was over when the worker was stopped");

        var second = site.StartWorker();
        var backup = await site.Client.BackupResultAsync(run, Cancellation);
        Assert.Equal(Verdict.Proven, backup.Verdict);
        var before = await site.ObjectsAsync();
        await WorkerSite.WakeAndEndAsync(first);
        Assert.Equal(before, await site.ObjectsAsync());
        await site.AssertNothingUnexplainedAsync(backup.Backup!.Id);

        var (restore, into) = await site.StartRestoreAsync(backup.Backup.Id);
        await site.UntilInTheMiddleOfALoadAsync(into);
        WorkerSite.Send(second, "STOP");
        Assert.True(await site.IsLoadingAsync(into), "the load was over when the worker was stopped");

        site.StartWorker();
        var restored = await site.Client.RestoreResultAsync(restore, Cancellation);
        Assert.True(restored.Verdict == Verdict.Proven, string.Join("; ", restored.Checks));
        var content = await site.ContentAsync(into);
        before = await site.ObjectsAsync();
        await WorkerSite.WakeAndEndAsync(second);
        Assert.Equal(content, await site.ContentAsync(into));
        Assert.Equal(before, await site.ObjectsAsync());
        Assert.Equal(await site.ContentAsync(site.Source), content);
    }
}
