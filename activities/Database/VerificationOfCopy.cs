using System.Collections.Concurrent;
using System.Security.Cryptography;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Checks one store's copy of a backup. Presence: the signatures hold, every object is there with its size, and nothing else is. Integrity:
/// besides, every byte is read once, hashed, decrypted, decompressed and compared with the index, and the index with the planned ranges.
/// What is wrong makes it Failed; what could not be looked at (a store, a KMS) makes it NotProven. Nothing is thrown but cancellation.
/// </summary>
internal sealed class VerificationOfCopy(Plan plan, StoreSet stores, KeyRing keyRing, BackupCatalog catalog)
{
    /// <summary>Packs read at once: one a core, as far as memory goes (each holds a chunk compressed and raw).</summary>
    private static readonly int PacksAtOnce = Math.Clamp(Environment.ProcessorCount, 1, 4);

    public async Task<StoreVerification> VerifyAsync(
        string asset, string backupId, string storeName, VerificationLevel level, CancellationToken cancellation)
    {
        var findings = new Findings();
        var hash = "";
        try
        {
            var store = stores[storeName];
            await store.ProbeAsync(cancellation);
            var look = new Look(asset, backupId, store, level, findings);
            await CheckAsync(look, cancellation);
            hash = look.ManifestSha256;
        }
        catch (RefusalException e)
        {
            findings.Add(e, storeName);
        }
        catch (IOException e)
        {
            findings.Unknown(storeName, $"can't be read: {e.Message}");
        }

        return findings.ToVerification(storeName, hash);
    }

    private async Task CheckAsync(Look look, CancellationToken cancellation)
    {
        var versions = new SortedDictionary<string, List<ObjectVersion>>(StringComparer.Ordinal);
        await foreach (var version in look.Store.ListVersionsAsync(ObjectNames.Backup(look.Asset, look.Id), cancellation))
        {
            if (!versions.TryGetValue(version.Name, out var ofName))
                versions[version.Name] = ofName = [];
            ofName.Add(version);
        }

        if (await ReadManifestAsync(look, versions, cancellation) is not { } manifest)
            return;
        CheckOver(look, versions, ObjectNames.Manifest(look.Asset, look.Id), "the oldest version is used");
        CheckOver(look, versions, manifest.Objects.Name, "the version with the recorded hash is used");
        ObjectList list;
        try
        {
            list = await catalog.ReadObjectsAsync(look.Store.Name, manifest, cancellation);
        }
        catch (RefusalException e)
        {
            look.Findings.Add(e, manifest.Objects.Name);
            return;
        }

        var unusable = CheckPresence(look, list, versions);
        var keyObjects = await CheckKeyObjectsAsync(look, manifest, cancellation);
        var extra = versions.Where(v => v.Value.Exists(o => !o.IsDeleteMarker))
            .Select(v => v.Key)
            .Except(list.Objects.Select(o => o.Name)).Except([manifest.Objects.Name, ObjectNames.Manifest(look.Asset, look.Id)]).ToList();
        if (look.Level == VerificationLevel.Presence && extra.Count == 0)
            return;

        using var keys = keyObjects ? await OpenKeysAsync(look, manifest, cancellation) : null;
        await CheckExtraAsync(look, extra, versions, manifest, keys, cancellation);
        if (look.Level != VerificationLevel.Presence)
            await CheckBytesAsync(look, manifest, list, unusable, keys, cancellation);
    }

    private async Task<Manifest?> ReadManifestAsync(
        Look look, SortedDictionary<string, List<ObjectVersion>> versions, CancellationToken cancellation)
    {
        var name = ObjectNames.Manifest(look.Asset, look.Id);
        try
        {
            var read = await catalog.ReadManifestAsync(look.Store.Name, look.Asset, look.Id, cancellation);
            look.ManifestSha256 = read.Sha256;
            if (read.Value.KeyIds.Count == 0)
                look.Findings.Bad(name, "names no data key");
            return read.Value;
        }
        catch (ObjectMissingException)
        {
            // No trace at all: the backup was never copied here, or the plan has the store since later.
            var traces = versions.Count > 0;
            await foreach (var _ in look.Store.ListAsync(ObjectNames.Records(look.Asset, look.Id), cancellation))
            {
                traces = true;
                break;
            }

            if (traces)
                look.Findings.Bad(name, "is missing");
            else
                look.Findings.Unknown(name, "is not there, nor anything else of this backup: it was not copied to this store");
            return null;
        }
        catch (RefusalException e)
        {
            look.Findings.Add(e, name);
            return null;
        }
    }

    private static void CheckOver(Look look, SortedDictionary<string, List<ObjectVersion>> versions, string name, string used)
    {
        if (versions.TryGetValue(name, out var found) && found.Count > 1)
            look.Findings.Bad(name, BackupCatalog.OtherVersions(found, used));
    }

    /// <returns>Objects of which no version can be the one that was written.</returns>
    private static HashSet<string> CheckPresence(Look look, ObjectList list, SortedDictionary<string, List<ObjectVersion>> versions)
    {
        var unusable = new HashSet<string>(StringComparer.Ordinal);
        foreach (var needed in new[] { ObjectNames.Index(look.Asset, look.Id), ObjectNames.Ranges(look.Asset, look.Id) })
        {
            if (list.Objects.All(o => o.Name != needed))
                look.Findings.Bad(needed, "is not in the list of objects");
        }

        foreach (var wanted in list.Objects)
        {
            var there = versions.TryGetValue(wanted.Name, out var found) ? found.Where(v => !v.IsDeleteMarker).ToList() : [];
            if (there.Count == 0)
            {
                look.Findings.Bad(wanted.Name, "is missing");
                unusable.Add(wanted.Name);
            }
            else if (there.TrueForAll(v => v.Size != wanted.Size))
            {
                var size = there[0].Size;
                look.Findings.Bad(wanted.Name, $"is {(size < wanted.Size ? "truncated" : "lengthened")}: {size} bytes, {wanted.Size} were written");
                unusable.Add(wanted.Name);
            }

            CheckOver(look, versions, wanted.Name, "the version with the recorded hash is used");
        }

        return unusable;
    }

    /// <returns>Whether there is one that verifies.</returns>
    private async Task<bool> CheckKeyObjectsAsync(Look look, Manifest manifest, CancellationToken cancellation)
    {
        foreach (var keyId in manifest.KeyIds)
        {
            var found = await KeyObjects.ReadAsync(look.Store, look.Asset, keyId, plan.Writer.PublicKeys, cancellation);
            foreach (var problem in found.Problems)
                look.Findings.Bad(problem.Object, problem.Text);
            if (found.Good.Count == 0)
            {
                look.Findings.Bad(ObjectNames.Keys(look.Asset, keyId), "has no key object that verifies: without one the copy can't be opened");
                return false;
            }
        }

        return manifest.KeyIds.Count > 0;
    }

    /// <summary>From this store's own key objects: a copy that needs another store's is no copy.</summary>
    private async Task<DataKeys?> OpenKeysAsync(Look look, Manifest manifest, CancellationToken cancellation)
    {
        try
        {
            return await keyRing.OpenAsync(look.Asset, manifest.KeyIds[0], [look.Store.Name], null, cancellation);
        }
        catch (RefusalException e)
        {
            look.Findings.Add(e, ObjectNames.Keys(look.Asset, manifest.KeyIds[0]));
            return null;
        }
    }

    /// <summary>
    /// Objects that the manifest does not name. A pack that opens under the backup's key and its own name was left by an attempt that was
    /// given up (a writer need not have the right to delete): it is not used, and is no one's work but ours. Everything else was planted.
    /// </summary>
    private static async Task CheckExtraAsync(
        Look look, List<string> extra, SortedDictionary<string, List<ObjectVersion>> versions, Manifest manifest, DataKeys? keys, CancellationToken cancellation)
    {
        foreach (var name in extra)
        {
            const string planted = "is not named by the manifest: somebody put it there; it is not used";
            if (!name.StartsWith(ObjectNames.Packs(look.Asset, look.Id), StringComparison.Ordinal) && name != ObjectNames.RangesAgain(look.Asset, look.Id))
            {
                look.Findings.Bad(name, planted);
                continue;
            }

            if (keys is null)
            {
                look.Findings.Unknown(name, "is not named by the manifest, and without the key it can't be told who put it there; it is not used");
                continue;
            }

            foreach (var version in versions[name].Where(v => !v.IsDeleteMarker))
            {
                try
                {
                    var source = new StoredObjectSource(look.Store, name, version.Size, version.Version);
                    using var reader = await ContainerReader.OpenAsync(
                        source, new ObjectContext(look.Asset, manifest.KeyIds[0], name), keys, cancellation);
                }
                catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
                {
                    look.Findings.Bad(name, planted);
                }
                catch (ObjectMissingException)
                {
                    // Swept since it was listed.
                }
            }
        }
    }

    private static async Task CheckBytesAsync(
        Look look, Manifest manifest, ObjectList list, HashSet<string> unusable, DataKeys? keys, CancellationToken cancellation)
    {
        var objects = list.Objects.Where(o => !unusable.Contains(o.Name)).ToList();
        var meter = new Meter($"integrity in {look.Store.Name}", objects.Sum(o => o.Size));
        var small = objects.Where(o => !IsPack(look, o.Name)).ToList();
        IndexDocument? index = null;
        var ranges = new List<RangesDocument>();
        foreach (var one in small)
        {
            var plain = await TryAsync(look, one.Name, () => ReadSmallAsync(look, manifest, one, keys, meter, cancellation));
            if (plain is null)
                continue;
            if (one.Name == ObjectNames.Index(look.Asset, look.Id))
                index = await TryAsync(look, one.Name, () => Task.FromResult<IndexDocument?>(Frames.DecompressJson<IndexDocument>(plain, one.Name)));
            else if (await TryAsync(look, one.Name, () => Task.FromResult<RangesDocument?>(Frames.DecompressJson<RangesDocument>(plain, one.Name))) is { } planned)
                ranges.Add(planned);
        }

        if (index is not null)
        {
            foreach (var problem in VerificationOfIndex.Problems(index, manifest, ranges, list.Objects.Select(o => o.Name).ToHashSet(StringComparer.Ordinal)))
                look.Findings.Bad(ObjectNames.Index(look.Asset, look.Id), problem);
        }

        IEnumerable<IndexedChunk> all = index is null ? [] : index.Chunks.Concat(index.Oplog).Concat(index.Earlier);
        var chunks = all.ToLookup(c => c.Pack, c => c.Chunk, StringComparer.Ordinal);
        var attempts = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(
            objects.Where(o => IsPack(look, o.Name)),
            new ParallelOptions { MaxDegreeOfParallelism = PacksAtOnce, CancellationToken = cancellation },
            async (pack, token) => await TryAsync(look, pack.Name, async () =>
            {
                await CheckPackAsync(look, manifest, pack, chunks[pack.Name], index is null ? null : keys, attempts, meter, token);
                return pack;
            }));
        if (index is not null)
        {
            foreach (var problem in VerificationOfIndex.MixedAttempts(index, attempts))
                look.Findings.Bad(ObjectNames.Index(look.Asset, look.Id), problem);
        }
    }

    /// <returns>The plaintext; null without a key, when only the stored bytes were checked.</returns>
    private static async Task<byte[]?> ReadSmallAsync(
        Look look, Manifest manifest, ObjectReference one, DataKeys? keys, Meter meter, CancellationToken cancellation)
    {
        var stored = await look.Store.ReadByHashAsync(one.Name, one.Size, one.Sha256, cancellation);
        meter.Add(stored.Length);
        return keys is null ? null : Container.DecryptWhole(stored, new ObjectContext(look.Asset, manifest.KeyIds[0], one.Name), keys);
    }

    /// <summary>One pack, each byte fetched once: hashed as stored, decrypted, each chunk decompressed and compared with the index.</summary>
    private static async Task CheckPackAsync(
        Look look, Manifest manifest, ObjectReference pack, IEnumerable<PackChunk> chunks, DataKeys? keys,
        ConcurrentDictionary<string, string> attempts, Meter meter, CancellationToken cancellation)
    {
        var version = await look.Store.FindVersionAsync(pack.Name, pack.Size, pack.Sha256, cancellation);
        var stored = await look.Store.OpenReadAsync(pack.Name, 0, null, version.Version, cancellation);
        await using var hashing = new HashingStream(stored, meter.Add);
        RefusalException? inside = null;
        if (keys is not null)
        {
            try
            {
                var context = new ObjectContext(look.Asset, manifest.KeyIds[0], pack.Name);
                await foreach (var chunk in PackReader.ReadAllAsync(hashing.Shared(), context, keys, chunks, cancellation))
                {
                    using (chunk)
                        CheckDocuments(chunk, pack.Name);
                }
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
            {
                inside = e;
            }
        }

        var (sha256, length) = await hashing.FinishAsync(cancellation);
        if (length != pack.Size)
            look.Findings.Bad(pack.Name, $"is {(length < pack.Size ? "truncated" : "lengthened")}: {length} bytes came, {pack.Size} were written");
        else if (sha256 != pack.Sha256)
            look.Findings.Bad(pack.Name, $"is not what was written: its hash differs{(inside is null ? "" : $" ({inside.Report.Message})")}");
        else if (inside is not null)
            look.Findings.Add(inside, pack.Name);

        if (keys is not null && inside is null)
        {
            // The table again, by itself: only it says which attempt wrote the pack.
            var source = new StoredObjectSource(look.Store, pack.Name, pack.Size, version.Version);
            using var reader = await PackReader.OpenAsync(source, new ObjectContext(look.Asset, manifest.KeyIds[0], pack.Name), keys, cancellation);
            var table = await reader.ReadTableAsync(cancellation);
            attempts[pack.Name] = table.Attempt;
            if (table.Backup != look.Id)
                look.Findings.Bad(pack.Name, $"is a pack of backup {table.Backup}");
        }
    }

    private static void CheckDocuments(RawChunk chunk, string pack)
    {
        int count;
        try
        {
            count = chunk.Documents.Count();
        }
        catch (InvalidDataException e)
        {
            throw new RefusalException(ErrorKinds.Integrity, $"Part {chunk.Chunk.Part} of range {chunk.Chunk.Range} holds no whole documents: {e.Message}", pack, null, e);
        }

        if (count != chunk.Chunk.Documents)
        {
            throw new RefusalException(
                ErrorKinds.Integrity, $"Part {chunk.Chunk.Part} of range {chunk.Chunk.Range} holds {count} documents, the index says {chunk.Chunk.Documents}.", pack);
        }
    }

    /// <summary>What goes wrong with one object does not end the look at the others.</summary>
    private static async Task<T?> TryAsync<T>(Look look, string name, Func<Task<T?>> check)
        where T : class
    {
        try
        {
            return await check();
        }
        catch (ObjectMissingException)
        {
            // CheckPresence has said so, unless it went since.
            look.Findings.Bad(name, "is missing");
        }
        catch (RefusalException e)
        {
            look.Findings.Add(e, name);
        }
        catch (IOException e)
        {
            look.Findings.Unknown(name, $"can't be read: {e.Message}");
        }

        return null;
    }

    private static bool IsPack(Look look, string name) => name.StartsWith(ObjectNames.Packs(look.Asset, look.Id), StringComparison.Ordinal);

    /// <summary>What is looked at.</summary>
    private sealed record Look(string Asset, string Id, IObjectStore Store, VerificationLevel Level, Findings Findings)
    {
        public string ManifestSha256 { get; set; } = "";
    }

    /// <summary>Thread-safe. An object is named once with the same words.</summary>
    private sealed class Findings
    {
        private readonly Lock gate = new();
        private readonly List<ObjectProblem> bad = [];
        private readonly List<ObjectProblem> unknown = [];

        public void Bad(string name, string text) => Add(bad, new ObjectProblem(name, text));

        public void Unknown(string name, string text) => Add(unknown, new ObjectProblem(name, text));

        public void Add(RefusalException refusal, string name)
        {
            var text = refusal.Report.Hint is { } hint && refusal.Report.Kind != ErrorKinds.Integrity ? $"{refusal.Report.Message} {hint}" : refusal.Report.Message;
            if (refusal.Report.Kind == ErrorKinds.Integrity)
                Bad(name, text);
            else
                Unknown(name, text);
        }

        public StoreVerification ToVerification(string store, string manifestSha256)
        {
            lock (gate)
            {
                return new StoreVerification(
                    store,
                    bad.Count > 0 ? Verdict.Failed : unknown.Count > 0 ? Verdict.NotProven : Verdict.Proven,
                    [.. bad.Concat(unknown).OrderBy(p => p.Object, StringComparer.Ordinal)])
                {
                    ManifestSha256 = manifestSha256,
                };
            }
        }

        private void Add(List<ObjectProblem> to, ObjectProblem problem)
        {
            lock (gate)
            {
                if (!to.Contains(problem) && !(problem.Text == "is missing" && to.Exists(p => p.Object == problem.Object)))
                    to.Add(problem);
            }
        }
    }

    /// <summary>Bytes done of all, heartbeaten.</summary>
    private sealed class Meter(string what, long total)
    {
        private long done;

        public void Add(int bytes) => Beat.Report(what, Interlocked.Add(ref done, bytes), total, "bytes");
    }

    /// <summary>Takes the hash of what is read through it, and of what is left when its reader gave up early.</summary>
    private sealed class HashingStream(Stream inner, Action<int> progress) : Stream
    {
        private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long length;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => length;
            set => throw new NotSupportedException();
        }

        /// <summary>The same stream for a reader that disposes what it reads.</summary>
        public Stream Shared() => new Borrowed(this);

        public async Task<(string Sha256, long Length)> FinishAsync(CancellationToken cancellation)
        {
            var buffer = new byte[1 << 16];
            while (await ReadAsync(buffer, cancellation) > 0)
            {
                // Only the hash of the rest is wanted.
            }

            return (Convert.ToHexStringLower(hash.GetHashAndReset()), length);
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            hash.AppendData(buffer.Span[..read]);
            length += read;
            progress(read);
            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                hash.Dispose();
            }

            base.Dispose(disposing);
        }

        private sealed class Borrowed(HashingStream owner) : Stream
        {
            public override bool CanRead => true;
            public override bool CanSeek => false;
            public override bool CanWrite => false;
            public override long Length => throw new NotSupportedException();

            public override long Position
            {
                get => owner.Position;
                set => throw new NotSupportedException();
            }

            public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
                owner.ReadAsync(buffer, cancellationToken);

            public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
                owner.ReadAsync(buffer, offset, count, cancellationToken);

            public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

            public override void Flush()
            {
            }

            public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

            public override void SetLength(long value) => throw new NotSupportedException();

            public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        }
    }
}
