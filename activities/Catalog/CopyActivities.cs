using System.Buffers;
using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;

namespace LuxHedge.Activities.Catalog;

/// <summary>
/// Copies a sealed backup: key objects first, then everything of <c>objects.json</c>, that list, and the manifest last, so that a copy with a
/// manifest is whole. Every byte's hash is taken on the way and again from what the target then holds.
/// </summary>
public sealed class CopyActivities(Plan plan, StoreSet stores, WriterKey writer, TimeProvider clock) : ICopyActivities
{
    /// <summary>Objects on the way at once; each holds one writer's buffers.</summary>
    private const int ObjectsAtOnce = 2;

    private readonly BackupCatalog catalog = new(plan, stores, clock);
    private readonly RecordWriter records = new(stores, writer, clock);

    public async Task<CopyResult> CopyAsync(CopyWork work)
    {
        var cancellation = Beat.Cancellation;
        var (from, to) = (stores[work.From], stores[work.To]);
        await to.ProbeAsync(cancellation);
        var manifestName = ObjectNames.Manifest(work.Asset, work.BackupId);
        byte[] manifestBytes;
        try
        {
            manifestBytes = await from.ReadOldestAsync(manifestName, cancellation);
        }
        catch (ObjectMissingException e)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"Store '{work.From}' has no sealed backup {work.BackupId} to copy.", manifestName, "Choose a store that has it.", e);
        }

        var manifest = SignedDocument.Read<Manifest>(
            manifestBytes, plan.Writer.PublicKeys, manifestName, m => BackupCatalog.Problem(m, work.Asset, work.BackupId));
        await using var use = await BackupUse.BeginAsync(catalog, records, manifest, work.RunId, $"copy from {work.From} to {work.To}", cancellation);

        var keys = await ReadKeyObjectsAsync(from, manifest.Value, cancellation);
        var list = await catalog.ReadObjectsAsync(work.From, manifest.Value, cancellation);
        var listBytes = await from.ReadByHashAsync(manifest.Value.Objects.Name, manifest.Value.Objects.Size, manifest.Value.Objects.Sha256, cancellation);
        var meter = new Meter($"copy to {work.To}", 2 * list.Objects.Sum(o => o.Size));

        // An attempt that was killed in the middle of an object leaves it unfinished: nobody else would ever find it.
        await to.SweepUnfinishedAsync(ObjectNames.Backup(work.Asset, work.BackupId), cancellation);
        var there = 0;
        foreach (var (name, bytes) in keys)
            there += await PutSmallAsync(to, name, bytes, cancellation) ? 1 : 0;
        await Parallel.ForEachAsync(
            list.Objects,
            new ParallelOptions { MaxDegreeOfParallelism = ObjectsAtOnce, CancellationToken = cancellation },
            async (reference, token) =>
            {
                if (await CopyObjectAsync(from, to, reference, meter, token))
                    Interlocked.Increment(ref there);
            });
        there += await PutSmallAsync(to, manifest.Value.Objects.Name, listBytes, cancellation) ? 1 : 0;
        there += await PutSmallAsync(to, manifestName, manifestBytes, cancellation) ? 1 : 0;

        await records.WriteAsync(
            work.To, records.Create(RecordKinds.Copied, work.Asset, work.BackupId, work.RunId, manifest.Sha256) with { Reason = $"from {work.From}" }, cancellation);
        return new CopyResult(
            work.To, keys.Count + list.Objects.Count + 2, there,
            keys.Sum(k => (long)k.Bytes.Length) + list.Objects.Sum(o => o.Size) + listBytes.Length + manifestBytes.Length);
    }

    /// <summary>Only those that verify: what was planted is not spread.</summary>
    private async Task<List<(string Name, byte[] Bytes)>> ReadKeyObjectsAsync(IObjectStore from, Manifest manifest, CancellationToken cancellation)
    {
        var all = new List<(string, byte[])>();
        foreach (var keyId in manifest.KeyIds)
        {
            var found = await KeyObjects.ReadAsync(from, manifest.Asset, keyId, plan.Writer.PublicKeys, cancellation);
            if (found.Good.Count == 0)
            {
                throw new RefusalException(
                    ErrorKinds.Integrity,
                    $"Store '{from.Name}' has no key object that verifies for backup {manifest.Id}: {string.Join("; ", found.Problems.Select(p => p.Text).DefaultIfEmpty("there is none"))}",
                    ObjectNames.Keys(manifest.Asset, keyId),
                    "Copy from another store.");
            }

            all.AddRange(found.Good);
        }

        return all;
    }

    /// <returns>True when it was there already, byte for byte.</returns>
    private static async Task<bool> PutSmallAsync(IObjectStore to, string name, byte[] bytes, CancellationToken cancellation)
    {
        var outcome = await to.PutIfAbsentAsync(name, bytes, cancellation);
        var stored = await to.ReadOldestAsync(name, cancellation);
        return stored.AsSpan().SequenceEqual(bytes) ? outcome == PutOutcome.AlreadyThere : throw Different(to, name);
    }

    /// <returns>True when it was there already, byte for byte.</returns>
    private static async Task<bool> CopyObjectAsync(IObjectStore from, IObjectStore to, ObjectReference reference, Meter meter, CancellationToken cancellation)
    {
        var before = (await to.VersionsOfAsync(reference.Name, cancellation)).Where(v => !v.IsDeleteMarker).ToList();
        if (before.Count > 0)
        {
            await ReadBackAsync(to, reference, meter, cancellation);
            meter.Add(reference.Size);
            return true;
        }

        await StreamAsync(from, to, reference, meter, cancellation);
        await ReadBackAsync(to, reference, meter, cancellation);
        return false;
    }

    private static async Task StreamAsync(IObjectStore from, IObjectStore to, ObjectReference reference, Meter meter, CancellationToken cancellation)
    {
        ObjectVersion version;
        try
        {
            version = await from.FindVersionAsync(reference.Name, reference.Size, reference.Sha256, cancellation);
        }
        catch (ObjectMissingException e)
        {
            throw new RefusalException(
                ErrorKinds.Integrity, $"'{reference.Name}' is missing in store '{from.Name}'.", reference.Name, "Copy from another store.", e);
        }

        await using var source = await from.OpenReadAsync(reference.Name, 0, null, version.Version, cancellation);
        await using var target = await to.CreateAsync(reference.Name, cancellation);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 17);
        try
        {
            long length = 0;
            while (await source.ReadAsync(buffer, cancellation) is > 0 and var read)
            {
                hash.AppendData(buffer, 0, read);
                await target.WriteAsync(buffer.AsMemory(0, read), cancellation);
                length += read;
                meter.Add(read);
            }

            // Before anything becomes visible: a bad byte at the source is never copied under a good name.
            if (length != reference.Size || Convert.ToHexStringLower(hash.GetHashAndReset()) != reference.Sha256)
            {
                throw new RefusalException(
                    ErrorKinds.Integrity, $"'{reference.Name}' in store '{from.Name}' is not what was written: its size or hash differs.", reference.Name,
                    "Verify the backup there, and copy from another store.");
            }

            await target.CompleteAsync(cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task ReadBackAsync(IObjectStore to, ObjectReference reference, Meter meter, CancellationToken cancellation)
    {
        ObjectVersion version;
        try
        {
            version = await to.FindVersionAsync(reference.Name, reference.Size, reference.Sha256, cancellation);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
        {
            throw Different(to, reference.Name, e);
        }

        if (await to.HashAsync(reference.Name, version.Version, cancellation, meter.Add) is var (sha256, length)
            && (sha256 != reference.Sha256 || length != reference.Size))
            throw Different(to, reference.Name);
    }

    private static RefusalException Different(IObjectStore to, string name, Exception? inner = null) =>
        new(ErrorKinds.Integrity,
            $"Store '{to.Name}' holds another object under the name '{name}' than the one to copy.",
            name,
            "It was left as it is. Find out who put it there, remove it, and copy again.",
            inner);

    /// <summary>Bytes done of all, heartbeaten.</summary>
    private sealed class Meter(string what, long total)
    {
        private long done;

        public void Add(int bytes) => Add((long)bytes);

        public void Add(long bytes) => Beat.Report(what, Interlocked.Add(ref done, bytes), total, "bytes");
    }
}
