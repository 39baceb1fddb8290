using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using MongoDB.Bson;
using MongoDB.Driver;
using Temporalio.Activities;
using Temporalio.Api.Enums.V1;
using Temporalio.Exceptions;

namespace LuxHedge.Activities.Runbooks;

/// <summary>
/// What there is where a run can leave something: scratch databases on production's cluster, a restore's state beside production's collections, and
/// objects in the stores outside the folders of backups, slices, records, keys, evidence and the audit log; of a drill also its databases, and every
/// database of the drill cluster. Taken before and after, the difference is what the run left behind.
/// </summary>
internal sealed class RunInventory(Plan plan, StoreSet stores, ClusterConnections clusters)
{
    /// <summary>Begins the item of what could not be looked at: it can't be compared, so clean-up is not proven.</summary>
    private const string Unknown = "unknown: ";

    /// <summary>The answer travels through Temporal: a store that holds more strange objects is looked at no further.</summary>
    private const int MostObjects = 2_000;

    private static readonly string[] OfServer = ["admin", "config", "local"];

    private static readonly string[] FoldersOfAsset = ["backups/", "oplog/", "records/", "keys/"];

    private static readonly string[] OwnFolders = ["runs/", "audit/"];

    public async Task<IReadOnlyList<string>> ListAsync(RunbookRequest request, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, request.Asset);
        var found = new List<string>();
        // The real event writes nothing to the drill cluster, where a drill of somebody else's may be under way.
        var drills = request.Mode == RunMode.Drill ? asset.Drill?.Cluster ?? asset.Cluster : null;
        foreach (var cluster in new[] { asset.Cluster, drills }.OfType<string>().Distinct(StringComparer.Ordinal))
        {
            Beat.Report("inventory", found.Count, 0, "things");
            await ListClusterAsync(cluster, drills, asset, found, cancellation);
        }

        foreach (var store in asset.Stores)
            await ListStoreAsync(store, found, cancellation);
        return found;
    }

    /// <summary>What is there now and was not before, by name. A restore test that another run has under way is that run's.</summary>
    /// <exception cref="RefusalException"><c>unreachable</c>: something could not be looked at, before or now.</exception>
    public async Task<IReadOnlyList<string>> LeftAsync(RunbookRequest request, IReadOnlyList<string> before, CancellationToken cancellation)
    {
        var asset = RunTarget.AssetOf(plan, request.Asset);
        var now = await ListAsync(request, cancellation);
        var left = new List<string>();
        foreach (var item in now.Except(before, StringComparer.Ordinal).Where(i => !i.StartsWith(Unknown, StringComparison.Ordinal)))
        {
            // What could not be looked at before may well have been there.
            if (!before.Contains(Unknown + PlaceOf(item)) && !await IsOthersAsync(item, cancellation))
                left.Add(item);
        }

        var unseen = now.Concat(before).Where(i => i.StartsWith(Unknown, StringComparison.Ordinal)).Distinct().ToList();
        return left.Count > 0 || unseen.Count == 0
            ? left
            : throw new RefusalException(
                ErrorKinds.Unreachable, $"Clean-up can't be proven: {string.Join(", ", unseen.Select(u => u[Unknown.Length..]))} could not be looked at.", request.RunId);
    }

    public static string DatabaseItem(string cluster, string database) => $"cluster {cluster}: database {database}";

    private static string PlaceOf(string item) => item.Split(": ", 2)[0];

    /// <param name="drills">The cluster of drills; null: the run is none.</param>
    private async Task ListClusterAsync(string cluster, string? drills, AssetPlan asset, List<string> found, CancellationToken cancellation)
    {
        try
        {
            var names = await (await clusters[cluster].ListDatabaseNamesAsync(cancellation)).ToListAsync(cancellation);
            // Where production is, its users make databases.
            found.AddRange(names.Except(OfServer, StringComparer.Ordinal)
                .Where(n => cluster == drills || n.StartsWith(RestorePlace.ScratchPrefix, StringComparison.Ordinal)
                    || (drills is not null && n.StartsWith(DrillDatabases.Prefix, StringComparison.Ordinal)))
                .Order(StringComparer.Ordinal).Select(n => DatabaseItem(cluster, n)));
            if (cluster != asset.Cluster)
                return;
            var beside = (await TargetInventory.ListAsync(clusters[cluster].GetDatabase(asset.Database), cancellation)).Where(c => BesideNames.IsOurs(c.Name));
            found.AddRange(beside.Select(c => $"cluster {cluster}: collection {asset.Database}.{c.Name}"));
        }
        catch (Exception e) when (e is RefusalException || clusters.Explain(e, cluster) is not null)
        {
            found.Add($"{Unknown}cluster {cluster}");
        }
    }

    private async Task ListStoreAsync(string name, List<string> found, CancellationToken cancellation)
    {
        var known = plan.Assets.Keys.SelectMany(a => FoldersOfAsset.Select(f => $"{a}/{f}")).Concat(OwnFolders).ToList();
        var looked = 0L;
        var strange = 0;
        try
        {
            await foreach (var stored in stores[name].ListAsync("", cancellation))
            {
                if (++looked % 1000 == 0)
                    Beat.Report($"inventory of {name}", looked, 0, "objects");
                if (known.Exists(k => stored.Name.StartsWith(k, StringComparison.Ordinal)))
                    continue;
                if (++strange > MostObjects)
                {
                    found.Add($"{Unknown}store {name}");
                    break;
                }

                found.Add($"store {name}: object {stored.Name}");
            }
        }
        catch (Exception e) when (e is RefusalException or IOException)
        {
            found.Add($"{Unknown}store {name}");
        }
    }

    /// <summary>A scratch or drill database whose own restore is under way in another run.</summary>
    private async Task<bool> IsOthersAsync(string item, CancellationToken cancellation)
    {
        var parts = item.Split(": database ", 2);
        if (parts.Length != 2 || !parts[1].StartsWith(RestorePlace.ScratchPrefix, StringComparison.Ordinal) || !ActivityExecutionContext.HasCurrent)
            return false;
        try
        {
            var restore = await ActivityExecutionContext.Current.TemporalClient
                .GetWorkflowHandle(WorkflowIds.Restore($"{parts[0]["cluster ".Length..]}/{parts[1]}"))
                .DescribeAsync(new() { Rpc = new() { CancellationToken = cancellation } });
            return restore.Status == WorkflowExecutionStatus.Running;
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return false;
        }
    }
}
