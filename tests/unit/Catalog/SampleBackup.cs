using System.Security.Cryptography;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;
using Microsoft.Extensions.Time.Testing;
using MongoDB.Bson;
using ZstdSharp;

namespace LuxHedge.Tests.Unit.Catalog;

/// <summary>
/// A whole sealed backup, small: two collections (one in two ranges), three packs, an oplog of two parts, written as the format says into a
/// store in memory named <c>s3</c>; the second store of the asset, <c>nas</c>, is empty.
/// </summary>
internal sealed class SampleBackup : IAsyncDisposable
{
    public const string Asset = "luxhedge_production";
    public static readonly DateTimeOffset Created = new(2026, 11, 23, 2, 0, 0, TimeSpan.Zero);

    private readonly TestPlan testPlan;

    private SampleBackup(TestPlan testPlan, Func<IObjectStore, IObjectStore> s3Over, Func<IObjectStore, IObjectStore> nasOver)
    {
        this.testPlan = testPlan;
        var asset = testPlan.Plan.Assets[Asset] with { Stores = ["s3", "nas"] };
        Plan = testPlan.Plan with { Assets = new Dictionary<string, AssetPlan> { [Asset] = asset } };
        Stores = new StoreSet(s3Over(S3), nasOver(Nas));
        Writer = WriterKey.Load(Plan.Writer);
        Keys = new KeyRing(Plan, Stores, Writer, Clock);
    }

    public Plan Plan { get; }

    public FakeTimeProvider Clock { get; } = new(Created.AddHours(3));

    public MemoryStore S3 { get; } = new("s3");

    public MemoryStore Nas { get; } = new("nas");

    public StoreSet Stores { get; }

    public WriterKey Writer { get; }

    public KeyRing Keys { get; }

    public BackupCatalog Catalog => new(Plan, Stores, Clock);

    public CopyActivities Copies => new(Plan, Stores, Writer, Clock);

    public VerificationActivities Verifications => new(Plan, Stores, Keys, Writer, Clock);

    public RecordWriter Records => new(Stores, Writer, Clock);

    public TestPlan TestPlan => testPlan;

    /// <param name="s3Over">Lays faults over the first store; likewise for the second.</param>
    public static SampleBackup Create(Func<IObjectStore, IObjectStore>? s3Over = null, Func<IObjectStore, IObjectStore>? nasOver = null) =>
        new(TestPlan.Create(), s3Over ?? (s => s), nasOver ?? (s => s));

    public static string Id(int day = 0, string random = "7f3a") => $"{Created.AddDays(day):yyyyMMdd'T'HHmmss'Z'}-{Asset}-{random}";

    /// <summary>Seals one into the store <c>s3</c>.</summary>
    /// <param name="index">Changes the index before it is written: a writer with a fault.</param>
    public async Task<Manifest> SealAsync(
        string? id = null, Func<Manifest, Manifest>? change = null, Func<IndexDocument, IndexDocument>? index = null, WriterKey? signer = null)
    {
        id ??= Id();
        Assert.True(BackupIds.TryParse(id, out var time, out _));
        var keyId = $"k-{id}";
        using var key = await Keys.CreateOrAdoptAsync("s3", Asset, keyId, KeyRing.DatabaseBackup, default);
        var objects = new List<ObjectReference>();

        PlannedCollection users = new("users", new string('a', 32), "collection", "{}", [], 30, 3000), cars = new("cars", new string('b', 32), "collection", "{}", [], 0, 0);
        PlannedRange[] ranges =
        [
            new(0, "users", users.Uuid!, null, """{"_id": 10}""", false), new(1, "users", users.Uuid!, """{"_id": 10}""", null, false),
            new(2, "cars", cars.Uuid!, null, null, false),
        ];
        await PutAsync(ObjectNames.Ranges(Asset, id), Frames.CompressJson(new RangesDocument(RangesDocument.FormatName, id, "luxhedge", "8.0.0", [users, cars], ranges, [[0, 2], [1]])));

        var start = new ClusterTime(1_000, 1);
        var end = new ClusterTime(1_050, 7);
        var first = await PackAsync(ObjectNames.Pack(Asset, id, 0, 0, "0123abcd"), [(0, 0, false, 6), (0, 1, true, 4), (2, 0, true, 0)]);
        var second = await PackAsync(ObjectNames.Pack(Asset, id, 1, 0, "4567abcd"), [(1, 0, true, 20)]);
        var oplog = await PackAsync(ObjectNames.OplogPack(Asset, id, 0, "89ababcd"), [(PackChunk.Oplog, 0, false, 3), (PackChunk.Oplog, 1, true, 2)],
            (n, chunk) => n == 0
                ? chunk with { FirstEntry = start, LastEntry = new ClusterTime(1_020, 1) }
                : chunk with { FirstEntry = new ClusterTime(1_020, 1), LastEntry = end, Until = end });

        IndexedChunk[] chunks = [.. first, .. second];
        var sealedIndex = new IndexDocument(
            IndexDocument.FormatName, id, Asset, "luxhedge", "8.0.0", start, end,
            [
                new(users, [ranges[0], ranges[1]], 30, chunks.Where(c => c.Chunk.Range < 2).Sum(c => (long)c.Chunk.RawLength)),
                new(cars, [ranges[2]], 0, 0),
            ],
            chunks, oplog, [], [], new WitnessDocument([], time.AddMinutes(1)));
        await PutAsync(ObjectNames.Index(Asset, id), Frames.CompressJson(index?.Invoke(sealedIndex) ?? sealedIndex));

        var list = ObjectLists.Write(new ObjectList(ObjectList.FormatName, id, objects));
        await S3.PutIfAbsentAsync(ObjectNames.Objects(Asset, id), list, default);
        var manifest = new Manifest(
            Manifest.FormatName, id, Asset, "database", $"run-{id}", Writer.Name, time, time.AddMinutes(2), time.AddMinutes(1), start, end,
            new SourceDescription("db.example:27017", "luxhedge", "8.0.0"), 2, 30, sealedIndex.Collections.Sum(c => c.RawBytes), objects.Sum(o => o.Size), [keyId],
            new ObjectReference(ObjectNames.Objects(Asset, id), list.Length, Hash(list)), false, false, [], null,
            new Dictionary<string, long> { ["users"] = 30, ["cars"] = 0 });
        manifest = change?.Invoke(manifest) ?? manifest;
        await S3.PutIfAbsentAsync(ObjectNames.Manifest(Asset, id), SignedDocument.Write(manifest with { Writer = (signer ?? Writer).Name }, signer ?? Writer), default);
        return manifest;

        async Task PutAsync(string name, byte[] plain)
        {
            var stored = Container.EncryptWhole(key, new ObjectContext(Asset, keyId, name), plain);
            await S3.PutIfAbsentAsync(name, stored, default);
            objects.Add(new ObjectReference(name, stored.Length, Hash(stored)));
        }

        async Task<List<IndexedChunk>> PackAsync(
            string name, (int Range, int Part, bool Last, int Documents)[] parts, Func<int, PackChunk, PackChunk>? complete = null)
        {
            using var plain = new MemoryStream();
            using var compressor = new Compressor(1);
            var table = new List<PackChunk>();
            foreach (var (range, part, last, documents) in parts)
            {
                var raw = Enumerable.Range(0, documents).SelectMany(n => new BsonDocument { ["_id"] = n, ["text"] = new string('x', 50) }.ToBson()).ToArray();
                var frame = compressor.Wrap(raw).ToArray();
                var chunk = new PackChunk(range, part, last, plain.Position, frame.Length, raw.Length, documents, Hash(raw));
                table.Add(complete?.Invoke(table.Count, chunk) ?? chunk);
                plain.Write(frame);
            }

            var tableFrame = Frames.CompressJson(new PackTable(PackTable.FormatName, id, "00112233aabbccdd", table));
            var at = plain.Position;
            plain.Write(tableFrame);
            plain.Write(PackFormat.WriteFooter(at, tableFrame.Length));
            await PutAsync(name, plain.ToArray());
            return [.. table.Select(c => new IndexedChunk(name, c))];
        }
    }

    public async Task CopyAsync(string? id = null) => await Copies.CopyAsync(new("run-copy", Asset, id ?? Id(), "s3", "nas"));

    public Task<StoreVerification> VerifyAsync(string store = "s3", VerificationLevel level = VerificationLevel.Integrity, string? id = null) =>
        Verifications.VerifyCopyAsync(Asset, id ?? Id(), store, level);

    /// <summary>Verifies and writes the record.</summary>
    public async Task<StoreVerification> VerifyAndRecordAsync(string store = "s3", VerificationLevel level = VerificationLevel.Integrity, string? id = null)
    {
        var found = await VerifyAsync(store, level, id);
        await Verifications.RecordAsync(new("run-verify", Asset, "queue", id ?? Id(), store, level), level, found);
        Clock.Advance(TimeSpan.FromSeconds(1));
        return found;
    }

    public async Task<CatalogBackup> FindAsync(string? id = null) => (await Catalog.ListAsync(Asset, default)).Find(id ?? Id())!;

    /// <summary>The name of the object whose name ends so.</summary>
    public string Name(string part, MemoryStore? store = null) => (store ?? S3).Names().Single(n => n.Contains(part, StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        Keys.Dispose();
        Writer.Dispose();
        await testPlan.DisposeAsync();
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
