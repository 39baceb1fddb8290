using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>Server commands that can take hours: the activity lives as long as the server is seen to be at it.</summary>
internal static class LongCommands
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(10);

    /// <param name="what">For the heartbeat.</param>
    public static async Task<BsonDocument> RunAsync(
        IMongoDatabase database, BsonDocument command, string what, CancellationToken cancellation)
    {
        var mark = $"luxhedge {Guid.NewGuid():N}";
        // A server that is asked by name whether it still runs needs to find it.
        var running = database.RunCommandAsync<BsonDocument>(new BsonDocument(command) { { "comment", mark } }, cancellationToken: cancellation);
        return await WatchAsync(running, () => IsAtItAsync(database.Client, mark, cancellation), what, cancellation);
    }

    /// <summary>The same for a question that the server may need a while for, whose own time-out in the driver is the end of it.</summary>
    public static Task<T> WatchAsync<T>(Task<T> running, string what, CancellationToken cancellation) =>
        WatchAsync(running, () => Task.FromResult(true), what, cancellation);

    /// <summary>The same for work that is many short commands of its own: its progress is the sign of life.</summary>
    public static async Task<T> WatchAsync<T>(Task<T> running, Func<Task<bool>> isAtIt, string what, CancellationToken cancellation)
    {
        while (await Task.WhenAny(running, Task.Delay(Look, cancellation)) != running)
        {
            cancellation.ThrowIfCancellationRequested();
            if (await isAtIt())
                Beat.Report(what, 0, 0, "");
        }

        return await running;
    }

    private static async Task<bool> IsAtItAsync(IMongoClient client, string mark, CancellationToken cancellation)
    {
        try
        {
            var pipeline = new BsonArray
            {
                new BsonDocument("$currentOp", new BsonDocument()),
                new BsonDocument("$match", new BsonDocument("command.comment", mark)),
            };
            var reply = await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(
                new BsonDocument { { "aggregate", 1 }, { "pipeline", pipeline }, { "cursor", new BsonDocument() } }, cancellationToken: cancellation);
            return reply["cursor"]["firstBatch"].AsBsonArray.Count > 0;
        }
        catch (MongoCommandException)
        {
            // A server without $currentOp, or a user without inprog: that it answers is all there is to see.
            await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), cancellationToken: cancellation);
            return true;
        }
    }
}
