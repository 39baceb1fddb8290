using MongoDB.Bson;
using MongoDB.Bson.IO;

namespace LuxHedge.Worker.Sandbox.SampleData;

/// <summary>One collection of the sample data: how it is created, what is in it, which indexes it has.</summary>
/// <param name="Count">Documents.</param>
/// <param name="Write">Writes the fields of document <c>i</c>, drawing from the collection's own numbers, in order.</param>
internal sealed record SampleCollection(string Name, int Count, Action<BsonWriter, int, SampleRandom> Write)
{
    /// <summary>Options of <c>create</c>; null: made by its first insert, or a plain one.</summary>
    public BsonDocument Options { get; init; } = [];

    /// <summary>As in <c>createIndexes</c>.</summary>
    public IReadOnlyList<BsonDocument> Indexes { get; init; } = [];

    /// <summary>Indexes and collections of a kind that not every server has: left out where they are refused.</summary>
    public bool Optional { get; init; }

    public IReadOnlyList<BsonDocument> OptionalIndexes { get; init; } = [];

    /// <summary>A capped collection keeps the order of its inserts, so it is loaded by one worker, in order.</summary>
    public bool IsCapped => Options.GetValue("capped", false).ToBoolean();

    /// <summary>Every document, raw, the same each time.</summary>
    public IEnumerable<RawBsonDocument> Documents()
    {
        var random = new SampleRandom(Seed());
        using var stream = new MemoryStream();
        for (var i = 0; i < Count; i++)
        {
            stream.SetLength(0);
            using (var writer = new BsonBinaryWriter(stream))
            {
                writer.WriteStartDocument();
                Write(writer, i, random);
                writer.WriteEndDocument();
            }

            yield return new RawBsonDocument(stream.ToArray());
        }
    }

    /// <summary>FNV-1a of the name.</summary>
    private ulong Seed() => Name.Aggregate(14695981039346656037, (hash, letter) => (hash ^ letter) * 1099511628211);
}
