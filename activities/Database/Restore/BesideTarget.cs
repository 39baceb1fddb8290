using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The collections beside the target, written by replay: a window is one transaction together with replay's state and fence. A capped
/// collection takes no transactions: its part is written before, in order, and bears to be written again.
/// </summary>
/// <param name="phase">What is replayed: what an earlier attempt of the same was refused is told again.</param>
/// <param name="parts">For steps that may be written in parts: as many at once as there are fences. Raised together with
/// <paramref name="fence"/>.</param>
internal sealed class BesideTarget(
    RestoringState state, Fence fence, IClientSessionHandle reading, string phase, IReadOnlyList<Fence>? parts = null) : IReplayTarget
{
    private const int MostRefused = 100;

    /// <summary>Documents of one transaction of a step that may be written in parts: a server's cost of one grows faster than its size.</summary>
    private const int PartDocuments = 500;
    private const int PartsAtOnce = 3;

    /// <summary>Of one command: far below the 16 MB that it may have, and as many as every server finds quickly.</summary>
    private const int IdsAtOnce = 250;
    private const int IdBytesAtOnce = 4 << 20;

    /// <summary>In the fence's document: <c>{phase, name, detail}</c> of each that is named, and by phase how many more there are.</summary>
    private const string KeptRefused = "refused";
    private const string KeptUnnamed = "unnamed";

    private readonly List<(string Phase, Check Check)> refused = [];
    private readonly Dictionary<string, long> unnamed = new(StringComparer.Ordinal);

    /// <summary>What the window under way has asked for, and whether it was there.</summary>
    private readonly Dictionary<string, Dictionary<DocumentKey, bool>> known = new(StringComparer.Ordinal);

    /// <summary>What the server did not take of this phase, in this attempt and in those before it.</summary>
    public IReadOnlyList<Check> Refused =>
    [
        .. refused.Where(r => r.Phase == phase).Select(r => r.Check),
        .. unnamed.TryGetValue(phase, out var more) ? [new Check("replay", Verdict.Failed, $"{more} more documents were not taken.")] : Array.Empty<Check>(),
    ];

    /// <summary>Takes over what attempts before were refused, in windows that do not come again.</summary>
    /// <param name="kept">The replay fence's document.</param>
    public void GoOnFrom(BsonDocument? kept)
    {
        foreach (var one in kept?.GetValue(KeptRefused, new BsonArray()).AsBsonArray ?? [])
            refused.Add((one["phase"].AsString, new Check(one["name"].AsString, Verdict.Failed, one["detail"].AsString)));
        foreach (var more in kept?.GetValue(KeptUnnamed, new BsonDocument()).AsBsonDocument ?? [])
            unnamed[more.Name] = more.Value.ToInt64();
    }

    /// <summary>Fences for steps that are written in parts. After <c>replay</c> itself, before anything is read of its state.</summary>
    public static async Task<IReadOnlyList<Fence>> RaisePartsAsync(RestoringState state, CancellationToken cancellation)
    {
        var parts = new List<Fence>();
        for (var i = 0; i < PartsAtOnce; i++)
            parts.Add(await state.RaiseAsync($"replay-{i}", cancellation));
        return parts;
    }

    public async Task<IReadOnlyList<ReadOnlyMemory<byte>>> FindAsync(
        ReplayedCollection collection, IReadOnlyList<RawElement> ids, CancellationToken cancellation)
    {
        var found = new List<ReadOnlyMemory<byte>>();
        if (!known.TryGetValue(collection.Uuid, out var asked))
            known[collection.Uuid] = asked = [];
        foreach (var id in ids)
            asked[DocumentKey.Of(id)] = false;
        await FindAsync(collection, ids, null, document =>
        {
            found.Add(document.ToArray());
            asked[DocumentKey.Of(RawWrites.IdOf(document))] = true;
        }, cancellation);
        return found;
    }

    public async Task CreateAsync(ReplayedCollection collection, CancellationToken cancellation)
    {
        await fence.CheckAsync(cancellation);
        await CreateAsync(state.Database, collection, cancellation);
        await RemoveIfLeftBehindAsync(collection, cancellation);
    }

    public async Task DropAsync(ReplayedCollection collection, CancellationToken cancellation)
    {
        await fence.CheckAsync(cancellation);
        await state.Database.DropCollectionAsync(collection.Beside, cancellation);
    }

    public async Task WriteAsync(ReplayStep step, CancellationToken cancellation)
    {
        foreach (var write in step.Writes.Where(w => w.Collection.IsCapped))
            await WriteCappedAsync(write, cancellation);

        var set = KeptCollections.ToDocument(step.State);
        KeepRefused(set);
        var writes = step.Writes.Where(w => !w.Collection.IsCapped).ToList();
        var split = new List<SplitWrites>();
        foreach (var write in writes)
            split.Add(await SplitAsync(write, cancellation));
        known.Clear();
        try
        {
            if (step.Repeatable && parts is { Count: > 0 } && split.Sum(s => s.Count) > PartDocuments)
            {
                await WritePartsAsync(split, cancellation);
                split.Clear();
            }

            await fence.WriteAsync(session => WriteAllAsync(session, split, step, cancellation), set, cancellation);
        }
        catch (Exception e) when (RawWrites.Refused(e) is not null && writes.Count > 0)
        {
            // One document of the window is not taken: each for itself, to name it.
            foreach (var write in writes)
                await WriteOneByOneAsync(write, cancellation);
            KeepRefused(set);
            await fence.WriteAsync(session => WriteAllAsync(session, [], step, cancellation), set, cancellation);
        }
    }

    public static async Task CreateAsync(IMongoDatabase database, ReplayedCollection collection, CancellationToken cancellation)
    {
        var command = new BsonDocument("create", collection.Beside);
        command.AddRange(CollectionSpecifications.ToCreateBeside(collection));
        try
        {
            await database.RunCommandAsync<BsonDocument>(command, cancellationToken: cancellation);
        }
        catch (MongoCommandException e) when (e.Code == ServerErrors.NamespaceExists)
        {
            // An earlier attempt made it, from the same options; its name is ours alone.
        }
        catch (MongoCommandException e) when (ServerErrors.IsRefusal(e))
        {
            throw new RefusalException(
                ErrorKinds.Restore, $"The server does not create {collection.Name} with the options it had ({command}): {e.Message}", collection.Name,
                "Restore to a server that has these options, or the other collections by name.", e);
        }
    }

    /// <summary>The deletions and the puts, each with what it takes.</summary>
    private static IEnumerable<(RawElement Id, IReadOnlyList<WriteModel<RawBsonDocument>> Models)> EachOf(CollectionWrites write) =>
    [
        .. write.Deletes.Select(id => (id, (IReadOnlyList<WriteModel<RawBsonDocument>>)[new DeleteOneModel<RawBsonDocument>(RawWrites.ById(id))])),
        .. write.Puts.Select(p => (p.Id, RawWrites.ToPuts(p.Id, p.Document))),
    ];

    /// <summary>
    /// Tells what is new from what is replaced, so that a transaction needs two commands for any number of documents, a deletion and an insert: a
    /// server takes them in a fraction of the time of as many replacements. Only this attempt writes to the collection, so that what was not there
    /// is not there yet. (Without transactions an attempt that was given up may have written after all: then a refused insert is put again, each
    /// for itself.)
    /// </summary>
    private async Task<SplitWrites> SplitAsync(CollectionWrites write, CancellationToken cancellation)
    {
        var asked = known.GetValueOrDefault(write.Collection.Uuid) ?? [];
        var keys = write.Puts.Select(p => DocumentKey.Of(p.Id)).ToList();
        var unknown = write.Puts.Where((p, i) => !asked.ContainsKey(keys[i])).Select(p => p.Id).ToList();
        var there = new HashSet<DocumentKey>(asked.Where(a => a.Value).Select(a => a.Key));
        await FindAsync(
            write.Collection, unknown, new BsonDocument("_id", 1), document => there.Add(DocumentKey.Of(RawWrites.IdOf(document))), cancellation);
        var inserts = new List<ReadOnlyMemory<byte>>();
        var (puts, deletes) = (new List<(RawElement Id, ReadOnlyMemory<byte> Document)>(), write.Deletes.ToList());
        foreach (var (i, put) in write.Puts.Index())
        {
            // Two spellings may be one _id there, and a deletion and an insert would be of two; what an insert would change is put as a literal.
            if (FoldingWindow.StandsAlone(write.Collection, put.Id) || RawWrites.NeedsLiteral(put.Document, asReplacement: true)
                || (there.Contains(keys[i]) && !state.HasTransactions))
            {
                puts.Add(put);
                continue;
            }

            if (there.Contains(keys[i]))
                deletes.Add(put.Id);
            inserts.Add(put.Document);
        }

        return new SplitWrites(new CollectionWrites(write.Collection, deletes, puts), inserts);
    }

    /// <summary>Each document's deletion and put are in one part; the state moves on only after all of them.</summary>
    private async Task WritePartsAsync(List<SplitWrites> writes, CancellationToken cancellation)
    {
        var count = (writes.Sum(w => w.Count) + PartDocuments - 1) / PartDocuments;
        var cut = Enumerable.Range(0, count).Select(_ => new List<SplitWrites>()).ToList();
        foreach (var (write, inserts) in writes)
        {
            var deletes = write.Deletes.ToLookup(PartOf);
            var puts = write.Puts.ToLookup(p => PartOf(p.Id));
            var news = inserts.ToLookup(d => PartOf(RawWrites.IdOf(d)));
            for (var part = 0; part < count; part++)
                cut[part].Add(new SplitWrites(new CollectionWrites(write.Collection, [.. deletes[part]], [.. puts[part]]), [.. news[part]]));
        }

        var (next, done) = (-1, 0);
        await Task.WhenAll(parts!.Select(own => Task.Run(
            async () =>
            {
                while (Interlocked.Increment(ref next) is var part && part < count)
                {
                    await own.WriteAsync(session => WriteAllAsync(session, cut[part], null, cancellation), null, cancellation);
                    Beat.Report("write a window in parts", Interlocked.Increment(ref done), count, "parts");
                }
            },
            cancellation)));

        int PartOf(RawElement id) => (int)((uint)DocumentKey.Of(id).GetHashCode() % (uint)count);
    }

    private async Task FindAsync(
        ReplayedCollection collection, IReadOnlyList<RawElement> ids, BsonDocument? projection, Action<ReadOnlyMemory<byte>> take,
        CancellationToken cancellation)
    {
        foreach (var some in Chunks(ids))
        {
            var find = new BsonDocument
            {
                { "find", collection.Beside },
                { "filter", some.Count == 1 ? RawWrites.ById(some[0]) : RawWrites.ByIds(some) },
                { "batchSize", RawCursor.BatchDocuments },
            };
            if (projection is not null)
                find.Add("projection", projection);
            await using var cursor = await RawCursor.OpenAsync(state.Database, reading, find, cancellation);
            while (await cursor.NextAsync(cancellation) is { } batch)
            {
                using (batch)
                {
                    foreach (var document in batch)
                        take(document);
                }
            }
        }
    }

    private static IEnumerable<IReadOnlyList<RawElement>> Chunks(IReadOnlyList<RawElement> ids)
    {
        var some = new List<RawElement>();
        long bytes = 0;
        foreach (var id in ids)
        {
            if (some.Count == IdsAtOnce || (some.Count > 0 && bytes + id.Value.Length > IdBytesAtOnce))
            {
                yield return some;
                (some, bytes) = ([], 0);
            }

            some.Add(id);
            bytes += id.Value.Length;
        }

        if (some.Count > 0)
            yield return some;
    }

    private async Task WriteAllAsync(IClientSessionHandle? session, List<SplitWrites> writes, ReplayStep? step, CancellationToken cancellation)
    {
        foreach (var (write, inserts) in writes)
        {
            var collection = RawWrites.Of(state.Database, write.Collection.Beside);
            foreach (var some in Chunks(write.Deletes))
                await RawWrites.DeleteAsync(collection, session, some, cancellation);
            await RawWrites.BulkAsync(collection, session, [.. write.Puts.SelectMany(p => RawWrites.ToPuts(p.Id, p.Document))], ordered: false, cancellation);
            await RawWrites.InsertAsync(collection, session, inserts, cancellation);
        }

        foreach (var collection in step?.Changed ?? [])
            await PutAsync(session, KeptCollections.Filter(collection.Uuid), KeptCollections.ToDocument(collection), cancellation);
        foreach (var uuid in step?.Removed ?? [])
        {
            if (session is null)
                await state.Documents.DeleteOneAsync(KeptCollections.Filter(uuid), cancellation);
            else
                await state.Documents.DeleteOneAsync(session, KeptCollections.Filter(uuid), cancellationToken: cancellation);
        }
    }

    private Task<ReplaceOneResult> PutAsync(IClientSessionHandle? session, BsonDocument filter, BsonDocument document, CancellationToken cancellation)
    {
        var upsert = new ReplaceOptions { IsUpsert = true };
        return session is null
            ? state.Documents.ReplaceOneAsync(filter, document, upsert, cancellation)
            : state.Documents.ReplaceOneAsync(session, filter, document, upsert, cancellation);
    }

    private async Task WriteOneByOneAsync(CollectionWrites write, CancellationToken cancellation)
    {
        var collection = RawWrites.Of(state.Database, write.Collection.Beside);
        foreach (var (id, models) in EachOf(write))
        {
            try
            {
                await fence.WriteAsync(session => RawWrites.BulkAsync(collection, session, models, ordered: true, cancellation), null, cancellation);
            }
            catch (Exception e) when (RawWrites.Refused(e) is { } why)
            {
                Refuse(write, id, why.Message);
            }
        }
    }

    private async Task WriteCappedAsync(CollectionWrites write, CancellationToken cancellation)
    {
        await fence.CheckAsync(cancellation);
        var collection = RawWrites.Of(state.Database, write.Collection.Beside);
        var each = EachOf(write).ToList();
        try
        {
            await RawWrites.BulkAsync(collection, null, [.. each.SelectMany(e => e.Models)], ordered: true, cancellation);
        }
        catch (MongoBulkWriteException<RawBsonDocument> e) when (RawWrites.Refused(e) is { } why)
        {
            Refuse(write, each.SelectMany(one => one.Models.Select(_ => one.Id)).ElementAt(e.WriteErrors[0].Index), why.Message);
        }

        await RemoveIfLeftBehindAsync(write.Collection, cancellation);
    }

    /// <param name="Writes">Without <paramref name="Inserts"/>.</param>
    private readonly record struct SplitWrites(CollectionWrites Writes, IReadOnlyList<ReadOnlyMemory<byte>> Inserts)
    {
        public int Count => Writes.Deletes.Count + Writes.Puts.Count + Inserts.Count;
    }

    private void Refuse(CollectionWrites write, RawElement id, string why)
    {
        if (refused.Count < MostRefused)
            refused.Add((phase, new Check($"replay {write.Collection.Name}", Verdict.Failed, $"_id {IdText.Of(id)} was not taken: {why}")));
        else
            unnamed[phase] = unnamed.GetValueOrDefault(phase) + 1;
    }

    /// <summary>With the window: an attempt after this one begins behind it.</summary>
    private void KeepRefused(BsonDocument set)
    {
        if (refused.Count > 0)
            set[KeptRefused] = new BsonArray(refused.Select(r => new BsonDocument { { "phase", r.Phase }, { "name", r.Check.Name }, { "detail", r.Check.Detail } }));
        if (unnamed.Count > 0)
            set[KeptUnnamed] = new BsonDocument(unnamed.Select(u => new BsonElement(u.Key, u.Value)));
    }

    /// <summary>An attempt that wakes after the restore has ended must not leave what the server made for its write.</summary>
    private async Task RemoveIfLeftBehindAsync(ReplayedCollection collection, CancellationToken cancellation)
    {
        if (await state.RunDocumentAsync(cancellation) is not null)
            return;
        await state.Database.DropCollectionAsync(collection.Beside, cancellation);
        throw RestoringState.Fenced();
    }
}
