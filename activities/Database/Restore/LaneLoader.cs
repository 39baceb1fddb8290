using System.Threading.Channels;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Loads one lane's ranges into the collections beside the target: chunks are read ahead, cut into batches, and inserted by several workers,
/// each under a fence of its own. A range whose batches are all in is noted; an attempt after this one goes on with the others. Documents
/// of such a range that are there already are from an attempt before.
/// </summary>
internal sealed class LaneLoader(BackupReader reader, RestoringState state, int lane)
{
    /// <summary>More do not help one server here, and fewer leave it idle while a batch is on its way.</summary>
    internal const int Workers = 2;

    /// <summary>Batches that wait for a worker. They are views of a chunk: a lane holds the chunk that is cut, the one that is read meanwhile, and
    /// the one before as long as its last batches are under way.</summary>
    private const int Waiting = 2;

    private const int MostProblems = 100;

    /// <summary>One batch into a capped collection takes no transaction: a batch of an attempt that was given up is over after this.</summary>
    private static readonly TimeSpan CappedBatch = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly List<Check> problems = [];
    private long documents;
    private long bytes;
    private int ranges;
    private int unnamed;

    public async Task<LoadResult> LoadAsync(
        IReadOnlyList<(PlannedRange Range, ReplayedCollection Into)> work, long totalDocuments, CancellationToken cancellation)
    {
        var own = await state.RaiseAsync($"load-{lane}", cancellation);
        var fences = new List<Fence>();
        for (var worker = 0; worker < Workers; worker++)
            fences.Add(await state.RaiseAsync($"load-{lane}-{worker}", cancellation));
        var left = await NotDoneAsync(work, cancellation);
        var chunks = reader.Index.Chunks.GroupBy(c => c.Chunk.Range).ToDictionary(g => g.Key, g => g.OrderBy(c => c.Chunk.Part).ToList());
        List<IndexedChunk> ChunksOf(PlannedRange range) => chunks.TryGetValue(range.Number, out var found) ? found : throw new RefusalException(
            ErrorKinds.Integrity, $"The backup's index has no chunk of range {range.Number} of {range.Collection}.", range.Collection);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var batches = Channel.CreateBounded<Batch>(Waiting);
        var workers = fences.Select(f => Task.Run(() => InsertAllAsync(f, batches.Reader, totalDocuments, stop), CancellationToken.None)).ToList();
        try
        {
            await ReadAsync([.. left.Where(w => !w.Into.IsCapped).Select(w => (w.Range, w.Into, ChunksOf(w.Range)))], batches.Writer, stop.Token);
            foreach (var (range, into) in left.Where(w => w.Into.IsCapped))
                await LoadCappedAsync(own, range, ChunksOf(range), into, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            // A worker failed: its own exception is told below.
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
        finally
        {
            batches.Writer.TryComplete();
            await Task.WhenAll(workers).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            while (batches.Reader.TryRead(out var waiting))
                waiting.Done();
        }

        await Task.WhenAll(workers);
        cancellation.ThrowIfCancellationRequested();
        if (unnamed > 0)
            problems.Add(new Check("load", Verdict.Failed, $"{unnamed} more documents were not taken."));
        return new LoadResult(lane, ranges, documents, bytes, problems);
    }

    /// <summary>While one chunk is cut and inserted, the next is read: the server has work all the time.</summary>
    private async Task ReadAsync(
        IReadOnlyList<(PlannedRange Range, ReplayedCollection Into, List<IndexedChunk> Chunks)> work, ChannelWriter<Batch> output, CancellationToken cancellation)
    {
        var unread = new Queue<IndexedChunk>(work.SelectMany(w => w.Chunks));
        var ahead = new Queue<Task<RawChunk>>();
        void ReadAhead()
        {
            if (unread.TryDequeue(out var chunk))
                ahead.Enqueue(Task.Run(() => reader.ReadChunkAsync(chunk, cancellation), CancellationToken.None));
        }

        ReadAhead();
        try
        {
            foreach (var (range, into, parts) in work)
            {
                var progress = new RangeProgress(range);
                foreach (var _ in parts)
                {
                    var chunk = new SharedChunk(await ahead.Dequeue());
                    ReadAhead();
                    await CutAsync(progress, chunk, into, output, cancellation);
                }

                // An empty batch with the reader's own hold: whoever is last notes the range.
                await output.WriteAsync(new Batch(progress, null, into, [], 0) { EndsRange = true }, cancellation);
            }
        }
        finally
        {
            foreach (var unused in ahead)
            {
                await unused.ContinueWith(static _ => { }, TaskScheduler.Default);
                if (unused.IsCompletedSuccessfully)
                    (await unused).Dispose();
            }
        }
    }

    private static async Task CutAsync(
        RangeProgress progress, SharedChunk chunk, ReplayedCollection into, ChannelWriter<Batch> output, CancellationToken cancellation)
    {
        try
        {
            var batch = new List<ReadOnlyMemory<byte>>(RawWrites.BatchDocuments);
            long size = 0;
            foreach (var document in chunk.Documents)
            {
                if (batch.Count > 0 && (batch.Count == RawWrites.BatchDocuments || size + document.Length > RawWrites.BatchBytes))
                {
                    await output.WriteAsync(new Batch(progress, chunk, into, batch, size), cancellation);
                    batch = new List<ReadOnlyMemory<byte>>(RawWrites.BatchDocuments);
                    size = 0;
                }

                batch.Add(document);
                size += document.Length;
            }

            await output.WriteAsync(new Batch(progress, chunk, into, batch, size), cancellation);
        }
        finally
        {
            chunk.Release();
        }
    }

    private async Task InsertAllAsync(Fence fence, ChannelReader<Batch> input, long total, CancellationTokenSource stop)
    {
        try
        {
            await foreach (var batch in input.ReadAllAsync(stop.Token))
            {
                try
                {
                    if (batch.Documents.Count > 0)
                        await InsertAsync(fence, batch.Into, batch.Documents, stop.Token);
                    Interlocked.Add(ref documents, batch.Documents.Count);
                    Interlocked.Add(ref bytes, batch.Bytes);
                    batch.Progress.Add(batch.Documents.Count, batch.Bytes);
                    Beat.Report($"load lane {lane}", Interlocked.Read(ref documents), total, "documents");
                }
                finally
                {
                    batch.Done();
                }

                if (batch.Progress.Leave(batch.EndsRange))
                    await NoteAsync(fence, batch.Progress, stop.Token);
            }
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private async Task InsertAsync(Fence fence, ReplayedCollection into, IReadOnlyList<ReadOnlyMemory<byte>> batch, CancellationToken cancellation)
    {
        var collection = RawWrites.Of(state.Database, into.Beside);
        try
        {
            await fence.WriteAsync(session => RawWrites.InsertAsync(collection, session, batch, cancellation), null, cancellation);
        }
        catch (Exception e) when (RawWrites.Refused(e) is { } why)
        {
            if (batch.Count == 1)
            {
                // One _id twice: from an attempt before, or read twice while the source moved it, which replay settles.
                if (!RawWrites.IsSameId(why))
                    Refuse(into, batch[0], why.Message);
                return;
            }

            var missing = RawWrites.IsSameId(why) ? await MissingAsync(collection, batch, cancellation) : batch;
            if (missing.Count < batch.Count)
            {
                if (missing.Count > 0)
                    await InsertAsync(fence, into, missing, cancellation);
                return;
            }

            var half = batch.Count / 2;
            await InsertAsync(fence, into, [.. batch.Take(half)], cancellation);
            await InsertAsync(fence, into, [.. batch.Skip(half)], cancellation);
        }
    }

    /// <summary>The documents whose <c>_id</c> is not there yet, the first of each.</summary>
    private static async Task<IReadOnlyList<ReadOnlyMemory<byte>>> MissingAsync(
        IMongoCollection<RawBsonDocument> collection, IReadOnlyList<ReadOnlyMemory<byte>> batch, CancellationToken cancellation)
    {
        var ids = batch.Select(RawWrites.IdOf).ToList();
        var there = new HashSet<DocumentKey>();
        using var cursor = await collection.Find(RawWrites.ByIds(ids)).Project<BsonDocument>(new BsonDocument("_id", 1)).ToCursorAsync(cancellation);
        while (await cursor.MoveNextAsync(cancellation))
        {
            foreach (var found in cursor.Current)
                there.Add(DocumentKey.Of(RawWrites.IdOf(found.ToBson())));
        }

        return [.. batch.Where((_, i) => there.Add(DocumentKey.Of(ids[i])))];
    }

    /// <summary>
    /// A capped collection keeps the order and evicts by it: one writer, one batch after the other, and after a broken attempt from the
    /// beginning, since nobody can tell what was evicted in between.
    /// </summary>
    private async Task LoadCappedAsync(Fence fence, PlannedRange range, List<IndexedChunk> parts, ReplayedCollection into, CancellationToken cancellation)
    {
        if (fence.Attempt > 1)
        {
            await Task.Delay(CappedBatch, cancellation);
            await fence.CheckAsync(cancellation);
            await state.Database.DropCollectionAsync(into.Beside, cancellation);
            await BesideTarget.CreateAsync(state.Database, into, cancellation);
        }

        var progress = new RangeProgress(range);
        foreach (var part in parts)
        {
            using var chunk = await reader.ReadChunkAsync(part, cancellation);
            var batch = new BsonArray();
            long size = 0;
            foreach (var document in chunk.Documents)
            {
                if (batch.Count > 0 && (batch.Count == RawWrites.BatchDocuments || size + document.Length > RawWrites.BatchBytes))
                {
                    await InsertCappedAsync(fence, into, batch, cancellation);
                    batch = [];
                    size = 0;
                }

                if (RawWrites.NeedsLiteral(document, asReplacement: false))
                {
                    await InsertCappedAsync(fence, into, batch, cancellation);
                    batch = [];
                    size = 0;
                    await RawWrites.InsertAsync(RawWrites.Of(state.Database, into.Beside), null, [document], cancellation);
                }
                else
                {
                    batch.Add(RawWrites.Wrap(document));
                    size += document.Length;
                }

                progress.Add(1, document.Length);
            }

            await InsertCappedAsync(fence, into, batch, cancellation);
        }

        Interlocked.Add(ref documents, progress.Documents);
        Interlocked.Add(ref bytes, progress.Bytes);
        await NoteAsync(fence, progress, cancellation);
    }

    private async Task InsertCappedAsync(Fence fence, ReplayedCollection into, BsonArray batch, CancellationToken cancellation)
    {
        if (batch.Count == 0)
            return;
        await fence.CheckAsync(cancellation);
        var insert = new BsonDocument
        {
            { "insert", into.Beside }, { "documents", batch }, { "ordered", true }, { "maxTimeMS", (int)CappedBatch.TotalMilliseconds },
            { "writeConcern", new BsonDocument("w", "majority") },
        };
        var reply = await state.Database.RunCommandAsync<BsonDocument>(insert, cancellationToken: cancellation);
        foreach (var error in reply.GetValue("writeErrors", new BsonArray()).AsBsonArray.Select(e => e.AsBsonDocument))
        {
            var at = error["index"].ToInt32();
            Refuse(into, ((RawBsonDocument)batch[at]).ToBson(), error["errmsg"].AsString);
            var rest = new BsonArray(batch.Skip(at + 1));
            await InsertCappedAsync(fence, into, rest, cancellation);
        }

        if (await state.RunDocumentAsync(cancellation) is null)
        {
            // Woken after the restore had ended: the server has just made this collection for us.
            await state.Database.DropCollectionAsync(into.Beside, cancellation);
            throw RestoringState.Fenced();
        }
    }

    private static BsonDocument RangeId(PlannedRange range) => new("_id", $"range/{range.Number}");

    /// <summary>What an attempt before has not loaded whole.</summary>
    private async Task<IReadOnlyList<(PlannedRange Range, ReplayedCollection Into)>> NotDoneAsync(
        IReadOnlyList<(PlannedRange Range, ReplayedCollection Into)> work, CancellationToken cancellation)
    {
        // Of all lanes, by the range of their ids: one question, that every server answers by its index.
        var notes = await state.Documents.Find(new BsonDocument("_id", new BsonDocument { { "$gte", "range/" }, { "$lt", "range0" } })).ToListAsync(cancellation);
        var done = notes.ToDictionary(n => n["_id"].AsString, StringComparer.Ordinal);
        var left = new List<(PlannedRange Range, ReplayedCollection Into)>();
        foreach (var one in work)
        {
            if (!done.TryGetValue(RangeId(one.Range)["_id"].AsString, out var note))
            {
                left.Add(one);
                continue;
            }

            Interlocked.Add(ref documents, note["documents"].ToInt64());
            Interlocked.Add(ref bytes, note["bytes"].ToInt64());
            ranges++;
        }

        return left;
    }

    private async Task NoteAsync(Fence fence, RangeProgress progress, CancellationToken cancellation)
    {
        var note = new BsonDocument("$set", new BsonDocument { { "documents", progress.Documents }, { "bytes", progress.Bytes } });
        var upsert = new UpdateOptions { IsUpsert = true };
        await fence.WriteAsync(
            session => session is null
                ? state.Documents.UpdateOneAsync(RangeId(progress.Range), note, upsert, cancellation)
                : state.Documents.UpdateOneAsync(session, RangeId(progress.Range), note, upsert, cancellation),
            null, cancellation);
        Interlocked.Increment(ref ranges);
    }

    private void Refuse(ReplayedCollection into, ReadOnlyMemory<byte> document, string why)
    {
        lock (gate)
        {
            if (problems.Count < MostProblems)
                problems.Add(new Check($"load {into.Name}", Verdict.Failed, $"_id {IdText.Of(RawWrites.IdOf(document))} was not taken: {why}"));
            else
                unnamed++;
        }
    }

    private sealed class RangeProgress(PlannedRange range)
    {
        private long documents;
        private long bytes;
        private int entered;
        private bool ended;

        public PlannedRange Range { get; } = range;

        public long Documents => Interlocked.Read(ref documents);

        public long Bytes => Interlocked.Read(ref bytes);

        public void Enter()
        {
            lock (Range)
            {
                entered++;
            }
        }

        public void Add(long more, long size)
        {
            Interlocked.Add(ref documents, more);
            Interlocked.Add(ref bytes, size);
        }

        /// <summary>True for the one that leaves last, after the range's end was seen.</summary>
        public bool Leave(bool endsRange)
        {
            lock (Range)
            {
                ended |= endsRange;
                return --entered == 0 && ended;
            }
        }
    }

    private sealed class Batch
    {
        private readonly SharedChunk? chunk;

        public Batch(RangeProgress progress, SharedChunk? chunk, ReplayedCollection into, IReadOnlyList<ReadOnlyMemory<byte>> documents, long bytes)
        {
            (Progress, this.chunk, Into, Documents, Bytes) = (progress, chunk, into, documents, bytes);
            progress.Enter();
            chunk?.Hold();
        }

        public RangeProgress Progress { get; }

        public ReplayedCollection Into { get; }

        public IReadOnlyList<ReadOnlyMemory<byte>> Documents { get; }

        public long Bytes { get; }

        public bool EndsRange { get; init; }

        public void Done() => chunk?.Release();
    }

    /// <summary>A chunk's pooled memory, given back when the last batch of it is written.</summary>
    private sealed class SharedChunk(RawChunk chunk)
    {
        private int holds = 1;

        public BsonSequence Documents => chunk.Documents;

        public void Hold() => Interlocked.Increment(ref holds);

        public void Release()
        {
            if (Interlocked.Decrement(ref holds) == 0)
                chunk.Dispose();
        }
    }
}
