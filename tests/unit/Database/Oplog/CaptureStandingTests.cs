using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Unit.Commands;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Database.Oplog;

public sealed class CaptureStandingTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = Samples.At(8, 30);
    private readonly TestPlan plan = TestPlan.Create();

    private AssetPlan Asset => plan.Plan.Assets.Values.Single() with { Stores = ["s3", "nas"], Capture = new CapturePlan(TimeSpan.FromSeconds(60), null) };

    public ValueTask DisposeAsync() => plan.DisposeAsync();

    [Fact]
    public void The_newest_moment_is_the_newest_canary_that_a_backup_leads_to()
    {
        var view = View([Slice(8, 0, 8, 10, 8, 9), Slice(8, 10, 8, 20, 8, 19), Slice(8, 25, 8, 29, 8, 28)]);
        var standing = CaptureStanding.Of(Asset, Backups(8, 5), view);

        Assert.Equal([(Samples.At(8, 5), Samples.At(8, 20))], standing.Windows.Select(w => (w.From.ToTime(), w.To.ToTime())));
        Assert.Equal((Samples.At(8, 19), Samples.At(8, 19)), (standing.NewestCanary, standing.NewestMoment));
        Assert.Equal(Samples.At(8, 29), standing.NewestSlice!.Value.ToTime());
        Assert.Equal(Samples.At(8, 20), CaptureStanding.Of(Asset with { Canary = false }, Backups(8, 5), view).NewestMoment);
        Assert.Equal(TimeSpan.FromMinutes(11), StatusCommand.Judge(Asset, Backups(8, 5), Now, standing).Rpo);
    }

    [Fact]
    public void Without_a_backup_nothing_can_be_had_and_without_slices_only_the_backup()
    {
        var none = CaptureStanding.Of(Asset, Samples.Catalog(), View([Slice(8, 0, 8, 10, 8, 9)]));
        Assert.Empty(none.Windows);
        Assert.Null(none.NewestMoment);

        var lone = CaptureStanding.Of(Asset, Backups(8, 5), View([]));
        Assert.Equal(Samples.At(8, 5), lone.NewestMoment);
        Assert.Null(lone.NewestCanary);
    }

    [Fact]
    public void A_gap_is_open_until_a_backup_is_made_after_it()
    {
        var gap = new GapRecord(GapRecord.FormatName, Samples.Asset, "run", "writer", At(8, 10), At(8, 12), Samples.At(8, 12), "It rolled over.");
        var view = View([Slice(8, 0, 8, 10, 8, 9), Slice(8, 12, 8, 20, 8, 19)]) with { Gaps = [gap] };

        var open = CaptureStanding.Of(Asset, Backups(8, 5), view);
        Assert.Equal(gap, open.OpenGap);
        Assert.Equal("failed", Assert.Single(Watchman.OfCapture(Asset, view, open, true, Samples.At(8, 21))).Kind);
        Assert.Contains(StatusCommand.Judge(Asset, Backups(8, 5), Now, open).Problems, p => p.StartsWith("the oplog has a gap", StringComparison.Ordinal));
        Assert.Null(CaptureStanding.Of(Asset, Backups(8, 15), view).OpenGap);
    }

    [Fact]
    public void Capture_that_is_stopped_lags_or_does_not_come_into_a_store_is_told()
    {
        var view = View([Slice(8, 0, 8, 10, 8, 9), Slice(8, 10, 8, 20, 8, 19, "s3")]);
        var standing = CaptureStanding.Of(Asset, Backups(8, 5), view);

        Assert.Equal(["oplog/luxhedge_production/behind/nas"], Keys(running: true, Samples.At(8, 21)));
        Assert.Equal(["oplog/luxhedge_production/lag", "oplog/luxhedge_production/behind/nas"], Keys(running: true, Now));
        Assert.Equal(["oplog/luxhedge_production/stopped", "oplog/luxhedge_production/behind/nas"], Keys(running: false, Now));
        Assert.Equal(["oplog/luxhedge_production/behind/nas"], Keys(running: null, Now));

        IEnumerable<string> Keys(bool? running, DateTimeOffset now) => Watchman.OfCapture(Asset, view, standing, running, now).Select(f => f.Key);
    }

    [Fact]
    public void The_bar_shows_a_gap_without_colours()
    {
        WindowStatus[] windows = [new(Samples.At(7, 30), Samples.At(7, 40), "a"), new(Samples.At(7, 50), Samples.At(8, 30), "b"), new(Samples.At(6, 0), Samples.At(6, 0), "lone")];
        var (from, cells) = OplogStatusView.Bar(windows, Now)!.Value;

        Assert.Equal(Samples.At(7, 30), from);
        Assert.Equal(new string('█', 10) + new string('·', 10) + new string('█', 40), cells);
        Assert.Null(OplogStatusView.Bar([new(Now, Now, "lone")], Now));
        Assert.Equal(Now - TimeSpan.FromDays(1), OplogStatusView.Bar([new(Now - TimeSpan.FromDays(3), Now, "a")], Now)!.Value.From);
    }

    private static ClusterTime At(int hour, int minute) => new((uint)Samples.At(hour, minute).ToUnixTimeSeconds(), 1);

    private static CatalogView Backups(int hour, int minute) => Samples.Catalog(Samples.InCatalog(
        Samples.Backup(consistentAt: Samples.At(hour, minute)) with { Eligible = true }, m => m with { EndMark = At(hour, minute), OnlyCollections = null }));

    private static CatalogSlice Slice(int fromHour, int fromMinute, int toHour, int toMinute, int canaryHour, int canaryMinute, params string[] stores)
    {
        var manifest = Samples.Slice(Samples.At(fromHour, fromMinute), Samples.At(toHour, toMinute)) with { NewestCanary = Samples.At(canaryHour, canaryMinute) };
        return new(manifest, [.. (stores.Length > 0 ? stores : ["s3", "nas"]).Select(s => new SliceCopy(s, manifest, ""))]);
    }

    private static SliceView View(IReadOnlyList<CatalogSlice> slices) => new(Samples.Asset, slices, [], [], []);
}
