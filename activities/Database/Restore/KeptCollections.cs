using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Replay's state and the map from source UUID to collection as documents of the state collection.</summary>
internal static class KeptCollections
{
    private const string Prefix = "collection/";

    public static async Task<IReadOnlyList<ReplayedCollection>> ReadAsync(RestoringState state, CancellationToken cancellation)
    {
        var documents = await state.Documents.Find(new BsonDocument("_id", new BsonRegularExpression($"^{Prefix}"))).ToListAsync(cancellation);
        return [.. documents.Select(FromDocument).OrderBy(c => c.Name, StringComparer.Ordinal)];
    }

    public static BsonDocument Filter(string uuid) => new("_id", Prefix + uuid);

    /// <summary>Options and indexes as text: their field names begin with $ or have dots, which old servers do not store.</summary>
    public static BsonDocument ToDocument(ReplayedCollection collection) => new()
    {
        { "_id", Prefix + collection.Uuid },
        { "name", collection.Name },
        { "type", collection.Type },
        { "options", CollectionSpecifications.Text(collection.Options) },
        { "indexes", new BsonArray(collection.Indexes.Select(CollectionSpecifications.Text)) },
        { "beside", collection.Beside },
        { "buckets", collection.Buckets is { } b ? b : BsonNull.Value },
        { "since", collection.Since is { } s ? Tally(s) : BsonNull.Value },
    };

    public static BsonDocument ToDocument(ReplayState state) => new()
    {
        { "time", state.Position.Time.ToBson() },
        { "inner", state.Position.Inner },
        { "unknown", new BsonArray(state.Unknown.Select(u => new BsonDocument { { "uuid", u.Key }, { "ns", u.Value } })) },
        { "losses", new BsonArray(state.Losses) },
        { "entries", state.Entries },
        { "written", state.Written },
        { "windows", state.Windows },
        { "newest", state.NewestEntry is { } n ? new BsonDateTime(n.UtcDateTime) : BsonNull.Value },
    };

    /// <param name="document">The replay fence's; without a position nothing is replayed yet.</param>
    public static ReplayState ToState(BsonDocument? document, IReadOnlyList<ReplayedCollection> collections) =>
        document is null || !document.Contains("time")
            ? new ReplayState(default, collections, new Dictionary<string, string>(), [], 0, 0, 0, null)
            : new ReplayState(
                new ReplayPosition(document["time"].ToClusterTime(), document["inner"].AsInt32),
                collections,
                document["unknown"].AsBsonArray.ToDictionary(u => u["uuid"].AsString, u => u["ns"].AsString, StringComparer.Ordinal),
                [.. document["losses"].AsBsonArray.Select(l => l.AsString)],
                document["entries"].ToInt64(),
                document["written"].ToInt64(),
                document["windows"].ToInt32(),
                document["newest"] is BsonDateTime newest ? new DateTimeOffset(newest.ToUniversalTime()) : null);

    private static ReplayedCollection FromDocument(BsonDocument document) => new(
        document["_id"].AsString[Prefix.Length..],
        document["name"].AsString,
        document["type"].AsString,
        CollectionSpecifications.Parse(document["options"].AsString),
        [.. document["indexes"].AsBsonArray.Select(i => CollectionSpecifications.Parse(i.AsString))],
        document["beside"].AsString)
    {
        Buckets = document["buckets"] is BsonString b ? b.Value : null,
        Since = document.GetValue("since", BsonNull.Value) is BsonDocument s
            ? new SinceBase(s["operations"].ToInt64(), s["net"].ToInt64(), s["new"].AsBoolean, s["altered"].AsBoolean)
            {
                Newest = s["newest"] is BsonBinaryData n ? n.Bytes : default(ReadOnlyMemory<byte>?),
            }
            : null,
    };

    private static BsonDocument Tally(SinceBase since) => new()
    {
        { "operations", since.Operations }, { "net", since.Net }, { "new", since.IsNew }, { "altered", since.IsAltered },
        { "newest", since.Newest is { } newest ? new BsonBinaryData(newest.ToArray()) : BsonNull.Value },
    };
}
