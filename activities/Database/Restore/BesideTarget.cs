using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The collections beside the target, written by replay: a window is one transaction together with replay's state and fence. A capped
/// collection takes no transactions: its part is written before, in order, and bears to be written again.
/// </summary>
internal sealed class BesideTarget(RestoringState state, Fence fence, IClientSessionHandle reading) : IReplayTarget
{
    private const int MostRefused = 100;

    private readonly List<Check> refused = [];

    /// <summary>What the server did not take.</summary>
    public IReadOnlyList<Check> Refused => refused;

    public async Task<IReadOnlyList<ReadOnlyMemory<byte>>> FindAsync(
        ReplayedCollection collection, IReadOnlyList<RawElement> ids, CancellationToken cancellation)
    {
        var found = new List<ReadOnlyMemory<byte>>();
        var find = new BsonDocument
        {
            { "find", collection.Beside },
            { "filter", ids.Count == 1 ? RawWrites.ById(ids[0]) : RawWrites.ByIds(ids) },
            { "batchSize", RawCursor.BatchDocuments },
        };
        await using var cursor = await RawCursor.OpenAsync(state.Database, reading, find, cancellation);
        while (await cursor.NextAsync(cancellation) is { } batch)
        {
            using (batch)
            {
                foreach (var document in batch)
                    found.Add(document.ToArray());
            }
        }

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
        var writes = step.Writes.Where(w => !w.Collection.IsCapped).ToList();
        try
        {
            await fence.WriteAsync(session => WriteAllAsync(session, writes, step, cancellation), set, cancellation);
        }
        catch (Exception e) when (RawWrites.Refused(e) is not null && writes.Count > 0)
        {
            // One document of the window is not taken: each for itself, to name it.
            foreach (var write in writes)
                await WriteOneByOneAsync(write, cancellation);
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

    private static List<WriteModel<RawBsonDocument>> Deletions(CollectionWrites write) =>
        [.. write.Deletes.Select(id => new DeleteOneModel<RawBsonDocument>(RawWrites.ById(id)))];

    private static List<WriteModel<RawBsonDocument>> Puts(CollectionWrites write) =>
        [.. write.Puts.Select(p => RawWrites.ToReplacement(p.Id, p.Document))];

    private async Task WriteAllAsync(IClientSessionHandle? session, List<CollectionWrites> writes, ReplayStep step, CancellationToken cancellation)
    {
        foreach (var write in writes)
        {
            var collection = RawWrites.Of(state.Database, write.Collection.Beside);
            await RawWrites.BulkAsync(collection, session, Deletions(write), ordered: false, cancellation);
            await RawWrites.BulkAsync(collection, session, Puts(write), ordered: false, cancellation);
        }

        foreach (var collection in step.Changed)
            await PutAsync(session, KeptCollections.Filter(collection.Uuid), KeptCollections.ToDocument(collection), cancellation);
        foreach (var uuid in step.Removed)
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
        foreach (var (id, model) in write.Deletes.Zip(Deletions(write)).Concat(write.Puts.Select(p => p.Id).Zip(Puts(write))))
        {
            try
            {
                await fence.WriteAsync(session => RawWrites.BulkAsync(collection, session, [model], ordered: true, cancellation), null, cancellation);
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
        try
        {
            await RawWrites.BulkAsync(collection, null, Deletions(write), ordered: true, cancellation);
            await RawWrites.BulkAsync(collection, null, Puts(write), ordered: true, cancellation);
        }
        catch (MongoBulkWriteException<RawBsonDocument> e) when (RawWrites.Refused(e) is { } why)
        {
            Refuse(write, write.Puts.Count > 0 ? write.Puts[Math.Min(e.WriteErrors[0].Index, write.Puts.Count - 1)].Id : write.Deletes[0], why.Message);
        }

        await RemoveIfLeftBehindAsync(write.Collection, cancellation);
    }

    private void Refuse(CollectionWrites write, RawElement id, string why)
    {
        if (refused.Count < MostRefused)
            refused.Add(new Check($"replay {write.Collection.Name}", Verdict.Failed, $"_id {IdText.Of(id)} was not taken: {why}"));
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
