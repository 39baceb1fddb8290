using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>The <c>find</c> commands by which ranges are read: for the dump, for the witness, and for comparing a restored collection with it.</summary>
public static class RangeReads
{
    public static BsonDocument Majority(ClusterTime after) => new() { { "level", "majority" }, { "afterClusterTime", after.ToBson() } };

    public static BsonDocument Snapshot(ClusterTime at) => new() { { "level", "snapshot" }, { "atClusterTime", at.ToBson() } };

    /// <summary>In whatever order the server gives: a bound on <c>_id</c> is a walk along its index everywhere, and asking for that order besides
    /// costs some servers half as much again.</summary>
    /// <param name="min">As in <see cref="PlannedRange"/>.</param>
    /// <param name="readConcern">Null: the server's default.</param>
    /// <param name="batch">Documents of one reply at most.</param>
    public static BsonDocument Find(
        string collection, string? min, string? max, bool byHint, bool rawData, BsonDocument? readConcern,
        int batch = RawCursor.BatchDocuments)
    {
        var find = new BsonDocument { { "find", collection }, { "batchSize", batch } };
        var (from, to) = (min is null ? null : ExtendedJson.Parse(min), max is null ? null : ExtendedJson.Parse(max));
        if (byHint && (from is not null || to is not null))
        {
            find.Add("hint", new BsonDocument("_id", 1));
            if (from is not null)
            {
                find.Add("min", from);
            }

            if (to is not null)
            {
                find.Add("max", to);
            }
        }
        else if (from is not null || to is not null)
        {
            var bounds = new BsonDocument();
            if (from is not null)
            {
                bounds.Add("$gte", from["_id"]);
            }

            if (to is not null)
            {
                bounds.Add("$lt", to["_id"]);
            }

            find.Add("filter", new BsonDocument("_id", bounds));
        }

        if (rawData)
        {
            find.Add("rawData", true);
        }

        if (readConcern is not null)
        {
            find.Add("readConcern", readConcern);
        }

        return find;
    }

    /// <summary>What is read of a planned collection: its bucket collection, or itself.</summary>
    public static (string Collection, bool RawData) SourceOf(PlannedCollection collection) =>
        (collection.Buckets ?? collection.Name, collection.Buckets is { } buckets && buckets == collection.Name);

    /// <summary>Opens a raw cursor of which the server checks that it reads the collection of that UUID. Null: this server can't check; nothing
    /// was read.</summary>
    internal static async Task<RawCursor?> TryOpenAsync(
        IMongoDatabase database, IClientSessionHandle session, BsonDocument find, string uuid, CancellationToken cancellation)
    {
        try
        {
            var named = find.DeepClone().AsBsonDocument;
            named.Add("collectionUUID", uuid.ToBsonUuid());
            return await RawCursor.OpenAsync(database, session, named, cancellation);
        }
        catch (MongoCommandException e) when (e.Code == ServerErrors.UnknownField)
        {
            return null; // Before 6.0.
        }
    }
}
