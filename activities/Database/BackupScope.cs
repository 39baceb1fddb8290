using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>What every step of one backup works with: its asset, its database, the store it is written to and its data key.</summary>
internal sealed class BackupScope(BackupContext backup, AssetPlan asset, IObjectStore store, IMongoClient client, DataKey key) : IDisposable
{
    public BackupContext Backup => backup;

    public AssetPlan Asset => asset;

    public IObjectStore Store => store;

    public IMongoClient Client => client;

    public IMongoDatabase Database { get; } = client.GetDatabase(backup.Database);

    public DataKey Key => key;

    public ObjectContext ContextOf(string objectName) => new(backup.Asset, backup.KeyId, objectName);

    /// <summary>Puts an encrypted JSON object under a fixed name. Where the name is taken, what is there is read, and the caller goes on with
    /// that.</summary>
    public async Task<T> PutOrAdoptAsync<T>(string name, T value, CancellationToken cancellation)
        where T : class
    {
        try
        {
            var stored = Container.EncryptWhole(key, ContextOf(name), Frames.CompressJson(value));
            if (await store.PutIfAbsentAsync(name, stored, cancellation) == PutOutcome.Created)
            {
                return value;
            }
        }
        catch (IOException e) when (!cancellation.IsCancellationRequested)
        {
            // A lost answer: what is there decides.
            return await ReadIfThereAsync<T>(name, cancellation) ?? throw new IOException($"'{name}' could not be put into store '{store.Name}'.", e);
        }

        return await ReadAsync<T>(name, cancellation);
    }

    public async Task<T> ReadAsync<T>(string name, CancellationToken cancellation)
        where T : class =>
        await ReadIfThereAsync<T>(name, cancellation)
            ?? throw new RefusalException(ErrorKinds.Integrity, $"The object {name} is missing in store '{store.Name}'.", name, "The backup can't be finished; start another.");

    /// <summary>From the oldest version: ours was put where nothing was. Null where there is none.</summary>
    public async Task<T?> ReadIfThereAsync<T>(string name, CancellationToken cancellation)
        where T : class
    {
        byte[] stored;
        try
        {
            stored = await store.ReadOldestAsync(name, cancellation);
        }
        catch (ObjectMissingException)
        {
            return null;
        }

        return Frames.DecompressJson<T>(Container.DecryptWhole(stored, ContextOf(name), key), name);
    }

    public async Task<RangesDocument> ReadRangesAsync(CancellationToken cancellation) =>
        Check(await ReadAsync<RangesDocument>(ObjectNames.Ranges(backup.Asset, backup.BackupId), cancellation));

    /// <summary>Round 1; null while nothing was found changed.</summary>
    public async Task<RangesDocument?> ReadRangesAgainAsync(CancellationToken cancellation) =>
        await ReadIfThereAsync<RangesDocument>(ObjectNames.RangesAgain(backup.Asset, backup.BackupId), cancellation) is { } again ? Check(again) : null;

    /// <summary>The tables of the packs whose names begin so (below <c>packs/</c>), in the order of their names.</summary>
    public async Task<IReadOnlyList<StoredPack>> ReadTablesAsync(string prefix, CancellationToken cancellation, Action<int>? progress = null)
    {
        var packs = new List<StoredObject>();
        await foreach (var pack in store.ListAsync(ObjectNames.Packs(backup.Asset, backup.BackupId) + prefix, cancellation))
        {
            packs.Add(pack);
        }

        var read = new StoredPack[packs.Count];
        var done = 0;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, packs.Count), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellation },
            async (i, token) =>
            {
                using var reader = await PackReader.OpenAsync(
                    new StoredObjectSource(store, packs[i].Name, packs[i].Size, version: null), ContextOf(packs[i].Name), key, token);
                read[i] = new StoredPack(packs[i].Name, packs[i].Size, await reader.ReadTableAsync(token));
                progress?.Invoke(Interlocked.Increment(ref done));
            });
        return read;
    }

    /// <summary>One chunk of a pack that is not sealed yet.</summary>
    public async Task<RawChunk> ReadChunkAsync(StoredPack pack, PackChunk chunk, CancellationToken cancellation)
    {
        using var reader = await PackReader.OpenAsync(
            new StoredObjectSource(store, pack.Name, pack.Size, version: null), ContextOf(pack.Name), key, cancellation);
        return await reader.ReadChunkAsync(chunk, cancellation);
    }

    /// <summary>For writers that were given up and are alive after all: once the manifest is there nothing is added.</summary>
    public async Task RefuseWhenSealedAsync(CancellationToken cancellation)
    {
        if (await store.HeadAsync(ObjectNames.Manifest(backup.Asset, backup.BackupId), cancellation) is not null)
        {
            throw new RefusalException(ErrorKinds.Fenced, $"Backup {backup.BackupId} is sealed: this attempt was given up and another finished it.", backup.BackupId);
        }
    }

    public void Dispose() => key.Dispose();

    private RangesDocument Check(RangesDocument ranges) =>
        ranges.Format == RangesDocument.FormatName && ranges.Backup == backup.BackupId && ranges.Database == backup.Database
            ? ranges
            : throw new RefusalException(
                ErrorKinds.Integrity, $"The planned ranges in store '{store.Name}' are of backup '{ranges.Backup}' of database '{ranges.Database}'.", backup.BackupId);
}

/// <summary>A pack as it lies in the store before sealing.</summary>
internal sealed record StoredPack(string Name, long Size, PackTable Table);
