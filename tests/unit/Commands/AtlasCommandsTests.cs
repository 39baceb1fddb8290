using LuxHedge.Activities.Atlas;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class AtlasCommandsTests
{
    private const string Asset = "luxhedge_production";
    private static readonly AtlasSnapshot Newest = new(
        "5f4863944e173000014fa8bf", "completed", "scheduled", CommandRig.Now.AddMinutes(-90), CommandRig.Now.AddDays(7), null, 1_000);

    [Fact]
    public async Task Status_shows_each_snapshot_and_the_age_of_the_newest_against_the_RPO()
    {
        await using var rig = Create();

        Assert.Equal(0, await rig.RunAsync("atlas", "status"));
        Assert.Contains("newest 1 h 30 min old, 1 h allowed  too old", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains(Newest.Id, rig.Out.Output, StringComparison.Ordinal);

        await rig.RunAsync("atlas", "status", "--json");
        var row = rig.Document[0];
        Assert.Equal(
            ["asset", "project", "cluster", "newest", "age", "rpo", "fresh", "restoreTo", "snapshots", "unknown"],
            row.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("PT1H30M", "PT1H", false), (row.GetProperty("age").GetString(), row.GetProperty("rpo").GetString(), row.GetProperty("fresh").GetBoolean()));
        Assert.Equal("Drills", row.GetProperty("restoreTo").GetProperty("cluster").GetString());
    }

    [Fact]
    public async Task Atlas_that_can_not_be_asked_is_unknown_and_no_error()
    {
        await using var rig = Create();
        rig.Atlas = new(Asset, null, [], "Atlas (cloud.mongodb.com) did not answer within 30 s.");

        Assert.Equal(0, await rig.RunAsync("atlas", "status", "--json"));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, rig.Document[0].GetProperty("fresh").ValueKind);
    }

    [Fact]
    public async Task An_asset_elsewhere_is_refused_with_what_the_plan_lacks()
    {
        await using var rig = CommandRig.Create();

        Assert.Equal(ExitCodes.Usage, await rig.RunAsync("atlas", "snapshot", Asset, "--reason", "why"));
        Assert.Contains("clusters.main.atlas", rig.Error.Output, StringComparison.Ordinal);
        Assert.Equal(0, await rig.RunAsync("atlas", "status"));
    }

    [Fact]
    public async Task A_snapshot_is_asked_for_with_who_and_why_and_followed()
    {
        await using var rig = Create();
        rig.Runs.Result = new AtlasSnapshotSummary("run", Verdict.Proven, Asset, Newest);

        Assert.Equal(ExitCodes.Usage, await rig.RunAsync("atlas", "snapshot", Asset));
        Assert.Equal(0, await rig.RunAsync("atlas", "snapshot", Asset, "--reason", "before the migration", "--days", "3"));

        var request = Assert.IsType<AtlasSnapshotRequest>(Assert.Single(rig.Runs.Started));
        Assert.Equal(("before the migration", 3, "operator"), (request.Reason, request.RetentionDays, request.Person));
        Assert.Contains("Complete:", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restore_overwrites_the_other_cluster_only_after_a_yes_and_exits_by_its_verdict()
    {
        await using var rig = Create();
        rig.Runs.Result = new AtlasRestoreSummary("run", Verdict.NotProven, Asset, new("p", "Drills"), Newest.Id, Newest.CreatedAt, "job", TimeSpan.FromHours(1), null);

        Assert.Equal(ExitCodes.Usage, await rig.RunAsync("atlas", "restore", Asset));
        Assert.Empty(rig.Runs.Started);
        Assert.Equal(ExitCodes.NotProven, await rig.RunAsync("atlas", "restore", Asset, "--yes", "--to", "2026-11-23T07:15:00Z"));

        var request = Assert.IsType<AtlasRestoreRequest>(Assert.Single(rig.Runs.Started));
        Assert.Equal(new DateTimeOffset(2026, 11, 23, 7, 15, 0, TimeSpan.Zero), request.To);
        Assert.Equal(ExitCodes.Usage, await rig.RunAsync("atlas", "restore", Asset, "--yes", "--to", "2026-11-24T07:15:00Z"));
        Assert.Equal(ExitCodes.Usage, await rig.RunAsync("atlas", "restore", Asset, "--yes", "--to", "soon"));
    }

    private static CommandRig Create()
    {
        var rig = CommandRig.Create();
        rig.Atlas = new(Asset, Newest, [Newest], null);
        const string main = "main: { connection: \"${file:keys/mongodb}\" }";
        var text = File.ReadAllText(rig.Plan.Path);
        Assert.Contains(main, text, StringComparison.Ordinal);
        File.WriteAllText(rig.Plan.Path, text.Replace(
            main, "main: { connection: \"${file:keys/mongodb}\", atlas: { project: 32b6e34b3d91647abb20e7b8, cluster: Cluster0, publicKey: \"${env:A}\", "
            + "privateKey: \"${env:B}\", restoreTo: { cluster: Drills } } }", StringComparison.Ordinal));
        return rig;
    }
}
