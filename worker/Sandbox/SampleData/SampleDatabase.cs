using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Worker.Sandbox.SampleData;

/// <summary>Loads the sample data into a database: created with options, inserted raw by several workers, then indexed.</summary>
public static class SampleDatabase
{
    /// <summary>A batch is one command: large enough that the round trip does not count.</summary>
    private const int BatchSize = 2_000;

    /// <summary>More don't load faster: the server's processor is the bound.</summary>
    private const int Workers = 3;

    /// <summary>The marker is the caller's.</summary>
    /// <returns>How many documents the database holds now, and when the last was inserted (<see cref="Stopwatch.GetTimestamp"/>).</returns>
    public static async Task<(long Documents, long InsertedAt)> LoadAsync(IMongoDatabase database, CancellationToken cancellation)
    {
        var made = new List<SampleCollection>();
        foreach (var collection in SampleCollections.All)
        {
            if (await CreateAsync(database, collection, cancellation))
            {
                made.Add(collection);
            }
        }

        await InsertAsync(database, made, cancellation);
        var insertedAt = Stopwatch.GetTimestamp();
        foreach (var collection in made)
        {
            await IndexAsync(database, collection, cancellation);
        }

        foreach (var (name, options) in SampleCollections.Views)
        {
            await database.RunCommandAsync<BsonDocument>(new BsonDocument("create", name).Merge(options), cancellationToken: cancellation);
        }

        var counts = await Task.WhenAll(made.Select(c => Collection(database, c).EstimatedDocumentCountAsync(cancellationToken: cancellation)));
        return (counts.Sum(), insertedAt);
    }

    private static async Task<bool> CreateAsync(IMongoDatabase database, SampleCollection collection, CancellationToken cancellation)
    {
        try
        {
            await database.RunCommandAsync<BsonDocument>(
                new BsonDocument("create", collection.Name).Merge(collection.Options), cancellationToken: cancellation);
            return true;
        }
        catch (MongoCommandException) when (collection.Optional)
        {
            return false;
        }
    }

    /// <summary>One pass over all collections: batches of several are under way at once, those of a capped one never.</summary>
    private static async Task InsertAsync(IMongoDatabase database, IReadOnlyList<SampleCollection> collections, CancellationToken cancellation)
    {
        var batches = collections.Where(c => !c.IsCapped).SelectMany(c => c.Documents().Chunk(BatchSize).Select(batch => (Collection: c, Batch: batch)));
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Workers, CancellationToken = cancellation };
        await Parallel.ForEachAsync(batches, parallel, async (next, stop) => await PutAsync(next.Collection, next.Batch, stop));
        foreach (var capped in collections.Where(c => c.IsCapped))
        {
            foreach (var batch in capped.Documents().Chunk(BatchSize))
            {
                await PutAsync(capped, batch, cancellation);
            }
        }

        Task PutAsync(SampleCollection collection, RawBsonDocument[] batch, CancellationToken stop) =>
            Collection(database, collection).InsertManyAsync(batch, new InsertManyOptions { IsOrdered = collection.IsCapped }, stop);
    }

    private static async Task IndexAsync(IMongoDatabase database, SampleCollection collection, CancellationToken cancellation)
    {
        if (collection.Indexes.Count > 0)
        {
            await CreateIndexesAsync(database, collection.Name, collection.Indexes, cancellation);
        }

        foreach (var index in collection.OptionalIndexes)
        {
            try
            {
                await CreateIndexesAsync(database, collection.Name, [index], cancellation);
            }
            catch (MongoCommandException)
            {
                // This server has no such kind.
            }
        }
    }

    private static async Task CreateIndexesAsync(
        IMongoDatabase database, string collection, IReadOnlyList<BsonDocument> indexes, CancellationToken cancellation) =>
        await database.RunCommandAsync<BsonDocument>(
            new BsonDocument { { "createIndexes", collection }, { "indexes", new BsonArray(indexes) } }, cancellationToken: cancellation);

    private static IMongoCollection<RawBsonDocument> Collection(IMongoDatabase database, SampleCollection collection) =>
        database.GetCollection<RawBsonDocument>(collection.Name);
}
