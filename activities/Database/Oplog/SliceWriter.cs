using System.Security.Cryptography;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// Puts slices into a store: the day's key object, the object, and, when that was read back by size and hash, the signed manifest. A name that is
/// taken is adopted: what is there is read, checked, and gone on with, so that doing it again changes nothing.
/// </summary>
internal sealed class SliceWriter(Plan plan, StoreSet stores, KeyRing keys, WriterKey writer, TimeProvider clock)
{
    /// <exception cref="RefusalException"><c>integrity</c>: something else lies under the slice's name; <c>unreachable</c>: store or KMS.</exception>
    public async Task<Signed<SliceManifest>> PutAsync(
        string store, string asset, string runId, SliceDraft draft, SourceDescription source, ClusterTime majority, CancellationToken cancellation)
    {
        if (majority < draft.To)
        {
            throw new InvalidOperationException($"A slice up to {draft.To} can't be cut under the majority point {majority}.");
        }

        var at = stores[store];
        var name = ObjectNames.Slice(asset, draft.From, draft.To);
        if (await ReadManifestIfThereAsync(at, asset, draft.From, draft.To, cancellation) is { } before)
        {
            await ReadBackAsync(at, before.Value.Object, cancellation);
            return Same(before, draft);
        }

        var keyId = ObjectNames.SliceKeyId(draft.From);
        using var key = await keys.CreateOrAdoptAsync(store, asset, keyId, KeyRing.OplogSlices, cancellation);
        var manifest = new SliceManifest(
            SliceManifest.FormatName, asset, draft.Database, runId, writer.Name, draft.From, draft.To, Milliseconds(clock.GetUtcNow()), source, majority,
            draft.Entries, draft.RawBytes, keyId, new ObjectReference(name, 0, ""), draft.FirstEntrySha256, draft.LastEntrySha256, draft.NewestCanary)
        {
            OnlyDocuments = draft.OnlyDocuments,
        };
        var reference = await PutObjectAsync(at, key, manifest, draft, cancellation);
        await ReadBackAsync(at, reference, cancellation);
        return Same(await PutManifestAsync(at, manifest with { Object = reference }, cancellation), draft);
    }

    /// <summary>A manifest for the object that lies in the store already: an attempt died after it had put that, while the slice was sealed in
    /// another store.</summary>
    public async Task AdoptAsync(string store, SliceManifest elsewhere, CancellationToken cancellation)
    {
        using var key = await keys.AdoptAsync(store, elsewhere.Asset, elsewhere.KeyId, cancellation);
        var found = await ReadStoredAsync(stores[store], key, elsewhere, cancellation);
        await PutManifestAsync(stores[store], elsewhere with { Object = found, Writer = writer.Name, SealedAt = Milliseconds(clock.GetUtcNow()) }, cancellation);
    }

    /// <summary>The manifest of one store, from its oldest version; null where there is none.</summary>
    public async Task<Signed<SliceManifest>?> ReadManifestIfThereAsync(
        IObjectStore store, string asset, ClusterTime from, ClusterTime to, CancellationToken cancellation)
    {
        var name = ObjectNames.SliceManifest(asset, from, to);
        try
        {
            return SignedDocument.Read<SliceManifest>(
                await store.ReadOldestAsync(name, cancellation), plan.Writer.PublicKeys, name, m => m.ProblemUnder(name, asset));
        }
        catch (ObjectMissingException)
        {
            return null;
        }
    }

    /// <summary>Every byte of it, as the store gives it back.</summary>
    public static async Task ReadBackAsync(IObjectStore store, ObjectReference reference, CancellationToken cancellation)
    {
        ObjectVersion version;
        try
        {
            version = await store.FindVersionAsync(reference.Name, reference.Size, reference.Sha256, cancellation);
        }
        catch (ObjectMissingException e)
        {
            throw new RefusalException(ErrorKinds.Integrity, $"The object {reference.Name} is missing in store '{store.Name}'.", reference.Name, null, e);
        }

        var (sha256, length) = await store.HashAsync(reference.Name, version.Version, cancellation);
        if (sha256 != reference.Sha256 || length != reference.Size)
        {
            throw new RefusalException(
                ErrorKinds.Integrity, $"'{reference.Name}' in store '{store.Name}' is not what was written: its size or hash differs.", reference.Name,
                "Check the store (luxhedge stores check).");
        }
    }

    /// <summary>Two slices under one name are of the same entries, or one of them is of another oplog.</summary>
    private static Signed<SliceManifest> Same(Signed<SliceManifest> found, SliceDraft draft) =>
        found.Value.FirstEntrySha256 == draft.FirstEntrySha256 && found.Value.LastEntrySha256 == draft.LastEntrySha256 && found.Value.Entries == draft.Entries
            ? found
            : throw new RefusalException(
                ErrorKinds.Integrity, $"The slice {found.Value.Object.Name} is there already, of other entries than the server has.", found.Value.Object.Name,
                "The server's oplog is another one: find out what became of it.");

    private static async Task<byte[]?> ReadIfThereAsync(IObjectStore store, string name, CancellationToken cancellation)
    {
        var oldest = (await store.VersionsOfAsync(name, cancellation)).FirstOrDefault(v => !v.IsDeleteMarker);
        return oldest is null ? null : await store.ReadWholeAsync(name, cancellation, oldest.Version, SliceManifest.MaxObjectBytes);
    }

    /// <summary>Stored times have milliseconds.</summary>
    private static DateTimeOffset Milliseconds(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);

    private async Task<ObjectReference> PutObjectAsync(
        IObjectStore store, DataKey key, SliceManifest manifest, SliceDraft draft, CancellationToken cancellation)
    {
        var name = manifest.Object.Name;
        if (await store.HeadAsync(name, cancellation) is null)
        {
            try
            {
                var (outcome, written) = await WriteObjectAsync(store, key, manifest, draft, cancellation);
                if (outcome == PutOutcome.Created)
                {
                    return written;
                }
            }
            catch (IOException) when (!cancellation.IsCancellationRequested)
            {
                // A lost answer: what is there decides.
                if (await store.HeadAsync(name, cancellation) is null)
                {
                    throw;
                }
            }
        }

        return await ReadStoredAsync(store, key, manifest, cancellation);
    }

    private static async Task<ObjectReference> ReadStoredAsync(IObjectStore store, DataKey key, SliceManifest manifest, CancellationToken cancellation)
    {
        var name = manifest.Object.Name;
        var stored = await ReadIfThereAsync(store, name, cancellation) ?? throw new RefusalException(
            ErrorKinds.Integrity, $"The object {name} was put into store '{store.Name}' and is not there.", name, "Check the store (luxhedge stores check).");
        var found = new ObjectReference(name, stored.Length, Convert.ToHexStringLower(SHA256.HashData(stored)));
        using var reader = await SliceReader.OpenAsync(stored, manifest with { Object = found }, DataKeys.Borrow(key), cancellation);
        await reader.CheckAsync(cancellation);
        return found;
    }

    private static async Task<(PutOutcome Outcome, ObjectReference Written)> WriteObjectAsync(
        IObjectStore store, DataKey key, SliceManifest manifest, SliceDraft draft, CancellationToken cancellation)
    {
        var name = manifest.Object.Name;
        await using var target = await store.CreateAsync(name, cancellation);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var container = new ContainerWriter(
            key, new ObjectContext(manifest.Asset, manifest.KeyId, name),
            async (bytes, token) =>
            {
                hash.AppendData(bytes.Span);
                await target.WriteAsync(bytes, token);
            });
        var chunks = new List<PackChunk>(draft.Chunks.Count);
        foreach (var (chunk, frame) in draft.Chunks)
        {
            chunks.Add(chunk with { Offset = container.PlainPosition, Length = frame.Length });
            await container.WriteAsync(frame, cancellation);
        }

        var table = Frames.CompressJson(
            new PackTable(PackTable.FormatName, SliceManifest.IdOf(manifest.From, manifest.To), PackWriter.NewAttempt(), chunks));
        var offset = container.PlainPosition;
        await container.WriteAsync(table, cancellation);
        await container.WriteAsync(PackFormat.WriteFooter(offset, table.Length), cancellation);
        await container.CompleteAsync(cancellation);
        var outcome = await target.CompleteAsync(cancellation);
        return (outcome, new ObjectReference(name, container.StoredPosition, Convert.ToHexStringLower(hash.GetHashAndReset())));
    }

    private async Task<Signed<SliceManifest>> PutManifestAsync(IObjectStore store, SliceManifest manifest, CancellationToken cancellation)
    {
        Exception? lost = null;
        try
        {
            await store.PutIfAbsentAsync(
                ObjectNames.SliceManifest(manifest.Asset, manifest.From, manifest.To), SignedDocument.Write(manifest, writer), cancellation);
        }
        catch (IOException e) when (!cancellation.IsCancellationRequested)
        {
            lost = e;
        }

        // Another attempt's is as good: it is of the object that lies there.
        var stored = await ReadManifestIfThereAsync(store, manifest.Asset, manifest.From, manifest.To, cancellation)
            ?? throw lost ?? new RefusalException(
                ErrorKinds.Integrity, $"The manifest of {manifest.Object.Name} was put into store '{store.Name}' and is not there.", manifest.Object.Name,
                "Check the store (luxhedge stores check).");
        if (stored.Value.Object != manifest.Object)
        {
            await ReadBackAsync(store, stored.Value.Object, cancellation);
        }

        return stored;
    }
}
