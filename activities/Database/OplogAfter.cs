using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database;

/// <summary>What the server's oplog says of the time since a backup's end mark.</summary>
internal sealed class OplogAfter(BackupScope scope, ClusterTime end)
{
    /// <summary>Batches of raw entries; each is valid until the next is asked for.</summary>
    public async IAsyncEnumerable<RawBatch> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var find = new BsonDocument
        {
            { "find", "oplog.rs" },
            { "filter", new BsonDocument("ts", new BsonDocument("$gt", end.ToBson())) },
            { "batchSize", RawCursor.BatchDocuments },
        };
        using var session = await RawCursor.StartSessionAsync(scope.Client, cancellation);
        await using var cursor = await RawCursor.OpenAsync(scope.Client.GetDatabase("local"), session, find, cancellation);
        while (await cursor.NextAsync(cancellation) is { } batch)
        {
            using (batch)
            {
                yield return batch;
            }
        }
    }
}
