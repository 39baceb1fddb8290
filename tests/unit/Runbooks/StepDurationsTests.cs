using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Tests.Unit.Evidence;

namespace LuxHedge.Tests.Unit.Runbooks;

public sealed class StepDurationsTests : IDisposable
{
    private readonly SampleRun run = new();
    private readonly MemoryStore nas = new("nas");
    private readonly MemoryStore attic = new("attic");

    public void Dispose() => run.Dispose();

    [Fact]
    public async Task How_long_steps_took_is_read_from_the_signed_evidence_of_the_runbooks_last_runs()
    {
        nas.LayOver(ObjectNames.Evidence(SampleRun.RunId, "evidence.json"), run.Sign(run.Create()));
        nas.LayOver(ObjectNames.Evidence("20261122T090000Z-drill-monthly-0000", "evidence.json"), [1, 2, 3]);

        var durations = await ReadAsync("quarterly");

        Assert.Equal(TimeSpan.FromSeconds(330), Assert.Single(durations.ByStep["restore"]));
        Assert.Equal(TimeSpan.FromSeconds(86), Assert.Single(durations.ByStep["collection/restore"]));
        Assert.Empty(durations.Unknown);
        Assert.Empty((await ReadAsync("quarterly", runbook: "another")).ByStep);
    }

    [Fact]
    public async Task A_failed_step_says_nothing_of_how_long_it_takes()
    {
        nas.LayOver(ObjectNames.Evidence(SampleRun.RunId, "evidence.json"), run.Sign(run.Create(LuxHedge.Workflows.Verdict.Failed)));

        Assert.False((await ReadAsync("quarterly")).ByStep.ContainsKey("checks/counts"));
    }

    [Fact]
    public async Task What_can_not_be_read_or_was_forged_is_unknown_and_no_error()
    {
        attic.Down = new IOException("the mount is gone");
        var forged = run.Sign(run.Create());
        forged[10] ^= 1;
        nas.LayOver(ObjectNames.Evidence(SampleRun.RunId, "evidence.json"), forged);

        var durations = await ReadAsync("quarterly");

        Assert.Empty(durations.ByStep);
        Assert.Equal(["nas", "attic"], durations.Unknown.Select(u => u.Split(':')[0]).OrderDescending());
    }

    private Task<StepDurations> ReadAsync(string name, string? runbook = null)
    {
        var stores = new[] { "attic", "nas" }.ToDictionary(n => n, n => new StorePlan(n, "directory", null, "", null, null, null, null, null));
        return StepDurations.ReadAsync(run.Plan with { Stores = stores }, new StoreSet(nas, attic), name, runbook ?? name, CancellationToken.None);
    }
}
