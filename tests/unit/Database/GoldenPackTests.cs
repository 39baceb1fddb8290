using LuxHedge.Activities.Database;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;
using MongoDB.Bson.Serialization;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database;

/// <summary>Objects written by another program than ours (Python, from docs/format.md) read as they were meant.</summary>
public sealed class GoldenPackTests
{
    private const string Asset = "luxhedge_production";
    private const string Backup = "20261123T020000Z-luxhedge_production-7f3a";
    private const string PackName = $"{Asset}/backups/{Backup}/packs/0-0-00112233";

    private static readonly DataKey Key = new($"k-{Backup}", [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    [Fact]
    public async Task A_pack_of_the_format_is_read_by_its_table()
    {
        using var reader = await PackReader.OpenAsync(new MemorySource(Read("pack.lux")), ContextOf(PackName), Key, CancellationToken.None);
        var table = await reader.ReadTableAsync(CancellationToken.None);

        Assert.Equal((Backup, "0011223344556677"), (table.Backup, table.Attempt));
        Assert.Equal([0, 1, PackChunk.Oplog], table.Chunks.Select(c => c.Range));
        using var documents = await reader.ReadChunkAsync(table.Chunks[0], CancellationToken.None);
        Assert.Equal(40, documents.Documents.Count());
        foreach (var first in documents.Documents)
        {
            Assert.Equal(
                new BsonDocument { { "_id", 0 }, { "amount", Decimal128.Parse("1.10") }, { "car", "Ünïcode" } }, BsonSerializer.Deserialize<BsonDocument>(first.ToArray()));
            break;
        }

        using var empty = await reader.ReadChunkAsync(table.Chunks[1], CancellationToken.None);
        Assert.Equal(0, empty.Bytes.Length);
        Assert.Equal((new ClusterTime(1700000000, 1), new ClusterTime(1700000001, 3), new ClusterTime(1700000005, 1)),
            (table.Chunks[2].FirstEntry!.Value, table.Chunks[2].LastEntry!.Value, table.Chunks[2].Until!.Value));
    }

    [Fact]
    public void Ranges_and_index_of_the_format_are_read()
    {
        var ranges = Open<RangesDocument>("ranges.lux", $"{Asset}/backups/{Backup}/ranges");
        var index = Open<IndexDocument>("index.lux", $"{Asset}/backups/{Backup}/index");

        Assert.Equal(40, ExtendedJson.Parse(ranges.Ranges[0].Max!)["_id"].AsInt32);
        Assert.Equal("^a", ExtendedJson.Parse(ranges.Collections[0].Options)["validator"]["name"]["$regex"].AsString);
        Assert.Equal([PackName, PackName], index.Chunks.Select(c => c.Pack));
        Assert.Equal(new ClusterTime(1700000005, 1), index.EndMark);
    }

    [Fact]
    public async Task The_witness_of_the_format_is_the_hash_of_the_documents()
    {
        var index = Open<IndexDocument>("index.lux", $"{Asset}/backups/{Backup}/index");
        using var reader = await PackReader.OpenAsync(new MemorySource(Read("pack.lux")), ContextOf(PackName), Key, CancellationToken.None);
        using var chunk = await reader.ReadChunkAsync(index.Chunks[0].Chunk, CancellationToken.None);
        var hash = new OrderFreeHash();
        foreach (var document in chunk.Documents)
        {
            hash.Add(document.Span);
        }

        Assert.Equal(index.Witness.Collections[0].Shares[0].Hash, hash.ToString());
    }

    private static T Open<T>(string file, string name) => Frames.DecompressJson<T>(Container.DecryptWhole(Read(file), ContextOf(name), Key), name);

    private static ObjectContext ContextOf(string name) => new(Asset, Key.Id, name);

    private static byte[] Read(string file) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Database", "Golden", file));
}
