using System.Text.Json;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Atlas;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using Temporalio.Client;

namespace LuxHedge.Tests.Integration.Atlas;

/// <summary>A real worker on the dev server: a snapshot is taken and restored through the fake, and no key is in history or logs.</summary>
public sealed class AtlasRunsTests
{
    [Fact]
    public async Task A_snapshot_is_taken_and_restored_and_no_secret_travels()
    {
        var temporal = await TemporalServer.SharedAsync();
        await using var atlas = await FakeAtlas.StartAsync();
        (atlas.NewSnapshot, atlas.RestoresAtOnce) = ("completed", true);
        atlas.Cluster("Cluster0");
        atlas.Cluster("Drills");
        var asset = TestPlan.NewAsset();
        await using var test = TestPlan.Create(p => p with { TemporalAddress = temporal.Address, Namespace = temporal.Namespace }, asset: asset);
        var plan = atlas.Plan(test, account: true);
        using var stop = new CancellationTokenSource();
        var ready = new TaskCompletionSource();
        var log = new StringWriter();
        var running = WorkerHost.RunAsync(plan, new() { LogOutput = TextWriter.Synchronized(log), Ready = ready.SetResult }, stop.Token);
        await await Task.WhenAny(ready.Task, running);
        var client = new LuxClient(temporal.Client, plan.Temporal);
        atlas.Fail("POST /backup/snapshots", AtlasFailure.LostAnswer);

        var snapshot = await client.StartAtlasSnapshotAsync(
            new($"20261123T101500Z-atlas-snapshot-{asset}-7f3a", asset, plan.Temporal.TaskQueue, "before the migration", 7) { Person = "operator" }, default);
        var taken = await client.ResultAsync<AtlasSnapshotSummary>(snapshot, default);
        Assert.Equal(Verdict.Proven, taken.Verdict);
        Assert.Single(atlas.Cluster("Cluster0").Snapshots);

        var restore = await client.StartAtlasRestoreAsync(
            new($"20261123T101500Z-atlas-restore-{asset}-7f3a", asset, plan.Temporal.TaskQueue, null, null) { Person = "operator" }, default);
        var restored = await client.ResultAsync<AtlasRestoreSummary>(restore, default);
        Assert.Equal((Verdict.NotProven, taken.Snapshot!.Id, "Drills"), (restored.Verdict, restored.Snapshot, restored.To!.Cluster));

        await stop.CancelAsync();
        await running;
        var told = log.ToString();
        foreach (var run in new[] { snapshot, restore })
            told += (await temporal.Client.GetWorkflowHandle(run.WorkflowId).FetchHistoryAsync()).ToJson();
        foreach (var secret in new[] { FakeAtlas.ClientId, FakeAtlas.ClientSecret, "fake-signature" })
            Assert.DoesNotContain(secret, told, StringComparison.Ordinal);
        var audit = string.Concat(Directory.EnumerateFiles(Path.Combine(test.Folder, "nas", "audit"), "*", SearchOption.AllDirectories).Select(File.ReadAllText));
        Assert.Contains("atlas snapshot", audit, StringComparison.Ordinal);
        Assert.Contains("atlas restore", audit, StringComparison.Ordinal);
    }
}
