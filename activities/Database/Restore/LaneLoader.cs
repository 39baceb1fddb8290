using System.Diagnostics;
using System.Threading.Channels;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Loads one lane's ranges into the collections beside the target: chunks are read ahead, cut into batches, and inserted by several workers.
/// A range whose batches are all in is noted; an attempt after this one goes on with the others. Documents of such a range that are there
/// already are from an attempt before.
/// </summary>
internal sealed class LaneLoader(BackupReader reader, RestoringState state, int lane)
{
    /// <summary>More do not help one server here, and fewer leave it idle while a batch is on its way.</summary>
    internal const int Workers = 2;

    /// <summary>Batches that wait for a worker. They are views of a chunk: a lane holds the chunk that is cut, the one that is read meanwhile, and
    /// the one before as long as its last batches are under way.</summary>
    private const int Waiting = 2;

    /// <summary>Of one command, which takes no transaction: the more, the less it costs on both sides.</summary>
    private const int BatchDocuments = 4_000;

    private const int MostProblems = 100;

    /// <summary>Ranges that are noted at once at most, and how long one waits for others: so much is loaded again after a failure.</summary>
    private const int NotesTogether = 500;

    private static readonly TimeSpan NoteEach = TimeSpan.FromSeconds(2);

    /// <summary>A batch into a capped collection can't come twice: one of an attempt that was given up is over after this.</summary>
    private static readonly TimeSpan CappedBatch = TimeSpan.FromSeconds(5);

    /// <summary>How long an attempt that is ending asks whether it was left behind.</summary>
    private static readonly TimeSpan MostTidying = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly List<Check> problems = [];

    /// <summary>Wholly loaded, and not noted yet.</summary>
    private readonly List<RangeProgress> whole = [];
    private long documents;
    private long bytes;
    private int ranges;
    private int unnamed;
    private long noted = Stopwatch.GetTimestamp();

    public async Task<LoadResult> LoadAsync(
        IReadOnlyList<(PlannedRange Range, ReplayedCollection Into)> work, long totalDocuments, CancellationToken cancellation)
    {
        var fence = await state.RaiseAsync($"load-{lane}", cancellation);
        var left = await NotDoneAsync(work, cancellation);
        await RefuseWhenGoneAsync([.. left.Select(w => w.Into)], cancellation);
        var chunks = reader.Index.Chunks.GroupBy(c => c.Chunk.Range).ToDictionary(g => g.Key, g => g.OrderBy(c => c.Chunk.Part).ToList());
        List<IndexedChunk> ChunksOf(PlannedRange range) => chunks.TryGetValue(range.Number, out var found) ? found : throw new RefusalException(
            ErrorKinds.Integrity, $"The backup's index has no chunk of range {range.Number} of {range.Collection}.", range.Collection);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var batches = Channel.CreateBounded<Batch>(Waiting);
        var workers = Enumerable.Range(0, Workers).Select(_ => Task.Run(() => InsertAllAsync(fence, batches.Reader, totalDocuments, stop), CancellationToken.None)).ToList();
        try
        {
            await ReadAsync([.. left.Where(w => !w.Into.IsCapped).Select(w => (w.Range, w.Into, ChunksOf(w.Range)))], batches.Writer, stop.Token);
            foreach (var (range, into) in left.Where(w => w.Into.IsCapped))
                await LoadCappedAsync(fence, range, ChunksOf(range), into, stop.Token);
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
        await NoteAsync(fence, null, atOnce: true, cancellation);
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
            var batch = new List<ReadOnlyMemory<byte>>(BatchDocuments);
            long size = 0;
            foreach (var document in chunk.Documents)
            {
                if (batch.Count > 0 && (batch.Count == BatchDocuments || size + document.Length > RawWrites.BatchBytes))
                {
                    await output.WriteAsync(new Batch(progress, chunk, into, batch, size), cancellation);
                    batch = new List<ReadOnlyMemory<byte>>(BatchDocuments);
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
                        await InsertAsync(fence, batch.Progress, batch.Into, batch.Documents, stop.Token);
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
                    await NoteAsync(fence, batch.Progress, atOnce: false, stop.Token);
            }
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private async Task InsertAsync(
        Fence fence, RangeProgress progress, ReplayedCollection into, IReadOnlyList<ReadOnlyMemory<byte>> batch, CancellationToken cancellation)
    {
        var collection = RawWrites.Of(state.Database, into.Beside);
        foreach (var (document, error) in await WriteAsync(fence, into, () => RawWrites.InsertAnyOrderAsync(collection, batch, cancellation), cancellation))
        {
            // One _id twice: from an attempt before, or read twice while the source moved it, which replay settles.
            if (!RawWrites.IsSameId(error))
                Refuse(progress, into, document, error.Message);
        }
    }

    /// <summary>
    /// A write without a transaction. An attempt that was given up writes what its successor writes too as long as the load goes on; when it is over,
    /// to a name that is nobody's (<see cref="RestoringState.EndLoadAsync"/>), and then it removes what the server has made for it.
    /// </summary>
    private async Task<T> WriteAsync<T>(Fence fence, ReplayedCollection into, Func<Task<T>> write, CancellationToken cancellation)
    {
        await fence.CheckAsync(cancellation);
        var done = false;
        try
        {
            var result = await write();
            done = true;
            return result;
        }
        finally
        {
            // Cancelled or not: the server may have got it.
            using var limit = new CancellationTokenSource(MostTidying);
            try
            {
                if (!await state.IsLoadingAsync(limit.Token))
                    await state.Database.DropCollectionAsync(into.Beside, limit.Token);
            }
            catch (Exception e) when (!done && e is MongoException or TimeoutException or OperationCanceledException)
            {
                // The write's own failure is the one to tell.
            }
        }
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
                    await InsertCappedAsync(fence, progress, into, batch, cancellation);
                    batch = [];
                    size = 0;
                }

                if (RawWrites.NeedsLiteral(document, asReplacement: false))
                {
                    await InsertCappedAsync(fence, progress, into, batch, cancellation);
                    batch = [];
                    size = 0;
                    await InsertAsync(fence, progress, into, [document], cancellation);
                }
                else
                {
                    batch.Add(RawWrites.Wrap(document));
                    size += document.Length;
                }

                progress.Add(1, document.Length);
            }

            await InsertCappedAsync(fence, progress, into, batch, cancellation);
        }

        Interlocked.Add(ref documents, progress.Documents);
        Interlocked.Add(ref bytes, progress.Bytes);
        await NoteAsync(fence, progress, atOnce: true, cancellation);
    }

    private async Task InsertCappedAsync(Fence fence, RangeProgress progress, ReplayedCollection into, BsonArray batch, CancellationToken cancellation)
    {
        if (batch.Count == 0)
            return;
        var insert = new BsonDocument
        {
            { "insert", into.Beside }, { "documents", batch }, { "ordered", true }, { "maxTimeMS", (int)CappedBatch.TotalMilliseconds },
            { "writeConcern", new BsonDocument("w", "majority") },
        };
        var reply = await WriteAsync(
            fence, into, () => state.Database.RunCommandAsync<BsonDocument>(insert, cancellationToken: cancellation), cancellation);
        foreach (var error in reply.GetValue("writeErrors", new BsonArray()).AsBsonArray.Select(e => e.AsBsonDocument))
        {
            var at = error["index"].ToInt32();
            Refuse(progress, into, ((RawBsonDocument)batch[at]).ToBson(), error["errmsg"].AsString);
            var rest = new BsonArray(batch.Skip(at + 1));
            await InsertCappedAsync(fence, progress, into, rest, cancellation);
        }
    }

    private static BsonDocument RangeId(PlannedRange range) => new("_id", $"range/{range.Number}");

    /// <summary>An insert into a collection that is not there would make one without its options.</summary>
    private async Task RefuseWhenGoneAsync(IReadOnlyList<ReplayedCollection> collections, CancellationToken cancellation)
    {
        // A capped one that an attempt before has dropped is made again when it is loaded.
        var there = (await TargetInventory.ListAsync(state.Database, cancellation)).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        if (collections.FirstOrDefault(c => !c.IsCapped && !there.Contains(c.Beside)) is { } gone)
            throw RestoringState.Gone(gone.Name, gone.Beside);
    }

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
            unnamed += note.GetValue("unnamed", 0).ToInt32();
            foreach (var refused in note.GetValue("refused", new BsonArray()).AsBsonArray)
            {
                if (problems.Count < MostProblems)
                    problems.Add(ProblemOf(one.Into, refused.AsString));
                else
                    unnamed++;
            }
        }

        return left;
    }

    /// <summary>Notes what is wholly loaded, several ranges in one transaction: small ones come by the hundred.</summary>
    /// <param name="range">Another one; null: none.</param>
    private async Task NoteAsync(Fence fence, RangeProgress? range, bool atOnce, CancellationToken cancellation)
    {
        List<RangeProgress> taken;
        lock (gate)
        {
            if (range is not null)
                whole.Add(range);
            if (whole.Count == 0 || (!atOnce && whole.Count < NotesTogether && Stopwatch.GetElapsedTime(noted) < NoteEach))
                return;
            taken = [.. whole];
            whole.Clear();
            noted = Stopwatch.GetTimestamp();
        }

        var notes = taken.ConvertAll(r => new UpdateOneModel<BsonDocument>(RangeId(r.Range), new BsonDocument("$set", r.ToNote())) { IsUpsert = true });
        await fence.WriteAsync(
            session => session is null
                ? state.Documents.BulkWriteAsync(notes, cancellationToken: cancellation)
                : state.Documents.BulkWriteAsync(session, notes, cancellationToken: cancellation),
            null, cancellation);
        Interlocked.Add(ref ranges, taken.Count);
    }

    private static Check ProblemOf(ReplayedCollection into, string detail) => new($"load {into.Name}", Verdict.Failed, detail);

    /// <summary>Kept with the range's note: an attempt that passes over the range tells it too.</summary>
    private void Refuse(RangeProgress progress, ReplayedCollection into, ReadOnlyMemory<byte> document, string why)
    {
        var detail = $"_id {IdText.Of(RawWrites.IdOf(document))} was not taken: {why}";
        lock (gate)
        {
            var isNamed = problems.Count < MostProblems;
            if (isNamed)
                problems.Add(ProblemOf(into, detail));
            else
                unnamed++;
            progress.Refuse(isNamed ? detail : null);
        }
    }

    private sealed class RangeProgress(PlannedRange range)
    {
        private long documents;
        private long bytes;
        private readonly BsonArray refused = [];
        private int unnamed;
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

        /// <param name="detail">Null: it is only counted.</param>
        public void Refuse(string? detail)
        {
            lock (Range)
            {
                if (detail is not null)
                    refused.Add(detail);
                else
                    unnamed++;
            }
        }

        /// <summary>Of a range that is wholly loaded.</summary>
        public BsonDocument ToNote()
        {
            var note = new BsonDocument { { "documents", Documents }, { "bytes", Bytes } };
            lock (Range)
            {
                if (refused.Count > 0)
                    note.Add("refused", refused);
                if (unnamed > 0)
                    note.Add("unnamed", unnamed);
            }

            return note;
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
