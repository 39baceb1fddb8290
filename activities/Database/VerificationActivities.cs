using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Database;

/// <summary>Presence and integrity of copies, the records that say so, and the acceptance of a suspect backup.</summary>
public sealed class VerificationActivities(Plan plan, StoreSet stores, KeyRing keys, WriterKey writer, TimeProvider clock) : IVerificationActivities
{
    private readonly BackupCatalog catalog = new(plan, stores, clock);
    private readonly RecordWriter records = new(stores, writer, clock);

    public async Task<CopiesFound> FindCopiesAsync(VerificationRequest request)
    {
        var asset = plan.Assets.TryGetValue(request.Asset, out var found)
            ? found
            : throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{request.Asset}'.", request.Asset);
        if (request.Store is { } store && !asset.Stores.Contains(store))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"Asset '{asset.Name}' is not kept in a store '{store}'.", store, $"Its stores are: {string.Join(", ", asset.Stores)}.");
        }

        if (!BackupIds.TryParse(request.BackupId, out _, out var named) || named != request.Asset)
            throw NoSuchBackup(request);
        var view = await catalog.LookAsync(request.Asset, request.BackupId, Beat.Cancellation);
        // A manifest that does not verify is a finding about a copy, not a reason to look at none.
        var known = view.Find(request.BackupId) is not null
            || view.Problems.Any(p => p.Object == ObjectNames.Manifest(request.Asset, request.BackupId));
        if (!known && view.Unknown.Count > 0)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable,
                $"No store that answered has a backup {request.BackupId}, and not every store did: {string.Join("; ", view.Unknown.Select(u => u.Why))}",
                string.Join(", ", view.Unknown.Select(u => u.Store)));
        }

        if (!known && view.Unsealed.Contains(request.BackupId))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"Backup {request.BackupId} was never sealed: it has no manifest.", request.BackupId, "It is under way, or its run failed.");
        }

        return known
            ? new CopiesFound(request.Store is { } one ? [one] : asset.Stores, asset.Cluster ?? "")
            : throw NoSuchBackup(request);
    }

    public Task<StoreVerification> VerifyCopyAsync(string asset, string backupId, string store, VerificationLevel level) =>
        new VerificationOfCopy(plan, stores, keys, catalog).VerifyAsync(asset, backupId, store, level, Beat.Cancellation);

    public async Task RecordAsync(VerificationRequest request, VerificationLevel level, StoreVerification result)
    {
        var cancellation = Beat.Cancellation;
        var hash = result.ManifestSha256;
        if (hash.Length == 0)
        {
            // The copy's own manifest could not be read: what was found is about the backup that the other stores have.
            var view = await catalog.LookAsync(request.Asset, request.BackupId, cancellation);
            hash = view.Find(request.BackupId)?.ManifestSha256 ?? "";
        }

        var record = records.Create(RecordKinds.Verified, request.Asset, request.BackupId, request.RunId, hash) with
        {
            Level = level,
            Verdict = result.Verdict,
            Problems = result.Problems,
        };
        try
        {
            await records.WriteAsync(result.Store, record, cancellation);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Unreachable && result.Verdict == Verdict.NotProven)
        {
            // A store that could not be reached to be checked can't be reached to be told so either, and nothing is lost: a NotProven
            // changes no standing.
        }
    }

    public async Task<BackupSummary> SummariseAsync(string asset, string backupId) => (await catalog.FindAsync(backupId, Beat.Cancellation)).Summary;

    public async Task AcceptAsync(AcceptanceRequest request)
    {
        var cancellation = Beat.Cancellation;
        var backup = await catalog.FindAsync(request.BackupId, cancellation);
        if (backup.Manifest.Asset != request.Asset)
            throw new RefusalException(ErrorKinds.Usage, $"Backup {request.BackupId} is of asset '{backup.Manifest.Asset}', not of '{request.Asset}'.");
        if (request.Decision.Reason != request.Reason)
            throw new RefusalException(ErrorKinds.RefusedDecision, $"The backup {request.BackupId} is not accepted: the reason is not the one that was signed.");
        BackupAcceptance.Check(
            plan, request.RunId, request.Asset, request.BackupId, backup.ManifestSha256, request.Decision, clock.GetUtcNow());
        if (backup.Manifest.Suspect.Count == 0)
            throw new RefusalException(ErrorKinds.Usage, $"Backup {request.BackupId} is not suspect: there is nothing to accept.", request.BackupId);

        var names = plan.Assets[request.Asset].Stores;
        var record = records.Create(RecordKinds.Accepted, request.Asset, request.BackupId, request.RunId, backup.ManifestSha256) with
        {
            Reason = request.Reason,
            Decision = request.Decision,
        };
        var (written, failed) = await records.WriteEverywhereAsync(names, record, cancellation);
        if (written.Count == 0)
            throw new RefusalException(ErrorKinds.Unreachable, $"The acceptance could not be written to any store: {failed[0].Why}", failed[0].Store) { MayPass = true };
    }

    private static RefusalException NoSuchBackup(VerificationRequest request) =>
        new(ErrorKinds.Usage, $"There is no backup '{request.BackupId}' of asset '{request.Asset}'.", request.BackupId, "`luxhedge backups list` shows the ids.");
}
