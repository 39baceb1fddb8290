using System.Threading.Channels;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Dumps one lane's ranges. While the next batch is read, the chunk before it is hashed, compressed, encrypted and handed to the store, whose
/// writer uploads by itself: three stages with bounded buffers between them (three raw chunks and one compressed one).
/// </summary>
internal sealed class LaneDump(
    BackupScope scope, RangesDocument ranges, LaneWork work, IReadOnlyList<PlannedRange> own, TimeProvider time, Action<Progress> heartbeat)
{
    /// <summary>Raw bytes at which a chunk ends. The format allows four times as much; readers hold a whole chunk in memory.</summary>
    public const int ChunkBytes = 16 << 20;

    /// <summary>A document may be a little larger than 16 MiB inside the server.</summary>
    private const int LargestRaw = ChunkBytes + (1 << 16);

    /// <summary>A pack is finished after that long even when it is small, so that a slow lane loses little.</summary>
    private static readonly TimeSpan PackAge = TimeSpan.FromMinutes(5);

    private readonly List<string> _unreadable = [];
    private readonly long _estimated = EstimateOf(ranges, own);
    private ClusterTime _newest;
    private long _documents;
    private long _rawBytes;
    private int _whole;
    private bool _uuidChecks = true;

    /// <summary>For tests: called with the number of each range that has been read.</summary>
    internal Func<int, Task>? RangeRead { get; init; }

    /// <summary>Told when the server was lost after some ranges, and the lane goes on by itself with those that are left.</summary>
    internal Action<Exception, int>? Interrupted { get; init; }

    public static IReadOnlyList<PlannedRange> RangesOf(RangesDocument ranges, LaneWork work)
    {
        // The list of lanes is the plan's, and its order too; where a round runs in another number of lanes, ranges are dealt out by their numbers.
        if (ranges.Lanes.Count == work.Lanes)
        {
            var byNumber = ranges.Ranges.ToDictionary(r => r.Number);
            return [.. ranges.Lanes[work.Lane].Select(number => byNumber[number])];
        }

        return [.. ranges.Ranges.Where(r => r.Number % work.Lanes == work.Lane)];
    }

    public async Task<LaneResult> RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var (left, packs) = await LeftAsync(cancellation);
            var before = _whole;
            var stored = packs.Sum(p => p.Size);
            try
            {
                if (left.Count > 0)
                {
                    stored += await DumpAsync(left, packs.Count, cancellation);
                }

                return new LaneResult(work.Lane, _whole, _documents, _rawBytes, stored, _newest, [.. _unreadable.Distinct(StringComparer.Ordinal)]);
            }
            catch (Exception e) when (ServerErrors.MayPass(e) && _whole > before)
            {
                // A failover, and not the first of this lane perhaps: what was read whole is sealed by now, so attempts are spent only on a
                // server that gives nothing at all.
                Interrupted?.Invoke(e, _whole);
                heartbeat(new Progress("the server was lost; the lane goes on", _whole, own.Count, "ranges"));
            }
        }
    }

    /// <summary>What no pack has whole yet, and the packs there are; the counters say what they hold.</summary>
    private async Task<(IReadOnlyList<PlannedRange> Left, IReadOnlyList<StoredPack> Packs)> LeftAsync(CancellationToken cancellation)
    {
        await scope.RefuseWhenSealedAsync(cancellation);
        var packs = await scope.ReadTablesAsync(
            $"{work.Lane}-", cancellation, n => heartbeat(new Progress("packs of an earlier attempt", n, 0, "packs")));
        var whole = new AttemptChoice(packs);
        var left = new List<PlannedRange>();
        (_whole, _documents, _rawBytes) = (0, 0, 0);
        foreach (var range in own)
        {
            if (whole.Find(range.Number) is { } chunks)
            {
                _whole++;
                _documents += chunks.Sum(c => (long)c.Chunk.Documents);
                _rawBytes += chunks.Sum(c => (long)c.Chunk.RawLength);
            }
            else
            {
                left.Add(range);
            }
        }

        return (left, packs);
    }

    private static long EstimateOf(RangesDocument ranges, IReadOnlyList<PlannedRange> own)
    {
        var cuts = ranges.Ranges.GroupBy(r => r.Uuid, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        var bytes = ranges.Collections.Where(c => c.Uuid is not null).ToDictionary(c => c.Uuid!, c => c.EstimatedBytes, StringComparer.Ordinal);
        return own.Sum(r => bytes.GetValueOrDefault(r.Uuid) / cuts[r.Uuid]);
    }

    /// <summary>Stored bytes of the packs it wrote.</summary>
    private async Task<long> DumpAsync(IReadOnlyList<PlannedRange> left, int packsBefore, CancellationToken cancellation)
    {
        var number = packsBefore;
        var attempt = PackWriter.NewAttempt();
        await using var writer = new PackWriter(
            scope, attempt,
            () => ObjectNames.Pack(scope.Backup.Asset, scope.Backup.BackupId, work.Lane, number++, attempt[..8]));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var free = Channel.CreateUnbounded<byte[]>();
        var buffers = Enumerable.Range(0, 3).Select(_ => LargeBuffers.Rent(LargestRaw)).ToList();
        buffers.ForEach(buffer => free.Writer.TryWrite(buffer));

        var full = Channel.CreateBounded<RawPart>(1);
        var writing = Task.Run(() => WriteAsync(writer, full.Reader, free.Writer, stop), CancellationToken.None);
        try
        {
            using var session = await RawCursor.StartSessionAsync(scope.Client, stop.Token);
            foreach (var range in left)
            {
                if (await ReadAsync(session, range, free, full.Writer, stop.Token))
                {
                    _whole++;
                }
                else
                {
                    _unreadable.Add(range.Collection);
                }

                if (RangeRead is { } read)
                {
                    await read(range.Number);
                }
            }

            full.Writer.Complete();
            await writing;
        }
        catch (Exception e) when (ServerErrors.MayPass(e) && !stop.IsCancellationRequested)
        {
            // The store is there: what was read whole is not read again.
            full.Writer.TryComplete();
            await writing;
            if (writer.EndsRange)
            {
                await writer.CompleteAsync(cancellation);
            }

            throw;
        }
        catch (Exception e)
        {
            full.Writer.TryComplete(e);
            await stop.CancelAsync();
            if (e is OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                await writing; // its failure is why this was cancelled
            }

            throw;
        }
        finally
        {
            await writing.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            buffers.ForEach(LargeBuffers.Return);
        }

        await writer.CompleteAsync(cancellation);
        return writer.StoredBytes;
    }

    /// <summary>False when the collection is not the planned one (any more).</summary>
    private async Task<bool> ReadAsync(
        IClientSessionHandle session, PlannedRange range, Channel<byte[]> free, ChannelWriter<RawPart> full, CancellationToken cancellation)
    {
        var collection = ranges.Collections.First(c => c.Uuid == range.Uuid);
        var (name, rawData) = RangeReads.SourceOf(collection);

        // Time series' buckets and clustered collections lie in the order of _id, capped ones are read as they were written.
        var inOrder = collection.Type == "collection" && collection.EstimatedBytes > ChunkBytes / 2
            && !ExtendedJson.Parse(collection.Options).GetValue("capped", false).ToBoolean();
        var find = RangeReads.Find(name, range.Min, range.Max, range.ByHint, inOrder, rawData, RangeReads.Majority(work.StartMark));
        if (!_uuidChecks && !await IsSameAsync(name, range.Uuid, cancellation))
        {
            return false;
        }

        byte[]? buffer = null;
        int used = 0, documents = 0, part = 0;
        try
        {
            var opened = _uuidChecks ? await RangeReads.TryOpenAsync(scope.Database, session, find, range.Uuid, cancellation) : null;
            if (_uuidChecks && opened is null)
            {
                // Found out just now, and nothing was read yet.
                _uuidChecks = false;
                if (!await IsSameAsync(name, range.Uuid, cancellation))
                {
                    return false;
                }
            }

            await using var cursor = opened ?? await RawCursor.OpenAsync(scope.Database, session, find, cancellation);

            buffer = await free.Reader.ReadAsync(cancellation);
            while (await cursor.NextAsync(cancellation) is { } batch)
            {
                using (batch)
                {
                    foreach (var document in batch)
                    {
                        if (used + document.Length > ChunkBytes && documents > 0)
                        {
                            await full.WriteAsync(new RawPart(range, part++, buffer, used, documents, Last: false), cancellation);
                            buffer = null;
                            buffer = await free.Reader.ReadAsync(cancellation);
                            (used, documents) = (0, 0);
                        }

                        document.Span.CopyTo(buffer.AsSpan(used));
                        used += document.Length;
                        documents++;
                    }
                }

                heartbeat(new Progress(range.Collection, Interlocked.Read(ref _rawBytes) + used, _estimated, "bytes"));
            }

            _newest = ClusterTime.Max(_newest, cursor.OperationTime);
        }
        catch (MongoCommandException e) when (
            e.Code is ServerErrors.QueryPlanKilled or ServerErrors.CollectionUuidMismatch or ServerErrors.NamespaceNotFound)
        {
            Return(buffer);
            return false;
        }

        if (!_uuidChecks && !await IsSameAsync(name, range.Uuid, cancellation))
        {
            Return(buffer);
            return false;
        }

        // Only with its last part is a range whole: everything before it is passed over if this is never written.
        await full.WriteAsync(new RawPart(range, part, buffer, used, documents, Last: true), cancellation);
        return true;

        void Return(byte[]? unused)
        {
            if (unused is not null)
            {
                free.Writer.TryWrite(unused);
            }
        }
    }

    private async Task<bool> IsSameAsync(string name, string uuid, CancellationToken cancellation) =>
        await CollectionListing.UuidOfAsync(scope.Database, name, cancellation) == uuid;

    private async Task WriteAsync(PackWriter writer, ChannelReader<RawPart> full, ChannelWriter<byte[]> free, CancellationTokenSource stop)
    {
        try
        {
            using var compressor = new ChunkCompressor(scope.Asset.CompressionLevel, LargestRaw);
            var started = time.GetTimestamp();
            await foreach (var part in full.ReadAllAsync(stop.Token))
            {
                var raw = part.Buffer.AsMemory(0, part.Length);
                var (frame, sha256) = compressor.Compress(raw.Span);
                await free.WriteAsync(part.Buffer, stop.Token);
                await writer.AppendAsync(
                    new PackChunk(part.Range.Number, part.Part, part.Last, 0, 0, part.Length, part.Documents, sha256), frame, stop.Token);
                Interlocked.Add(ref _rawBytes, part.Length);
                Interlocked.Add(ref _documents, part.Documents);
                heartbeat(new Progress(part.Range.Collection, Interlocked.Read(ref _rawBytes), _estimated, "bytes"));
                if (part.Last && time.GetElapsedTime(started) > PackAge)
                {
                    await writer.CompleteAsync(stop.Token);
                    started = time.GetTimestamp();
                }
            }
        }
        catch
        {
            await stop.CancelAsync(); // the reader waits for a buffer that will not come back
            throw;
        }
    }

    /// <param name="Buffer">Goes back to the free ones once it is compressed.</param>
    private readonly record struct RawPart(PlannedRange Range, int Part, byte[] Buffer, int Length, int Documents, bool Last);
}
