using System.Runtime.CompilerServices;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// Reads one slice. The stored object (at most 128 MiB) is read whole by its recorded hash from the first store that has it right; container, table
/// and the chunks' own hashes are checked after that, and that the slice begins and ends with the entries its manifest says.
/// </summary>
internal sealed class SliceReader : IDisposable
{
    private readonly PackReader _pack;
    private readonly IReadOnlyList<PackChunk> _oplog;

    private SliceReader(PackReader pack, SliceManifest manifest, IReadOnlyList<PackChunk> earlier, IReadOnlyList<PackChunk> oplog)
    {
        _pack = pack;
        Manifest = manifest;
        Earlier = earlier;
        _oplog = oplog;
    }

    public SliceManifest Manifest { get; }

    /// <summary>Single entries from before the slice: beginnings of transactions that were open where the chain of slices begins.</summary>
    public IReadOnlyList<PackChunk> Earlier { get; }

    /// <summary>In order; each begins with the last entry of the one before.</summary>
    public IReadOnlyList<PackChunk> Oplog => _oplog;

    /// <summary>What was wrong in one store and came from another.</summary>
    public IReadOnlyList<ObjectTrouble> Problems { get; private init; } = [];

    /// <param name="copies">In the order they are tried.</param>
    /// <exception cref="RefusalException"><c>integrity</c>: no copy is what was written; <c>unreachable</c>.</exception>
    public static async Task<SliceReader> OpenAsync(
        StoreSet stores, IReadOnlyList<SliceCopy> copies, SliceKeys keys, CancellationToken cancellation)
    {
        var problems = new List<ObjectTrouble>();
        RefusalException? last = null;
        foreach (var copy in copies)
        {
            var reference = copy.Manifest.Object;
            try
            {
                var stored = await stores[copy.Store].ReadByHashAsync(reference.Name, reference.Size, reference.Sha256, cancellation);
                var opened = await OpenAsync(stored, copy.Manifest, await keys.OpenAsync(copy.Store, copy.Manifest, cancellation), cancellation);
                return problems.Count == 0 ? opened : new SliceReader(opened._pack, opened.Manifest, opened.Earlier, opened._oplog) { Problems = problems };
            }
            catch (ObjectMissingException e)
            {
                problems.Add(new(copy.Store, reference.Name, "is missing"));
                last ??= new RefusalException(
                    ErrorKinds.Integrity, $"The object {reference.Name} is missing in store '{copy.Store}'.", reference.Name, null, e);
            }
            catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Integrity or ErrorKinds.Unreachable)
            {
                problems.Add(new(copy.Store, reference.Name, e.Report.Message));
                last = last is null || e.Report.Kind == ErrorKinds.Integrity ? e : last;
            }
        }

        throw (Exception?)last ?? new ArgumentException("A slice is read from one store at least.", nameof(copies));
    }

    /// <param name="stored">Bytes whose hash was checked.</param>
    /// <param name="keys">Live as long as this call.</param>
    internal static async Task<SliceReader> OpenAsync(ReadOnlyMemory<byte> stored, SliceManifest manifest, DataKeys keys, CancellationToken cancellation)
    {
        var name = manifest.Object.Name;
        var pack = await PackReader.OpenAsync(new MemorySource(stored), new ObjectContext(manifest.Asset, manifest.KeyId, name), keys, cancellation);
        try
        {
            var table = await pack.ReadTableAsync(cancellation);
            var oplog = table.Chunks.Where(c => c.Range == PackChunk.Oplog).ToList();
            var problem = table.Backup != SliceManifest.IdOf(manifest.From, manifest.To) ? $"says that it is the slice {table.Backup}"
                : oplog.Count == 0 ? "has no part of the oplog"
                : oplog[0].FirstEntry != manifest.From || oplog[^1].LastEntry != manifest.To ? "has other bounds than its name"
                : oplog.Zip(oplog.Skip(1)).Any(p => p.First.LastEntry != p.Second.FirstEntry) ? "has parts that do not touch"
                : table.Chunks.Any(c => c.Range is not PackChunk.Oplog and not PackChunk.Earlier) ? "has chunks of something else"
                : oplog.Sum(c => c.Documents - 1L) != manifest.Entries ? "has another number of entries than its manifest says"
                : null;
            return problem is null
                ? new SliceReader(pack, manifest, [.. table.Chunks.Where(c => c.Range == PackChunk.Earlier).OrderBy(c => c.FirstEntry)], oplog)
                : throw PackFormat.Damaged(name, problem);
        }
        catch
        {
            pack.Dispose();
            throw;
        }
    }

    /// <summary>One chunk of <see cref="Earlier"/> or <see cref="Oplog"/>, whole: for an entry that is read again by its place. The caller disposes
    /// it.</summary>
    public Task<RawChunk> ReadChunkAsync(PackChunk chunk, CancellationToken cancellation) => _pack.ReadChunkAsync(chunk, cancellation);

    /// <summary>
    /// The entries after <see cref="SliceManifest.From"/> in order of time, part by part, each once: the entry that a part shares with the one
    /// before, and the first of the slice, is checked and left out.
    /// </summary>
    /// <returns>Each part, and where its new entries begin in its bytes. The caller disposes it.</returns>
    public async IAsyncEnumerable<OplogPart> ReadOplogAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        byte[]? last = null;
        for (var i = 0; i < _oplog.Count; i++)
        {
            var part = await _pack.ReadChunkAsync(_oplog[i], cancellation);
            OplogPart checkedPart;
            try
            {
                (checkedPart, last) = Check(i, part, last);
            }
            catch
            {
                part.Dispose();
                throw;
            }

            yield return checkedPart;
        }
    }

    /// <summary>Reads all of it, for its checks.</summary>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        foreach (var chunk in Earlier)
        {
            (await _pack.ReadChunkAsync(chunk, cancellation)).Dispose();
        }

        await foreach (var part in ReadOplogAsync(cancellation))
        {
            part.Dispose();
        }
    }

    public void Dispose() => _pack.Dispose();

    private (OplogPart Part, byte[] Last) Check(int number, RawChunk part, byte[]? before)
    {
        ReadOnlyMemory<byte> first = default;
        ReadOnlyMemory<byte> last = default;
        var documents = 0;
        foreach (var entry in part.Documents)
        {
            first = first.IsEmpty ? entry : first;
            last = entry;
            documents++;
        }

        var problem = first.IsEmpty || documents != part.Chunk.Documents ? "has another number of entries than its table says"
            : before is null && SliceBuilder.Hash(first.Span) != Manifest.FirstEntrySha256 ? "begins with another entry than its manifest says"
            : before is not null && !first.Span.SequenceEqual(before) ? "does not begin with the last entry of the part before it"
            : number == _oplog.Count - 1 && SliceBuilder.Hash(last.Span) != Manifest.LastEntrySha256 ? "ends with another entry than its manifest says"
            : null;
        return problem is null
            ? (new OplogPart(number, part, first.Length), last.ToArray())
            : throw PackFormat.Damaged(Manifest.Object.Name, $"has an oplog part {number} that {problem}");
    }
}

/// <summary>The data keys of slices, opened once each and kept: a restore reads a day of them. Disposing zeroes them, when nobody opens any more.</summary>
/// <param name="handed">Opened by the operator's recovery key.</param>
internal sealed class SliceKeys(KeyRing keys, IReadOnlyList<HandedKey>? handed = null) : IDisposable
{
    private readonly Dictionary<(string Store, string KeyId), DataKeys> _open = [];
    private readonly SemaphoreSlim _one = new(1, 1);

    /// <summary>Those of the store that the slice is read from: stores may have been given different keys for one day, while one was away.</summary>
    public async Task<DataKeys> OpenAsync(string store, SliceManifest slice, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            return _open.TryGetValue((store, slice.KeyId), out var known)
                ? known
                : _open[(store, slice.KeyId)] = await keys.OpenAsync(slice.Asset, slice.KeyId, [store], handed, cancellation);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose()
    {
        foreach (var key in _open.Values)
        {
            key.Dispose();
        }

        _one.Dispose();
    }
}
