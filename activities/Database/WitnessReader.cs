using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Reads from the source what it held at the end mark. Where the server reads at a past time and says so, that is exact whatever is written
/// meanwhile. Elsewhere a read after the mark is as good for a collection that the oplog has no entry of between the mark and that read; the
/// others go without a witness, by name and with the reason.
/// </summary>
/// <param name="planned">What the backup has read, and <paramref name="ranges"/> how it was cut.</param>
internal sealed class WitnessReader(
    BackupScope scope, ClusterTime end, IReadOnlyList<PlannedCollection> planned, IReadOnlyList<PlannedRange> ranges, TimeProvider time,
    Action<Progress> heartbeat)
{
    /// <summary>Of a collection cut into several ranges every so many-th is hashed; one that is a single range is hashed whole.</summary>
    private const int ShareOf = 8;

    private const int CollectionsAtOnce = 2;

    private readonly OplogEntries _entries = new(scope.Backup.Database);
    private long _documents;

    public async Task<WitnessDocument> ReadAsync(CancellationToken cancellation)
    {
        var listing = await CollectionListing.ReadAsync(
            scope.Database, scope.Backup.Collections, ListingDetail.Indexes, cancellation, n => heartbeat(new Progress("witness: collections", n, 0, "collections")));
        var read = new Reading[listing.Collections.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, read.Length),
            new ParallelOptions { MaxDegreeOfParallelism = CollectionsAtOnce, CancellationToken = cancellation },
            async (i, token) => read[i] = await ReadAsync(listing.Collections[i], token));

        // After the last read: what was touched since the mark, and which names, options and indexes may be others since.
        var since = await SinceAsync(cancellation);
        var witnesses = new List<CollectionWitness>();
        foreach (var (i, collection) in listing.Collections.Index())
        {
            if (!since.IsNew(collection))
            {
                var missing = since.WhyNot(collection) ?? read[i].Missing
                    ?? (!read[i].AtTheMark && since.Touched.Contains(collection.Uuid ?? "")
                        ? "it was written to between the end mark and the witness, and this server does not read at a past time" : null);
                witnesses.Add(Witness(collection, read[i], missing));
            }
        }

        var listed = listing.Collections.Select(c => c.Uuid ?? $"view {c.Name}").ToHashSet(StringComparer.Ordinal);
        witnesses.AddRange(planned.Where(c => !listed.Contains(c.Uuid ?? $"view {c.Name}") && since.IsGone(c))
            .Select(c => Witness(c, new Reading(-1, [], false, null), "it was dropped between the end mark and the witness")));
        return new WitnessDocument([.. witnesses.OrderBy(w => w.Collection, StringComparer.Ordinal)], time.GetUtcNow());
    }

    private static CollectionWitness Witness(PlannedCollection collection, Reading read, string? missing) => new(
        collection.Name, collection.Uuid, collection.Type, collection.Options, collection.Indexes,
        missing is null ? read.Documents : -1, missing is null ? read.Shares : [], missing);

    /// <summary>The same ranges for the same collection whenever it is asked.</summary>
    internal static IReadOnlyList<PlannedRange> ShareOfRanges(string uuid, IReadOnlyList<PlannedRange> ranges)
    {
        if (ranges.Count <= 1)
        {
            return ranges;
        }

        var ordered = ranges.Select(r => (Range: r, Order: Draw($"{uuid}/{r.Min}"))).OrderBy(r => r.Order).ToList();
        return [.. ordered.Take((ranges.Count + ShareOf - 1) / ShareOf).Select(r => r.Range).OrderBy(r => r.Number)];

        static ulong Draw(string what) => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(what)));
    }

    private async Task<Reading> ReadAsync(PlannedCollection collection, CancellationToken cancellation)
    {
        if (collection.Type == "view")
        {
            return new Reading(0, [], true, null);
        }

        var own = ranges.Where(r => r.Uuid == collection.Uuid).OrderBy(r => r.Number).ToList();
        try
        {
            if (await TryReadAsync(collection, own, RangeReads.Snapshot(end), cancellation) is { } atTheMark)
            {
                return atTheMark;
            }
        }
        catch (MongoCommandException e) when (!ServerErrors.MayPass(e))
        {
            // Too old a time for this server's history, or a kind of collection that it does not read at a past time.
        }

        try
        {
            var after = new BsonDocument { { "level", "majority" }, { "afterClusterTime", end.ToBson() } };
            return await TryReadAsync(collection, own, after, cancellation) ?? new Reading(-1, [], false, "it could not be read");
        }
        catch (MongoCommandException e) when (!ServerErrors.MayPass(e))
        {
            return new Reading(-1, [], false, $"the server refused to read it ({e.CodeName ?? e.Message})");
        }
    }

    /// <summary>Null when it was meant to be a read at the end mark and was none.</summary>
    private async Task<Reading?> TryReadAsync(
        PlannedCollection collection, List<PlannedRange> own, BsonDocument readConcern, CancellationToken cancellation)
    {
        var atTheMark = readConcern["level"] == "snapshot";
        var (name, rawData) = RangeReads.SourceOf(collection);
        var whole = own.Count <= 1;
        var shares = new List<WitnessShare>();
        using var session = await RawCursor.StartSessionAsync(scope.Client, cancellation);
        foreach (var share in whole ? [new PlannedRange(0, name, collection.Uuid!, null, null, false)] : ShareOfRanges(collection.Uuid!, own))
        {
            var find = RangeReads.Find(name, share.Min, share.Max, share.ByHint, rawData, readConcern);
            await using var cursor = await RawCursor.OpenAsync(scope.Database, session, find, cancellation);
            if (atTheMark && cursor.AtClusterTime != end)
            {
                return null;
            }

            var hash = new OrderFreeHash();
            while (await cursor.NextAsync(cancellation) is { } batch)
            {
                using (batch)
                {
                    foreach (var document in batch)
                    {
                        hash.Add(document.Span);
                    }
                }

                heartbeat(new Progress($"witness: {collection.Name}", Interlocked.Read(ref _documents) + hash.Documents, 0, "documents"));
            }

            Interlocked.Add(ref _documents, hash.Documents);
            shares.Add(new WitnessShare(share.Min, share.Max, share.ByHint, hash.Documents, hash.ToString()));
        }

        var count = whole ? shares[0].Documents : await CountAsync(name, rawData, readConcern, collection, cancellation);
        return count is null ? null : new Reading(count.Value, shares, atTheMark, null);
    }

    /// <summary>
    /// Counted by walking the index of <c>_id</c> from end to end: bounds of the planned ranges would leave out documents whose <c>_id</c> is of
    /// another type, which came after the planning. Null when a snapshot was not taken at the mark.
    /// </summary>
    private async Task<long?> CountAsync(
        string name, bool rawData, BsonDocument readConcern, PlannedCollection collection, CancellationToken cancellation)
    {
        long count = 0;
        var find = RangeReads.Find(name, null, null, byHint: false, rawData, readConcern);
        find.Add("projection", new BsonDocument("_id", 1));
        find.Add("hint", new BsonDocument("_id", 1));
        using var session = await RawCursor.StartSessionAsync(scope.Client, cancellation);
        await using var cursor = await RawCursor.OpenAsync(scope.Database, session, find, cancellation);
        if (readConcern["level"] == "snapshot" && cursor.AtClusterTime != end)
        {
            return null;
        }

        while (await cursor.NextAsync(cancellation) is { } batch)
        {
            using (batch)
            {
                foreach (var _ in batch)
                {
                    count++;
                }
            }

            heartbeat(new Progress($"witness: counting {collection.Name}", count, 0, "documents"));
        }

        return count;
    }

    private async Task<Since> SinceAsync(CancellationToken cancellation)
    {
        var since = new Since();

        // A busy server writes on while this reads: what is newer than now is of no matter.
        var until = await Marks.MajorityAsync(scope.Client, cancellation);
        await foreach (var batch in new OplogAfter(scope, end).ReadAsync(cancellation))
        {
            foreach (var entry in batch)
            {
                if (OplogEntries.TimeOf(entry.Span) > until)
                {
                    return since;
                }

                if (_entries.IsKept(entry.Span))
                {
                    since.Note(entry.Span);
                }
            }

            heartbeat(new Progress("witness: oplog since the end mark", since.Touched.Count, 0, "collections"));
        }

        return since;
    }

    /// <summary>What the oplog has after the end mark.</summary>
    private sealed class Since
    {
        private readonly HashSet<string> _created = new(StringComparer.Ordinal);
        private readonly HashSet<string> _createdNames = new(StringComparer.Ordinal);
        private readonly HashSet<string> _changed = new(StringComparer.Ordinal);
        private readonly HashSet<string> _droppedNames = new(StringComparer.Ordinal);
        private bool _views;
        private bool _all;

        /// <summary>UUIDs with any entry.</summary>
        public HashSet<string> Touched { get; } = new(StringComparer.Ordinal);

        public bool IsNew(PlannedCollection collection) => collection.Uuid is { } uuid ? _created.Contains(uuid) : _createdNames.Contains(collection.Name);

        public bool IsGone(PlannedCollection collection) =>
            _all || (collection.Uuid is { } uuid ? _changed.Contains(uuid) : _views || _droppedNames.Contains(collection.Name));

        public string? WhyNot(PlannedCollection collection) =>
            _all || (collection.Uuid is { } uuid ? _changed.Contains(uuid) : _views)
                ? "its name, options or indexes changed between the end mark and the witness"
                : null;

        public void Note(ReadOnlySpan<byte> entry)
        {
            var fields = new BsonFields(entry);
            var uuid = fields.Find("ui"u8).AsUuid();
            if (uuid is not null)
            {
                Touched.Add(uuid);
            }

            _views |= fields.Find("ns"u8).AsUtf8().EndsWith(".system.views"u8);
            if (!fields.Find("op"u8).AsUtf8().SequenceEqual("c"u8) || fields.Find("o"u8) is not { Type: BsonType.Document } o)
            {
                return;
            }

            foreach (var command in o.AsDocument())
            {
                if (command.Is("applyOps"u8))
                {
                    foreach (var operation in command.AsDocument())
                    {
                        if (operation.Type == BsonType.Document)
                        {
                            Note(operation.Value);
                        }
                    }
                }
                else if (command.Is("create"u8))
                {
                    _createdNames.Add(command.AsString());
                    if (uuid is not null)
                    {
                        _created.Add(uuid);
                    }
                }
                else if (!command.Is("commitTransaction"u8) && !command.Is("abortTransaction"u8))
                {
                    _all |= uuid is null && !command.Is("drop"u8);
                    _changed.Add(uuid ?? "");
                    if (command.Is("drop"u8))
                    {
                        _droppedNames.Add(command.AsString());
                    }

                    if (o.AsDocument().Find("dropTarget"u8).AsUuid() is { } target)
                    {
                        _changed.Add(target);
                    }
                }

                return; // the command's name is its first field
            }
        }
    }

    private sealed record Reading(long Documents, IReadOnlyList<WitnessShare> Shares, bool AtTheMark, string? Missing);
}
