using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>Copies slices byte for byte: the day's keys, the object, read back by size and hash, and the manifest last.</summary>
internal sealed class SliceCopier(Plan plan, StoreSet stores, KeyRing keys, SliceWriter slices)
{
    /// <exception cref="RefusalException"><c>integrity</c>: the source's is not what was written, or something else lies at the target.</exception>
    public async Task CopyAsync(string asset, ClusterTime from, ClusterTime to, string source, string target, CancellationToken cancellation)
    {
        var (here, there) = (stores[source], stores[target]);
        if (await slices.ReadManifestIfThereAsync(there, asset, from, to, cancellation) is { } already)
        {
            // Its own, of another attempt, is as good.
            await SliceWriter.ReadBackAsync(there, already.Value.Object, cancellation);
            return;
        }

        var name = ObjectNames.SliceManifest(asset, from, to);
        byte[] manifestBytes;
        try
        {
            manifestBytes = await here.ReadOldestAsync(name, cancellation);
        }
        catch (ObjectMissingException e)
        {
            throw new RefusalException(ErrorKinds.Integrity, $"The slice {name} is missing in store '{source}'.", name, null, e);
        }

        var manifest = SignedDocument.Read<SliceManifest>(manifestBytes, plan.Writer.PublicKeys, name, m => m.ProblemUnder(name, asset)).Value;
        await keys.CopyAsync(source, target, asset, manifest.KeyId, cancellation);
        var stored = await here.ReadByHashAsync(manifest.Object.Name, manifest.Object.Size, manifest.Object.Sha256, cancellation);
        if ((await there.VersionsOfAsync(manifest.Object.Name, cancellation)).All(v => v.IsDeleteMarker))
        {
            await using var writer = await there.CreateAsync(manifest.Object.Name, cancellation);
            await writer.WriteAsync(stored, cancellation);
            await writer.CompleteAsync(cancellation);
        }

        // Where an attempt died between its object and its manifest, the object there may be another one of the same slice.
        try
        {
            await SliceWriter.ReadBackAsync(there, manifest.Object, cancellation);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
        {
            await slices.AdoptAsync(target, manifest, cancellation);
            return;
        }

        await there.PutIfAbsentAsync(name, manifestBytes, cancellation);
        _ = await slices.ReadManifestIfThereAsync(there, asset, from, to, cancellation) ?? throw new RefusalException(
            ErrorKinds.Integrity, $"The manifest {name} was put into store '{target}' and is not there.", name, "Check the store (luxhedge stores check).");
    }
}
