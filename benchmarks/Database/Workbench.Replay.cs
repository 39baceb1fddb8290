using System.Diagnostics;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Benchmarks.Database;

internal sealed partial class Workbench
{
    /// <summary>Documents that the entries update.</summary>
    private const int Accounts = 50_000;

    /// <summary>The engine's replay into a target of its own, as a restore does it: windows, transactions, fence and all.</summary>
    private Task<JobResult> ReplayAsync(Job job) => WithAccountsAsync(job, "beside", async (database, state) =>
    {
        var oplog = new SampleOplog(Accounts, job.Documents);
        var collection = new ReplayedCollection(SampleOplog.Uuid, "accounts", ReplayedCollection.Collection, [], [], "beside");
        var scope = new ReplayScope(BenchmarkSite.Large, null, new HashSet<string>(), oplog.Last, oplog.Last);
        var start = new ReplayState(default, [collection], new Dictionary<string, string>(), [], 0, 0, 0, null);
        var fence = await state.RaiseAsync("replay", CancellationToken.None);
        var parts = await BesideTarget.RaisePartsAsync(state, CancellationToken.None);
        using var session = await RawCursor.StartSessionAsync(database.Client, CancellationToken.None);
        var stages = new Stages(job.Watched);
        var end = await stages.RunAsync("replay", () =>
            new OplogReplay(scope, start, new BesideTarget(state, fence, session, "replay", parts)).RunAsync(oplog, CancellationToken.None));
        return end.Entries == job.Documents
            ? Result(stages.Total, end.Written, [.. stages.All, new Stage($"{end.Windows} windows, {end.Written} writes", 0, [])])
            : throw new InvalidOperationException($"{end.Entries} entries were replayed, not {job.Documents}.");
    });

    /// <summary>The same entries, one command each and the next when it is acknowledged, as mongorestore and others apply them.</summary>
    private Task<JobResult> OneByOneAsync(Job job) => WithAccountsAsync(job, "accounts", async (database, _) =>
    {
        var collection = database.GetCollection<RawBsonDocument>("accounts", new MongoCollectionSettings { AssignIdOnInsert = false });
        var stages = new Stages(job.Watched);
        await stages.RunAsync("one by one", async () =>
        {
            foreach (var operation in new SampleOplog(Accounts, job.Documents).Operations())
            {
                var byId = new BsonDocument("_id", operation.Id);
                switch (operation.Kind)
                {
                    case 'i':
                        await collection.InsertOneAsync(new RawBsonDocument(SampleOplog.Document(operation.Id)));
                        break;
                    case 'd':
                        await collection.DeleteOneAsync(byId);
                        break;
                    default:
                        await collection.UpdateOneAsync(byId, new BsonDocument("$set", new BsonDocument
                        {
                            { "balance", operation.Number / 100.0 }, { "updatedAt", new DateTime(2023, 11, 14, 0, 0, 0, DateTimeKind.Utc) }, { "version", operation.Number },
                        }));
                        break;
                }
            }

            return true;
        });
        return Result(stages.Total, 0, [.. stages.All]);
    });

    private async Task<JobResult> WithAccountsAsync(Job job, string name, Func<IMongoDatabase, RestoringState, Task<JobResult>> run)
    {
        var client = clusters.Of(AssetOf(job));
        var database = client.GetDatabase($"luxhedge_benchmark_replay_{Guid.NewGuid().ToString("N")[..6]}");
        try
        {
            var into = database.GetCollection<RawBsonDocument>(name, new MongoCollectionSettings { AssignIdOnInsert = false });
            foreach (var part in Enumerable.Range(0, Accounts).Chunk(4_000))
            {
                await into.InsertManyAsync(part.Select(id => new RawBsonDocument(SampleOplog.Document(id))), new InsertManyOptions { IsOrdered = false });
            }

            var state = await RestoringState.OpenAsync(client, database.DatabaseNamespace.DatabaseName, "run-benchmark", CancellationToken.None);
            await state.ClaimAsync([], CancellationToken.None);
            return await run(database, state);
        }
        finally
        {
            await client.DropDatabaseAsync(database.DatabaseNamespace.DatabaseName);
        }
    }
}
