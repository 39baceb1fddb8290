using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Opens the backup of a restore: exactly the one that was chosen, from its stores in their order.</summary>
internal sealed class RestoreBackups(Plan plan, StoreSet stores, KeyRing keys)
{
    /// <exception cref="RefusalException"><c>integrity</c>, <c>unreachable</c>, <c>usage</c>.</exception>
    public async Task<BackupReader> OpenAsync(
        string asset, string backupId, string manifestSha256, IReadOnlyList<string> from, IReadOnlyList<HandedKey>? handed, CancellationToken cancellation) =>
        await BackupReader.OpenAsync(
            [.. from.Select(s => stores[s])],
            asset,
            backupId,
            plan.Writer.PublicKeys,
            (Manifest manifest, CancellationToken c) => OpenKeysAsync(asset, manifest, from, handed, c),
            cancellation,
            manifestSha256);

    /// <summary>For an activity that writes: what it reads must be what was approved, down to the point in time.</summary>
    public async Task<BackupReader> OpenAsync(RestoreWork work, CancellationToken cancellation)
    {
        var reader = await OpenAsync(
            work.Request.Asset, work.Plan.BackupId, work.Plan.ManifestSha256, work.Plan.Stores, work.Request.Keys, cancellation);
        if (work.Plan.Point is { } point ? reader.Index.EndMark == point.BaseEnd && point.BaseEnd < work.Plan.To : reader.Index.EndMark == work.Plan.To)
            return reader;
        reader.Dispose();
        throw new RefusalException(
            ErrorKinds.Restore, $"The run was told to restore to {work.Plan.To.ToTime():u}, and backup {work.Plan.BackupId} is of another moment.", work.Plan.BackupId);
    }

    private async Task<DataKeys> OpenKeysAsync(
        string asset, Manifest manifest, IReadOnlyList<string> from, IReadOnlyList<HandedKey>? handed, CancellationToken cancellation) =>
        await keys.OpenAsync(asset, manifest.KeyIds[0], from, handed, cancellation);
}
