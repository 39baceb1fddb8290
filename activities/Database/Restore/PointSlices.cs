using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>Finds the slices of a point in time in the stores: each step of a restore does so again.</summary>
internal sealed class PointSlices(StoreSet stores, SliceCatalog catalog)
{
    /// <param name="store">Of this store only; null: of any.</param>
    public async Task<SliceView> ListAsync(string asset, ClusterTime? from, ClusterTime? to, string? store, CancellationToken cancellation) =>
        (await catalog.ListAsync(asset, from, to, cancellation)).In(s => store is null || s == store);

    /// <param name="keys">Disposed with what is answered.</param>
    public PointOplog Open(BackupReader reader, SliceView view, IReadOnlyList<SliceManifest> chain, string? store, SliceKeys keys) =>
        new(reader, stores, catalog, view, chain, store, keys);

    /// <summary>The slices from the base's end mark to a point.</summary>
    /// <exception cref="RefusalException"><c>integrity</c>: they are not there any more.</exception>
    public async Task<PointOplog> OpenAsync(BackupReader reader, ClusterTime to, string? store, SliceKeys keys, CancellationToken cancellation)
    {
        var from = reader.Index.EndMark;
        var view = await ListAsync(reader.Manifest.Asset, from, to with { Seconds = to.Seconds + PointOplog.LooseSeconds }, store, cancellation);
        var chain = view.Chains().Covering(from, to) ?? throw new RefusalException(new ErrorReport(
            view.Unknown.Count > 0 ? ErrorKinds.Unreachable : ErrorKinds.Integrity,
            $"The slices from {PointChoice.Text(from)} to {PointChoice.Text(to)} were there when it began, and are not any more.", reader.Index.Backup,
            "luxhedge oplog status shows what can be reached.",
            [.. view.Problems.Select(p => new Problem(p.Text, $"{p.Store}: {p.Object}")), .. view.Unknown.Select(u => new Problem(u.Why, u.Store))]));
        return Open(reader, view, chain, store, keys);
    }
}
