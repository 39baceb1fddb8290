using System.Globalization;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>What is replayed.</summary>
/// <param name="Database">The source's database: other databases' entries are passed.</param>
/// <param name="Selected">UUIDs (and <c>view:{name}</c>) of the named collections; null: the whole database.</param>
/// <param name="Discarded">UUIDs whose entries are passed because the backup says that they are not in it.</param>
/// <param name="To">The last time that is applied.</param>
/// <param name="ExactAfter">The base's end mark: after it a missing document or path is a loss.</param>
internal sealed record ReplayScope(
    string Database, IReadOnlySet<string>? Selected, IReadOnlySet<string> Discarded, ClusterTime To, ClusterTime ExactAfter)
{
    /// <summary>Transactions of loose entries (<see cref="OplogEntries.LooseTransactionOf"/>) that end after <see cref="To"/>: half a
    /// transaction is none, so what is there of them is passed.</summary>
    public IReadOnlySet<string> LeftOut { get; init; } = new HashSet<string>();

    /// <summary>By UUID of a capped collection: what was inserted up to then is in its copy, or was evicted before it was read. To insert that again
    /// would move it behind what came later.</summary>
    public IReadOnlyDictionary<string, ClusterTime> CappedUntil { get; init; } = new Dictionary<string, ClusterTime>();

    /// <summary>Only which collections there are and what was done to each is followed: no document is looked at or written.</summary>
    public bool OnlyCounts { get; init; }
}

/// <summary>How far replay is: everything before <paramref name="Time"/> is in the target, and of the entry at it the first
/// <paramref name="Inner"/> operations (<see cref="Whole"/>: all).</summary>
internal readonly record struct ReplayPosition(ClusterTime Time, int Inner)
{
    public const int Whole = int.MaxValue;

    public bool Covers(ClusterTime time) => time < Time || (time == Time && Inner == Whole);
}

/// <summary>What replay keeps in the target, written together with each window.</summary>
/// <param name="Unknown">UUIDs of entries that nothing explains yet, with their namespace: a later drop does, else the replay is refused.</param>
internal sealed record ReplayState(
    ReplayPosition Position,
    IReadOnlyList<ReplayedCollection> Collections,
    IReadOnlyDictionary<string, string> Unknown,
    IReadOnlyList<string> Losses,
    long Entries,
    long Written,
    int Windows,
    DateTimeOffset? NewestEntry);

/// <summary>What a window, or a command between two, changes in the target; whole or not at all where the server has transactions.</summary>
/// <param name="Changed">Collections of <see cref="ReplayState.Collections"/> whose name, options or indexes are others now, or that are new.</param>
/// <param name="Removed">UUIDs that are gone.</param>
internal sealed record ReplayStep(
    ReplayState State, IReadOnlyList<CollectionWrites> Writes, IReadOnlyList<ReplayedCollection> Changed, IReadOnlyList<string> Removed)
{
    /// <value>Every entry of it is up to the base's end mark, so that a part of it is a fuzzier copy and no harm: the same entries come again.</value>
    public bool Repeatable { get; init; }
}

/// <summary>Where replay writes. Every call may be repeated with the same arguments and then changes nothing.</summary>
internal interface IReplayTarget
{
    /// <summary>The documents of those <c>_id</c>s that are there.</summary>
    Task<IReadOnlyList<ReadOnlyMemory<byte>>> FindAsync(
        ReplayedCollection collection, IReadOnlyList<RawElement> ids, CancellationToken cancellation);

    Task CreateAsync(ReplayedCollection collection, CancellationToken cancellation);

    Task DropAsync(ReplayedCollection collection, CancellationToken cancellation);

    Task WriteAsync(ReplayStep step, CancellationToken cancellation);
}

/// <summary>Oplog entries in order of time; of a backup's, entries of transactions open at the start mark first.</summary>
internal interface IOplogSource
{
    IAsyncEnumerable<(ReadOnlyMemory<byte> Entry, OplogPlace Place)> ReadAsync(CancellationToken cancellation);

    /// <summary>The entry of that time from before what <see cref="ReadAsync"/> reads: part of a transaction that ends later. Null where it
    /// is not known.</summary>
    Task<(ReadOnlyMemory<byte> Entry, OplogPlace Place)?> FindEarlierAsync(ClusterTime time, CancellationToken cancellation) =>
        Task.FromResult<(ReadOnlyMemory<byte>, OplogPlace)?>(null);

    /// <summary>The <c>o</c> of one entry again.</summary>
    Task<ReadOnlyMemory<byte>> ReadAgainAsync(OplogPlace place, ClusterTime time, CancellationToken cancellation);
}

/// <summary>Bounds of what replay holds in memory.</summary>
/// <param name="WindowDocuments">A window is written at this many documents; within what a server takes in one transaction.</param>
/// <param name="WindowBytes">Or at this many bytes of entries, or about so many of the documents themselves.</param>
/// <param name="TransactionBytes">Open transactions beyond it are kept as references.</param>
internal sealed record ReplayLimits(int WindowDocuments = 10_000, long WindowBytes = 32 << 20, long TransactionBytes = 64 << 20)
{
    /// <value>
    /// As <paramref name="WindowDocuments"/>, of a window up to the base's end mark, which may be written in parts: the more, the oftener a document
    /// that is changed again and again is written once.
    /// </value>
    public int RepeatableDocuments { get; init; } = 200_000;

    /// <value>As <paramref name="WindowBytes"/>, of such a window.</value>
    public long RepeatableBytes { get; init; } = 64 << 20;
}

/// <summary>
/// Replay by folding: entries of the oplog are folded window by window over what was loaded. It needs no <c>applyOps</c> right. A window
/// ends before and after every command. Running it again from any state it has written ends in the same state.
/// </summary>
internal sealed class OplogReplay
{
    /// <summary>Operations that say nothing of data: no-ops and what a sharded cluster notes for itself.</summary>
    private static readonly HashSet<string> SkippedOperations = ["n", "cd", "ci", "cu", "km"];

    /// <summary>Commands whose effect comes by another entry, or that touch nothing which is restored.</summary>
    private static readonly HashSet<string> SkippedCommands =
        ["startIndexBuild", "abortIndexBuild", "setMultikeyMetadata", "dropIdent", "dropDatabase"];

    /// <summary>Beyond this many losses they are only counted.</summary>
    private const int KeptLosses = 100;

    private readonly ReplayScope scope;
    private readonly IReplayTarget target;
    private readonly ReplayLimits limits;
    private readonly Action<long>? onProgress;

    private readonly FoldingWindow window = new();
    private readonly TransactionChains chains;
    private readonly Dictionary<string, ReplayedCollection> collections;
    private readonly Dictionary<string, string> unknown;
    private readonly List<string> losses;
    private readonly Dictionary<string, SinceBase> since = new(StringComparer.Ordinal);
    private ReplayPosition position;

    /// <summary>Of one document in the target, as they were read last; a guess at the beginning.</summary>
    private double documentBytes = 4_000;

    private long entries;
    private long written;
    private int windows;
    private DateTimeOffset? newest;
    private OplogEntry? counted;

    public OplogReplay(ReplayScope scope, ReplayState start, IReplayTarget target, ReplayLimits? limits = null, Action<long>? onProgress = null)
    {
        this.scope = scope;
        this.target = target;
        this.limits = limits ?? new ReplayLimits();
        this.onProgress = onProgress;
        chains = new TransactionChains(this.limits.TransactionBytes);
        collections = start.Collections.ToDictionary(c => c.Uuid, StringComparer.Ordinal);
        unknown = new Dictionary<string, string>(start.Unknown, StringComparer.Ordinal);
        losses = [.. start.Losses];
        (position, entries, written, windows, newest) = (start.Position, start.Entries, start.Written, start.Windows, start.NewestEntry);
    }

    /// <summary>Throws <see cref="RefusalException"/> (<c>restore</c>) for an entry whose kind is not known, or that lies on a collection
    /// which is neither in the backup nor explained by it.</summary>
    public async Task<ReplayState> RunAsync(IOplogSource oplog, CancellationToken cancellation)
    {
        var last = default(ClusterTime);
        await foreach (var (bson, place) in oplog.ReadAsync(cancellation))
        {
            var entry = OplogEntry.Read(bson);
            if (entry.Time <= last)
                continue; // Each part begins with the last entry of the part before it.
            if (entry.Time > scope.To)
                break;
            last = entry.Time;
            if (scope.LeftOut.Count > 0 && OplogEntries.LooseTransactionOf(bson.Span) is { } loose && scope.LeftOut.Contains(loose))
                continue;
            await ReplayAsync(entry, place, oplog, cancellation);
            onProgress?.Invoke(entries);
        }

        await FlushAsync(new ReplayPosition(ClusterTime.Max(scope.To, position.Time), ReplayPosition.Whole), always: true, cancellation);
        if (unknown.Count > 0)
        {
            var (uuid, ns) = unknown.MinBy(u => u.Value, StringComparer.Ordinal);
            throw new RefusalException(
                ErrorKinds.Restore,
                $"The backup's oplog writes to {ns} (UUID {uuid}), which the backup neither holds nor explains" +
                (unknown.Count > 1 ? $", and to {unknown.Count - 1} more such collections." : "."),
                ns, "Restore another backup, and report this one.");
        }

        return State();
    }

    private async Task ReplayAsync(OplogEntry entry, OplogPlace place, IOplogSource oplog, CancellationToken cancellation)
    {
        var command = entry.Operation == "c" ? CommandName(entry) : null;
        switch (command)
        {
            case "applyOps" when entry.MultiOperationType == 1:
                if (!place.Earlier)
                    await ApplyAllAsync(entry, [entry.Object], cancellation);
                return;
            case "applyOps" when RawBson.IsTrue(RawBson.Find(entry.Object, "partialTxn")) || RawBson.IsTrue(RawBson.Find(entry.Object, "prepare")):
                var begun = entry.Previous is { } first ? await TakeChainAsync(first, oplog, cancellation) : [];
                chains.Extend(entry, place, begun ?? throw Unexplained(entry, "continues a transaction whose beginning the backup does not hold"));
                return;
            case "applyOps":
                if (IsPassed(entry, place))
                    return;
                var before = entry.Previous is not { } previous ? [] : await TakeChainAsync(previous, oplog, cancellation)
                    ?? throw Unexplained(entry, "ends a transaction whose beginning the backup does not hold");
                await ApplyChainAsync(entry, before, entry.Object, oplog, cancellation);
                return;
            case "commitTransaction":
                if (IsPassed(entry, place))
                    return;
                var prepared = entry.Previous is { } at ? await TakeChainAsync(at, oplog, cancellation) : null;
                await ApplyChainAsync(
                    entry, prepared ?? throw Unexplained(entry, "commits a transaction which the backup does not hold"), null, oplog, cancellation);
                return;
            case "abortTransaction":
                if (entry.Previous is { } aborted)
                    chains.Take(aborted);
                return;
            default:
                if (place.Earlier || position.Covers(entry.Time))
                    return;
                var whole = new ReplayPosition(entry.Time, ReplayPosition.Whole);
                Count(entry);
                await ApplyAsync(entry, whole, cancellation);
                await FlushWhenFullAsync(whole, cancellation);
                return;
        }
    }

    /// <summary>The end of a transaction that is in the target already, or in the base copy: its chain is let go.</summary>
    private bool IsPassed(OplogEntry entry, OplogPlace place)
    {
        if (!place.Earlier && !position.Covers(entry.Time))
            return false;
        if (entry.Previous is { } previous)
            chains.Take(previous);
        return true;
    }

    /// <summary>The chain up to that entry, whose beginning may lie before what is read; null: nobody has it.</summary>
    private async Task<IReadOnlyList<ChainedEntry>?> TakeChainAsync(ClusterTime last, IOplogSource oplog, CancellationToken cancellation)
    {
        var found = new List<ChainedEntry>();
        for (ClusterTime? at = last; at is { } time;)
        {
            if (chains.Take(time) is { } known)
                return found.Count == 0 ? known : [.. known, .. Enumerable.Reverse(found)];
            if (await oplog.FindEarlierAsync(time, cancellation) is not { } earlier)
                return null;
            found.Add(new ChainedEntry(time, earlier.Place, null));
            at = OplogEntry.Read(earlier.Entry).Previous;
        }

        found.Reverse();
        return found;
    }

    private async Task ApplyChainAsync(
        OplogEntry entry, IReadOnlyList<ChainedEntry> chain, ReadOnlyMemory<byte>? own, IOplogSource oplog, CancellationToken cancellation)
    {
        Count(entry);
        var inner = 0;
        foreach (var link in chain)
            inner = await ApplyInnerAsync(entry, link.Object ?? await oplog.ReadAgainAsync(link.Place, link.Time, cancellation), inner, cancellation);
        if (own is { } last)
            await ApplyInnerAsync(entry, last, inner, cancellation);
        await FlushWhenFullAsync(new ReplayPosition(entry.Time, ReplayPosition.Whole), cancellation);
    }

    private async Task ApplyAllAsync(OplogEntry entry, IReadOnlyList<ReadOnlyMemory<byte>> objects, CancellationToken cancellation)
    {
        if (position.Covers(entry.Time))
            return;
        Count(entry);
        var inner = 0;
        foreach (var o in objects)
            inner = await ApplyInnerAsync(entry, o, inner, cancellation);
        await FlushWhenFullAsync(new ReplayPosition(entry.Time, ReplayPosition.Whole), cancellation);
    }

    /// <summary>The operations of one <c>applyOps</c>; answers how many the whole entry has so far. Nobody reads the target meanwhile, so
    /// a transaction may be written in several windows.</summary>
    private async Task<int> ApplyInnerAsync(OplogEntry entry, ReadOnlyMemory<byte> applyOps, int inner, CancellationToken cancellation)
    {
        var operations = RawBson.ToDocument(RawBson.Find(applyOps, "applyOps"))
            ?? throw Unexplained(entry, "has no list of operations");
        var done = position.Time == entry.Time ? position.Inner : 0;
        foreach (var element in RawBson.Elements(operations))
        {
            inner++;
            if (inner <= done)
                continue;
            var operation = OplogEntry.Read(element.Value, entry.Time);
            if (operation.Operation == "c" && CommandName(operation) is "applyOps" or "commitTransaction" or "abortTransaction")
                throw Unexplained(entry, $"has a {CommandName(operation)} inside");
            var here = new ReplayPosition(entry.Time, inner);
            await ApplyAsync(operation, here, cancellation);
            await FlushWhenFullAsync(here, cancellation);
        }

        return inner;
    }

    private async Task ApplyAsync(OplogEntry entry, ReplayPosition after, CancellationToken cancellation)
    {
        if (SkippedOperations.Contains(entry.Operation))
            return;
        if (!string.Equals(entry.Database, scope.Database, StringComparison.Ordinal))
            return;
        switch (entry.Operation)
        {
            case "c":
                await ApplyCommandAsync(entry, after, cancellation);
                break;
            case "i" or "u" or "d":
                await ApplyDocumentAsync(entry, after, cancellation);
                break;
            default:
                throw Unexplained(entry, $"is of the unknown kind '{entry.Operation}'");
        }
    }

    private async Task ApplyDocumentAsync(OplogEntry entry, ReplayPosition after, CancellationToken cancellation)
    {
        if (entry.CollectionName == "system.views")
        {
            await ApplyViewAsync(entry, after, cancellation);
            return;
        }

        if (Find(entry) is not { } collection)
            return;
        var id = RawBson.Find(entry.Operation == "u" ? entry.Object2 : entry.Object, "_id")
            ?? throw Unexplained(entry, "names no _id");
        if (entry.Operation == "u" && DocumentUpdate.WhyUnknown(entry.Object) is { } why)
            throw Unexplained(entry, $"is {why}");

        newest = counted?.Wall ?? entry.Time.ToTime();
        if (entry.Time > scope.ExactAfter)
        {
            Tally(collection.Uuid, new SinceBase(1, entry.Operation switch { "i" => 1, "d" => -1, _ => 0 }, false, false)
            {
                Newest = entry.Operation == "i" && collection.IsCapped ? RawBson.Build([id.Named("_id"u8.ToArray())]) : default(ReadOnlyMemory<byte>?),
            });
        }

        if (scope.OnlyCounts || (entry.Operation == "i" && scope.CappedUntil.TryGetValue(collection.Uuid, out var until) && entry.Time <= until))
            return;
        var alone = FoldingWindow.StandsAlone(collection, id);
        if (alone)
            await FlushAsync(Before(after), always: false, cancellation);
        window.Add(collection, new DocumentOperation(entry.Operation[0], id, entry.Object, entry.Time, entry.Time > scope.ExactAfter));
        if (alone)
            await FlushAsync(after, always: true, cancellation);
    }

    /// <summary>The collection of an entry on documents; null: the entry is passed.</summary>
    private ReplayedCollection? Find(OplogEntry entry)
    {
        if (entry.Collection is not { } uuid)
            return collections.Values.FirstOrDefault(c => c.Type != ReplayedCollection.View && c.Name == UserName(entry.CollectionName));
        if (collections.TryGetValue(uuid, out var collection))
            return collection;
        Miss(uuid, entry.Namespace);
        return null;
    }

    private void Miss(string uuid, string ns)
    {
        // Another restore's own collections, on the source while it was backed up, are no part of it.
        var name = ns[(ns.IndexOf('.') + 1)..];
        if (scope.Selected is null && !scope.Discarded.Contains(uuid) && !BesideNames.IsOurs(name))
            unknown[uuid] = ns;
    }

    // Commands.

    private async Task ApplyCommandAsync(OplogEntry entry, ReplayPosition after, CancellationToken cancellation)
    {
        var name = CommandName(entry);
        if (SkippedCommands.Contains(name))
            return;
        var o = entry.Object;
        await FlushAsync(Before(after), always: false, cancellation);
        var changed = new List<ReplayedCollection>();
        var removed = new List<ReplayedCollection>();
        switch (name)
        {
            case "create":
                Create(entry, changed);
                break;
            case "drop":
                Drop(entry.Collection, RawBson.ToText(RawBson.Find(o, "drop")) ?? "", removed);
                break;
            case "renameCollection":
                Rename(entry, changed, removed);
                break;
            case "createIndexes" or "commitIndexBuild":
                if (Find(entry) is { } indexed)
                    changed.Add(WithIndexes(indexed, IndexSpecifications(o, name)));
                break;
            case "dropIndexes" or "deleteIndexes" or "deleteIndex":
                if (Find(entry) is { } bared)
                    changed.Add(WithoutIndex(bared, RawBson.Find(o, "index")));
                break;
            case "collMod":
                Modify(entry, changed);
                break;
            default:
                throw Unexplained(entry, $"is the unknown command '{name}'");
        }

        for (var i = 0; i < changed.Count; i++)
        {
            var isNew = !collections.ContainsKey(changed[i].Uuid);
            if (isNew && changed[i].Type != ReplayedCollection.View)
                await target.CreateAsync(changed[i], cancellation);
            changed[i] = Altered(changed[i], isNew, entry.Time);
            collections[changed[i].Uuid] = changed[i];
        }

        foreach (var collection in removed)
        {
            if (collection.Type != ReplayedCollection.View)
                await target.DropAsync(collection, cancellation);
            collections.Remove(collection.Uuid);
        }

        position = after;
        await target.WriteAsync(new ReplayStep(State(), [], changed, [.. removed.Select(r => r.Uuid)]), cancellation);
    }

    private void Create(OplogEntry entry, List<ReplayedCollection> changed)
    {
        var o = Decode(entry.Object);
        var name = o["create"].AsString;
        if (o.Contains("viewOn"))
        {
            // SecantusDB logs a view as a collection; mongod as a document of system.views.
            PutView(name, o["viewOn"].AsString, o.GetValue("viewPipeline", o.GetValue("pipeline", new BsonArray())), o.GetValue("collation", null), changed);
            return;
        }

        if (entry.Collection is not { } uuid)
            throw Unexplained(entry, "creates a collection and names no UUID");
        if (collections.ContainsKey(uuid))
            return; // In the base already, planned after this entry.
        if (scope.Selected is { } selected ? !selected.Contains(uuid) : scope.Discarded.Contains(uuid))
            return;
        unknown.Remove(uuid);
        foreach (var field in (string[])["create", "idIndex", "uuid", "temp", "autoIndexId"])
            o.Remove(field);
        var isTimeSeries = o.Contains("timeseries");
        if (isTimeSeries)
        {
            // mongod logs the collection of its buckets, with a validator and a cluster key of its own.
            o.Remove("validator");
            o.Remove("clusteredIndex");
        }

        changed.Add(new ReplayedCollection(
            uuid, UserName(name), isTimeSeries ? ReplayedCollection.TimeSeries : ReplayedCollection.Collection, o, [], BesideNames.OfUuid(uuid))
        {
            Buckets = name.StartsWith(BucketPrefix, StringComparison.Ordinal) ? name : null,
        });
    }

    private void Drop(string? uuid, string name, List<ReplayedCollection> removed)
    {
        if (uuid is not null)
            unknown.Remove(uuid);
        if (uuid is not null && collections.TryGetValue(uuid, out var collection))
            removed.Add(collection);
        else if (collections.TryGetValue(ViewKey(name), out var view))
            removed.Add(view);
    }

    private void Rename(OplogEntry entry, List<ReplayedCollection> changed, List<ReplayedCollection> removed)
    {
        var to = RawBson.ToText(RawBson.Find(entry.Object, "to")) ?? "";
        var dot = to.IndexOf('.');
        var (database, name) = dot < 0 ? (to, "") : (to[..dot], to[(dot + 1)..]);
        var dropTarget = RawBson.Find(entry.Object, "dropTarget");
        if (OplogEntry.ToUuid(dropTarget) is { } replaced)
            Drop(replaced, "", removed);
        else if (RawBson.IsTrue(dropTarget) && collections.Values.FirstOrDefault(c => c.Name == name && c.Uuid != entry.Collection) is { } old)
            removed.Add(old);

        var moved = entry.Collection is { } uuid ? collections.GetValueOrDefault(uuid) : Find(entry);
        if (moved is null)
        {
            if (entry.Collection is { } missing && database == scope.Database)
                Miss(missing, to);
        }
        else if (database == scope.Database)
        {
            changed.Add(moved with { Name = UserName(name) });
        }
        else
        {
            removed.Add(moved); // It left the database that is restored.
        }
    }

    private void Modify(OplogEntry entry, List<ReplayedCollection> changed)
    {
        var o = Decode(entry.Object);
        var name = o["collMod"].AsString;
        var collection = entry.Collection is { } uuid && collections.TryGetValue(uuid, out var known) ? known
            : collections.GetValueOrDefault(ViewKey(name));
        if (collection is null)
        {
            if (entry.Collection is { } missing)
                Miss(missing, $"{scope.Database}.{name}");
            return;
        }

        var options = (BsonDocument)collection.Options.DeepClone();
        var indexes = collection.Indexes;
        foreach (var field in o.Elements.Skip(1))
        {
            switch (field.Name)
            {
                case "index" when field.Value is BsonDocument change:
                    indexes = [.. indexes.Select(i => IsMeant(i, change) ? Modified(i, change) : i)];
                    break;
                case "timeseries" when field.Value is BsonDocument change && options.GetValue("timeseries", null) is BsonDocument series:
                    foreach (var setting in change)
                        series[setting.Name] = setting.Value;
                    break;
                case "expireAfterSeconds" when field.Value.IsString:
                    options.Remove("expireAfterSeconds"); // "off"
                    break;
                case "cappedSize":
                    options["size"] = field.Value;
                    break;
                case "cappedMax":
                    options["max"] = field.Value;
                    break;
                case "validator" or "validationLevel" or "validationAction" or "viewOn" or "pipeline" or "expireAfterSeconds"
                    or "changeStreamPreAndPostImages" or "recordPreImages":
                    options[field.Name] = field.Value;
                    break;
                case "dryRun" or "writeConcern" or "comment" or "isTimeseriesNamespace":
                    break;
                default:
                    throw Unexplained(entry, $"is a collMod of the unknown '{field.Name}'");
            }
        }

        changed.Add(collection with { Options = options, Indexes = indexes });
    }

    private static bool IsMeant(BsonDocument index, BsonDocument change) =>
        change.TryGetValue("name", out var name) ? index["name"] == name : index["key"] == change.GetValue("keyPattern", BsonNull.Value);

    private static BsonDocument Modified(BsonDocument index, BsonDocument change)
    {
        index = (BsonDocument)index.DeepClone();
        foreach (var setting in change)
        {
            if (setting.Name is not ("name" or "keyPattern"))
                index[setting.Name] = setting.Value;
        }

        // An index that has become unique is not preparing for it any more.
        if (index.GetValue("unique", false).ToBoolean())
            index.Remove("prepareUnique");
        foreach (var flag in (string[])["hidden", "unique", "prepareUnique"])
        {
            if (index.TryGetValue(flag, out var value) && !value.ToBoolean())
                index.Remove(flag);
        }

        return index;
    }

    private static List<BsonDocument> IndexSpecifications(ReadOnlyMemory<byte> o, string command)
    {
        var decoded = Decode(o);
        if (decoded.TryGetValue("indexes", out var list) && list is BsonArray array)
            return [.. array.Select(i => i.AsBsonDocument)];
        if (decoded.TryGetValue("spec", out var spec) && spec is BsonDocument one)
            return [one];
        decoded.Remove(command);
        return [decoded];
    }

    private static ReplayedCollection WithIndexes(ReplayedCollection collection, List<BsonDocument> added)
    {
        var indexes = collection.Indexes.ToList();
        foreach (var index in added)
        {
            index.Remove("ns");
            index.Remove("v");
            indexes.RemoveAll(i => i["name"] == index["name"]);
            indexes.Add(index);
        }

        return collection with { Indexes = indexes };
    }

    private static ReplayedCollection WithoutIndex(ReplayedCollection collection, RawElement? which)
    {
        if (RawBson.ToText(which) is { } name)
            return collection with { Indexes = [.. collection.Indexes.Where(i => name != "*" && i["name"].AsString != name)] };
        var key = RawBson.ToDocument(which) is { } k ? Decode(k) : null;
        return collection with { Indexes = [.. collection.Indexes.Where(i => i["key"] != key)] };
    }

    // Views.

    /// <summary><c>mongod</c> keeps a view as a document of <c>system.views</c>: <c>{_id: "db.name", viewOn, pipeline, collation}</c>.</summary>
    private async Task ApplyViewAsync(OplogEntry entry, ReplayPosition after, CancellationToken cancellation)
    {
        var id = RawBson.ToText(RawBson.Find(entry.Operation == "u" ? entry.Object2 : entry.Object, "_id")) ?? "";
        var name = id[(id.IndexOf('.') + 1)..];
        var changed = new List<ReplayedCollection>();
        var removed = new List<string>();
        await FlushAsync(Before(after), always: false, cancellation);
        if (entry.Operation == "d")
        {
            if (collections.Remove(ViewKey(name)))
                removed.Add(ViewKey(name));
        }
        else
        {
            ReadOnlyMemory<byte>? document = entry.Object;
            if (entry.Operation == "u" && !DocumentUpdate.IsReplacement(entry.Object))
            {
                document = collections.TryGetValue(ViewKey(name), out var view)
                    ? new DocumentUpdate().Apply(view.Options.ToBson(), entry.Object) : default(ReadOnlyMemory<byte>?);
            }

            // The view over a time series' buckets is part of the time series.
            if (document is { } d && Decode(d) is var options && !options.GetValue("viewOn", "").AsString.StartsWith(BucketPrefix, StringComparison.Ordinal))
                PutView(name, options.GetValue("viewOn", "").AsString, options.GetValue("pipeline", new BsonArray()), options.GetValue("collation", null), changed);
            for (var i = 0; i < changed.Count; i++)
            {
                changed[i] = Altered(changed[i], !collections.ContainsKey(changed[i].Uuid), entry.Time);
                collections[changed[i].Uuid] = changed[i];
            }
        }

        position = after;
        await target.WriteAsync(new ReplayStep(State(), [], changed, removed), cancellation);
    }

    private void PutView(string name, string on, BsonValue pipeline, BsonValue? collation, List<ReplayedCollection> changed)
    {
        if (scope.Selected is { } selected && !selected.Contains(ViewKey(name)))
            return;
        var options = new BsonDocument { { "viewOn", on }, { "pipeline", pipeline } };
        if (collation is BsonDocument)
            options["collation"] = collation;
        changed.Add(new ReplayedCollection(ViewKey(name), name, ReplayedCollection.View, options, [], ""));
    }

    public static string ViewKey(string name) => $"view:{name}";

    /// <summary>A time series' name for its users, whose documents lie in <c>system.buckets.{name}</c>.</summary>
    private static string UserName(string name) => name.StartsWith(BucketPrefix, StringComparison.Ordinal) ? name[BucketPrefix.Length..] : name;

    private const string BucketPrefix = "system.buckets.";

    // Windows.

    private Task FlushWhenFullAsync(ReplayPosition at, CancellationToken cancellation)
    {
        var (documents, bytes) = window.HasExact ? (limits.WindowDocuments, limits.WindowBytes) : (limits.RepeatableDocuments, limits.RepeatableBytes);
        return window.Documents >= documents || window.Bytes >= bytes || window.Documents * documentBytes >= bytes
            ? FlushAsync(at, always: true, cancellation)
            : Task.CompletedTask;
    }

    /// <summary>Just before an entry or inner operation: everything up to it is done, itself not.</summary>
    private static ReplayPosition Before(ReplayPosition position) => position.Inner == ReplayPosition.Whole
        ? new ReplayPosition(position.Time, 0)
        : new ReplayPosition(position.Time, position.Inner - 1);

    /// <param name="always">Write the position even where no document changed.</param>
    private async Task FlushAsync(ReplayPosition at, bool always, CancellationToken cancellation)
    {
        if (window.Operations == 0 && !always)
            return;
        var writes = new List<CollectionWrites>();
        foreach (var fold in window.Collections)
        {
            var needed = fold.Needed;
            var found = needed.Count == 0 ? [] : await target.FindAsync(fold.Collection, needed, cancellation);
            if (found.Count > 0)
                documentBytes = found.Average(f => f.Length);
            var resolved = fold.Resolve(found, Lose);
            if (resolved.Deletes.Count + resolved.Puts.Count > 0)
                writes.Add(resolved);
        }

        written += writes.Sum(w => (long)w.Puts.Count + w.Deletes.Count);
        windows += window.Operations > 0 ? 1 : 0;
        var repeatable = !window.HasExact;
        window.Clear();
        position = at;
        var changed = TakeTallies();
        await target.WriteAsync(new ReplayStep(State(), writes, changed, []) { Repeatable = repeatable }, cancellation);
    }

    private void Tally(string uuid, SinceBase more) => since[uuid] = since.TryGetValue(uuid, out var before) ? before.Plus(more) : more;

    /// <summary>What was counted since the last window, put to its collections.</summary>
    private List<ReplayedCollection> TakeTallies()
    {
        var changed = new List<ReplayedCollection>();
        foreach (var (uuid, more) in since)
        {
            if (collections.TryGetValue(uuid, out var collection))
                changed.Add(collections[uuid] = collection with { Since = collection.Since?.Plus(more) ?? more });
        }

        since.Clear();
        return changed;
    }

    private ReplayedCollection Altered(ReplayedCollection collection, bool isNew, ClusterTime time) => time > scope.ExactAfter
        ? collection with { Since = (collection.Since ?? SinceBase.Nothing).Plus(new SinceBase(0, 0, isNew, true)) }
        : collection;

    private void Lose(ReplayLoss loss)
    {
        if (losses.Count < KeptLosses)
            losses.Add($"{scope.Database}.{loss.Collection} _id {IdText.Of(loss.Id)} {loss.What}, at {loss.Time.ToTime():u}");
        else if (losses.Count == KeptLosses)
            losses.Add("and more");
    }

    private void Count(OplogEntry entry)
    {
        entries++;
        counted = entry;
    }

    private ReplayState State() => new(
        position, [.. collections.Values], new Dictionary<string, string>(unknown, StringComparer.Ordinal), [.. losses], entries, written, windows, newest);

    private static string CommandName(OplogEntry entry)
    {
        foreach (var element in new RawBson.Walk(entry.Object))
            return element.NameText;
        return "";
    }

    private static BsonDocument Decode(ReadOnlyMemory<byte> bson) => BsonSerializer.Deserialize<BsonDocument>(bson.ToArray());

    private static RefusalException Unexplained(OplogEntry entry, string what) => new(
        ErrorKinds.Restore,
        string.Create(CultureInfo.InvariantCulture, $"The oplog entry of {entry.Time.ToTime():u} ({entry.Time}) on {entry.Namespace} {what}: replay stops rather than guess."),
        entry.Namespace, "Restore another backup, and report this entry.");
}
