using System.Globalization;
using System.Text.RegularExpressions;
using LuxHedge.Tests.EndToEnd.Sandbox;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.EndToEnd.Workers;

/// <summary>One backup and two workers that know nothing of each other but the plan. Long: a killed worker's lanes are noticed after 30 s.</summary>
public partial class SharedBackupTests
{
    private const int Lanes = 4;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Two_workers_share_one_backup_and_no_lane_is_done_twice()
    {
        await using var site = await WorkerSite.CreateAsync(Lanes);
        // Two places each, and five activities: neither can take all.
        var workers = new[] { site.StartWorker("--lanes", "2"), site.StartWorker("--lanes", "2") };
        foreach (var worker in workers)
            await WorkerSite.UntilReadyAsync(worker);

        var run = await site.StartBackupAsync();
        var backup = await site.Client.BackupResultAsync(run, Cancellation);

        Assert.Equal(Verdict.Proven, backup.Verdict);
        var lanes = await site.LanesAsync(run);
        Assert.Equal(Enumerable.Range(0, Lanes), lanes.Select(l => l.Lane).Order());
        Assert.All(lanes, l => Assert.Equal(1, l.Attempt));
        Assert.All(workers, w => Assert.Contains(lanes, l => l.Worker.EndsWith($"/{w.Pid.ToString(CultureInfo.InvariantCulture)}", StringComparison.Ordinal)));
        await site.AssertNothingUnexplainedAsync(backup.Backup!.Id);

        // Each lane's data fits into one pack, and there is one of each.
        var packs = (await site.ObjectsAsync()).Select(o => Pack().Match(o)).Where(m => m.Success).Select(m => m.Groups[1].Value);
        Assert.Equal(["0", "1", "2", "3"], packs.Order(StringComparer.Ordinal));
    }

    [Fact(Explicit = true)]
    public async Task One_of_two_workers_killed_in_the_middle_is_made_up_for_by_the_other()
    {
        await using var site = await WorkerSite.CreateAsync(Lanes);
        var (first, second) = (site.StartWorker("--lanes", "2"), site.StartWorker("--lanes", "3"));
        await WorkerSite.UntilReadyAsync(first);
        await WorkerSite.UntilReadyAsync(second);

        var run = await site.StartBackupAsync();
        await RunningSandbox.UntilAsync(() => site.IsInTheMiddleOfADump(4 << 20), "the middle of the dump");
        first.Kill();
        var backup = await site.Client.BackupResultAsync(run, Cancellation);

        Assert.Equal(Verdict.Proven, backup.Verdict);
        var lanes = await site.LanesAsync(run);
        Assert.Equal(Enumerable.Range(0, Lanes), lanes.Select(l => l.Lane).Order());
        Assert.Contains(lanes, l => l.Attempt > 1);
        Assert.All(lanes.Where(l => l.Attempt > 1), l => Assert.EndsWith($"/{second.Pid.ToString(CultureInfo.InvariantCulture)}", l.Worker, StringComparison.Ordinal));
        await site.AssertNothingUnexplainedAsync(backup.Backup!.Id);
    }

    [GeneratedRegex("^nas .*/packs/([0-9]+)-0-")]
    private static partial Regex Pack();
}
