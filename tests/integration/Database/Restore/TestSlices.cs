using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Workflows;
using Microsoft.Extensions.Time.Testing;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>Slices of a real server's oplog, put by the real writer, as capture does; a test says where they begin and how they are cut.</summary>
internal sealed class TestSlices(Plan plan, StoreSet stores, KeyRing keys, WriterKey writer, IMongoClient client, string database)
{
    /// <param name="from">Where the first begins.</param>
    /// <param name="leaveOut">Entries that the server's oplog has, and that are not in them.</param>
    /// <param name="to">Up to now unless said.</param>
    public async Task<IReadOnlyList<SliceManifest>> WriteAsync(
        ClusterTime from, Func<byte[], bool> leaveOut, int entriesEach, ClusterTime? to, params string[] into)
    {
        var entries = new OplogEntries(database);
        // Something is always written somewhere, and slices go on to there.
        await client.GetDatabase("restore_elsewhere").GetCollection<BsonDocument>("ticks").ReplaceOneAsync(
            new BsonDocument("_id", 1), new BsonDocument { { "_id", 1 }, { "at", DateTime.UtcNow } }, new ReplaceOptions { IsUpsert = true });
        var majority = to ?? await Marks.MajorityAsync(client, CancellationToken.None);
        using var cursor = await client.GetDatabase("local").GetCollection<RawBsonDocument>("oplog.rs").FindAsync(
            new BsonDocument("ts", new BsonDocument { { "$gte", from.ToBson() }, { "$lte", majority.ToBson() } }));
        var all = (await cursor.ToListAsync()).Select(e => e.ToBson()).ToList();
        var link = all.FirstOrDefault() is { } first && OplogEntries.TimeOf(first) == from ? entries.LinkOf(first) : OplogEntries.StartLink(from);
        var read = all.Where(e => OplogEntries.TimeOf(e) > from).Where(e => entries.IsKept(e) && !leaveOut(e)).ToList();
        if (all.Count > 0 && (read.Count == 0 || !read[^1].AsSpan().SequenceEqual(all[^1])))
            read.Add(entries.LinkOf(all[^1])); // Up to there nothing more was written.
        // Sealed long after: whatever was written by then can be seen.
        var slices = new SliceWriter(plan, stores, keys, writer, new FakeTimeProvider(DateTimeOffset.UtcNow.AddMinutes(1)));
        var source = new SourceDescription("test", database, "test");
        var written = new List<SliceManifest>();
        foreach (var part in read.Chunk(entriesEach))
        {
            var draft = SliceBuilder.Build(database, [link, .. part], chunkBytes: 20_000);
            foreach (var store in into)
            {
                var put = await slices.PutAsync(store, SandboxPlan.Asset, "run-capture", draft, source, majority, CancellationToken.None);
                if (store == into[0])
                    written.Add(put.Value);
            }

            link = part[^1];
        }

        return written;
    }

    /// <summary>By a plan alone, into its store <c>nas</c>, from before its newest backup on.</summary>
    public static async Task WriteAsync(Plan plan, IMongoClient client, string database)
    {
        await using var stores = new StoreSet(plan);
        using var writer = WriterKey.Load(plan.Writer);
        using var keys = new KeyRing(plan, stores, writer);
        var backups = await new BackupCatalog(plan, stores, TimeProvider.System).ListAsync(SandboxPlan.Asset, CancellationToken.None);
        await new TestSlices(plan, stores, keys, writer, client, database).WriteAsync(backups.Backups[^1].Manifest.StartMark, static _ => false, 100, null, "nas");
    }
}
