using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>The collections of one database as its server reports them now.</summary>
/// <param name="Collections">What a backup holds, in ordinal order of names.</param>
/// <param name="Passed">UUIDs of what it does not hold: the server's own, a restore's work in progress, and (of named collections) the others.</param>
internal sealed record CollectionListing(IReadOnlyList<PlannedCollection> Collections, IReadOnlyList<string> Passed)
{
    /// <summary>What a restore loads beside its target, and its state.</summary>
    private const string Restoring = "luxhedge_restoring";

    /// <summary>Questions about single collections that are under way at once: each is short, and there may be thousands.</summary>
    private const int AtOnce = 4;

    /// <param name="only">Null: the whole database.</param>
    public static async Task<CollectionListing> ReadAsync(
        IMongoDatabase database, IReadOnlyList<string>? only, ListingDetail detail, CancellationToken cancellation, Action<int>? progress = null)
    {
        var listed = await ListAsync(database, cancellation);
        var uuids = listed.ToDictionary(c => c["name"].AsString, UuidOf, StringComparer.Ordinal);
        var described = new List<BsonDocument>();
        var passed = new List<string>();
        foreach (var collection in listed.OrderBy(c => c["name"].AsString, StringComparer.Ordinal))
        {
            var name = collection["name"].AsString;
            if (IsPassed(name) || (only is not null && !only.Contains(name)))
            {
                if (uuids[name] is { } uuid)
                {
                    passed.Add(uuid);
                }

                continue;
            }

            described.Add(collection);
        }

        var collections = new PlannedCollection[described.Count];
        var done = 0;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, collections.Length), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation },
            async (i, token) =>
            {
                collections[i] = await DescribeAsync(database, described[i], uuids, detail, token);
                progress?.Invoke(Interlocked.Increment(ref done));
            });

        // The buckets of a time series go by the series' name.
        var held = collections.Select(c => c.Uuid).ToHashSet();
        return new CollectionListing(collections, [.. passed.Where(u => !held.Contains(u)).Order(StringComparer.Ordinal)]);
    }

    /// <summary>Names that a backup leaves out: system collections but <c>system.js</c> (views and buckets go by their own entries), and what
    /// a restore is about to rename.</summary>
    public static bool IsPassed(string name) =>
        (name.StartsWith("system.", StringComparison.Ordinal) && name != "system.js")
        || name == Restoring || name.StartsWith(Restoring + ".", StringComparison.Ordinal);

    private static string? UuidOf(BsonDocument collection) =>
        collection.TryGetValue("info", out var info) && info is BsonDocument document && document.TryGetValue("uuid", out var uuid) ? uuid.ToUuidText() : null;

    private static async Task<List<BsonDocument>> ListAsync(IMongoDatabase database, CancellationToken cancellation)
    {
        using var cursor = await database.ListCollectionsAsync(cancellationToken: cancellation);
        return await cursor.ToListAsync(cancellation);
    }

    private static async Task<PlannedCollection> DescribeAsync(
        IMongoDatabase database, BsonDocument collection, Dictionary<string, string?> uuids, ListingDetail detail, CancellationToken cancellation)
    {
        var name = collection["name"].AsString;
        var type = collection.GetValue("type", "collection").AsString;
        var options = ExtendedJson.Write(collection.GetValue("options", new BsonDocument()).AsBsonDocument);
        if (type == "view")
        {
            return new PlannedCollection(name, null, type, options, [], 0, 0);
        }

        var uuid = UuidOf(collection);
        string? buckets = null;
        if (type == "timeseries")
        {
            var own = $"system.buckets.{name}";
            var hasOwn = uuids.TryGetValue(own, out var bucketUuid);

            // Before 8.3 the series is a view over its bucket collection. From 8.3 on it is a collection itself. A server that lists both with
            // UUIDs of their own keeps measurements, and shows buckets only for the looks of it.
            (uuid, buckets) = uuid is null ? (bucketUuid, own) : hasOwn ? (uuid, null) : (uuid, name);
        }

        if (uuid is null)
        {
            throw new RefusalException(
                ErrorKinds.Backup, $"MongoDB tells no UUID of the collection '{name}', so that its oplog entries can't be told from others'.", name,
                "The user of the connection string may not list collections: luxhedge plan check --connect says what is missing.");
        }

        var indexes = detail >= ListingDetail.Indexes ? await IndexesAsync(database, name, cancellation) : [];
        var (documents, bytes) = detail >= ListingDetail.Sizes ? await SizeAsync(database, buckets ?? name, cancellation) : (0, 0);
        return new PlannedCollection(name, uuid, type, options, indexes, documents, bytes, buckets);
    }

    private static async Task<IReadOnlyList<string>> IndexesAsync(IMongoDatabase database, string name, CancellationToken cancellation)
    {
        try
        {
            using var cursor = await database.GetCollection<BsonDocument>(name).Indexes.ListAsync(cancellation);
            return [.. (await cursor.ToListAsync(cancellation)).Select(ExtendedJson.Write)];
        }
        catch (MongoCommandException e) when (e.Code == ServerErrors.NamespaceNotFound)
        {
            return []; // dropped since it was listed: found out by its UUID
        }
    }

    /// <summary>An estimate, for cutting and for progress only: 0 where the server does not say.</summary>
    private static async Task<(long Documents, long Bytes)> SizeAsync(IMongoDatabase database, string name, CancellationToken cancellation)
    {
        try
        {
            var command = new BsonDocument
            {
                { "aggregate", name },
                { "pipeline", new BsonArray { new BsonDocument("$collStats", new BsonDocument("storageStats", new BsonDocument())) } },
                { "cursor", new BsonDocument() },
            };
            var reply = await database.RunCommandAsync<BsonDocument>(command, ReadPreference.Primary, cancellation);
            return reply["cursor"]["firstBatch"].AsBsonArray is [BsonDocument stats, ..] && stats.TryGetValue("storageStats", out var storage)
                ? (storage.AsBsonDocument.GetValue("count", 0).ToInt64(), storage.AsBsonDocument.GetValue("size", 0).ToInt64())
                : (0, 0);
        }
        catch (MongoCommandException e) when (!ServerErrors.MayPass(e))
        {
            return (0, 0);
        }
    }
}

/// <summary>What is asked of each collection beside its name, UUID, type and options, which one command tells of all.</summary>
internal enum ListingDetail
{
    Names,
    Indexes,

    /// <summary>How large it is, too: some servers walk the collection to tell.</summary>
    Sizes,
}
