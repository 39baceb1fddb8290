using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The state collection <c>luxhedge_restoring</c> of a target (docs/restore.md, "State"): whose run it is, the fences, what is loaded, and
/// the map from source UUID to collection. It lives as long as the restore, and everything in it is written by whoever holds a fence.
/// </summary>
internal sealed class RestoringState
{
    /// <summary>How long a raise waits for the transaction of an attempt that was given up: servers end idle ones after 60 s.</summary>
    private static readonly TimeSpan MostRaise = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan OneTry = TimeSpan.FromSeconds(5);

    private const string RunId = "run";

    /// <summary>In the run's document, once all lanes are loaded and replay has taken over.</summary>
    private const string Loaded = "loaded";

    private readonly IMongoClient client;

    public RestoringState(IMongoClient client, string database, string runId, bool hasTransactions)
    {
        this.client = client;
        Run = runId;
        HasTransactions = hasTransactions;
        // Whatever the connection string says: a fence that a failover takes back is none.
        Database = client.GetDatabase(database).WithWriteConcern(WriteConcern.WMajority).WithReadPreference(ReadPreference.Primary);
        Documents = Database.GetCollection<BsonDocument>(BesideNames.State).WithReadConcern(ReadConcern.Majority);
    }

    public string Run { get; }

    public bool HasTransactions { get; }

    public IMongoDatabase Database { get; }

    public IMongoCollection<BsonDocument> Documents { get; }

    public static async Task<RestoringState> OpenAsync(IMongoClient client, string database, string runId, CancellationToken cancellation)
    {
        var hello = await client.GetDatabase("admin").RunCommandAsync<BsonDocument>(
            new BsonDocument("hello", 1), ReadPreference.Primary, cancellation);
        return new(client, database, runId, hello.Contains("setName") || hello.GetValue("msg", "") == "isdbgrid");
    }

    /// <summary>The document of the run that the target is being restored by; null: none.</summary>
    public async Task<BsonDocument?> RunDocumentAsync(CancellationToken cancellation) =>
        await Documents.Find(new BsonDocument("_id", RunId)).FirstOrDefaultAsync(cancellation);

    /// <summary>Makes the target this run's. The Temporal lock is the word that no other run is alive on it.</summary>
    /// <returns>The run that had it before and never cleaned up, for which the caller removes what lies beside; null: none.</returns>
    public async Task<string?> ClaimAsync(BsonDocument about, CancellationToken cancellation)
    {
        var before = await RunDocumentAsync(cancellation);
        if (before?["runId"] == Run)
            return before.GetValue("cleaning", BsonNull.Value) is BsonString unfinished ? unfinished.Value : null;
        var fresh = new BsonDocument { { "_id", RunId }, { "runId", Run } };
        fresh.AddRange(about);
        if (before is null)
        {
            await Documents.InsertOneAsync(fresh, cancellationToken: cancellation);
            return null;
        }

        fresh["cleaning"] = before["runId"];
        var claimed = await Documents.ReplaceOneAsync(new BsonDocument { { "_id", RunId }, { "runId", before["runId"] } }, fresh, cancellationToken: cancellation);
        return claimed.MatchedCount == 1 ? before["runId"].AsString : throw Fenced();
    }

    public Task SetRunAsync(BsonDocument set, CancellationToken cancellation) => Documents.UpdateOneAsync(
        new BsonDocument { { "_id", RunId }, { "runId", Run } }, new BsonDocument("$set", set), cancellationToken: cancellation);

    /// <summary>The collection under the name that it is loaded under.</summary>
    public ReplayedCollection ForLoad(ReplayedCollection collection) =>
        collection with { Beside = BesideNames.OfLoad(Database.DatabaseNamespace.DatabaseName, collection.Name, Run) };

    /// <summary>
    /// Whether what this run loads is still written to by whoever holds the fence; else the names of <see cref="ForLoad"/> are nobody's any more,
    /// and what stands under them was left behind.
    /// </summary>
    public async Task<bool> IsLoadingAsync(CancellationToken cancellation) =>
        await RunDocumentAsync(cancellation) is { } run && run["runId"] == Run && !run.Contains("ending") && !run.Contains(Loaded);

    /// <summary>
    /// The load is over: gives the collections the names that replay knows them by. What an attempt writes that was left behind goes to the old
    /// names from here on, and is dropped by it or here. Under a fence; may run any number of times.
    /// </summary>
    /// <param name="collections">Of the base, as replay knows them.</param>
    public async Task EndLoadAsync(Fence fence, IReadOnlyList<ReplayedCollection> collections, CancellationToken cancellation)
    {
        if ((await RunDocumentAsync(cancellation))?.Contains(Loaded) != true)
        {
            var there = await NamesAsync(cancellation);
            foreach (var (done, collection) in collections.Index())
            {
                var loaded = ForLoad(collection);
                if (there.Contains(collection.Beside))
                    continue; // An attempt before has done it.
                if (!there.Contains(loaded.Beside))
                    throw Gone(collection.Name, loaded.Beside);
                await fence.CheckAsync(cancellation);
                await RenameAsync(loaded.Beside, collection.Beside, cancellation);
                Beat.Report("take over what is loaded", done + 1, collections.Count, "collections");
            }

            await SetRunAsync(new BsonDocument(Loaded, true), cancellation);
        }

        // Whoever writes to one of these names after this look drops it by itself.
        var names = await NamesAsync(cancellation);
        foreach (var left in collections.Select(c => ForLoad(c).Beside).Where(names.Contains))
            await Database.DropCollectionAsync(left, cancellation);
    }

    /// <summary>Both stand in this database; nothing is replaced.</summary>
    private Task<BsonDocument> RenameAsync(string from, string to, CancellationToken cancellation)
    {
        var database = Database.DatabaseNamespace.DatabaseName;
        return LongCommands.RunAsync(
            client.GetDatabase("admin"),
            new BsonDocument { { "renameCollection", $"{database}.{from}" }, { "to", $"{database}.{to}" }, { "writeConcern", new BsonDocument("w", "majority") } },
            $"rename {from}", cancellation);
    }

    private async Task<HashSet<string>> NamesAsync(CancellationToken cancellation) =>
        (await TargetInventory.ListAsync(Database, cancellation)).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// Raises a fence: from here on no earlier attempt writes under it. Waits for a transaction that an earlier attempt has open. Refused where
    /// the run has no state any more: then this attempt is the one that was left behind.
    /// </summary>
    public async Task<Fence> RaiseAsync(string name, CancellationToken cancellation)
    {
        var id = $"fence/{name}";
        var until = DateTime.UtcNow + MostRaise;
        while (true)
        {
            try
            {
                var attempt = 0L;
                await InTransactionAsync(
                    async session =>
                    {
                        if (await CountRunAsync(session, cancellation) == 0)
                            throw Fenced();
                        var raised = await FindOneAndUpdateAsync(session, id, cancellation);
                        attempt = raised["attempt"].ToInt64();
                    },
                    cancellation);
                return new Fence(this, id, attempt);
            }
            catch (Exception e) when (DateTime.UtcNow < until && e is MongoExecutionTimeoutException or MongoCommandException { Code: 50 or 112 })
            {
                Beat.Report("waiting for an attempt that was given up", 0, 0, "");
            }
        }
    }

    /// <summary>Runs it in a transaction, again when the server says that trying again may help; without one where the server has none.</summary>
    /// <param name="body">May run several times. Null session: there are no transactions.</param>
    public async Task InTransactionAsync(Func<IClientSessionHandle?, Task> body, CancellationToken cancellation)
    {
        if (!HasTransactions)
        {
            await body(null);
            return;
        }

        using var session = await client.StartSessionAsync(new ClientSessionOptions { CausalConsistency = false }, cancellation);
        var until = DateTime.UtcNow + MostRaise;
        for (var pause = 10; ; pause = Math.Min(1000, pause * 2))
        {
            session.StartTransaction(new TransactionOptions(ReadConcern.Snapshot, ReadPreference.Primary, WriteConcern.WMajority));
            try
            {
                await body(session);
                await CommitAsync(session, cancellation);
                return;
            }
            catch (Exception e)
            {
                await EndAsync(session);
                if (e is not MongoException { } m || !m.HasErrorLabel("TransientTransactionError") || DateTime.UtcNow > until)
                    throw;
            }

            Beat.Report("waiting for a transaction of an attempt that was given up", 0, 0, "");
            await Task.Delay(pause, cancellation);
        }
    }

    /// <summary>This attempt was given up, and another goes on: never shown to a person.</summary>
    public static RefusalException Fenced() => new(ErrorKinds.Fenced, "Another attempt goes on with this work, or the restore has ended.");

    /// <summary>Somebody has dropped or renamed what this run made beside the target.</summary>
    public static RefusalException Gone(string collection, string beside) => new(
        ErrorKinds.Restore, $"What was loaded for {collection} is gone: {beside} is not there.", collection, "Restore again; nothing of the target was replaced.");

    private static async Task CommitAsync(IClientSessionHandle session, CancellationToken cancellation)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                await session.CommitTransactionAsync(cancellation);
                return;
            }
            catch (MongoException e) when (e.HasErrorLabel("UnknownTransactionCommitResult") && tries < 3)
            {
                // To commit again is to ask again.
            }
        }
    }

    private static async Task EndAsync(IClientSessionHandle session)
    {
        if (!session.IsInTransaction)
            return;
        try
        {
            using var limit = new CancellationTokenSource(OneTry);
            await session.AbortTransactionAsync(limit.Token);
        }
        catch (Exception e) when (e is MongoException or TimeoutException or OperationCanceledException)
        {
            // The server ends it by itself.
        }
    }

    private async Task<long> CountRunAsync(IClientSessionHandle? session, CancellationToken cancellation)
    {
        // A write, so that it conflicts with a clean-up at the same moment.
        var filter = new BsonDocument { { "_id", RunId }, { "runId", Run }, { "ending", new BsonDocument("$exists", false) } };
        var update = new BsonDocument("$inc", new BsonDocument("raises", 1));
        var result = session is null
            ? await Documents.UpdateOneAsync(filter, update, cancellationToken: cancellation)
            : await Documents.UpdateOneAsync(session, filter, update, cancellationToken: cancellation);
        return result.MatchedCount;
    }

    private async Task<BsonDocument> FindOneAndUpdateAsync(IClientSessionHandle? session, string id, CancellationToken cancellation)
    {
        var options = new FindOneAndUpdateOptions<BsonDocument> { IsUpsert = true, ReturnDocument = ReturnDocument.After, MaxTime = OneTry };
        var filter = new BsonDocument("_id", id);
        var update = new BsonDocument("$inc", new BsonDocument("attempt", 1L));
        return session is null
            ? await Documents.FindOneAndUpdateAsync<BsonDocument>(filter, update, options, cancellation)
            : await Documents.FindOneAndUpdateAsync<BsonDocument>(session, filter, update, options, cancellation);
    }
}

/// <summary>One attempt's right to write. It is lost when another attempt raises the fence, or the state collection is gone.</summary>
internal sealed class Fence(RestoringState state, string id, long attempt)
{
    public string Id { get; } = id;

    /// <summary>1: nobody held it before.</summary>
    public long Attempt { get; } = attempt;

    /// <summary>Throws <see cref="RefusalException"/> (<c>fenced</c>) when it is lost.</summary>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        var own = state.Documents.Find(new BsonDocument { { "_id", Id }, { "attempt", Attempt } }).Project(new BsonDocument("_id", 1));
        if (!await own.AnyAsync(cancellation))
            throw RestoringState.Fenced();
    }

    /// <summary>
    /// Writes under the fence: in one transaction that also writes the fence's own document, so that of two attempts only the later one's
    /// commits. Where the server has no transactions the fence is checked first, and what is written must bear to be written again.
    /// </summary>
    /// <param name="body">May run several times.</param>
    /// <param name="set">Kept in the fence's document.</param>
    public Task WriteAsync(Func<IClientSessionHandle?, Task> body, BsonDocument? set, CancellationToken cancellation) => state.InTransactionAsync(
        async session =>
        {
            var filter = new BsonDocument { { "_id", Id }, { "attempt", Attempt } };
            var update = new BsonDocument("$inc", new BsonDocument("writes", 1L));
            if (set is not null)
                update["$set"] = set;
            if (session is null)
            {
                await CheckAsync(cancellation);
                await body(null);
                if (set is not null)
                    await state.Documents.UpdateOneAsync(filter, update, cancellationToken: cancellation);
                return;
            }

            var result = await state.Documents.UpdateOneAsync(session, filter, update, cancellationToken: cancellation);
            if (result.MatchedCount == 0)
                throw RestoringState.Fenced();
            await body(session);
        },
        cancellation);

    /// <summary>What was kept with it; null: nothing yet.</summary>
    public async Task<BsonDocument?> ReadAsync(CancellationToken cancellation) =>
        await state.Documents.Find(new BsonDocument("_id", Id)).FirstOrDefaultAsync(cancellation);
}
