using System.Threading.Channels;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Dumps one lane's ranges. While the next batch is read, the chunk before it is hashed, compressed, encrypted and handed to the store, whose
/// writer uploads by itself: three stages with bounded buffers between them (two raw chunks and one compressed one). Many small collections
/// share a raw buffer. A server from 6.0 on checks with each command that it reads the collection of the planned UUID. Of another the two lists of
/// collections say it, by which ranges are planned and changes are found: what stands under its name in both stood there all the time.
/// </summary>
internal sealed class LaneDump(
    BackupScope scope, RangesDocument ranges, LaneWork work, IReadOnlyList<PlannedRange> own, TimeProvider time, Action<Progress> heartbeat)
{
    /// <summary>Raw bytes at which a chunk ends. The format allows four times as much; readers hold a whole chunk in memory.</summary>
    public const int ChunkBytes = 16 << 20;

    /// <summary>A document may be a little larger than 16 MiB inside the server.</summary>
    private const int LargestRaw = ChunkBytes + (1 << 16);

    /// <summary>Ranges that share a buffer, where there are many.</summary>
    private const int RangesTogether = 1_024;

    /// <summary>And their bytes: the next range, where it is a usual one, still fits behind them.</summary>
    private const int BytesTogether = 12 << 20;

    /// <summary>A lane of fewer ranges ends each by itself.</summary>
    private const int ManyRanges = 64;

    /// <summary>A pack is finished after that long even when it is small, so that a slow lane loses little.</summary>
    private static readonly TimeSpan PackAge = TimeSpan.FromMinutes(5);

    private readonly List<string> _unreadable = [];
    private readonly long _estimated = EstimateOf(ranges, own);
    private readonly Dictionary<string, PlannedCollection> _collections =
        ranges.Collections.Where(c => c.Uuid is not null).ToDictionary(c => c.Uuid!, StringComparer.Ordinal);
    private ClusterTime _newest;
    private long _documents;
    private long _rawBytes;
    private int _whole;
    private bool _uuidChecks = true;
    private Filling _filling = new();

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
        var buffers = new[] { LargeBuffers.Rent(LargestRaw), LargeBuffers.Rent(LargestRaw) };
        foreach (var buffer in buffers)
        {
            free.Writer.TryWrite(buffer);
        }

        var full = Channel.CreateBounded<Filling>(1);
        _filling = new Filling();
        var writing = Task.Run(() => WriteAsync(writer, full.Reader, free.Writer, stop), CancellationToken.None);
        try
        {
            using var session = await RawCursor.StartSessionAsync(scope.Client, stop.Token);
            foreach (var range in left)
            {
                await ReadAsync(session, range, left.Count >= ManyRanges, free, full.Writer, stop.Token);
                if (RangeRead is { } read)
                {
                    await read(range.Number);
                }
            }

            await SettleAsync(free.Writer, full.Writer, stop.Token);
            full.Writer.Complete();
            await writing;
        }
        catch (Exception e) when (ServerErrors.MayPass(e) && !stop.IsCancellationRequested)
        {
            // The store is there: what was read whole is not read again.
            if (_filling.Parts.Count > 0)
            {
                _whole += _filling.Parts.Count;
                await full.Writer.WriteAsync(_filling, stop.Token);
            }

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
            Array.ForEach(buffers, LargeBuffers.Return);
        }

        await writer.CompleteAsync(cancellation);
        return writer.StoredBytes;
    }

    /// <summary>Reads one range into the buffer that is filling. A collection that is not the planned one (any more) is noted as unreadable.</summary>
    /// <param name="together">It may share a buffer with others.</param>
    private async Task ReadAsync(
        IClientSessionHandle session, PlannedRange range, bool together, Channel<byte[]> free, ChannelWriter<Filling> full, CancellationToken cancellation)
    {
        var collection = _collections[range.Uuid];
        var (name, rawData) = RangeReads.SourceOf(collection);
        var find = RangeReads.Find(name, range.Min, range.Max, range.ByHint, rawData, RangeReads.Majority(work.StartMark));
        var filling = _filling;
        filling.Buffer ??= await free.Reader.ReadAsync(cancellation);
        int start = filling.Used, documents = 0, part = 0;
        try
        {
            var opened = _uuidChecks ? await RangeReads.TryOpenAsync(scope.Database, session, find, range.Uuid, cancellation) : null;
            _uuidChecks = opened is not null;
            await using var cursor = opened ?? await RawCursor.OpenAsync(scope.Database, session, find, cancellation);
            while (await cursor.NextAsync(cancellation) is { } batch)
            {
                using (batch)
                {
                    foreach (var document in batch)
                    {
                        if (filling.Used + document.Length > ChunkBytes && filling.Parts.Count > 0)
                        {
                            // It is larger than was thought: those before it go, and it begins a buffer of its own.
                            var next = new Filling { Buffer = await free.Reader.ReadAsync(cancellation), Used = filling.Used - start };
                            filling.Buffer.AsSpan(start, next.Used).CopyTo(next.Buffer);
                            filling.Used = start;
                            await SettleAsync(free.Writer, full, cancellation);
                            (_filling, filling, start) = (next, next, 0);
                        }

                        if (filling.Used + document.Length > ChunkBytes && documents > 0)
                        {
                            filling.Parts.Add(new RawPart(range, part++, 0, filling.Used, documents, Last: false));
                            await full.WriteAsync(filling, cancellation);
                            _filling = filling = new Filling();
                            filling.Buffer = await free.Reader.ReadAsync(cancellation);
                            documents = 0;
                        }

                        filling.Append(document.Span);
                        documents++;
                    }
                }

                heartbeat(new Progress(range.Collection, Interlocked.Read(ref _rawBytes) + filling.Used, _estimated, "bytes"));
            }

            _newest = ClusterTime.Max(_newest, cursor.OperationTime);
        }
        catch (MongoCommandException e) when (
            e.Code is ServerErrors.QueryPlanKilled or ServerErrors.CollectionUuidMismatch or ServerErrors.NamespaceNotFound)
        {
            filling.Used = start;
            _unreadable.Add(range.Collection);
            return;
        }

        // Only with its last part is a range whole: everything before it is passed over if this is never written.
        filling.Parts.Add(new RawPart(range, part, start, filling.Used - start, documents, Last: true));
        if (!together || filling.Used >= BytesTogether || filling.Parts.Count >= RangesTogether)
        {
            await SettleAsync(free.Writer, full, cancellation);
        }
    }

    /// <summary>Hands on what is filled.</summary>
    private async Task SettleAsync(ChannelWriter<byte[]> free, ChannelWriter<Filling> full, CancellationToken cancellation)
    {
        var filled = _filling;
        _filling = new Filling();
        _whole += filled.Parts.Count;
        if (filled.Parts.Count > 0)
        {
            await full.WriteAsync(filled, cancellation);
        }
        else if (filled.Buffer is { } unused)
        {
            await free.WriteAsync(unused, cancellation);
        }
    }

    private async Task WriteAsync(PackWriter writer, ChannelReader<Filling> full, ChannelWriter<byte[]> free, CancellationTokenSource stop)
    {
        try
        {
            using var compressor = new ChunkCompressor(scope.Asset.CompressionLevel, LargestRaw);
            var started = time.GetTimestamp();
            await foreach (var filled in full.ReadAllAsync(stop.Token))
            {
                foreach (var (i, part) in filled.Parts.Index())
                {
                    var (frame, sha256) = compressor.Compress(filled.Buffer.AsSpan(part.Start, part.Length));
                    if (i == filled.Parts.Count - 1)
                    {
                        await free.WriteAsync(filled.Buffer!, stop.Token);
                    }

                    await writer.AppendAsync(
                        new PackChunk(part.Range.Number, part.Part, part.Last, 0, 0, part.Length, part.Documents, sha256), frame, stop.Token);
                    Interlocked.Add(ref _rawBytes, part.Length);
                    Interlocked.Add(ref _documents, part.Documents);
                }

                heartbeat(new Progress(filled.Parts[^1].Range.Collection, Interlocked.Read(ref _rawBytes), _estimated, "bytes"));
                if (filled.Parts[^1].Last && time.GetElapsedTime(started) > PackAge)
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

    /// <summary>One raw buffer and whose bytes lie in it.</summary>
    internal sealed class Filling
    {
        /// <value>Goes back to the free ones once all of it is compressed.</value>
        public byte[]? Buffer { get; set; }

        public int Used { get; set; }

        public List<RawPart> Parts { get; } = [];

        public void Append(ReadOnlySpan<byte> document)
        {
            document.CopyTo(Buffer.AsSpan(Used));
            Used += document.Length;
        }
    }

    internal readonly record struct RawPart(PlannedRange Range, int Part, int Start, int Length, int Documents, bool Last);
}
