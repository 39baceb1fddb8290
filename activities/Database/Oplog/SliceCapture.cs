using System.Text.RegularExpressions;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// Reads one slice of the oplog: from its last entry, which must be there, up to the majority point. The server is asked again and again for what
/// came since (a seek by <c>ts</c>, cheap on mongod), so that a slice is cut early when it is large; one whose oplog has to be walked through for
/// each answer (SecantusDB) is asked once, at the end, and only for what a slice keeps and the last second: it builds all of an answer in memory
/// first, and a restore beside would be gigabytes. Its newest two seconds are left for the next slice.
/// </summary>
internal sealed class SliceCapture(IMongoClient client, string database, int level, TimeProvider time, Action<Progress> heartbeat)
{
    /// <summary>A slice is cut before the entry that would make it larger.</summary>
    public const long SliceBytes = 64L << 20;

    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(5);

    /// <summary>How far behind the majority point a server stays that hands out times before the writes that take them can be seen.</summary>
    private const uint SettleSeconds = 2;

    /// <summary>A server that is slow because it is busy is not spared for longer: what it has not been asked for is not safe.</summary>
    private static readonly TimeSpan LongestSparing = TimeSpan.FromSeconds(30);

    private readonly IMongoDatabase _local = client.GetDatabase("local");
    private readonly SliceBuilder _builder = new(database);
    private readonly HashSet<ClusterTime> _earlier = [];
    private long _seen;

    /// <summary>How long the server took for its last answer: one that walks through its whole oplog for it is asked a fifth of the time at
    /// most, but at least twice a minute.</summary>
    public TimeSpan Asked { get; private set; }

    /// <summary>For tests: cut earlier than at 64 MiB.</summary>
    internal long MostBytes { get; init; } = SliceBytes;

    /// <summary>For tests: the newest time that a majority has, and the newest that the primary has.</summary>
    internal Func<CancellationToken, Task<(ClusterTime Majority, ClusterTime Newest)>>? LastWrite { get; init; }

    /// <summary>Where a chain begins at that time: the entry of exactly that time, or what stands for it where there is none.</summary>
    /// <returns>Null: the server's oplog does not reach back to it.</returns>
    public static async Task<CapturePosition?> BeginAtAsync(IMongoClient client, string database, ClusterTime at, CancellationToken cancellation)
    {
        using var cursor = await client.GetDatabase("local").GetCollection<RawBsonDocument>("oplog.rs").WithReadConcern(ReadConcern.Majority)
            .FindAsync(new BsonDocument("ts", at.ToBson()), new FindOptions<RawBsonDocument> { Limit = 1 }, cancellation);
        if (await cursor.FirstOrDefaultAsync(cancellation) is { } entry)
        {
            using (entry)
            {
                return new CapturePosition(at, SliceBuilder.Hash(new OplogEntries(database).LinkOf(entry.ToBson())), at);
            }
        }

        return await Marks.ReachesBackToAsync(client, at, cancellation)
            ? new CapturePosition(at, SliceBuilder.Hash(OplogEntries.StartLink(at)), at)
            : null;
    }

    /// <param name="length">How long to read along.</param>
    /// <param name="askedBefore"><see cref="Asked"/> of the slice before.</param>
    public async Task<SliceReading> ReadAsync(CapturePosition from, TimeSpan length, TimeSpan askedBefore, CancellationToken cancellation)
    {
        var traits = await OplogTraits.ReadAsync(client, cancellation);
        if (traits.WholeAnswers && length > TimeSpan.Zero)
        {
            var spared = 5 * askedBefore < LongestSparing ? 5 * askedBefore : LongestSparing;
            length = spared > length ? spared : length;
        }

        using var parts = new OplogParts(database, level);
        using var session = await RawCursor.StartSessionAsync(client, cancellation);
        var since = time.GetTimestamp();
        var writtenBefore = default(ClusterTime);
        var begun = false;
        while (true)
        {
            var last = time.GetElapsedTime(since) >= length;
            var (majority, newest) = await (LastWrite ?? ReadLastWriteAsync)(cancellation);
            writtenBefore = writtenBefore == default ? newest : writtenBefore;
            if (newest < from.At)
            {
                return Gap($"The server's newest write is of {newest.ToTime():u}, before what was captured already ({from.At.ToTime():u}): it was set back.");
            }

            var limit = traits.TicksBetweenEntries ? majority with { Seconds = majority.Seconds - SettleSeconds } : majority;
            var full = false;
            if (limit >= from.At && (last || !traits.WholeAnswers))
            {
                var read = ClusterTime.Max(from.At, from.ReadUntil ?? from.At);
                var began = time.GetTimestamp();
                if (await AskAsync(parts, session, from, begun, traits.WholeAnswers ? read : null, limit, cancellation) is not { } asked)
                {
                    return Gap(await WhyGoneAsync(from, cancellation));
                }

                Asked = time.GetElapsedTime(began);
                (begun, full) = (true, asked);
            }

            if (!last && !full)
            {
                await WaitAsync(traits.WholeAnswers ? length - time.GetElapsedTime(since) : AskEvery, length - time.GetElapsedTime(since), cancellation);
                continue;
            }

            if (begun && parts.Cut() is { } part)
            {
                _builder.Add(part);
            }

            // What was written a slice ago and has no majority yet is not on its way: it is waiting for one.
            var waiting = !full && majority < writtenBefore && length > TimeSpan.Zero
                ? $"No majority of the replica set has what was written since {majority.ToTime():u}."
                : null;
            var draft = _builder.IsEmpty ? null : _builder.Finish();
            return new SliceReading(draft, majority, full || !begun ? null : limit, waiting, null);
        }
    }

    private static SliceReading Gap(string why) => new(null, default, null, null, why);

    private Task<(ClusterTime Majority, ClusterTime Newest)> ReadLastWriteAsync(CancellationToken cancellation) => Marks.LastWriteAsync(client, cancellation);

    private async Task WaitAsync(TimeSpan wait, TimeSpan left, CancellationToken cancellation)
    {
        for (var rest = wait < left ? wait : left; rest > TimeSpan.Zero; rest -= BeatEvery)
        {
            await Task.Delay(rest < BeatEvery ? rest : BeatEvery, time, cancellation);
            heartbeat(new Progress("oplog", _seen, 0, "bytes"));
        }
    }

    /// <summary>Everything after the entry read last, up to the limit.</summary>
    /// <param name="sparing">Up to here everything was read already: only what comes after is asked for. Null: all since the entry read last.</param>
    /// <returns>True when the slice is full; null when that entry is not there.</returns>
    private async Task<bool?> AskAsync(
        OplogParts parts, IClientSessionHandle session, CapturePosition from, bool begun, ClusterTime? sparing, ClusterTime limit,
        CancellationToken cancellation)
    {
        var at = begun ? parts.Last : from.At;
        var startLink = !begun && OplogEntries.StartLink(from.At) is var start && SliceBuilder.Hash(start) == from.EntrySha256 ? start : null;
        if (startLink is null && begun && OplogEntries.LinkHashOf(parts.Link) is "")
        {
            startLink = parts.Link; // nothing was read yet
        }

        if (startLink is not null
            && !await LongCommands.WatchAsync(Marks.ReachesBackToAsync(client, at, cancellation), "oplog", cancellation))
        {
            return null;
        }

        var find = new BsonDocument
        {
            { "find", "oplog.rs" },
            { "filter", sparing is { } read ? WhatIsKept(at, read, limit) : new BsonDocument("ts", new BsonDocument("$gte", at.ToBson())) },
            { "batchSize", RawCursor.BatchDocuments },
            { "readConcern", RangeReads.Majority(at) },
        };
        await using var cursor = await LongCommands.WatchAsync(RawCursor.OpenAsync(_local, session, find, cancellation), "oplog", cancellation);
        if (startLink is not null)
        {
            if (!begun)
            {
                parts.Begin(startLink, at, 0);
            }
        }
        else if (cursor.Peek() is not { } first || OplogEntries.TimeOf(first.Span) != at)
        {
            return null;
        }
        else if (begun)
        {
            if (!OplogEntries.Matches(parts.Link, first.Span))
            {
                return null;
            }
        }
        else
        {
            var link = parts.Entries.LinkOf(first.Span);
            if (SliceBuilder.Hash(link) != from.EntrySha256)
            {
                return null;
            }

            parts.Begin(link, at, 0);
        }

        while (await LongCommands.WatchAsync(cursor.NextAsync(cancellation), "oplog", cancellation) is { } batch)
        {
            using (batch)
            {
                if (await TakeAsync(parts, batch, from.ChainFrom, limit, cancellation) is { } full)
                {
                    return full;
                }
            }

            heartbeat(new Progress("oplog", _seen, 0, "bytes"));
        }

        return false;
    }

    /// <summary>The entry read last, whatever <see cref="OplogEntries.IsKept"/> may take, and the last second of everything, so that the next slice
    /// goes on from an entry that has just been written, however much other databases write.</summary>
    private BsonDocument WhatIsKept(ClusterTime at, ClusterTime read, ClusterTime limit)
    {
        BsonDocument Since(ClusterTime from) => new("ts", new BsonDocument { { "$gt", from.ToBson() }, { "$lte", limit.ToBson() } });
        return new BsonDocument("$or", new BsonArray
        {
            new BsonDocument("ts", at.ToBson()),
            Since(read).Add("ns", new BsonRegularExpression($"^{Regex.Escape(database)}\\.")),
            Since(read).Add("op", "c"),
            Since(ClusterTime.Max(read, limit with { Seconds = limit.Seconds - 1 })),
        });
    }

    /// <summary>True when the slice is full, false when the limit was passed; null: the batch is read.</summary>
    private async Task<bool?> TakeAsync(OplogParts parts, RawBatch batch, ClusterTime chainFrom, ClusterTime limit, CancellationToken cancellation)
    {
        foreach (var entry in batch)
        {
            var at = OplogEntries.TimeOf(entry.Span);
            if (at <= parts.Last)
            {
                continue; // the link
            }

            if (at > limit)
            {
                return false;
            }

            if (parts.Entries.IsKept(entry.Span))
            {
                if (_builder.RawBytes + parts.RawBytes + entry.Length > MostBytes && (parts.LeadsOn || !_builder.IsEmpty))
                {
                    return true;
                }

                await FetchEarlierAsync(parts, OplogEntries.PreviousOf(entry.Span), chainFrom, cancellation);
                if (!parts.Fits(entry.Length) && parts.Cut() is { } part)
                {
                    _builder.Add(part);
                }

                parts.Append(entry.Span, at);
            }
            else
            {
                parts.Pass(entry.Span, at);
            }

            _seen += entry.Length;
        }

        return null;
    }

    /// <summary>The beginnings of transactions that were open where the chain begins. One that the server has no more is in the backup that the
    /// chain goes on from, or is lost with everything before the chain.</summary>
    private async Task FetchEarlierAsync(OplogParts parts, ClusterTime previous, ClusterTime chainFrom, CancellationToken cancellation)
    {
        while (previous != default && previous < chainFrom && _earlier.Add(previous))
        {
            using var cursor = await _local.GetCollection<RawBsonDocument>("oplog.rs").WithReadConcern(ReadConcern.Majority)
                .FindAsync(new BsonDocument("ts", previous.ToBson()), new FindOptions<RawBsonDocument> { Limit = 1 }, cancellation);
            if (await cursor.FirstOrDefaultAsync(cancellation) is not { } found)
            {
                return;
            }

            using (found)
            {
                var entry = found.ToBson();
                _builder.Add(parts.Single(entry));
                previous = OplogEntries.PreviousOf(entry);
            }
        }
    }

    private async Task<string> WhyGoneAsync(CapturePosition from, CancellationToken cancellation)
    {
        var there = await Marks.HasEntryAsync(_local, from.At, cancellation);
        var reaches = there || await Marks.ReachesBackToAsync(client, from.At, cancellation);
        return there ? $"The server's entry at {from.At.ToTime():u} ({from.At}) is another one than was captured: its history was rolled back or replaced."
            : reaches ? $"The entry at {from.At.ToTime():u} ({from.At}) is not in the server's oplog, though older ones are: its history was rolled back or replaced."
            : $"The entry at {from.At.ToTime():u} ({from.At}) is gone from the server's oplog: it rolled over, or the server was set up anew.";
    }
}

/// <param name="Draft">Null: nothing new was there.</param>
/// <param name="Majority">What it was read under.</param>
/// <param name="CaughtUp">Everything up to here was read; null: more is there.</param>
/// <param name="Waiting">As in <see cref="SliceCut"/>; likewise <paramref name="Gap"/>.</param>
internal sealed record SliceReading(SliceDraft? Draft, ClusterTime Majority, ClusterTime? CaughtUp, string? Waiting, string? Gap);
