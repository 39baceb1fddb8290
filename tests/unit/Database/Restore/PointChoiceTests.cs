using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Unit.Commands;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class PointChoiceTests
{
    private static readonly DateTimeOffset Now = Minute(60);

    [Theory]
    [InlineData(15, 10)]
    [InlineData(20, 20)]
    [InlineData(25, 20)]
    public void The_base_is_the_newest_backup_that_slices_lead_on_from_to_the_moment(int wanted, int expected)
    {
        var choice = PointChoice.Of([Backup(10), Backup(20), Backup(50)], Chain(5, 12, 18, 30), At(wanted))!;

        Assert.Equal(Backup(expected).Id, choice.Base.Id);
        Assert.Equal(new ClusterTime(Seconds(wanted), uint.MaxValue), choice.Until);
        Assert.True(choice.Chain[0].From <= choice.Base.Manifest.EndMark && choice.Chain[^1].To >= choice.Until);
        Assert.Null(choice.Note);
    }

    [Fact]
    public void A_newer_backup_after_a_gap_is_no_base_for_a_moment_before_it()
    {
        var slices = Slices(5, 15).Concat(Slices(25, 40)).ToList();

        Assert.Equal(Backup(10).Id, PointChoice.Of([Backup(10), Backup(20), Backup(30)], new(slices), At(14))!.Base.Id);
        Assert.Equal(Backup(30).Id, PointChoice.Of([Backup(10), Backup(20), Backup(30)], new(slices), At(35))!.Base.Id);
        Assert.Null(PointChoice.Of([Backup(10), Backup(20), Backup(30)], new(slices), At(22)));
    }

    [Fact]
    public void Reading_only_what_decides_chooses_the_same_as_reading_everything() =>
        (from bases in Gen.Int[0, 60].List[1, 5]
         from cuts in Gen.Int[1, 9].List[1, 12]
         from lost in Gen.Bool.List[12]
         from wanted in Gen.Int[-1, 70]
         select (bases, cuts, lost, wanted)).Sample(sample =>
         {
             var borders = new List<int> { 0 };
             foreach (var cut in sample.cuts)
                 borders.Add(borders[^1] + cut);
             var slices = borders.Zip(borders.Skip(1), (a, b) => Samples.Slice(Minute(a), Minute(b))).Where((_, i) => i >= sample.lost.Count || !sample.lost[i]).ToList();
             var bases = sample.bases.Distinct().Select(minute => Backup(minute)).ToList();
             var wanted = sample.wanted < 0 ? RestorePoint.Latest : At(sample.wanted);

             var (found, _) = PointChoice.FindAsync(bases, wanted, (from, to) => Task.FromResult(View(slices.Where(s => !(s.To <= from) && !(s.From >= to))))).Result;
             var all = PointChoice.Of(bases, new(slices), wanted);

             Assert.Equal((all?.Base.Id, all?.Until, all?.Note), (found?.Base.Id, found?.Until, found?.Note));
             Assert.Equal(all?.Chain ?? [], found?.Chain ?? []);
         });

    private static SliceView View(IEnumerable<SliceManifest> slices) => new("shop", [.. slices.Select(s => new CatalogSlice(s, []))], [], [], []);

    [Fact]
    public void The_moment_of_a_backup_needs_no_slices()
    {
        var choice = PointChoice.Of([Backup(10), Backup(20)], new([]), At(10))!;

        Assert.Equal(Backup(10).Id, choice.Base.Id);
        Assert.Equal(Backup(10).Manifest.EndMark, choice.Until);
        Assert.Empty(choice.Chain);
        Assert.Contains("end mark", choice.Note, StringComparison.Ordinal);
        Assert.Equal(Backup(10).Manifest.EndMark, PointChoice.Of([Backup(10)], new([]), RestorePoint.At(Backup(10).Manifest.EndMark))!.Until);
        Assert.Null(PointChoice.Of([Backup(10)], new([]), RestorePoint.At(Backup(10).Manifest.EndMark with { Increment = 9 })));
    }

    [Fact]
    public void The_last_second_that_slices_reach_comes_back_as_far_as_it_is_there_and_is_told()
    {
        var choice = PointChoice.Of([Backup(10)], Chain(5, 15), At(15))!;

        Assert.Equal(new ClusterTime(Seconds(15), 1), choice.Until);
        Assert.Contains("Slices reach into that second", choice.Note, StringComparison.Ordinal);
        Assert.Null(PointChoice.Of([Backup(10)], Chain(5, 15), RestorePoint.At(Minute(15).AddSeconds(1))));
    }

    [Fact]
    public void The_latest_is_the_furthest_that_any_base_leads_to()
    {
        Assert.Equal(new ClusterTime(Seconds(40), 1), PointChoice.Of([Backup(10), Backup(20)], Chain(5, 12, 40), RestorePoint.Latest)!.Until);
        Assert.Equal(Backup(20).Id, PointChoice.Of([Backup(10), Backup(20)], Chain(5, 12, 40), RestorePoint.Latest)!.Base.Id);
        Assert.Equal(Backup(50).Manifest.EndMark, PointChoice.Of([Backup(10), Backup(50)], Chain(5, 12, 40), RestorePoint.Latest)!.Until);
        Assert.Equal(Backup(20).Manifest.EndMark, PointChoice.Of([Backup(10), Backup(20)], new([]), RestorePoint.Latest)!.Until);
        Assert.Null(PointChoice.Of([], Chain(5, 12), RestorePoint.Latest));
    }

    [Fact]
    public void Slices_do_not_go_on_from_an_imported_backup_or_one_of_some_collections()
    {
        var some = Backup(10, m => m with { OnlyCollections = ["users"] });
        var imported = Backup(10, m => m with { Imported = new("mongodump archive", "a", null, Now) });

        foreach (var backup in (CatalogBackup[])[some, imported])
        {
            Assert.Null(PointChoice.Of([backup], Chain(5, 20), At(12)));
            Assert.Equal(backup.Manifest.EndMark, PointChoice.Of([backup], Chain(5, 20), At(10))!.Until);
        }
    }

    [Theory]
    [InlineData(2, "it is before everything there is", null, "2026-11-23T08:10:00Z")]
    [InlineData(22, "no slices lead there from a backup", "2026-11-23T08:15:00Z", "2026-11-23T08:30:00Z")]
    [InlineData(45, "it is after everything there is", "2026-11-23T08:40:00Z", null)]
    [InlineData(90, "that is in the future, now it is 2026-11-23T09:00:00Z", "2026-11-23T08:40:00Z", null)]
    public void A_moment_out_of_reach_is_refused_with_the_nearest_that_can_be_reached(int wanted, string why, string? before, string? after)
    {
        CatalogBackup[] bases = [Backup(10), Backup(30)];
        SliceManifest[] slices = [.. Slices(5, 15), .. Slices(25, 40)];
        var view = SliceView.None("shop") with { Slices = [.. slices.Select(s => new CatalogSlice(s, []))], Gaps = [Gap(15, 25)] };
        var chains = view.Chains();
        Assert.Null(PointChoice.Of(bases, chains, At(wanted)));

        var refusal = PointChoice.OutOfReach(bases, view, At(wanted), [], Now);

        Assert.Equal(ErrorKinds.Usage, refusal.Report.Kind);
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        var problems = refusal.Report.Problems!.Select(p => p.Message).ToList();
        Assert.Equal(before is not null, problems.Contains($"the nearest before: {before}"));
        Assert.Equal(after is not null, problems.Contains($"the nearest after: {after}"));
        Assert.Equal(wanted == 22, problems.Exists(p => p.Contains("rolled over", StringComparison.Ordinal)));
        foreach (var nearest in (string?[])[before, after])
        {
            if (nearest is not null)
                Assert.NotNull(PointChoice.Of(bases, chains, RestorePoint.TryParse(nearest, out var point) ? point : throw new InvalidOperationException(nearest)));
        }
    }

    [Fact]
    public void A_loose_transaction_that_ends_after_the_point_is_left_out_whole()
    {
        var (to, leftOut) = PointOplog.Border(Time(10), [Time(1), Time(8), Time(10)], [("half", Time(9), Time(11)), ("done", Time(7), Time(8)), ("later", Time(12), Time(13))], null);

        Assert.Equal(Time(10), to);
        Assert.Equal(["half"], leftOut);
    }

    [Fact]
    public void Where_nothing_tells_whether_a_loose_transaction_has_ended_the_point_is_before_its_beginning()
    {
        var (to, leftOut) = PointOplog.Border(
            Time(10), [Time(1), Time(6), Time(8), Time(9), Time(10)], [("open", Time(9), Time(10)), ("around", Time(8), Time(9, 5)), ("old", Time(2), Time(3))], Time(10));

        Assert.Equal(Time(6), to);
        Assert.Empty(leftOut);
    }

    [Fact]
    public void The_point_is_the_last_entry_that_is_wanted() =>
        Assert.Equal(Time(8), PointOplog.Border(Time(10), [Time(1), Time(8), Time(11)], [], Time(11)).To);

    [Fact]
    public void A_replay_goes_on_in_the_slice_whose_last_entry_is_only_done_in_part()
    {
        var chain = Slices(0, 10, 20, 30);

        // Up to the end mark all are read, for the joint.
        Assert.Equal(chain, PointOplog.Wanted(chain, chain[0].From, chain[0].From, onlyNames: false));
        Assert.Equal([chain[0], chain[1], chain[2]], PointOplog.Wanted(chain, chain[0].From, chain[0].To, onlyNames: false));
        Assert.Equal([chain[0], chain[1], chain[2]], PointOplog.Wanted(chain, chain[0].From, chain[1].To, onlyNames: false));
        Assert.Equal([chain[0], chain[2]], PointOplog.Wanted(chain, chain[0].From, chain[1].To with { Increment = chain[1].To.Increment + 1 }, onlyNames: false));
    }

    private static DateTimeOffset Minute(int minute) => Samples.At(8, 0).AddMinutes(minute);

    private static uint Seconds(int minute) => (uint)Minute(minute).ToUnixTimeSeconds();

    private static RestorePoint At(int minute) => RestorePoint.At(Minute(minute));

    private static ClusterTime Time(uint seconds, uint increment = 1) => new(1000 + seconds, increment);

    private static CatalogBackup Backup(int minute, Func<Manifest, Manifest>? change = null) => Samples.InCatalog(
        Samples.Backup($"20261123T08{minute:00}00Z-luxhedge_production-0001", consistentAt: Minute(minute)), change);

    private static SliceChains Chain(params int[] cuts) => new(Slices(cuts));

    private static IReadOnlyList<SliceManifest> Slices(params int[] cuts) => [.. cuts.Zip(cuts.Skip(1)).Select(c => Samples.Slice(Minute(c.First), Minute(c.Second)))];

    private static GapRecord Gap(int after, int until) => new(
        GapRecord.FormatName, "shop", "run", "writer", new(Seconds(after), 1), new(Seconds(until), 1), Now, "the oplog had rolled over");
}
