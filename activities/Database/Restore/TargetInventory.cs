using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>One collection, view or time series of a target.</summary>
internal sealed record TargetCollection(string Name, string? Uuid, string Type, BsonDocument Options);

/// <summary>What a database holds, as its server lists it; the server's own collections left out.</summary>
public static class TargetInventory
{
    /// <summary>Whether a collection of that name is data that somebody would miss: not what a restore makes beside it, and no canaries, which capture
    /// may write into production at any moment, also while it is lost.</summary>
    public static bool IsData(string collection) => !BesideNames.IsOurs(collection) && collection != Marks.CanaryCollection;

    internal static async Task<IReadOnlyList<TargetCollection>> ListAsync(IMongoDatabase database, CancellationToken cancellation)
    {
        var found = new List<TargetCollection>();
        using var cursor = await database.ListCollectionsAsync(cancellationToken: cancellation);
        while (await cursor.MoveNextAsync(cancellation))
        {
            foreach (var listed in cursor.Current)
            {
                var name = listed["name"].AsString;
                if (name.StartsWith("system.", StringComparison.Ordinal) && name != "system.js")
                    continue;
                var info = listed.GetValue("info", null) as BsonDocument;
                found.Add(new TargetCollection(
                    name, info?.GetValue("uuid", null).ToUuidText(), listed.GetValue("type", "collection").AsString,
                    listed.GetValue("options", new BsonDocument()).AsBsonDocument));
            }
        }

        return [.. found.OrderBy(f => f.Name, StringComparer.Ordinal)];
    }

    internal static async Task<IReadOnlyList<BsonDocument>> IndexesAsync(IMongoDatabase database, string collection, CancellationToken cancellation)
    {
        using var cursor = await database.GetCollection<BsonDocument>(collection).Indexes.ListAsync(cancellation);
        return await cursor.ToListAsync(cancellation);
    }

    /// <summary>A view has no documents of its own.</summary>
    internal static async Task<bool> HasDocumentsAsync(IMongoDatabase database, TargetCollection collection, CancellationToken cancellation)
    {
        if (collection.Type == ReplayedCollection.View)
            return false;
        using var cursor = await database.GetCollection<RawBsonDocument>(collection.Name)
            .FindAsync(new BsonDocument(), new FindOptions<RawBsonDocument> { Limit = 1 }, cancellation);
        return await cursor.MoveNextAsync(cancellation) && cursor.Current.Any();
    }
}
