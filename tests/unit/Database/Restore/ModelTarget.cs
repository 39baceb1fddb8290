using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Restore;

/// <summary>A target in memory that keeps its documents and replay's state together, as a transaction would, and can be killed.</summary>
internal sealed class ModelTarget(ReplayState start) : IReplayTarget
{
    public Dictionary<string, SortedDictionary<string, byte[]>> Documents { get; } = new(StringComparer.Ordinal);

    public ReplayState State { get; private set; } = start;

    /// <summary>The call that is not answered any more; negative: never.</summary>
    public int KillAt { get; set; } = -1;

    /// <summary>Whether the killed call took effect before.</summary>
    public bool KillAfterEffect { get; set; }

    public int Calls { get; private set; }

    public Task<IReadOnlyList<ReadOnlyMemory<byte>>> FindAsync(
        ReplayedCollection collection, IReadOnlyList<RawElement> ids, CancellationToken cancellation)
    {
        var there = Documents.GetValueOrDefault(collection.Uuid) ?? [];
        return Task.FromResult<IReadOnlyList<ReadOnlyMemory<byte>>>(
            [.. ids.Select(Key).Where(there.ContainsKey).Select(k => new ReadOnlyMemory<byte>(there[k]))]);
    }

    public Task CreateAsync(ReplayedCollection collection, CancellationToken cancellation) =>
        Do(() => Documents.TryAdd(collection.Uuid, []));

    public Task DropAsync(ReplayedCollection collection, CancellationToken cancellation) =>
        Do(() => Documents.Remove(collection.Uuid));

    public Task WriteAsync(ReplayStep step, CancellationToken cancellation) => Do(() =>
    {
        foreach (var write in step.Writes)
        {
            var there = Documents[write.Collection.Uuid];
            foreach (var id in write.Deletes)
                there.Remove(Key(id));
            foreach (var (id, document) in write.Puts)
                there[Key(id)] = document.ToArray();
        }

        State = step.State;
    });

    public static string Key(RawElement id) =>
        BsonDocumentOf(RawBson.Build([id.Named("_id"u8.ToArray())]))[0] is { IsNumeric: true } n
            ? n.ToDecimal().ToString("0.####", System.Globalization.CultureInfo.InvariantCulture)
            : Convert.ToHexString(id.Value.Span);

    private static BsonDocument BsonDocumentOf(byte[] bson) => MongoDB.Bson.Serialization.BsonSerializer.Deserialize<BsonDocument>(bson);

    private Task Do(Action effect)
    {
        if (Calls++ == KillAt)
        {
            if (KillAfterEffect)
                effect();
            throw new KilledException();
        }

        effect();
        return Task.CompletedTask;
    }
}

internal sealed class KilledException : Exception;

/// <param name="before">What lies before all of it, and is looked up only.</param>
internal sealed class ModelOplog(
    IReadOnlyList<BsonDocument> entries, IReadOnlyList<BsonDocument>? earlier = null, List<BsonDocument>? before = null) : IOplogSource
{
    public async IAsyncEnumerable<(ReadOnlyMemory<byte> Entry, OplogPlace Place)> ReadAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var entry in earlier ?? [])
            yield return (entry.ToBson(), new OplogPlace(true, 0));
        for (var i = 0; i < entries.Count; i++)
        {
            if (i > 0 && i % 7 == 0)
                yield return (entries[i - 1].ToBson(), new OplogPlace(false, i / 7)); // Each part begins with the last entry before it.
            yield return (entries[i].ToBson(), new OplogPlace(false, i / 7));
            await Task.CompletedTask;
        }
    }

    public Task<(ReadOnlyMemory<byte> Entry, OplogPlace Place)?> FindEarlierAsync(ClusterTime time, CancellationToken cancellation) =>
        Task.FromResult<(ReadOnlyMemory<byte>, OplogPlace)?>(
            before?.Find(e => e["ts"] == new BsonTimestamp((int)time.Seconds, (int)time.Increment)) is { } found ? (found.ToBson(), new OplogPlace(true, -1)) : null);

    public Task<ReadOnlyMemory<byte>> ReadAgainAsync(OplogPlace place, ClusterTime time, CancellationToken cancellation)
    {
        var entry = (place is { Earlier: true, Part: -1 } ? before! : place.Earlier ? earlier! : entries).Single(e => e["ts"] == new BsonTimestamp((int)time.Seconds, (int)time.Increment));
        return Task.FromResult<ReadOnlyMemory<byte>>(entry["o"].AsBsonDocument.ToBson());
    }
}

/// <summary>Writes oplog entries as <c>mongod</c> does, one second apart.</summary>
internal sealed class OplogBuilder
{
    public const string Database = "shop";

    public List<BsonDocument> Entries { get; } = [];

    public static BsonTimestamp At(int n) => new(1000 + n, 1);

    public static ClusterTime Time(int n) => new((uint)(1000 + n), 1);

    public static BsonBinaryData Uuid(int n) => new([.. Enumerable.Repeat((byte)n, 16)], BsonBinarySubType.UuidStandard);

    public static string UuidText(int n) => Convert.ToHexStringLower([.. Enumerable.Repeat((byte)n, 16)]);

    public BsonDocument Add(BsonDocument entry)
    {
        entry.Add("ts", At(Entries.Count + 1));
        Entries.Add(entry);
        return entry;
    }

    public static BsonDocument Insert(int collection, BsonDocument document, string name = "orders") => new()
    {
        { "op", "i" }, { "ns", $"{Database}.{name}" }, { "ui", Uuid(collection) }, { "o", document }, { "o2", new BsonDocument("_id", document["_id"]) },
    };

    public static BsonDocument Update(int collection, BsonValue id, BsonDocument update, string name = "orders") => new()
    {
        { "op", "u" }, { "ns", $"{Database}.{name}" }, { "ui", Uuid(collection) }, { "o", update }, { "o2", new BsonDocument("_id", id) },
    };

    public static BsonDocument Delete(int collection, BsonValue id, string name = "orders") => new()
    {
        { "op", "d" }, { "ns", $"{Database}.{name}" }, { "ui", Uuid(collection) }, { "o", new BsonDocument("_id", id) },
    };

    public static BsonDocument Command(BsonDocument o, int? collection = null, string database = Database)
    {
        var entry = new BsonDocument { { "op", "c" }, { "ns", $"{database}.$cmd" }, { "o", o } };
        if (collection is { } c)
            entry["ui"] = Uuid(c);
        return entry;
    }

    public static BsonDocument ApplyOps(IEnumerable<BsonDocument> operations, BsonDocument? with = null)
    {
        var o = new BsonDocument("applyOps", new BsonArray(operations));
        if (with is not null)
            o.AddRange(with);
        return Command(o, database: "admin");
    }

    public static BsonDocument Follows(BsonDocument entry, int? previous)
    {
        entry["prevOpTime"] = new BsonDocument { { "ts", previous is { } p ? At(p) : new BsonTimestamp(0, 0) }, { "t", 1L } };
        entry["lsid"] = new BsonDocument("id", Uuid(200));
        entry["txnNumber"] = 1L;
        return entry;
    }
}
