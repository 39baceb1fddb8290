using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Finds the slices of a point in time in the stores: each step of a restore does so again.</summary>
internal sealed class PointSlices(StoreSet stores, KeyRing keys, SliceCatalog catalog)
{
    /// <summary>Of one store only, where it is pinned.</summary>
    public async Task<SliceView> ListAsync(string asset, ClusterTime? from, ClusterTime? to, string? store, CancellationToken cancellation)
    {
        var view = await catalog.ListAsync(asset, from, to, cancellation);
        return store is null ? view : view with
        {
            Slices = [.. view.Slices.Select(s => s with { Copies = [.. s.Copies.Where(c => c.Store == store)] }).Where(s => s.Copies.Count > 0)],
        };
    }

    public PointOplog Open(BackupReader reader, SliceView view, IReadOnlyList<SliceManifest> chain, RestoreRequest request) =>
        new(reader, stores, catalog, view, chain, request.Store, new SliceKeys(keys, request.Keys));

    /// <summary>The slices from the base's end mark to the restore's point.</summary>
    /// <exception cref="RefusalException"><c>integrity</c>: they are not there any more.</exception>
    public async Task<PointOplog> OpenAsync(BackupReader reader, RestoreWork work, CancellationToken cancellation)
    {
        var (from, to) = (reader.Index.EndMark, work.Plan.To);
        var view = await ListAsync(work.Request.Asset, from, to, work.Request.Store, cancellation);
        var chain = view.Chains().Covering(from, to) ?? throw new RefusalException(new ErrorReport(
            view.Unknown.Count > 0 ? ErrorKinds.Unreachable : ErrorKinds.Integrity,
            $"The slices from {PointChoice.Text(from)} to {PointChoice.Text(to)} were there when the restore began, and are not any more.", work.Plan.BackupId,
            "luxhedge oplog status shows what can be reached.",
            [.. view.Problems.Select(p => new Problem(p.Text, $"{p.Store}: {p.Object}")), .. view.Unknown.Select(u => new Problem(u.Why, u.Store))]));
        return Open(reader, view, chain, work.Request);
    }
}
