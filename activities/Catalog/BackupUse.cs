using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Catalog;

/// <summary>
/// While a backup is read, retention must not delete it: a <c>using</c> record lies in every store that answers, and only then is looked
/// whether it has expired. (Retention writes <c>expired</c> first and then looks for <c>using</c>: one of the two sees the other.)
/// Disposing releases what this run wrote for the same purpose, in earlier attempts too.
/// </summary>
public sealed class BackupUse : IAsyncDisposable
{
    private readonly BackupCatalog catalog;
    private readonly RecordWriter records;
    private readonly BackupRecord record;

    private BackupUse(BackupCatalog catalog, RecordWriter records, BackupRecord record)
    {
        this.catalog = catalog;
        this.records = records;
        this.record = record;
    }

    /// <param name="purpose">What it is read for; with <paramref name="runId"/> it tells this use from others.</param>
    /// <exception cref="RefusalException"><c>usage</c>: retention is deleting it.</exception>
    public static async Task<BackupUse> BeginAsync(
        BackupCatalog catalog, RecordWriter records, Signed<Manifest> manifest, string runId, string purpose, CancellationToken cancellation)
    {
        var (asset, id) = (manifest.Value.Asset, manifest.Value.Id);
        var mine = records.Create(RecordKinds.Using, asset, id, runId, manifest.Sha256) with { Reason = purpose };
        var use = new BackupUse(catalog, records, mine);
        await records.WriteEverywhereAsync(catalog.StoresOf(asset), mine, cancellation);
        var all = (await catalog.LookAsync(asset, id, cancellation)).Find(id)?.Records ?? [];
        if (BackupStanding.Standing(RecordKinds.Expired, all).FirstOrDefault() is { } expired)
        {
            await use.DisposeAsync();
            throw new RefusalException(
                ErrorKinds.Usage, $"Backup {id} expired at {expired.Record.At:u}: retention is deleting it.", expired.Name, "Choose another backup.");
        }

        return use;
    }

    /// <summary>The use that this run began for that purpose, in another activity or on another machine: to be released.</summary>
    public static BackupUse Resume(
        BackupCatalog catalog, RecordWriter records, string asset, string backupId, string manifestSha256, string runId, string purpose) =>
        new(catalog, records, records.Create(RecordKinds.Using, asset, backupId, runId, manifestSha256) with { Reason = purpose });

    public async ValueTask DisposeAsync()
    {
        // Also after a cancellation: a use that is never released keeps a backup for ever.
        var backup = (await catalog.LookAsync(record.Asset, record.Backup, CancellationToken.None)).Find(record.Backup);
        var mine = BackupStanding.Standing(RecordKinds.Using, backup?.Records ?? [])
            .Where(r => r.Record.RunId == record.RunId && r.Record.Reason == record.Reason);
        foreach (var one in mine)
        {
            try
            {
                var released = records.Create(RecordKinds.Released, record.Asset, record.Backup, record.RunId, record.ManifestSha256);
                await records.WriteAsync(one.Store, released with { Ends = one.Name }, CancellationToken.None);
            }
            catch (Exception e) when (e is RefusalException or IOException)
            {
                // The store went away: retention weighs how old a use is.
            }
        }
    }
}
