using System.Security.Cryptography;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Ends a backup: witness, one attempt for each range, the index, every object read back, the list of objects, the manifest. Each of the fixed
/// names is adopted when it is taken, and everything after it follows from what is there, so that two sealers come to one backup.
/// </summary>
/// <param name="duringRestore">Whether a restore into the asset ran while the backup was taken.</param>
/// <param name="previous">The newest eligible backup, to compare with; null: none.</param>
internal sealed class Sealer(
    BackupScope scope, SealWork work, WriterKey writer, IReadOnlyDictionary<string, string> publicKeys, TimeProvider time, Action<Progress> heartbeat,
    Func<CancellationToken, Task<bool>> duringRestore, Func<CancellationToken, Task<Manifest?>> previous, Func<SourceDescription> source)
{
    private const int ObjectsAtOnce = 4;

    private readonly BackupContext _backup = scope.Backup;

    /// <summary>What an imported dump held, where it came from, and the one attempt whose packs are taken (the dump may have been another for
    /// one before); null: the source itself is asked.</summary>
    public (WitnessDocument Witness, ImportDescription Description, string Attempt)? Imported { get; init; }

    public async Task<SealResult> RunAsync(CancellationToken cancellation)
    {
        if (await ReadManifestIfThereAsync(cancellation) is { } sealedAlready)
        {
            return await ResultAsync(sealedAlready, cancellation);
        }

        // Lanes have ended, and what still writes was given up.
        await scope.Store.SweepUnfinishedAsync(ObjectNames.Backup(_backup.Asset, _backup.BackupId), cancellation);
        var indexName = ObjectNames.Index(_backup.Asset, _backup.BackupId);
        var index = await scope.ReadIfThereAsync<IndexDocument>(indexName, cancellation)
            ?? await scope.PutOrAdoptAsync(indexName, await IndexAsync(cancellation), cancellation);
        if (index.EndMark != work.End.Mark || index.StartMark != work.Start.Mark)
        {
            throw new RefusalException(
                ErrorKinds.Backup, $"Backup {_backup.BackupId} has an index with the marks {index.StartMark} and {index.EndMark}, not {work.Start.Mark} and {work.End.Mark}.",
                indexName, "Two runs have used one backup's name. Start another backup.");
        }

        var (objects, listed) = await ObjectsAsync(index, cancellation);
        var manifest = await ManifestAsync(index, objects, listed, cancellation);
        await DropUnusedAsync(objects, cancellation);
        return Result(manifest, objects, index);
    }

    /// <summary>A range of each planned collection from one attempt; the oplog's chain; what is left out, and why that is right.</summary>
    internal static IndexDocument Choose(
        BackupContext backup, SealWork work, RangesDocument ranges, RangesDocument? again, IReadOnlyList<StoredPack> packs, WitnessDocument witness,
        IEnumerable<string> passed)
    {
        var attempts = new AttemptChoice(packs);
        var replaced = again?.Collections.Select(c => c.Uuid).Where(u => u is not null).ToHashSet() ?? [];
        var gone = again?.Gone?.ToHashSet(StringComparer.Ordinal) ?? [];
        var collections = new List<IndexedCollection>();
        var chunks = new List<IndexedChunk>();
        foreach (var (document, collection) in ranges.Collections.Where(c => c.Uuid is null || (!replaced.Contains(c.Uuid) && !gone.Contains(c.Uuid)))
            .Select(c => (ranges, c)).Concat(again?.Collections.Select(c => (again, c)) ?? []))
        {
            var own = document.Ranges.Where(r => r.Uuid == collection.Uuid).OrderBy(r => r.Number).ToList();
            CheckBounds(collection, own);
            var read = own.SelectMany(r => attempts.Find(r.Number) ?? throw new RefusalException(
                ErrorKinds.Backup, $"Range {r.Number} of the collection '{collection.Name}' is whole in no attempt's packs.", collection.Name,
                "Its packs were removed from the store, or the collection changed while it was read. Start another backup.")).ToList();
            collections.Add(new IndexedCollection(
                collection, own, read.Sum(c => (long)c.Chunk.Documents), read.Sum(c => (long)c.Chunk.RawLength)));
            chunks.AddRange(read);
        }

        var oplog = new OplogChain(packs, work.Start.OplogFrom).To(work.End.Mark) ?? throw new RefusalException(
            ErrorKinds.Backup, $"The oplog's parts lead from {work.Start.OplogFrom} to no last part at {work.End.Mark}.", backup.BackupId,
            "Its packs were removed from the store. Start another backup.");
        var earlier = packs.SelectMany(p => p.Table.Chunks, (p, c) => new IndexedChunk(p.Name, c)).Where(c => c.Chunk.Range == PackChunk.Earlier)
            .OrderBy(c => c.Chunk.FirstEntry).ThenBy(c => c.Pack, StringComparer.Ordinal).DistinctBy(c => c.Chunk.FirstEntry);
        var held = collections.Select(c => c.Collection.Uuid).ToHashSet();
        return new IndexDocument(
            IndexDocument.FormatName, backup.BackupId, backup.Asset, backup.Database, ranges.ServerVersion, work.Start.Mark, work.End.Mark,
            [.. collections.OrderBy(c => c.Collection.Name, StringComparer.Ordinal)], chunks, oplog, [.. earlier],
            [.. gone.Concat(passed).Concat(ranges.Passed ?? []).Distinct(StringComparer.Ordinal).Where(u => !held.Contains(u)).Order(StringComparer.Ordinal)],
            witness);
    }

    private static void CheckBounds(PlannedCollection collection, List<PlannedRange> own)
    {
        for (var i = 0; i < own.Count; i++)
        {
            var wrong = i == 0 ? own[i].Min is not null : own[i].Min is null || own[i].Min != own[i - 1].Max;
            if (wrong || (i == own.Count - 1 && own[i].Max is not null))
            {
                throw new RefusalException(
                    ErrorKinds.Backup, $"The planned ranges of the collection '{collection.Name}' do not touch bound to bound at range {own[i].Number}.", collection.Name);
            }
        }

        if (own.Count == 0 && collection.Type != "view")
        {
            throw new RefusalException(ErrorKinds.Backup, $"The collection '{collection.Name}' has no planned range.", collection.Name);
        }
    }

    private async Task<IndexDocument> IndexAsync(CancellationToken cancellation)
    {
        var ranges = await scope.ReadRangesAsync(cancellation);
        var again = await scope.ReadRangesAgainAsync(cancellation);

        // First of all: the longer it waits, the more is written since the mark, and the server's history is short.
        var planned = ranges.Ranges.Concat(again?.Ranges ?? []).ToList();
        var collections = ranges.Collections.Concat(again?.Collections ?? []).ToList();
        var witness = Imported?.Witness
            ?? await new WitnessReader(scope, work.End.Mark, collections, planned, time, heartbeat).ReadAsync(cancellation);

        var packs = await scope.ReadTablesAsync("", cancellation, n => heartbeat(new Progress("tables of packs", n, 0, "packs")));
        if (Imported is { } imported)
        {
            packs = [.. packs.Where(p => p.Table.Attempt == imported.Attempt)];
        }

        var index = Choose(_backup, work, ranges, again, packs, witness, []);
        await RefuseUnknownAsync(index, packs, cancellation);
        return Imported is null && _backup.Collections is null
            ? index with { Accounts = await AccountReader.ReadAsync(scope.Database, cancellation) } : index;
    }

    /// <summary>A collection that is there at the end is in the backup, or was made by its oplog.</summary>
    private async Task RefuseUnknownAsync(IndexDocument index, IReadOnlyList<StoredPack> packs, CancellationToken cancellation)
    {
        var held = index.Collections.Select(c => c.Collection.Uuid).ToHashSet();
        var unknown = index.Witness.Collections.Where(c => c.Uuid is not null && !held.Contains(c.Uuid))
            .Select(c => (c.Uuid, Name: c.Collection)).ToDictionary(c => c.Uuid!, StringComparer.Ordinal);
        if (unknown.Count == 0)
        {
            return;
        }

        var byName = packs.ToDictionary(p => p.Name, StringComparer.Ordinal);
        foreach (var part in index.Oplog)
        {
            using var chunk = await scope.ReadChunkAsync(byName[part.Pack], part.Chunk, cancellation);
            foreach (var entry in chunk.Documents)
            {
                foreach (var made in OplogEntries.CreatedBy(entry.Span))
                {
                    unknown.Remove(made);
                }
            }

            heartbeat(new Progress("collections made since the start mark", part.Chunk.Part, index.Oplog.Count, "parts"));
        }

        if (unknown.Values.FirstOrDefault() is { Uuid: not null } stranger)
        {
            throw new RefusalException(
                ErrorKinds.Backup,
                $"The collection '{stranger.Name}' is another than was read: it was renamed over while the backup was taken, by one that is not in it.",
                stranger.Name, "Start another backup.");
        }
    }

    /// <summary>Reads back every object of the backup by its container's tags, and notes its size and hash; then puts the list.</summary>
    private async Task<(ObjectList Objects, ObjectReference Reference)> ObjectsAsync(IndexDocument index, CancellationToken cancellation)
    {
        var name = ObjectNames.Objects(_backup.Asset, _backup.BackupId);
        var names = index.Chunks.Concat(index.Oplog).Concat(index.Earlier).Select(c => c.Pack)
            .Append(ObjectNames.Ranges(_backup.Asset, _backup.BackupId)).Append(ObjectNames.Index(_backup.Asset, _backup.BackupId)).ToHashSet(StringComparer.Ordinal);
        if (await scope.Store.HeadAsync(ObjectNames.RangesAgain(_backup.Asset, _backup.BackupId), cancellation) is not null)
        {
            names.Add(ObjectNames.RangesAgain(_backup.Asset, _backup.BackupId));
        }

        long done = 0;
        var references = new ObjectReference[names.Count];
        var ordered = names.Order(StringComparer.Ordinal).ToList();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, ordered.Count),
            new ParallelOptions { MaxDegreeOfParallelism = ObjectsAtOnce, CancellationToken = cancellation },
            async (i, token) => references[i] = await ReadBackAsync(
                ordered[i], bytes => heartbeat(new Progress("read back", Interlocked.Add(ref done, bytes), 0, "bytes")), token));

        var list = new ObjectList(ObjectList.FormatName, _backup.BackupId, references);
        var stored = ObjectLists.Write(list);
        var outcome = await scope.Store.PutIfAbsentAsync(name, stored, cancellation);
        var there = await scope.Store.ReadOldestAsync(name, cancellation);
        if (!there.AsSpan().SequenceEqual(stored))
        {
            // Another sealer's list of the same objects is the same, byte for byte.
            throw new RefusalException(
                ErrorKinds.Integrity,
                $"The list {name} {(outcome == PutOutcome.Created ? "was put and reads back as other bytes" : "is there already, and names other objects than the index does")}.",
                name, "Somebody else writes to this backup's folder. Start another backup, and find out who.");
        }

        return (list, new ObjectReference(name, stored.Length, Convert.ToHexStringLower(SHA256.HashData(stored))));
    }

    /// <summary>Every stored byte is read, hashed, and decrypted to its last segment.</summary>
    private async Task<ObjectReference> ReadBackAsync(string name, Action<int> progress, CancellationToken cancellation)
    {
        var versions = await scope.Store.VersionsOfAsync(name, cancellation);
        var oldest = versions.FirstOrDefault(v => !v.IsDeleteMarker) ?? throw new RefusalException(
            ErrorKinds.Integrity, $"The object {name} is missing in store '{scope.Store.Name}'.", name, "Somebody removed it. Start another backup.");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long length = 0;
        await using var stored = await scope.Store.OpenReadAsync(name, 0, null, oldest.Version, cancellation);
        await using var tee = new TeeStream(stored, bytes =>
        {
            hash.AppendData(bytes);
            length += bytes.Length;
            progress(bytes.Length);
        });
        using var keys = DataKeys.Borrow(scope.Key);
        await using var plain = await Container.OpenStreamAsync(tee, scope.ContextOf(name), keys, cancellation);
        await plain.CopyToAsync(Stream.Null, 1 << 20, cancellation);
        return length == oldest.Size
            ? new ObjectReference(name, length, Convert.ToHexStringLower(hash.GetHashAndReset()))
            : throw new RefusalException(ErrorKinds.Integrity, $"The object {name} gave {length} bytes, the store says {oldest.Size}.", name);
    }

    private async Task<Signed<Manifest>> ManifestAsync(
        IndexDocument index, ObjectList objects, ObjectReference listed, CancellationToken cancellation)
    {
        var witnessed = index.Witness.Collections.ToDictionary(c => c.Collection, StringComparer.Ordinal);
        var read = index.Collections.ToDictionary(c => c.Collection.Name, c => c.Documents, StringComparer.Ordinal);

        // What the source held at the end mark, where it could be counted; else what was read.
        var counts = index.Witness.Collections.Where(c => c.Type != "view")
            .ToDictionary(c => c.Collection, c => c.Documents >= 0 ? c.Documents : read.GetValueOrDefault(c.Collection), StringComparer.Ordinal);
        if (Imported is null && witnessed.GetValueOrDefault(Marks.CanaryCollection) is { Documents: < 0 })
        {
            // Capture wrote one since the mark. Each says itself when it was written.
            counts[Marks.CanaryCollection] = await scope.Database.GetCollection<BsonDocument>(Marks.CanaryCollection).CountDocumentsAsync(
                new BsonDocument("at", new BsonDocument("$lte", work.End.ConsistentAt.UtcDateTime)), cancellationToken: cancellation);
        }

        var mine = new Manifest(
            Manifest.FormatName, _backup.BackupId, _backup.Asset, "database", _backup.RunId, writer.Name, _backup.CreatedAt, time.GetUtcNow(),
            work.End.ConsistentAt, index.StartMark, index.EndMark, source() with { ServerVersion = index.ServerVersion },
            // Without the oplog: a busy night before a quiet one would look like a loss (SuspectCheck).
            witnessed.Count, counts.Values.Sum(), index.Chunks.Sum(c => (long)c.Chunk.RawLength),
            objects.Objects.Sum(o => o.Size), [_backup.KeyId], listed, _backup.Safety,
            !_backup.AfterRestore && await duringRestore(cancellation), [], _backup.Collections, counts);
        mine = mine with { Imported = Imported?.Description };
        if (!_backup.Safety && Imported is null)
        {
            mine = mine with { Suspect = SuspectCheck.Compare(await previous(cancellation), mine, scope.Asset.SuspectShare) };
        }

        var name = ObjectNames.Manifest(_backup.Asset, _backup.BackupId);
        try
        {
            await scope.Store.PutIfAbsentAsync(name, SignedDocument.Write(mine, writer), cancellation);
        }
        catch (IOException) when (!cancellation.IsCancellationRequested)
        {
            // A lost answer: what is there decides.
        }

        var there = await ReadManifestIfThereAsync(cancellation)
            ?? throw new IOException($"'{name}' could not be put into store '{scope.Store.Name}'.");
        return there.Value.Objects == listed && there.Value.EndMark == index.EndMark && there.Value.StartMark == index.StartMark
            ? there
            : throw new RefusalException(
                ErrorKinds.Integrity, $"The manifest {name} is there already, and names another list of objects.", name,
                "Somebody else writes to this backup's folder. Start another backup, and find out who.");
    }

    /// <summary>Packs of attempts that were given up. What can't be removed (a lock, a writer without the right) is left: verification knows it
    /// for ours.</summary>
    private async Task DropUnusedAsync(ObjectList objects, CancellationToken cancellation)
    {
        var used = objects.Objects.Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
        var unused = new List<string>();
        await foreach (var pack in scope.Store.ListAsync(ObjectNames.Packs(_backup.Asset, _backup.BackupId), cancellation))
        {
            if (!used.Contains(pack.Name))
            {
                unused.Add(pack.Name);
            }
        }

        foreach (var name in unused)
        {
            try
            {
                await scope.Store.DeleteAsync(name, cancellation);
            }
            catch (Exception e) when (e is RefusalException or IOException)
            {
                // Never a reason to fail a sealed backup.
            }
        }
    }

    private Task<Signed<Manifest>?> ReadManifestIfThereAsync(CancellationToken cancellation) =>
        BackupReader.ReadManifestIfThereAsync(scope.Store, _backup.Asset, _backup.BackupId, publicKeys, cancellation);

    private async Task<SealResult> ResultAsync(Signed<Manifest> manifest, CancellationToken cancellation)
    {
        var list = manifest.Value.Objects;
        var objects = ObjectLists.Read(await scope.Store.ReadByHashAsync(list.Name, list.Size, list.Sha256, cancellation), manifest.Value);
        await DropUnusedAsync(objects, cancellation);
        var index = await scope.ReadAsync<IndexDocument>(ObjectNames.Index(_backup.Asset, _backup.BackupId), cancellation);
        return manifest.Value.EndMark == work.End.Mark
            ? Result(manifest, objects, index)
            : throw new RefusalException(
                ErrorKinds.Backup, $"Backup {_backup.BackupId} is sealed with the end mark {manifest.Value.EndMark}, not {work.End.Mark}.", _backup.BackupId);
    }

    private static SealResult Result(Signed<Manifest> manifest, ObjectList objects, IndexDocument index) => new(
        manifest.Sha256, objects.Objects.Count, manifest.Value.Documents, manifest.Value.RawBytes, manifest.Value.StoredBytes, manifest.Value.Suspect,
        [.. index.Witness.Collections.Where(c => c.Missing is not null && c.Collection != Marks.CanaryCollection).Select(c => $"{c.Collection}: {c.Missing}")]);
}
