using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Unit.Catalog;
using LuxHedge.Tests.Unit.Commands;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Unit.Database.Oplog;

/// <summary>Five weeks of a slice a minute: what is read of them is what must be proven.</summary>
public sealed class ManySlicesTests
{
    private const int Count = 50_000;
    private static readonly DateTimeOffset Start = new(2026, 10, 19, 10, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Now = Start.AddMinutes(Count);

    /// <summary>Minutes of nightly backups, from the oldest on.</summary>
    private static readonly IReadOnlyList<int> Backups = [.. Enumerable.Range(0, 34).Select(day => (day * 1440) + 30)];

    [Fact]
    public async Task A_look_reads_the_last_day_and_names_the_rest_with_its_gaps()
    {
        // All manifests but those of the last two days are spoiled: whoever reads one of them says so.
        await using var sample = Create(signedFrom: Count - 2880, missing: [17_000]);
        var backups = Catalog();
        var view = await Catalog(sample).ListAsync(SampleBackup.Asset, null, null, CaptureStanding.LookFrom(backups, Now), default);
        var standing = CaptureStanding.Of(sample.Plan.Assets[SampleBackup.Asset], backups, view);

        Assert.InRange(sample.S3.Reads, 1440, 2881);
        Assert.Empty(view.Problems);
        Assert.Equal(Count - 1, view.Bounds.Count());
        Assert.Equal(
            [(Minute(30), Minute(17_000)), (Minute((12 * 1440) + 30), Minute(Count))], standing.Windows.Where(w => w.From < w.To).Select(w => (w.From, w.To)));
        Assert.Equal(standing.Windows[0].To, standing.Windows[0].CheckedFrom);
        Assert.InRange(standing.Windows[^1].CheckedFrom!.Value.Seconds, Minute(Count - 2881).Seconds, Minute(Count - 1440).Seconds);
        Assert.Equal(Minute(Count), standing.NewestSlice);
    }

    [Fact]
    public async Task A_point_reads_what_lies_between_its_base_and_itself()
    {
        await using var sample = Create(signedFrom: 20 * 1440, signedTo: (21 * 1440) + 30);
        var catalog = Catalog(sample);
        var wanted = RestorePoint.At(Start.AddMinutes((20 * 1440) + 600));
        var (choice, _) = await PointChoice.FindAsync(Catalog().Backups, wanted, (from, to) => catalog.ListAsync(SampleBackup.Asset, from, to));

        Assert.Equal(Minute((20 * 1440) + 30), choice!.Base.Manifest.EndMark);
        Assert.InRange(choice.Chain.Count, 570, 572);
        Assert.InRange(sample.S3.Reads, choice.Chain.Count, choice.Chain.Count + 2);
    }

    [Fact]
    public async Task The_latest_reads_what_lies_after_the_newest_backup()
    {
        await using var sample = Create(signedFrom: Count - 4320);
        var catalog = Catalog(sample);
        var (choice, _) = await PointChoice.FindAsync(Catalog().Backups, RestorePoint.Latest, (from, to) => catalog.ListAsync(SampleBackup.Asset, from, to));

        Assert.Equal((Minute(Backups[^1]), Minute(Count)), (choice!.Base.Manifest.EndMark, choice.Until));
        Assert.Equal(Count - Backups[^1], sample.S3.Reads);
    }

    private static ClusterTime Minute(int minute) => new((uint)Start.AddMinutes(minute).ToUnixTimeSeconds(), 1);

    private static SliceCatalog Catalog(SampleBackup sample) => new(
        sample.Plan with { Assets = sample.Plan.Assets.ToDictionary(a => a.Key, a => a.Value with { Stores = ["s3"] }) }, sample.Stores);

    private static CatalogView Catalog() => Samples.Catalog([.. Backups.Select(minute => Samples.InCatalog(
        Samples.Backup($"{Start.AddMinutes(minute):yyyyMMdd'T'HHmmss'Z'}-luxhedge_production-0001", consistentAt: Minute(minute).ToTime()),
        m => m with { EndMark = Minute(minute) }))]);

    private static SampleBackup Create(int signedFrom, int signedTo = Count, IReadOnlyList<int>? missing = null)
    {
        var sample = SampleBackup.Create();
        for (var minute = 0; minute < Count; minute++)
        {
            if (missing?.Contains(minute) is true)
                continue;
            var (from, to) = (Minute(minute), Minute(minute + 1));
            var name = ObjectNames.Slice(SampleBackup.Asset, from, to);
            var manifest = new SliceManifest(
                SliceManifest.FormatName, SampleBackup.Asset, "shop", "run", sample.Writer.Name, from, to, to.ToTime(), new("host", "shop", "8.0.0"), to, 1, 100,
                ObjectNames.SliceKeyId(from), new ObjectReference(name, 1, new string('a', 64)), $"{from}", $"{to}", to.ToTime());
            sample.S3.LayOver(name, [0]);
            sample.S3.LayOver($"{name}.json", signedFrom <= minute && minute < signedTo ? SignedDocument.Write(manifest, sample.Writer) : [0]);
        }

        return sample;
    }
}
