using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Indexes, one <c>createIndexes</c> a collection, then validators. Expiry is left out until the cut-over: a TTL that runs before the checks
/// would delete what they are about to count. What the server refuses is named with the documents that are in its way.
/// </summary>
internal sealed class IndexBuilder(RestoringState state)
{
    /// <summary>So many documents are named for an index that they violate.</summary>
    private const int MostNamed = 5;

    public async Task<IReadOnlyList<Check>> BuildAsync(CancellationToken cancellation)
    {
        var fence = await state.RaiseAsync("indexes", cancellation);
        var collections = (await KeptCollections.ReadAsync(state, cancellation)).Where(c => c.Type == ReplayedCollection.Collection).ToList();
        var checks = new List<Check>();
        foreach (var collection in collections)
        {
            await fence.CheckAsync(cancellation);
            var indexes = ToBuild(collection);
            if (indexes.Count > 0)
                await BuildAsync(state.Database, collection, collection.Beside, indexes, checks, cancellation);
            Beat.Report("build indexes", collections.IndexOf(collection) + 1, collections.Count, "collections");
        }

        foreach (var collection in collections)
        {
            await fence.CheckAsync(cancellation);
            if (CollectionSpecifications.ToSetLater(collection) is { } later)
                await SetAsync(collection, later, checks, cancellation);
        }

        return checks;
    }

    private static List<BsonDocument> ToBuild(ReplayedCollection collection) =>
    [
        .. collection.Indexes.Select(i => CollectionSpecifications.ToBuild(i, collection)).OfType<BsonDocument>()
            .Select(CollectionSpecifications.WithoutTtl),
    ];

    public static async Task BuildAsync(
        IMongoDatabase database, ReplayedCollection collection, string at, List<BsonDocument> indexes, List<Check> checks, CancellationToken cancellation)
    {
        var refused = new HashSet<string>(StringComparer.Ordinal);
        // A restart finds its own: mongod takes the same index again for a no-op, and waits where it is still being built.
        if (await TryAsync(database, at, [.. indexes.Select(WithoutPrepare)], cancellation) is not null)
        {
            // One of them is refused, and all with it: each for itself, to name it and to have the others.
            foreach (var index in indexes)
            {
                if (await TryAsync(database, at, [WithoutPrepare(index)], cancellation) is { } error && !await IsThereAsync(database, at, index, cancellation))
                {
                    refused.Add(index["name"].AsString);
                    checks.Add(new($"index {collection.Name}.{index["name"]}", Verdict.Failed, await ExplainAsync(database, collection, at, index, error, cancellation)));
                }
            }
        }

        foreach (var index in indexes.Where(i => i.GetValue("prepareUnique", false).ToBoolean() && !refused.Contains(i["name"].AsString)))
            await PrepareUniqueAsync(database, collection, at, index, checks, cancellation);
    }

    private static async Task PrepareUniqueAsync(
        IMongoDatabase database, ReplayedCollection collection, string at, BsonDocument index, List<Check> checks, CancellationToken cancellation)
    {
        try
        {
            await database.RunCommandAsync<BsonDocument>(
                new BsonDocument { { "collMod", at }, { "index", new BsonDocument { { "name", index["name"] }, { "prepareUnique", true } } } }, cancellationToken: cancellation);
        }
        catch (MongoCommandException e) when (ServerErrors.IsRefusal(e))
        {
            checks.Add(new($"index {collection.Name}.{index["name"]}", Verdict.Failed, $"The server does not set prepareUnique: {e.Message}"));
        }
    }

    /// <summary>A server that refuses an index because an attempt before has built it, and the server has written its version down since.</summary>
    private static async Task<bool> IsThereAsync(IMongoDatabase database, string at, BsonDocument index, CancellationToken cancellation)
    {
        var wanted = CollectionSpecifications.IndexForm(WithoutPrepare(index), withExpiry: true);
        var there = await TargetInventory.IndexesAsync(database, at, cancellation);
        return there.Any(i => CollectionSpecifications.IndexForm(WithoutPrepare(i), withExpiry: true) == wanted);
    }

    /// <summary>It is no option of <c>createIndexes</c>, only of <c>collMod</c>.</summary>
    private static BsonDocument WithoutPrepare(BsonDocument index) => new(index.Where(e => e.Name != "prepareUnique"));

    private static async Task<MongoCommandException?> TryAsync(IMongoDatabase database, string at, List<BsonDocument> indexes, CancellationToken cancellation)
    {
        try
        {
            await LongCommands.RunAsync(
                database, new BsonDocument { { "createIndexes", at }, { "indexes", new BsonArray(indexes) } }, $"build indexes of {at}", cancellation);
            return null;
        }
        catch (MongoCommandException e) when (ServerErrors.IsRefusal(e))
        {
            return e;
        }
    }

    private static async Task<string> ExplainAsync(
        IMongoDatabase database, ReplayedCollection collection, string at, BsonDocument index, MongoCommandException error, CancellationToken cancellation)
    {
        if (error.Code != RawWrites.DuplicateKey)
            return $"The server does not build it: {error.Message}";
        var named = new List<string>();
        try
        {
            var aggregate = new BsonDocument { { "aggregate", at }, { "pipeline", SameKeys(index) }, { "cursor", new BsonDocument() }, { "allowDiskUse", true } };
            if (index.TryGetValue("collation", out var collation))
                aggregate["collation"] = collation;
            var reply = await LongCommands.RunAsync(database, aggregate, $"look for duplicates in {collection.Name}", cancellation);
            named.AddRange(reply["cursor"]["firstBatch"].AsBsonArray.Select(g => $"_id {IdText.Of(g["first"])} and _id {IdText.Of(g["last"])} (of {g["n"]})"));
        }
        catch (MongoCommandException e) when (!ServerErrors.MayPass(e))
        {
            // The server's own words name the value at least.
        }

        return named.Count == 0 ? $"It is unique, and documents have the same key: {error.Message}" : $"It is unique, and documents have the same key: {string.Join("; ", named)}.";
    }

    /// <summary>
    /// Documents with the same key, by the index's own rules: only those that it has (partial, sparse), one key for each element of an array, and a
    /// field that is missing is null. One document may have a key as often as it likes.
    /// </summary>
    private static BsonArray SameKeys(BsonDocument index)
    {
        var names = index["key"].AsBsonDocument.Names.ToList();
        var pipeline = new BsonArray();
        if (index.TryGetValue("partialFilterExpression", out var partial))
            pipeline.Add(new BsonDocument("$match", partial));
        if (index.GetValue("sparse", false).ToBoolean())
            pipeline.Add(new BsonDocument("$match", new BsonDocument("$or", new BsonArray(names.Select(n => new BsonDocument(n, new BsonDocument("$exists", true)))))));

        // Two fields of documents in one array go together, an element's with an element's.
        foreach (var outer in names.Where(n => n.Contains('.', StringComparison.Ordinal)).Select(n => n[..n.IndexOf('.', StringComparison.Ordinal)]).Distinct())
            pipeline.Add(Unwind($"${outer}"));
        pipeline.Add(new BsonDocument("$project", new BsonDocument(names.Select((n, i) => new BsonElement($"k{i}", $"${n}")))));
        pipeline.AddRange(names.Select((_, i) => Unwind($"$k{i}")));
        pipeline.Add(new BsonDocument("$group", new BsonDocument
        {
            { "_id", new BsonDocument(names.Select((_, i) => new BsonElement($"k{i}", new BsonDocument("$ifNull", new BsonArray { $"$k{i}", BsonNull.Value })))) },
            { "n", new BsonDocument("$sum", 1) }, { "first", new BsonDocument("$min", "$_id") }, { "last", new BsonDocument("$max", "$_id") },
        }));
        pipeline.Add(new BsonDocument("$match", new BsonDocument("$expr", new BsonDocument("$ne", new BsonArray { "$first", "$last" }))));
        pipeline.Add(new BsonDocument("$limit", MostNamed));
        return pipeline;

        static BsonDocument Unwind(string path) => new("$unwind", new BsonDocument { { "path", path }, { "preserveNullAndEmptyArrays", true } });
    }

    private async Task SetAsync(ReplayedCollection collection, BsonDocument later, List<Check> checks, CancellationToken cancellation)
    {
        try
        {
            var command = new BsonDocument("collMod", collection.Beside);
            command.AddRange(later);
            await state.Database.RunCommandAsync<BsonDocument>(command, cancellationToken: cancellation);
        }
        catch (MongoCommandException e) when (ServerErrors.IsRefusal(e))
        {
            checks.Add(new($"options {collection.Name}", Verdict.Failed, $"The server does not take {later}: {e.Message}"));
        }
    }
}
