using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Schedules;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Schedules;

public sealed class WatchmanTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 8, 15, 2, TimeSpan.Zero);
    private readonly TestPlan plan = TestPlan.Create();

    public ValueTask DisposeAsync() => plan.DisposeAsync();

    [Fact]
    public void An_asset_without_a_backup_is_overdue()
    {
        var finding = Assert.Single(Look(new CatalogView(Asset.Name, [], [], [])));
        Assert.Equal("overdue", finding.Kind);
        Assert.Contains("no eligible backup", finding.Title, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_said_of_backups_that_could_not_be_looked_at() =>
        Assert.Empty(Look(new CatalogView(Asset.Name, [], [], [new("nas", "it is away")])));

    [Fact]
    public void An_object_that_is_not_what_was_written_is_told_as_tampering_each_under_its_own_key()
    {
        var found = Look(new CatalogView(Asset.Name, [], [new("nas", "a/manifest.json", "is changed"), new("nas", "b/manifest.json", "is changed")], []))
            .Where(f => f.Kind == "tampering").ToList();
        Assert.Equal(2, found.Select(f => f.Key).Distinct().Count());
    }

    [Theory]
    [InlineData("Completed", Verdict.Proven, null)]
    [InlineData("Completed", Verdict.NotProven, "not-proven")]
    [InlineData("Completed", Verdict.Failed, "failed")]
    [InlineData("Completed", null, "not-proven")]
    [InlineData("Failed", null, "failed")]
    [InlineData("Terminated", null, "failed")]
    [InlineData("TimedOut", Verdict.Proven, "failed")]
    [InlineData("Canceled", null, "not-proven")]
    public void A_run_is_told_unless_it_ended_Proven(string status, Verdict? verdict, string? kind) =>
        Assert.Equal(kind, Watchman.OfRun("run", "DatabaseBackup", "a", status, verdict)?.Kind);

    [Fact]
    public void A_drill_is_told_anew_when_another_run_of_it_is_overdue()
    {
        var never = Watchman.OfDrill("quarterly", new(null, Now, true), "quarterly 15 09:00")!;
        var late = Watchman.OfDrill("quarterly", new(new("run", Now, Verdict.Proven), Now, true), "quarterly 15 09:00")!;
        Assert.NotEqual(never.Key, late.Key);
        Assert.Null(Watchman.OfDrill("quarterly", new(null, Now, null), null));
    }

    [Fact]
    public void Snapshots_at_Atlas_that_are_older_than_the_RPO_are_told_and_those_that_could_not_be_looked_at_are_not()
    {
        LuxHedge.Workflows.Atlas.AtlasSnapshot Of(TimeSpan age) => new("s", "completed", "scheduled", Now - age, null, null, null);

        Assert.Null(Watchman.OfAtlas(Asset, new(Asset.Name, Of(TimeSpan.FromMinutes(30)), [], null), Now));
        Assert.Null(Watchman.OfAtlas(Asset, new(Asset.Name, null, [], "it is away"), Now));
        var old = Watchman.OfAtlas(Asset, new(Asset.Name, Of(TimeSpan.FromHours(2)), [], null), Now)!;
        Assert.Equal(("overdue", $"rpo/atlas/{Asset.Name}"), (old.Kind, old.Key));
        Assert.Contains("no complete one", Watchman.OfAtlas(Asset, new(Asset.Name, null, [], null), Now)!.Text, StringComparison.Ordinal);
    }

    private LuxHedge.Activities.Plans.AssetPlan Asset => plan.Plan.Assets.Values.Single();

    private List<LuxHedge.Workflows.Watch.WatchFinding> Look(CatalogView view) => [.. Watchman.OfAsset(plan.Plan, Asset, view, Now, TimeZoneInfo.Utc)];
}
