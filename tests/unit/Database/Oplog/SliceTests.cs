using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Unit.Catalog;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Oplog;

public sealed class SliceTests
{
    private const string Asset = SampleBackup.Asset;
    private const uint Noon = 1_700_000_000;
    private static readonly SourceDescription Source = new("db.example:27017", "shop", "8.0.0");

    [Fact]
    public async Task A_slice_gives_back_every_entry_after_its_first_in_order()
    {
        await using var sample = SampleBackup.Create();
        var entries = Entries(0, 50);
        var put = await PutAsync(sample, SliceBuilder.Build("shop", entries, [Entry(-5)], chunkBytes: 500));

        Assert.Equal((At(0), At(50), 50L), (put.Value.From, put.Value.To, put.Value.Entries));
        Assert.Equal(
            [ObjectNames.Slice(Asset, At(0), At(50)), ObjectNames.SliceManifest(Asset, At(0), At(50))], sample.S3.Names(ObjectNames.Slices(Asset)));
        var (read, earlier, chunks) = await ReadAsync(sample, put.Value);
        Assert.True(chunks > 3);
        Assert.Equal(entries.Skip(1).Select(Hex), read.Select(Hex));
        Assert.Equal([Hex(Entry(-5))], earlier.Select(Hex));
    }

    [Fact]
    public async Task Doing_it_again_changes_nothing_and_an_object_without_its_manifest_is_adopted()
    {
        await using var sample = SampleBackup.Create();
        var draft = SliceBuilder.Build("shop", Entries(0, 5));
        var first = await PutAsync(sample, draft);
        sample.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(first.Sha256, (await PutAsync(sample, draft)).Sha256);

        // Killed between the two: the manifest is made of the object that lies there.
        sample.S3.Lose(ObjectNames.SliceManifest(Asset, At(0), At(5)));
        var second = await PutAsync(sample, draft);
        Assert.Equal(first.Value.Object, second.Value.Object);
        Assert.Equal(5, (await ReadAsync(sample, second.Value)).Entries.Count);
    }

    [Fact]
    public async Task Something_else_under_the_name_is_refused()
    {
        await using var sample = SampleBackup.Create();
        sample.S3.LayOver(ObjectNames.Slice(Asset, At(0), At(5)), [1, 2, 3]);
        var refused = await Assert.ThrowsAsync<RefusalException>(() => PutAsync(sample, SliceBuilder.Build("shop", Entries(0, 5))));
        Assert.Equal(ErrorKinds.Integrity, refused.Report.Kind);
        Assert.Single(sample.S3.Names(ObjectNames.Slices(Asset)));

        // The same times of another history.
        await PutAsync(sample, SliceBuilder.Build("shop", Entries(10, 15)));
        refused = await Assert.ThrowsAsync<RefusalException>(() => PutAsync(sample, SliceBuilder.Build("shop", Entries(10, 15, "other"))));
        Assert.Contains("other entries", refused.Report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slice_without_a_majority_is_never_put()
    {
        await using var sample = SampleBackup.Create();
        await Assert.ThrowsAsync<InvalidOperationException>(() => PutAsync(sample, SliceBuilder.Build("shop", Entries(0, 5)), majority: At(4)));
        Assert.Empty(sample.S3.Names(ObjectNames.Slices(Asset)));
    }

    [Fact]
    public async Task The_newest_canary_in_it_stands_in_the_manifest()
    {
        await using var sample = SampleBackup.Create();
        var at = new DateTime(2026, 11, 23, 10, 0, 0, DateTimeKind.Utc);
        byte[][] entries =
        [
            Canary(0, at.AddMinutes(9)), Canary(1, at), Canary(2, at.AddMinutes(1)), Canary(3, at.AddMinutes(7), "shop.other"), Canary(4, at.AddMinutes(8), op: "d"),
        ];
        var put = await PutAsync(sample, SliceBuilder.Build("shop", entries));
        Assert.Equal(new DateTimeOffset(at.AddMinutes(1)), put.Value.NewestCanary); // the first entry belongs to the slice before
    }

    [Fact]
    public async Task A_rotten_copy_is_passed_over_for_a_good_one()
    {
        await using var sample = SampleBackup.Create();
        var draft = SliceBuilder.Build("shop", Entries(0, 5));
        var put = await PutAsync(sample, draft);
        await PutAsync(sample, draft, "nas");
        var catalog = new SliceCatalog(sample.Plan, sample.Stores);
        var slice = Assert.Single((await catalog.ListAsync(Asset)).Slices);
        Assert.Equal(["s3", "nas"], slice.Stores);

        sample.S3.Rot(put.Value.Object.Name, b => [.. b[..^1], (byte)(b[^1] ^ 1)]);
        using var keys = new SliceKeys(sample.Keys);
        using var reader = await SliceReader.OpenAsync(sample.Stores, slice.Copies, keys, default);
        await reader.CheckAsync(default);
        Assert.Equal("s3", Assert.Single(reader.Problems).Store);

        sample.Nas.Rot(put.Value.Object.Name, b => b[..^1]);
        await Assert.ThrowsAsync<RefusalException>(() => SliceReader.OpenAsync(sample.Stores, slice.Copies, keys, default));
    }

    [Fact]
    public async Task The_catalog_uses_only_what_verifies_and_knows_what_it_does_not_know()
    {
        await using var sample = SampleBackup.Create();
        var first = await PutAsync(sample, SliceBuilder.Build("shop", Entries(0, 5)));
        await PutAsync(sample, SliceBuilder.Build("shop", Entries(5, 9)));
        await PutAsync(sample, SliceBuilder.Build("shop", Entries(9, 12)));
        var catalog = new SliceCatalog(sample.Plan, sample.Stores);
        Assert.Equal([new SliceStretch(At(0), At(12))], (await catalog.ListAsync(Asset)).Chains().Stretches);
        Assert.Equal([At(5)], (await catalog.ListAsync(Asset, At(5), At(9))).Slices.Select(s => s.Manifest.From));

        // Moved to another name, planted, without its object.
        var manifest = sample.S3.Content(ObjectNames.SliceManifest(Asset, At(0), At(5)));
        sample.S3.LayOver(ObjectNames.SliceManifest(Asset, At(20), At(25)), manifest);
        sample.S3.LayOver($"{ObjectNames.Slices(Asset)}20231114/what.json", [1]);
        sample.S3.Lose(ObjectNames.Slice(Asset, At(9), At(12)));
        sample.Nas.Down = new RefusalException(ErrorKinds.Unreachable, "It is away.");
        var view = await catalog.ListAsync(Asset);

        Assert.Equal([At(0), At(5)], view.Slices.Select(s => s.Manifest.From));
        Assert.Equal(3, view.Problems.Count);
        Assert.Equal("nas", Assert.Single(view.Unknown).Store);
        Assert.Same(view.Slices[0], view.Find(first.Value));
    }

    [Fact]
    public async Task A_slice_that_began_on_an_earlier_day_is_found_by_what_it_holds()
    {
        await using var sample = SampleBackup.Create();
        byte[][] entries = [Entry(0), Entry(3 * 86_400)];
        await PutAsync(sample, SliceBuilder.Build("shop", entries));
        var catalog = new SliceCatalog(sample.Plan, sample.Stores);
        Assert.Single((await catalog.ListAsync(Asset, At(2 * 86_400), At(2 * 86_400 + 60))).Slices);
    }

    [Fact]
    public void Names_of_slices_are_read_strictly()
    {
        var name = ObjectNames.Slice(Asset, new(1_700_000_000, 1), new(1_700_000_060, 12));
        Assert.Equal($"{Asset}/oplog/20231114/1700000000.1_1700000060.12", name);
        Assert.Equal((new ClusterTime(1_700_000_000, 1), new ClusterTime(1_700_000_060, 12)), ObjectNames.ParseSlice(name, Asset));
        Assert.Equal(new ClusterTime(1_700_000_000, 1), ObjectNames.ParseSliceGap($"{Asset}/oplog/20231114/1700000000.1.gap.json", Asset));
        foreach (var bad in new[]
                 {
                     $"{Asset}/oplog/20231115/1700000000.1_1700000060.12", $"{Asset}/oplog/20231114/1700000000.01_1700000060.12",
                     $"{Asset}/oplog/20231114/1700000060.12_1700000000.1", $"{Asset}/oplog/20231114/1700000000.1_1700000060.12.json",
                     $"{Asset}/oplog/20231114/1700000000.1_ 1700000060.12", $"{Asset}/oplog/20231114/-1.1_1.2", $"{Asset}/oplog/20231114/_",
                     $"other/oplog/20231114/1700000000.1_1700000060.12",
                 })
        {
            Assert.Null(ObjectNames.ParseSlice(bad, Asset));
        }
    }

    internal static byte[] Entry(int second, string value = "") => new BsonDocument
    {
        { "op", "i" }, { "ns", "shop.cars" }, { "ts", At(second).ToBson() }, { "o", new BsonDocument { { "_id", second }, { "value", value } } },
    }.ToBson();

    internal static ClusterTime At(int second) => new((uint)(Noon + second), 1);

    private static byte[][] Entries(int from, int to, string value = "") => [.. Enumerable.Range(from, to - from + 1).Select(s => Entry(s, value))];

    private static byte[] Canary(int second, DateTime at, string ns = $"shop.{Marks.CanaryCollection}", string op = "i") => new BsonDocument
    {
        { "op", op }, { "ns", ns }, { "ts", At(second).ToBson() }, { "o", new BsonDocument { { "_id", second }, { "at", at } } },
    }.ToBson();

    private static Task<Signed<SliceManifest>> PutAsync(SampleBackup sample, SliceDraft draft, string store = "s3", ClusterTime? majority = null) =>
        new SliceWriter(sample.Plan, sample.Stores, sample.Keys, sample.Writer, sample.Clock)
            .PutAsync(store, Asset, "run-1", draft, Source, majority ?? draft.To, default);

    private static async Task<(List<byte[]> Entries, List<byte[]> Earlier, int Chunks)> ReadAsync(SampleBackup sample, SliceManifest manifest)
    {
        using var keys = new SliceKeys(sample.Keys);
        using var reader = await SliceReader.OpenAsync(sample.Stores, [new SliceCopy("s3", manifest, "")], keys, default);
        var entries = new List<byte[]>();
        await foreach (var part in reader.ReadOplogAsync(default))
        {
            using (part)
            {
                foreach (var entry in part.Entries)
                    entries.Add(entry.ToArray());
            }
        }

        var earlier = new List<byte[]>();
        foreach (var chunk in reader.Earlier)
        {
            using var raw = await reader.ReadChunkAsync(chunk, default);
            earlier.Add(raw.Bytes.ToArray());
        }

        return (entries, earlier, reader.Oplog.Count);
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
