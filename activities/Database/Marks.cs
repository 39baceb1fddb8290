using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>Where a backup's oplog begins and ends.</summary>
internal static class Marks
{
    public const string CanaryCollection = "luxhedge_canary";

    /// <summary>
    /// A server whose newest time is no entry's (mongod's always is) hands out times before the writes that take them can be seen: its oplog is
    /// taken from a little earlier. Older entries change nothing, since everything up to the end mark is replayed over a fuzzy copy.
    /// </summary>
    private const uint MarginSeconds = 5;

    /// <summary>Little enough that what was written in it fits in memory many times over.</summary>
    private const uint RecentSeconds = 10;

    private static readonly TimeSpan CanaryWait = TimeSpan.FromSeconds(10);

    /// <summary>By then such a server shows every write whose time it had handed out.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    /// <summary>The newest time that a majority has, and where the backup's oplog begins: there, or at the first entry of the oldest
    /// transaction that is open then.</summary>
    public static async Task<StartMark> StartAsync(IMongoClient client, CancellationToken cancellation)
    {
        var mark = await MajorityAsync(client, cancellation);
        var local = client.GetDatabase("local");
        var from = mark;
        if (await OldestOpenTransactionAsync(client, cancellation) is { } open && open < from)
        {
            from = open;
        }

        if ((await OplogTraits.ReadAsync(client, cancellation)).TicksBetweenEntries || !await HasEntryAsync(local, mark, cancellation))
        {
            var earlier = mark with { Seconds = mark.Seconds - MarginSeconds };
            var margin = await ReachesBackToAsync(client, earlier, cancellation) ? earlier : await FirstFromAsync(local, earlier, cancellation) ?? earlier;
            from = margin < from ? margin : from;
        }

        return new StartMark(mark, from);
    }

    /// <summary>Writes a canary and waits until a majority has it.</summary>
    public static Task WriteCanaryAsync(IMongoDatabase database, string backupId, DateTimeOffset now, CancellationToken cancellation) =>
        WriteCanaryAsync(database, WriteConcern.WMajority, "backup", backupId, now, cancellation);

    /// <summary>The canary that capture writes each minute. Nobody waits long for a majority that is not there.</summary>
    public static Task WriteCaptureCanaryAsync(IMongoDatabase database, string runId, DateTimeOffset now, CancellationToken cancellation) =>
        WriteCanaryAsync(database, WriteConcern.WMajority.With(wTimeout: CanaryWait), "capture", runId, now, cancellation);

    /// <summary>Deletes the canaries of capture that are older than that. Those of backups are few, and stay.</summary>
    public static async Task TrimCanariesAsync(IMongoDatabase database, DateTimeOffset before, CancellationToken cancellation) =>
        await database.GetCollection<BsonDocument>(CanaryCollection).DeleteManyAsync(
            new BsonDocument { { "capture", new BsonDocument("$exists", true) }, { "at", new BsonDocument("$lt", before.UtcDateTime) } }, cancellation);

    private static Task WriteCanaryAsync(
        IMongoDatabase database, WriteConcern concern, string kind, string run, DateTimeOffset now, CancellationToken cancellation) =>
        database.GetCollection<BsonDocument>(CanaryCollection).WithWriteConcern(concern).InsertOneAsync(
            new BsonDocument
            {
                { "_id", new BsonBinaryData(Guid.NewGuid(), GuidRepresentation.Standard) },
                { "at", now.UtcDateTime },
                { kind, run },
            },
            cancellationToken: cancellation);

    /// <summary>
    /// The operation time of a fresh majority read, of all that the primary has. A primary that has just been elected has whatever a majority had,
    /// though it may not know yet that they had it: nothing that any lane has read, in this attempt or one before, is later.
    /// </summary>
    public static async Task<ClusterTime> OperationTimeAsync(IMongoDatabase database, CancellationToken cancellation)
    {
        var (_, newest) = await LastWriteAsync(database.Client, cancellation);
        var reply = await database.RunCommandAsync<BsonDocument>(
            new BsonDocument { { "find", CanaryCollection }, { "limit", 1 }, { "readConcern", RangeReads.Majority(newest) } },
            ReadPreference.Primary, cancellation);
        return reply.GetValue("operationTime", BsonNull.Value).ToClusterTime();
    }

    /// <summary>
    /// The end mark itself, or the first time after it that is inside no transaction. It is the same on mongod, where a transaction becomes
    /// visible by one entry. A server that writes one as loose entries may have handed out the mark's time between two of them (a matter of
    /// milliseconds), and half a transaction is none.
    /// </summary>
    public static async Task<ClusterTime> OutsideTransactionsAsync(IMongoClient client, ClusterTime end, TimeProvider time, CancellationToken cancellation)
    {
        var local = client.GetDatabase("local");
        if (!(await OplogTraits.ReadAsync(client, cancellation)).TicksBetweenEntries && await HasEntryAsync(local, end, cancellation))
        {
            return end;
        }

        await Task.Delay(Settle, time, cancellation);
        var spans = new Dictionary<string, (ClusterTime First, ClusterTime Last)>(StringComparer.Ordinal);
        var find = new BsonDocument
        {
            { "find", "oplog.rs" },
            { "filter", new BsonDocument("ts", new BsonDocument("$gte", (end with { Seconds = end.Seconds - MarginSeconds }).ToBson())) },
            { "batchSize", RawCursor.BatchDocuments },
        };
        using var session = await RawCursor.StartSessionAsync(client, cancellation);
        await using var cursor = await RawCursor.OpenAsync(local, session, find, cancellation);
        while (await cursor.NextAsync(cancellation) is { } batch)
        {
            using (batch)
            {
                foreach (var entry in batch)
                {
                    if (OplogEntries.LooseTransactionOf(entry.Span) is { } transaction)
                    {
                        var at = OplogEntries.TimeOf(entry.Span);
                        spans[transaction] = spans.TryGetValue(transaction, out var span) ? (span.First, at) : (at, at);
                    }
                }
            }
        }

        return Outside(spans.Values, end);
    }

    /// <summary>The first time from <paramref name="end"/> on at which none of them has begun and not ended.</summary>
    internal static ClusterTime Outside(IEnumerable<(ClusterTime First, ClusterTime Last)> spans, ClusterTime end)
    {
        foreach (var (first, last) in spans.OrderBy(s => s.First))
        {
            if (first <= end && end < last)
            {
                end = last;
            }
        }

        return end;
    }

    /// <summary><c>hello.lastWrite.majorityOpTime</c>: everything up to it can be read, and never goes away.</summary>
    public static async Task<ClusterTime> MajorityAsync(IMongoClient client, CancellationToken cancellation) =>
        (await LastWriteAsync(client, cancellation)).Majority;

    /// <summary>The newest time that a majority has, and the newest that the primary has.</summary>
    public static async Task<(ClusterTime Majority, ClusterTime Newest)> LastWriteAsync(IMongoClient client, CancellationToken cancellation)
    {
        var hello = await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("hello", 1), ReadPreference.Primary, cancellation);
        return hello.TryGetValue("lastWrite", out var write) && write.AsBsonDocument.TryGetValue("majorityOpTime", out var majority)
            && majority.AsBsonDocument["ts"].ToClusterTime() is var point
            ? (point, write.AsBsonDocument.TryGetValue("opTime", out var newest) ? ClusterTime.Max(point, newest.AsBsonDocument["ts"].ToClusterTime()) : point)
            : throw new RefusalException(
                ErrorKinds.Backup, "The server tells no majority write time (hello.lastWrite): it is no member of a replica set.", null,
                "A standalone has no oplog: start it as a replica set of one.");
    }

    public static async Task<bool> HasEntryAsync(IMongoDatabase local, ClusterTime at, CancellationToken cancellation)
    {
        using var cursor = await local.GetCollection<BsonDocument>("oplog.rs").FindAsync(
            new BsonDocument("ts", at.ToBson()), new FindOptions<BsonDocument> { Limit = 1, Projection = new BsonDocument("ts", 1) }, cancellation);
        return await cursor.AnyAsync(cancellation);
    }

    /// <summary>Whether the server still has an entry of that time or an older one: then none after it is gone.</summary>
    public static async Task<bool> ReachesBackToAsync(IMongoClient client, ClusterTime at, CancellationToken cancellation)
    {
        var local = client.GetDatabase("local");
        var older = new BsonDocument("ts", new BsonDocument("$lte", at.ToBson()));
        if ((await OplogTraits.ReadAsync(client, cancellation)).WholeAnswers)
        {
            // Few entries match these: commands (there is one before the first document of any collection), and the last seconds.
            var recent = new BsonDocument("ts", new BsonDocument { { "$lte", at.ToBson() }, { "$gt", (at with { Seconds = at.Seconds - RecentSeconds }).ToBson() } });
            if (await FirstAsync(local, new BsonDocument(older) { { "op", "c" } }, cancellation) is not null
                || await FirstAsync(local, recent, cancellation) is not null)
            {
                return true;
            }
        }

        return await FirstAsync(local, older, cancellation) is not null;
    }

    /// <summary>Time of the first entry of that time or later.</summary>
    private static Task<ClusterTime?> FirstFromAsync(IMongoDatabase local, ClusterTime at, CancellationToken cancellation) =>
        FirstAsync(local, new BsonDocument("ts", new BsonDocument("$gte", at.ToBson())), cancellation);

    private static async Task<ClusterTime?> FirstAsync(IMongoDatabase local, BsonDocument filter, CancellationToken cancellation)
    {
        using var cursor = await local.GetCollection<BsonDocument>("oplog.rs").FindAsync(
            filter, new FindOptions<BsonDocument> { Limit = 1, Sort = new BsonDocument("$natural", 1), Projection = new BsonDocument("ts", 1) }, cancellation);
        return (await cursor.FirstOrDefaultAsync(cancellation))?["ts"].ToClusterTime();
    }

    private static async Task<ClusterTime?> OldestOpenTransactionAsync(IMongoClient client, CancellationToken cancellation)
    {
        try
        {
            using var cursor = await client.GetDatabase("config").GetCollection<BsonDocument>("transactions").FindAsync(
                new BsonDocument
                {
                    { "state", new BsonDocument("$in", new BsonArray { "prepared", "inProgress" }) },
                    { "startOpTime", new BsonDocument("$exists", true) },
                },
                new FindOptions<BsonDocument> { Limit = 1, Sort = new BsonDocument("startOpTime.ts", 1) }, cancellation);
            return (await cursor.FirstOrDefaultAsync(cancellation))?["startOpTime"]["ts"].ToClusterTime();
        }
        catch (MongoCommandException)
        {
            return null; // not allowed to look: the tail fetches the beginnings of the chains it meets
        }
    }
}

/// <summary>
/// What a server's oplog does unlike mongod's. Of servers that are not known it is found out by what they do; of SecantusDB it is known, and
/// asking would cost a walk through its whole oplog each time.
/// </summary>
/// <param name="TicksBetweenEntries">Its newest time is no entry's, and times are handed out before the writes that take them can be seen.</param>
/// <param name="SilentTail">Tailable cursors on the oplog give nothing new.</param>
/// <param name="WholeAnswers">It builds every match in memory before it gives the first, whatever the limit: 3 KB an entry, a gigabyte for
/// 300,000.</param>
internal sealed record OplogTraits(bool TicksBetweenEntries, bool SilentTail, bool WholeAnswers)
{
    public static async Task<OplogTraits> ReadAsync(IMongoClient client, CancellationToken cancellation)
    {
        var build = await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(new BsonDocument("buildInfo", 1), ReadPreference.Primary, cancellation);
        var secantus = build.Contains("secantusVersion");
        return new OplogTraits(secantus, secantus, secantus);
    }
}
