using System.Text.Json;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using MongoDB.Bson.Serialization;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Oplog;

/// <summary>A slice and a gap's record written by another program than ours (Python, from docs/format.md) read as they were meant.</summary>
public sealed class GoldenSliceTests
{
    private const string Asset = "luxhedge_production";
    private static readonly ClusterTime Midnight = new(1_763_856_000, 1);

    [Fact]
    public async Task A_slice_of_the_format_is_read()
    {
        var manifest = Signed<SliceManifest>("slice.json", ObjectNames.SliceManifest(Asset, Midnight, new(Midnight.Seconds + 5, 2)));
        Assert.Null(manifest.ProblemUnder(ObjectNames.SliceManifest(Asset, manifest.From, manifest.To), Asset));
        using var key = new DataKey(manifest.KeyId, [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
        using var reader = await SliceReader.OpenAsync(Read("slice.lux"), manifest, DataKeys.Borrow(key), CancellationToken.None);
        await reader.CheckAsync(CancellationToken.None);

        var entries = new List<BsonDocument>();
        await foreach (var part in reader.ReadOplogAsync(CancellationToken.None))
        {
            using (part)
            {
                foreach (var entry in part.Entries)
                    entries.Add(BsonSerializer.Deserialize<BsonDocument>(entry.ToArray()));
            }
        }

        Assert.Equal(["luxhedge.cars", "luxhedge.cars", "luxhedge.cars", "luxhedge.luxhedge_canary", ""], entries.Select(e => e["ns"].AsString));
        Assert.Equal(manifest.To, new ClusterTime((uint)entries[^1]["ts"].AsBsonTimestamp.Timestamp, (uint)entries[^1]["ts"].AsBsonTimestamp.Increment));
        Assert.Single(reader.Earlier);
        Assert.Equal(Midnight.ToTime().AddSeconds(4), manifest.NewestCanary);
    }

    [Fact]
    public void A_gap_of_the_format_is_read()
    {
        var after = new ClusterTime(Midnight.Seconds + 5, 2);
        var gap = Signed<GapRecord>("gap.json", ObjectNames.SliceGap(Asset, after));
        Assert.Null(gap.ProblemUnder(ObjectNames.SliceGap(Asset, after), Asset));
        Assert.Equal((after, new ClusterTime(Midnight.Seconds + 90, 4)), (gap.After, gap.Until));
    }

    private static T Signed<T>(string file, string name)
    {
        using var vectors = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Encryption", "Golden", "vectors.json")));
        var publicKey = vectors.RootElement.GetProperty("writerPublicKey").GetString()!;
        return SignedDocument.Read<T>(Read(file), new Dictionary<string, string> { ["sandbox-writer"] = publicKey }, name).Value;
    }

    private static byte[] Read(string file) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Database", "Oplog", "Golden", file));
}
