using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Reads a sealed backup: signed manifest (from its oldest version), objects list and index by their recorded hashes, then chunks by place.
/// Several stores are tried in order for every object; what was wrong in one of them is kept in <see cref="Problems"/>. Chunks may be read by
/// several callers at once.
/// </summary>
public sealed class BackupReader : IDisposable
{
    /// <summary>Open packs kept for the next chunk: each holds two buffers of 1 MiB.</summary>
    private const int KeptPacks = 8;

    private readonly IReadOnlyList<IObjectStore> _stores;
    private readonly DataKeys _keys;
    private readonly Dictionary<string, ObjectReference> _objects;
    private readonly List<OpenPack> _idle = [];
    private readonly List<ObjectTrouble> _problems = [];

    private BackupReader(IReadOnlyList<IObjectStore> stores, Signed<Manifest> manifest, ObjectList objects, IndexDocument index, DataKeys keys)
    {
        _stores = stores;
        _keys = keys;
        Manifest = manifest.Value;
        ManifestSha256 = manifest.Sha256;
        Objects = objects;
        Index = index;
        _objects = objects.Objects.ToDictionary(o => o.Name, StringComparer.Ordinal);
    }

    public Manifest Manifest { get; }

    /// <summary>Lower-case hex, of the stored bytes.</summary>
    public string ManifestSha256 { get; }

    public ObjectList Objects { get; }

    public IndexDocument Index { get; }

    /// <summary>What was wrong in one store and came from another.</summary>
    public IReadOnlyList<ObjectTrouble> Problems
    {
        get
        {
            lock (_problems)
            {
                return [.. _problems];
            }
        }
    }

    /// <param name="stores">In the order they are tried.</param>
    /// <param name="publicKeys">The plan's <c>writer.publicKeys</c>.</param>
    /// <param name="openKeys">Opens the data keys that the manifest names; the reader disposes them.</param>
    /// <param name="manifestSha256">The manifest that was chosen (and approved); null: whichever is there.</param>
    /// <exception cref="RefusalException"><c>integrity</c> for what is changed, planted or missing in every store; <c>usage</c> when no store has
    /// such a backup.</exception>
    public static async Task<BackupReader> OpenAsync(
        IReadOnlyList<IObjectStore> stores, string asset, string backupId, IReadOnlyDictionary<string, string> publicKeys,
        Func<Manifest, CancellationToken, Task<DataKeys>> openKeys, CancellationToken cancellation, string? manifestSha256 = null)
    {
        var problems = new List<ObjectTrouble>();
        var name = ObjectNames.Manifest(asset, backupId);
        var manifest = await FromAnyAsync(
            stores, name, problems,
            async store => await ReadManifestAsync(store, asset, backupId, publicKeys, cancellation) is var found
                && (manifestSha256 is null || found.Sha256 == manifestSha256)
                ? found
                : throw new RefusalException(
                    ErrorKinds.Integrity, $"The manifest {name} in store '{store.Name}' is another than the one that was chosen.", name,
                    "Choose the backup again, and find out who changed it."));
        var list = manifest.Value.Objects;
        var objects = await FromAnyAsync(
            stores, list.Name, problems,
            async store => ObjectLists.Read(await store.ReadByHashAsync(list.Name, list.Size, list.Sha256, cancellation), manifest.Value));
        var indexName = ObjectNames.Index(asset, backupId);
        var reference = objects.Objects.FirstOrDefault(o => o.Name == indexName)
            ?? throw PackFormat.Damaged(list.Name, $"names no {indexName}");
        var keys = await openKeys(manifest.Value, cancellation);
        try
        {
            var index = await FromAnyAsync(
                stores, indexName, problems,
                async store =>
                {
                    var stored = await store.ReadByHashAsync(indexName, reference.Size, reference.Sha256, cancellation);
                    var plain = Container.DecryptWhole(stored, new ObjectContext(asset, manifest.Value.KeyIds[0], indexName), keys);
                    return CheckIndex(Frames.DecompressJson<IndexDocument>(plain, indexName), asset, backupId, indexName);
                });
            var reader = new BackupReader(stores, manifest, objects, index, keys);
            reader._problems.AddRange(problems);
            return reader;
        }
        catch
        {
            keys.Dispose();
            throw;
        }
    }

    /// <summary>The signed manifest of one store, from its oldest version; asset and id inside must be those of the path.</summary>
    public static async Task<Signed<Manifest>> ReadManifestAsync(
        IObjectStore store, string asset, string backupId, IReadOnlyDictionary<string, string> publicKeys, CancellationToken cancellation)
    {
        var name = ObjectNames.Manifest(asset, backupId);
        return SignedDocument.Read<Manifest>(
            await store.ReadOldestAsync(name, cancellation), publicKeys, name,
            m => m.Asset != asset || m.Id != backupId ? $"is of backup '{m.Id}' of asset '{m.Asset}'"
                : m.Format != Manifest.FormatName ? $"has the format '{m.Format}'"
                : m.KeyIds.Count != 1 ? "does not name one data key"
                : m.Objects.Name != ObjectNames.Objects(asset, backupId) ? $"names the list {m.Objects.Name}"
                : null);
    }

    /// <summary>As <see cref="ReadManifestAsync"/>; null where there is none.</summary>
    public static async Task<Signed<Manifest>?> ReadManifestIfThereAsync(
        IObjectStore store, string asset, string backupId, IReadOnlyDictionary<string, string> publicKeys, CancellationToken cancellation)
    {
        try
        {
            return await ReadManifestAsync(store, asset, backupId, publicKeys, cancellation);
        }
        catch (ObjectMissingException)
        {
            return null;
        }
    }

    /// <summary>One chunk, decrypted, decompressed and checked against its hash, from the first store that has it whole. The caller disposes it.</summary>
    public async Task<RawChunk> ReadChunkAsync(IndexedChunk chunk, CancellationToken cancellation)
    {
        if (!_objects.TryGetValue(chunk.Pack, out var pack))
        {
            throw PackFormat.Damaged(chunk.Pack, "is named by the index but not by the list of objects");
        }

        var problems = new List<ObjectTrouble>();
        try
        {
            return await FromAnyAsync(
                _stores, chunk.Pack, problems,
                async store =>
                {
                    var open = Take(store, chunk.Pack) ?? await OpenPackAsync(store, pack, cancellation);
                    try
                    {
                        var read = await open.Reader.ReadChunkAsync(chunk.Chunk, cancellation);
                        GiveBack(open);
                        return read;
                    }
                    catch
                    {
                        open.Reader.Dispose();
                        throw;
                    }
                });
        }
        finally
        {
            if (problems.Count > 0)
            {
                lock (_problems)
                {
                    _problems.AddRange(problems.Except(_problems));
                }
            }
        }
    }

    /// <summary>The chunks of one collection (of all its ranges), in order.</summary>
    public IEnumerable<IndexedChunk> ChunksOf(IndexedCollection collection)
    {
        var numbers = collection.Ranges.Select((r, i) => (r.Number, i)).ToDictionary(r => r.Number, r => r.i);
        return Index.Chunks.Where(c => numbers.ContainsKey(c.Chunk.Range)).OrderBy(c => numbers[c.Chunk.Range]).ThenBy(c => c.Chunk.Part);
    }

    /// <summary>
    /// The oplog between the marks in order of time, part by part, each entry once: the entry that a part shares with the one before is checked
    /// to be the same and left out. Entries of other databases do not occur; the links that stand for them are of op <c>n</c>.
    /// <see cref="IndexDocument.Earlier"/> is read by <see cref="ReadChunkAsync"/>.
    /// </summary>
    /// <returns>Each part, and where its new entries begin in its bytes. The caller disposes the chunk.</returns>
    public async IAsyncEnumerable<OplogPart> ReadOplogAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation, int fromPart = 0)
    {
        byte[]? last = null;
        for (var i = Math.Max(0, fromPart - 1); i < Index.Oplog.Count; i++)
        {
            var part = await ReadChunkAsync(Index.Oplog[i], cancellation);
            var skip = 0;
            ReadOnlyMemory<byte> newest = default;
            foreach (var entry in part.Documents)
            {
                if (newest.IsEmpty && last is not null)
                {
                    skip = entry.Length;
                    if (!entry.Span.SequenceEqual(last))
                    {
                        part.Dispose();
                        throw PackFormat.Damaged(Index.Oplog[i].Pack, $"has an oplog part {i} that does not begin with the last entry of the part before it");
                    }
                }

                newest = entry;
            }

            last = newest.ToArray();
            if (i >= fromPart)
            {
                yield return new OplogPart(i, part, skip);
            }
            else
            {
                part.Dispose();
            }
        }
    }

    public void Dispose()
    {
        lock (_idle)
        {
            foreach (var pack in _idle)
            {
                pack.Reader.Dispose();
            }

            _idle.Clear();
        }

        _keys.Dispose();
    }

    private static IndexDocument CheckIndex(IndexDocument index, string asset, string backupId, string name) =>
        index.Format == IndexDocument.FormatName && index.Backup == backupId && index.Asset == asset
            ? index
            : throw PackFormat.Damaged(name, $"is the index of backup '{index.Backup}' of asset '{index.Asset}'");

    private static async Task<T> FromAnyAsync<T>(
        IReadOnlyList<IObjectStore> stores, string name, List<ObjectTrouble> problems, Func<IObjectStore, Task<T>> read)
    {
        var missing = 0;
        RefusalException? last = null;
        foreach (var store in stores)
        {
            try
            {
                return await read(store);
            }
            catch (ObjectMissingException)
            {
                missing++;
                problems.Add(new(store.Name, name, "is missing"));
                last ??= new RefusalException(ErrorKinds.Integrity, $"The object {name} is missing in store '{store.Name}'.", name);
            }
            catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Integrity or ErrorKinds.Unreachable)
            {
                problems.Add(new(store.Name, name, e.Report.Message));
                last = last is null || e.Report.Kind == ErrorKinds.Integrity ? e : last;
            }
        }

        throw missing == stores.Count
            ? new RefusalException(
                ErrorKinds.Integrity, $"The object {name} is missing in {(stores.Count == 1 ? $"store '{stores[0].Name}'" : "every store")}.", name,
                "Verify the backup to see what else is missing; use another store or another backup.")
            : last!;
    }

    private async Task<OpenPack> OpenPackAsync(IObjectStore store, ObjectReference pack, CancellationToken cancellation)
    {
        var version = await store.FindVersionAsync(pack.Name, pack.Size, pack.Sha256, cancellation);
        var source = new StoredObjectSource(store, pack.Name, pack.Size, version.Version);
        var context = new ObjectContext(Manifest.Asset, Manifest.KeyIds[0], pack.Name);
        return new OpenPack(store, await PackReader.OpenAsync(source, context, _keys, cancellation));
    }

    private OpenPack? Take(IObjectStore store, string pack)
    {
        lock (_idle)
        {
            var at = _idle.FindIndex(p => p.Store == store && p.Reader.Name == pack);
            if (at < 0)
            {
                return null;
            }

            var found = _idle[at];
            _idle.RemoveAt(at);
            return found;
        }
    }

    private void GiveBack(OpenPack pack)
    {
        OpenPack? oldest = null;
        lock (_idle)
        {
            _idle.Add(pack);
            if (_idle.Count > KeptPacks)
            {
                oldest = _idle[0];
                _idle.RemoveAt(0);
            }
        }

        oldest?.Reader.Dispose();
    }

    private sealed record OpenPack(IObjectStore Store, PackReader Reader);
}

/// <summary>Something that was wrong with an object in one store.</summary>
public sealed record ObjectTrouble(string Store, string Object, string What);

/// <param name="Number">In the index's order.</param>
/// <param name="Skip">Bytes of the shared first entry.</param>
public sealed record OplogPart(int Number, RawChunk Chunk, int Skip) : IDisposable
{
    /// <summary>The entries that the parts before did not have.</summary>
    public BsonSequence Entries => new(Chunk.Bytes[Skip..]);

    public void Dispose() => Chunk.Dispose();
}
