using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Tails the oplog into the backup's own packs from where it begins until the end mark. One tailable cursor is kept for the whole dump. Each part
/// begins with the last entry of the part before, and every time a cursor is opened that entry must still be there: a gap ends the backup.
/// <para>
/// A server whose tailable cursors on the oplog stay silent (found out by its majority point passing what the cursor gave) is asked again by time
/// instead, and its newest two seconds are left for the next time, since such a server may show entries out of order.
/// </para>
/// </summary>
/// <param name="until">The end mark, or null while it is not known; asked about once a second.</param>
internal sealed class OplogTailer(
    BackupScope scope, StartMark start, Func<CancellationToken, Task<ClusterTime?>> until, TimeProvider time, Action<Progress> heartbeat)
    : IAsyncDisposable
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(1);

    /// <summary>After a part has been open that long it is cut: what an end mark before its last entry makes read again stays small.</summary>
    private static readonly TimeSpan PartAge = TimeSpan.FromMinutes(1);

    /// <summary>What an attempt that dies loses.</summary>
    private static readonly TimeSpan PackAge = TimeSpan.FromMinutes(3);

    /// <summary>How often a server whose tailable cursors are silent is asked, while the end mark is not known.</summary>
    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(15);

    /// <summary>So long a server that was lost is looked for before the attempt ends: an election takes seconds, and the oplog rolls on.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>How far behind the majority point a server stays when it is asked by time.</summary>
    private const uint SettleSeconds = 2;

    private readonly string _attempt = PackWriter.NewAttempt();
    private readonly IMongoDatabase _local = scope.Client.GetDatabase("local");
    private readonly OplogParts _parts = new(scope.Backup.Database, scope.Asset.CompressionLevel);
    private readonly HashSet<ClusterTime> _earlier = [];
    private readonly List<StoredPack> _packs = [];
    private PackWriter? _writer;
    private IClientSessionHandle? _session;
    private OplogTraits _traits = new(false, false, false);

    private long _partSince;
    private long _packSince;
    private long _seen;

    /// <summary>For tests: called after each look at the server.</summary>
    internal Func<ClusterTime, Task>? Looked { get; init; }

    /// <summary>Told each time the server was lost, and the tail goes on at its last entry.</summary>
    internal Action<Exception>? Interrupted { get; init; }

    public async Task<OplogTailResult> RunAsync(CancellationToken cancellation)
    {
        await scope.RefuseWhenSealedAsync(cancellation);
        _packs.AddRange(await scope.ReadTablesAsync(
            "oplog-", cancellation, n => heartbeat(new Progress("oplog packs of an earlier attempt", n, 0, "packs"))));
        foreach (var earlier in _packs.SelectMany(p => p.Table.Chunks).Where(c => c.Range == PackChunk.Earlier))
        {
            _earlier.Add(earlier.FirstEntry!.Value);
        }

        var number = _packs.Count;
        _writer = new PackWriter(
            scope, _attempt, () => ObjectNames.OplogPack(scope.Backup.Asset, scope.Backup.BackupId, number++, _attempt[..8]));
        _session = await RawCursor.StartSessionAsync(scope.Client, cancellation);
        _traits = await OplogTraits.ReadAsync(scope.Client, cancellation);

        var end = await until(cancellation);
        if (end is null || new OplogChain(_packs, start.OplogFrom).To(end.Value) is null)
        {
            await GoOnAfterAsync(end, cancellation);
            try
            {
                end ??= await FollowAsync(cancellation);
                await FinishAsync(end.Value, cancellation);
            }
            catch (Exception e) when (ServerErrors.MayPass(e))
            {
                // What was read may be gone from the server when it is back.
                await CutAsync(last: null, cancellation);
                await CompletePackAsync(cancellation);
                throw;
            }
        }

        var chain = new OplogChain(_packs, start.OplogFrom).To(end.Value)
            ?? throw new InvalidOperationException("The oplog's last part was written, but no chain leads to it.");
        return new OplogTailResult(
            chain.Count,
            chain.Sum(c => (long)c.Chunk.Documents) - (chain.Count - 1),
            chain.Sum(c => (long)c.Chunk.RawLength),
            _packs.Sum(p => p.Size),
            chain[0].Chunk.FirstEntry!.Value,
            chain[^1].Chunk.LastEntry!.Value);
    }

    public async ValueTask DisposeAsync()
    {
        _parts.Dispose();
        _session?.Dispose();
        if (_writer is not null)
        {
            await _writer.DisposeAsync();
        }
    }

    /// <summary>Reads along until the end mark is known.</summary>
    private async Task<ClusterTime> FollowAsync(CancellationToken cancellation)
    {
        RawCursor? cursor = null;
        try
        {
            var silent = _traits.SilentTail;
            ClusterTime promised = default;
            var asked = time.GetTimestamp();
            var pause = AskEvery;
            long? lostSince = null;
            while (true)
            {
                try
                {
                    if (silent)
                    {
                        for (var waited = TimeSpan.Zero; waited < pause; waited += Wait)
                        {
                            await Task.Delay(Wait, time, cancellation);
                            heartbeat(new Progress("oplog", _seen, 0, "bytes"));
                            if (await until(cancellation) is { } known)
                            {
                                return known;
                            }
                        }

                        var began = time.GetTimestamp();
                        var majority = await MajorityAsync(cancellation);
                        await AskAsync(majority with { Seconds = majority.Seconds - SettleSeconds }, cancellation);

                        // Such an answer may cost the server a walk through its whole oplog: it is asked a tenth of the time at most.
                        pause = TimeSpan.FromTicks(Math.Max(AskEvery.Ticks, 10 * time.GetElapsedTime(began).Ticks));
                    }
                    else
                    {
                        cursor ??= await OpenAsync(tailable: true, cancellation);
                        RawBatch? batch;
                        try
                        {
                            batch = await cursor.NextAsync(cancellation, Wait);
                        }
                        catch (MongoCommandException e) when (
                            e.Code is ServerErrors.CursorNotFound or ServerErrors.CappedPositionLost or ServerErrors.QueryPlanKilled)
                        {
                            batch = null; // opened again at the last entry, which must be there
                        }

                        if (batch is null)
                        {
                            await cursor.DisposeAsync();
                            cursor = null;
                            await Task.Delay(Wait / 5, time, cancellation);
                        }
                        else
                        {
                            using (batch)
                            {
                                await TakeAsync(batch, limit: null, cancellation);
                                if (batch.IsEmpty)
                                {
                                    silent = promised > _parts.Last;
                                    promised = await MajorityAsync(cancellation);
                                }
                            }
                        }

                        if (silent && cursor is not null)
                        {
                            await cursor.DisposeAsync();
                            cursor = null;
                        }

                        heartbeat(new Progress("oplog", _seen, 0, "bytes"));
                        if (time.GetElapsedTime(asked) >= Wait)
                        {
                            asked = time.GetTimestamp();
                            if (await until(cancellation) is { } known)
                            {
                                return known;
                            }
                        }
                    }

                    lostSince = null;
                }
                catch (Exception e) when (ServerErrors.MayPass(e) && (lostSince is null || time.GetElapsedTime(lostSince.Value) < Patience))
                {
                    lostSince ??= time.GetTimestamp();
                    Interrupted?.Invoke(e);
                    heartbeat(new Progress("oplog: the server was lost, and is looked for", _seen, 0, "bytes"));
                    if (cursor is not null)
                    {
                        await cursor.DisposeAsync();
                        cursor = null;
                    }

                    await Task.Delay(Wait, time, cancellation);
                }

                if (time.GetElapsedTime(_partSince) > PartAge)
                {
                    await CutAsync(last: null, cancellation);
                }

                if (time.GetElapsedTime(_packSince) > PackAge)
                {
                    await CompletePackAsync(cancellation);
                }

                if (Looked is { } looked)
                {
                    await looked(_parts.Last);
                }
            }
        }
        finally
        {
            if (cursor is not null)
            {
                await cursor.DisposeAsync();
            }
        }
    }

    /// <summary>Reads up to the end mark, no further, and writes the last part.</summary>
    private async Task FinishAsync(ClusterTime end, CancellationToken cancellation)
    {
        if (_parts.Last > end)
        {
            // What was read beyond it is left unused: go back to the last part that ends before it, and read again from there.
            await CompletePackAsync(cancellation);
            await GoOnAfterAsync(end, cancellation);
        }

        // Once the majority point has passed it, every entry up to it can be read.
        while (await MajorityAsync(cancellation) is var majority && majority < end)
        {
            heartbeat(new Progress("majority point", majority.Seconds, end.Seconds, "s"));
            await Task.Delay(Wait / 5, time, cancellation);
        }

        if (_traits.TicksBetweenEntries || !await HasEntryAsync(end, cancellation))
        {
            // This server hands out times before the writes that take them can be seen.
            await Task.Delay(TimeSpan.FromSeconds(SettleSeconds), time, cancellation);
        }

        await AskAsync(end, cancellation);
        await CutAsync(last: end, cancellation);
        await CompletePackAsync(cancellation);
    }

    /// <summary>Begins at the oplog's beginning, or after the parts that are stored already.</summary>
    private async Task GoOnAfterAsync(ClusterTime? until, CancellationToken cancellation)
    {
        byte[] link;
        ClusterTime at;
        int part;
        if (new OplogChain(_packs, start.OplogFrom).Furthest(until) is { } reached)
        {
            using var chunk = await scope.ReadChunkAsync(reached.Pack, reached.Chunk, cancellation);
            ReadOnlyMemory<byte> newest = default;
            foreach (var entry in chunk.Documents)
            {
                newest = entry;
            }

            (link, at, part) = (newest.ToArray(), reached.Chunk.LastEntry!.Value, reached.Chunk.Part + 1);
        }
        else
        {
            (link, at, part) = (await FirstLinkAsync(cancellation), start.OplogFrom, 0);
        }

        Begin(link, at, part);
        _packSince = time.GetTimestamp();
    }

    private async Task<byte[]> FirstLinkAsync(CancellationToken cancellation)
    {
        if (_traits.TicksBetweenEntries)
        {
            // Its oplog is taken from before the mark, so the entry of exactly that time, if there is one, is of no matter.
            await RefuseGapAsync(start.OplogFrom, cancellation);
            return OplogEntries.StartLink(start.OplogFrom);
        }

        using var cursor = await _local.GetCollection<RawBsonDocument>("oplog.rs").WithReadConcern(ReadConcern.Majority)
            .FindAsync(new BsonDocument("ts", start.OplogFrom.ToBson()), new FindOptions<RawBsonDocument> { Limit = 1 }, cancellation);
        if (await cursor.FirstOrDefaultAsync(cancellation) is { } first)
        {
            using (first)
            {
                return _parts.Entries.LinkOf(first.ToBson());
            }
        }

        await RefuseGapAsync(start.OplogFrom, cancellation);
        return OplogEntries.StartLink(start.OplogFrom);
    }

    private void Begin(byte[] link, ClusterTime at, int part)
    {
        _parts.Begin(link, at, part);
        _partSince = time.GetTimestamp();
    }

    /// <summary>Opens a cursor at the last entry, takes that entry off it, and refuses when it is gone.</summary>
    private async Task<RawCursor> OpenAsync(bool tailable, CancellationToken cancellation)
    {
        var (link, last) = (_parts.Link, _parts.Last);
        var find = new BsonDocument
        {
            { "find", "oplog.rs" },
            { "filter", new BsonDocument("ts", new BsonDocument("$gte", last.ToBson())) },
            { "batchSize", RawCursor.BatchDocuments },
            { "readConcern", RangeReads.Majority(start.Mark) },
        };
        if (tailable)
        {
            find.Add("tailable", true);
            find.Add("awaitData", true);
        }

        if (OplogEntries.LinkHashOf(link) is "")
        {
            // There was no entry at the beginning: older ones must still be there.
            await RefuseGapAsync(last, cancellation);
            return await LongCommands.WatchAsync(RawCursor.OpenAsync(_local, _session!, find, cancellation), "oplog", cancellation);
        }

        var cursor = await LongCommands.WatchAsync(RawCursor.OpenAsync(_local, _session!, find, cancellation), "oplog", cancellation);
        try
        {
            return cursor.Peek() is { } first && OplogEntries.Matches(link, first.Span) ? cursor : throw Gap(last);
        }
        catch
        {
            await cursor.DisposeAsync();
            throw;
        }
    }

    /// <summary>Everything after the last entry up to a limit, by a cursor that ends.</summary>
    private async Task AskAsync(ClusterTime limit, CancellationToken cancellation)
    {
        await using var cursor = await OpenAsync(tailable: false, cancellation);
        while (await LongCommands.WatchAsync(cursor.NextAsync(cancellation), "oplog", cancellation) is { } batch)
        {
            using (batch)
            {
                if (!await TakeAsync(batch, limit, cancellation))
                {
                    return;
                }
            }

            heartbeat(new Progress("oplog", _seen, 0, "bytes"));
        }
    }

    /// <summary>False when the limit was passed.</summary>
    private async Task<bool> TakeAsync(RawBatch batch, ClusterTime? limit, CancellationToken cancellation)
    {
        foreach (var entry in batch)
        {
            var at = OplogEntries.TimeOf(entry.Span);
            if (at <= _parts.Last)
            {
                continue; // the link
            }

            if (at > limit)
            {
                return false;
            }

            if (_parts.Entries.IsKept(entry.Span))
            {
                await FetchEarlierAsync(OplogEntries.PreviousOf(entry.Span), cancellation);
                if (!_parts.Fits(entry.Length))
                {
                    await CutAsync(last: null, cancellation);
                }

                _parts.Append(entry.Span, at);
            }
            else
            {
                _parts.Pass(entry.Span, at);
            }

            _seen += entry.Length;
        }

        return true;
    }

    /// <summary>The beginnings of transactions that were open where the oplog of the backup begins, each entry a chunk of its own.</summary>
    private async Task FetchEarlierAsync(ClusterTime previous, CancellationToken cancellation)
    {
        while (previous != default && previous < start.OplogFrom && !_earlier.Contains(previous))
        {
            using var cursor = await _local.GetCollection<RawBsonDocument>("oplog.rs").WithReadConcern(ReadConcern.Majority)
                .FindAsync(new BsonDocument("ts", previous.ToBson()), new FindOptions<RawBsonDocument> { Limit = 1 }, cancellation);
            using var found = await cursor.FirstOrDefaultAsync(cancellation) ?? throw Gap(previous);
            var entry = found.ToBson();
            var single = _parts.Single(entry);
            await _writer!.AppendAsync(single.Chunk, single.Frame, cancellation);
            _earlier.Add(previous);
            previous = OplogEntries.PreviousOf(entry);
        }
    }

    /// <summary>Ends the part under way at the entry read last, and begins the next with it.</summary>
    /// <param name="last">The end mark, for the last part. Other parts are only written when they lead on.</param>
    private async Task CutAsync(ClusterTime? last, CancellationToken cancellation)
    {
        if (_parts.Cut(last) is { } part)
        {
            await _writer!.AppendAsync(part.Chunk, part.Frame, cancellation);
        }

        _partSince = time.GetTimestamp();
    }

    private async Task CompletePackAsync(CancellationToken cancellation)
    {
        if (await _writer!.CompleteAsync(cancellation) is { } pack)
        {
            _packs.Add(pack);
        }

        _packSince = time.GetTimestamp();
    }

    private Task<ClusterTime> MajorityAsync(CancellationToken cancellation) => Marks.MajorityAsync(scope.Client, cancellation);

    private Task<bool> HasEntryAsync(ClusterTime at, CancellationToken cancellation) => Marks.HasEntryAsync(_local, at, cancellation);

    private async Task RefuseGapAsync(ClusterTime at, CancellationToken cancellation)
    {
        if (!await LongCommands.WatchAsync(Marks.ReachesBackToAsync(scope.Client, at, cancellation), "oplog", cancellation))
        {
            throw Gap(at);
        }
    }

    private RefusalException Gap(ClusterTime at) => new(
        ErrorKinds.Backup,
        $"The oplog has a gap: its entry at {at.ToTime():u} ({at}) is gone from the server before it could be read, so the backup can't be consistent.",
        scope.Backup.Database,
        "Make the oplog larger (replSetResizeOplog, or minRetentionHours), or back up at a quieter time.");
}
