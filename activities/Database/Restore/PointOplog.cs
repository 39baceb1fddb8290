using System.Runtime.CompilerServices;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The slices from a base's end mark to a point, as replay reads them: that the first of them goes on from this very base is checked, and that
/// each begins with the last entry of the one before. Beginnings of transactions that were open at the end mark are found in the base and in
/// slices before it. Not thread-safe.
/// </summary>
internal sealed class PointOplog : IOplogSource, IDisposable
{
    /// <summary>How much earlier than a point a transaction of loose entries may begin, and later end: it is a matter of milliseconds.</summary>
    public const uint LooseSeconds = 5;

    /// <summary>By then a server that hands out times before their writes can be seen shows them all.</summary>
    private const uint SettleSeconds = 2;

    private readonly BackupReader reader;
    private readonly BackupOplog backup;
    private readonly StoreSet stores;
    private readonly SliceCatalog catalog;
    private readonly SliceKeys keys;
    private readonly SliceView view;
    private readonly string? store;
    private readonly List<ObjectTrouble> problems = [];
    private SliceReader? open;
    private SliceView? before;
    private ClusterTime since;

    /// <param name="view">The slices from the end mark on.</param>
    /// <param name="chain">Of the view, in order; from the base's end mark on.</param>
    /// <param name="store">Read from this store only; null: any.</param>
    /// <param name="keys">Disposed with this.</param>
    public PointOplog(
        BackupReader reader, StoreSet stores, SliceCatalog catalog, SliceView view, IReadOnlyList<SliceManifest> chain, string? store, SliceKeys keys)
    {
        (this.reader, this.stores, this.catalog, this.view, Chain, this.store, this.keys) = (reader, stores, catalog, view, chain, store, keys);
        backup = new BackupOplog(reader);
    }

    public IReadOnlyList<SliceManifest> Chain { get; }

    /// <summary>What was wrong in one store and came from another.</summary>
    public IReadOnlyList<ObjectTrouble> Problems => problems;

    private ClusterTime From { get; set; }

    private bool onlyNames;

    /// <summary>Reads from the slice on that holds this time: what is before it is in the target already.</summary>
    public PointOplog GoingOnAt(ClusterTime time)
    {
        From = time;
        return this;
    }

    /// <summary>Without the slices that hold nothing but documents: for who follows names and options.</summary>
    public PointOplog OnlyNames()
    {
        onlyNames = true;
        return this;
    }

    /// <summary>When the newest canary up to the point was written; null: there is none in the slices.</summary>
    public async Task<DateTimeOffset?> NewestCanaryAsync(ClusterTime to, CancellationToken cancellation)
    {
        foreach (var slice in Chain.Reverse())
        {
            if (slice.To <= to)
            {
                if (slice.NewestCanary is { } newest)
                    return newest;
                continue;
            }

            DateTimeOffset? found = null;
            var entries = new OplogEntries(reader.Index.Database);
            using var opened = await OpenAsync(slice, cancellation);
            await foreach (var part in opened.ReadOplogAsync(cancellation))
            {
                using (part)
                {
                    foreach (var entry in part.Entries)
                    {
                        if (OplogEntries.TimeOf(entry.Span) <= to && entries.CanaryOf(entry.Span) is { } at && !(at < found))
                            found = at;
                    }
                }
            }

            if (found is not null)
                return found;
        }

        return null;
    }

    public async IAsyncEnumerable<(ReadOnlyMemory<byte> Entry, OplogPlace Place)> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var (last, isJoined) = (await LastOfBaseAsync(cancellation), false);
        byte[]? seen = null;
        for (var i = 0; i < Chain.Count; i++)
            RefuseGap(i);
        var wanted = Wanted(Chain, reader.Index.EndMark, From, onlyNames);
        using var ahead = new OpenedAhead(this, wanted, cancellation);
        for (var i = 0; i < wanted.Count; i++)
        {
            var slice = wanted[i];
            using var opened = await ahead.NextAsync();
            if (i == 0 && last is not null && last.Value.Time == slice.From)
                seen = slice.FirstEntrySha256 == SliceBuilder.Hash(last.Value.Entry) ? last.Value.Entry : [];
            await foreach (var part in opened.ReadOplogAsync(cancellation))
            {
                using (part)
                {
                    foreach (var entry in part.Entries)
                    {
                        var copy = entry.ToArray();
                        var time = OplogEntries.TimeOf(copy);
                        if (!isJoined && time > reader.Index.EndMark)
                        {
                            CheckJoint(slice, last, seen);
                            isJoined = true;
                        }

                        if (!isJoined && OplogEntries.LinkHashOf(copy) is null)
                            seen = copy;
                        yield return (copy, new OplogPlace(false, part.Number) { Slice = slice.Object.Name });
                    }
                }
            }
        }

        if (!isJoined && Chain.Count > 0)
            CheckJoint(Chain[^1], last, seen);
    }

    /// <summary>The next few slices are fetched while one is read: each is a request or two, and there may be a thousand.</summary>
    private sealed class OpenedAhead(PointOplog oplog, IReadOnlyList<SliceManifest> slices, CancellationToken cancellation) : IDisposable
    {
        private const int Most = 4;
        private const long MostBytes = 64 << 20;

        private readonly Queue<(Task<SliceReader> Opening, long Bytes)> queue = [];
        private int next;
        private long bytes;

        public async Task<SliceReader> NextAsync()
        {
            while (next < slices.Count && (queue.Count == 0 || (queue.Count < Most && bytes + slices[next].Object.Size <= MostBytes)))
            {
                var slice = slices[next++];
                bytes += slice.Object.Size;
                queue.Enqueue((oplog.OpenAsync(slice, cancellation), slice.Object.Size));
            }

            var (opening, size) = queue.Dequeue();
            bytes -= size;
            return await opening;
        }

        public void Dispose()
        {
            foreach (var (opening, _) in queue)
                _ = opening.ContinueWith(static o => { if (o.IsCompletedSuccessfully) o.Result.Dispose(); }, TaskScheduler.Default);
        }
    }

    public async Task<(ReadOnlyMemory<byte> Entry, OplogPlace Place)?> FindEarlierAsync(ClusterTime time, CancellationToken cancellation)
    {
        foreach (var (place, chunk) in OfBase(time))
        {
            using var read = await reader.ReadChunkAsync(chunk, cancellation);
            if (Find(read.Documents, time) is { } entry)
                return (entry, place);
        }

        // A transaction may have begun before the base, which holds only what its own oplog needs.
        var (first, end) = (time with { Seconds = time.Seconds - 1 }, ClusterTime.Max(time, reader.Index.EndMark));
        if (before is null || first < since)
            (before, since) = (await catalog.ListAsync(reader.Manifest.Asset, first, end with { Seconds = end.Seconds + 1 }, cancellation), first);
        var there = before.Slices.Where(s => Copies(s).Count > 0).Select(s => s.Manifest).ToList();
        // In the slice of that time, or kept by the one that a chain begins with.
        foreach (var slice in there.Where(s => s.From <= time ? time <= s.To : !there.Exists(p => p.To == s.From)).OrderBy(s => s.From))
        {
            var opened = await KeepOpenAsync(slice, cancellation);
            foreach (var (i, chunk) in Chunks(opened).Where(c => c.Chunk.FirstEntry <= time && time <= c.Chunk.LastEntry))
            {
                using var read = await opened.ReadChunkAsync(chunk, cancellation);
                // A link stands for an entry of another database: of a transaction every entry is kept.
                if (Find(read.Documents, time) is { } entry && OplogEntries.LinkHashOf(entry) is null)
                    return (entry, new OplogPlace(chunk.Range == PackChunk.Earlier, i) { Slice = slice.Object.Name });
            }
        }

        return null;
    }

    public async Task<ReadOnlyMemory<byte>> ReadAgainAsync(OplogPlace place, ClusterTime time, CancellationToken cancellation)
    {
        if (place.Slice is not { } name)
            return await backup.ReadAgainAsync(place, time, cancellation);
        var slice = view.Slices.Concat(before?.Slices ?? []).First(s => s.Manifest.Object.Name == name && Copies(s).Count > 0).Manifest;
        var opened = await KeepOpenAsync(slice, cancellation);
        using var read = await opened.ReadChunkAsync(place.Earlier ? opened.Earlier[place.Part] : opened.Oplog[place.Part], cancellation);
        return Find(read.Documents, time) is { } entry && RawBson.ToDocument(RawBson.Find(entry, "o")) is { } o
            ? o
            : throw new RefusalException(ErrorKinds.Integrity, $"An oplog entry of {time} is not where it was read before.", name);
    }

    /// <summary>
    /// The last entry that is wanted, and the transactions of loose entries that are only half there by then. Where nothing tells whether such a
    /// transaction has ended, the point is before its beginning.
    /// </summary>
    /// <param name="until">Everything up to it is wanted.</param>
    public async Task<(ClusterTime To, IReadOnlyList<string> LeftOut)> BorderAsync(ClusterTime until, CancellationToken cancellation)
    {
        // Slices that go on after it, as far as a transaction may reach.
        List<SliceManifest> all = [.. Chain, .. Following(Chain[^1], view.Slices.Select(s => s.Manifest).Where(s => s.From.Seconds <= until.Seconds + LooseSeconds))];
        var from = until with { Seconds = until.Seconds - Math.Min(until.Seconds, LooseSeconds), Increment = 0 };
        var spans = new Dictionary<string, (ClusterTime First, ClusterTime Last)>(StringComparer.Ordinal);
        var times = new List<ClusterTime> { reader.Index.EndMark };
        foreach (var slice in all.Where(s => s.To >= from || s == Chain[^1]))
        {
            if (slice.From <= until)
                times.Add(slice.From);
            using var opened = await OpenAsync(slice, cancellation);
            await foreach (var part in opened.ReadOplogAsync(cancellation))
            {
                using (part)
                {
                    foreach (var entry in part.Entries)
                    {
                        var time = OplogEntries.TimeOf(entry.Span);
                        if (time <= until)
                            times.Add(time);
                        if (time >= from && time > reader.Index.EndMark && OplogEntries.LooseTransactionOf(entry.Span) is { } transaction)
                            spans[transaction] = spans.TryGetValue(transaction, out var span) ? (span.First, time) : (time, time);
                    }
                }
            }
        }

        // What is known ends where the last slice does, unless that was cut so much later that everything could be seen.
        var last = all[^1];
        var isSettled = last.SealedAt >= last.To.ToTime().AddSeconds(SettleSeconds + 1);
        return Border(until, times, [.. spans.Select(s => (s.Key, s.Value.First, s.Value.Last))], isSettled ? null : last.To);
    }

    /// <param name="times">Of entries up to <paramref name="until"/>, and the base's end mark.</param>
    /// <param name="known">Where what is known ends, and a transaction may go on after it; null: nothing more can belong to any of them.</param>
    internal static (ClusterTime To, IReadOnlyList<string> LeftOut) Border(
        ClusterTime until, IReadOnlyCollection<ClusterTime> times, IReadOnlyList<(string Transaction, ClusterTime First, ClusterTime Last)> spans, ClusterTime? known)
    {
        var unsure = spans.Where(s => s.First <= until && known is { } end && s.Last.Seconds + SettleSeconds >= end.Seconds && s.Last <= until).ToList();
        if (unsure.Count > 0)
        {
            var first = unsure.Min(s => s.First);
            var end = times.Where(t => t < first).DefaultIfEmpty(times.Min()).Max();
            return Border(end, [.. times.Where(t => t <= end)], spans, null);
        }

        return (times.Where(t => t <= until).Max(), [.. spans.Where(s => s.First <= until && until < s.Last).Select(s => s.Transaction).Order(StringComparer.Ordinal)]);
    }

    /// <summary>
    /// What is before the position is in the target; up to the end mark slices are read all the same, for the joint. A position may lie in the very last
    /// entry of a slice (a command that is not done, a transaction that is written in part): the next slice holds that entry as its first, which is passed
    /// over, so only this one has it.
    /// </summary>
    internal static IReadOnlyList<SliceManifest> Wanted(IReadOnlyList<SliceManifest> chain, ClusterTime endMark, ClusterTime position, bool onlyNames) =>
        [.. chain.Where(s => s.From <= endMark || (s.To >= position && !(onlyNames && s.OnlyDocuments)))];

    /// <summary>The slices that go on from one, as far as they join.</summary>
    private static List<SliceManifest> Following(SliceManifest last, IEnumerable<SliceManifest> slices)
    {
        var all = slices.ToList();
        var following = new List<SliceManifest>();
        while (all.Find(s => s.From == last.To && s.FirstEntrySha256 == last.LastEntrySha256) is { } next)
            following.Add(last = next);
        return following;
    }

    public void Dispose()
    {
        open?.Dispose();
        keys.Dispose();
    }

    /// <summary>The last entry of the base's oplog that is no link; null: it has none.</summary>
    private async Task<(ClusterTime Time, byte[] Entry)?> LastOfBaseAsync(CancellationToken cancellation)
    {
        for (var i = reader.Index.Oplog.Count - 1; i >= 0; i--)
        {
            using var chunk = await reader.ReadChunkAsync(reader.Index.Oplog[i], cancellation);
            byte[]? found = null;
            foreach (var entry in chunk.Documents)
                found = OplogEntries.LinkHashOf(entry.Span) is null ? entry.ToArray() : found;
            if (found is not null)
                return (OplogEntries.TimeOf(found), found);
        }

        return null;
    }

    /// <summary>Up to the end mark base and slices are of the same entries: else they are of two oplogs.</summary>
    private void CheckJoint(SliceManifest slice, (ClusterTime Time, byte[] Entry)? last, byte[]? seen)
    {
        var expected = last is { } l && l.Time >= Chain[0].From ? l.Entry : null;
        // What is older than the base's own oplog, the base need not hold.
        var begins = reader.Index.Oplog.Count == 0 ? reader.Index.EndMark : reader.Index.Oplog[0].Chunk.FirstEntry;
        if (expected is null ? seen is null || OplogEntries.TimeOf(seen) <= begins : seen is not null && seen.AsSpan().SequenceEqual(expected))
            return;
        throw new RefusalException(
            ErrorKinds.Integrity,
            $"The slice {slice.Object.Name} does not go on from backup {reader.Index.Backup}: up to its end mark {reader.Index.EndMark} they hold different entries.",
            slice.Object.Name, "Restore to the backup's own end mark, and find out whether the server's oplog was replaced between the two.");
    }

    private void RefuseGap(int i)
    {
        var fits = i == 0 ? Chain[0].From <= reader.Index.EndMark
            : Chain[i - 1].To == Chain[i].From && Chain[i - 1].LastEntrySha256 == Chain[i].FirstEntrySha256;
        if (!fits)
            throw new RefusalException(ErrorKinds.Integrity, $"The slice {Chain[i].Object.Name} does not begin where the one before it ends.", Chain[i].Object.Name);
    }

    private IEnumerable<(OplogPlace Place, IndexedChunk Chunk)> OfBase(ClusterTime time) =>
        reader.Index.Oplog.Index().Select(c => (new OplogPlace(false, c.Index), c.Item))
            .Concat(reader.Index.Earlier.Index().Select(c => (new OplogPlace(true, c.Index), c.Item)))
            .Where(c => c.Item.Chunk.FirstEntry <= time && time <= c.Item.Chunk.LastEntry);

    private static IEnumerable<(int Index, PackChunk Chunk)> Chunks(SliceReader slice) => slice.Oplog.Index().Concat(slice.Earlier.Index());

    private static byte[]? Find(BsonSequence entries, ClusterTime time)
    {
        foreach (var entry in entries)
        {
            if (OplogEntries.TimeOf(entry.Span) == time)
                return entry.ToArray();
        }

        return null;
    }

    private IReadOnlyList<SliceCopy> Copies(CatalogSlice slice) => [.. slice.Copies.Where(c => store is null || c.Store == store)];

    private async Task<SliceReader> OpenAsync(SliceManifest slice, CancellationToken cancellation)
    {
        var found = view.Slices.Concat(before?.Slices ?? []).First(s => s.Manifest.Object.Name == slice.Object.Name
            && s.Manifest.FirstEntrySha256 == slice.FirstEntrySha256 && s.Manifest.LastEntrySha256 == slice.LastEntrySha256);
        var opened = await SliceReader.OpenAsync(stores, Copies(found), keys, cancellation);
        lock (problems)
            problems.AddRange(opened.Problems.Except(problems));
        return opened;
    }

    /// <summary>One is kept: a transaction's entries lie near each other.</summary>
    private async Task<SliceReader> KeepOpenAsync(SliceManifest slice, CancellationToken cancellation)
    {
        if (open is not null && open.Manifest.Object.Name == slice.Object.Name)
            return open;
        open?.Dispose();
        open = null;
        return open = await OpenAsync(slice, cancellation);
    }
}
