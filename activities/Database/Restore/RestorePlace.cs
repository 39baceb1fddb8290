using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>What a restore writes to, by this worker's own plan: a workflow's input only names it.</summary>
/// <param name="Lock">The asset's id for its production, else <c>{cluster}/{database}</c>: also the tail of the workflow's id.</param>
/// <param name="Owner">The asset whose production it is; null: no asset's.</param>
internal sealed record RestorePlace(AssetPlan Asset, string Cluster, string Database, string Lock, AssetPlan? Owner)
{
    /// <summary>Databases of restore tests, made and dropped by us. Nothing else is ever dropped whole.</summary>
    public const string ScratchPrefix = "luxhedge_scratch_";

    private static readonly string[] SystemDatabases = ["admin", "config", "local"];

    public bool IsScratch => Database.StartsWith(ScratchPrefix, StringComparison.Ordinal);

    /// <exception cref="RefusalException"><c>usage</c>: a system database, a lock that is not this target's, a restore test outside its scratch.</exception>
    public static RestorePlace Of(Plan plan, RestoreRequest request)
    {
        if (!plan.Assets.TryGetValue(request.Asset, out var asset))
            throw Usage($"The plan has no asset '{request.Asset}'.", request.Asset, $"It has: {string.Join(", ", plan.Assets.Keys)}.");
        if (asset is not { Kind: "database", Cluster: { } ownCluster, Database: { } own })
            throw Usage($"The asset '{asset.Name}' is no database.", asset.Name, "Only databases can be restored yet.");
        var cluster = request.Cluster ?? ownCluster;
        var database = request.Into ?? own;
        RefuseOutsideDrill(plan, asset, ownCluster, cluster, request);
        if (database.Length == 0 || SystemDatabases.Contains(database, StringComparer.OrdinalIgnoreCase))
            throw Usage($"'{database}' belongs to the server: nothing is restored into it.", "--into", "Name a database of your own.");

        // Servers take database names that differ only in case for a clash, so these do not escape production either.
        var owner = plan.Assets.Values.FirstOrDefault(
            a => a.Kind == "database" && a.Cluster == cluster && string.Equals(a.Database, database, StringComparison.OrdinalIgnoreCase));
        var place = new RestorePlace(asset, cluster, database, owner?.Name ?? $"{cluster}/{database}", owner);
        if (request.Target != place.Lock)
            throw Usage($"A restore into {database} holds the lock '{place.Lock}', and this run holds '{request.Target}'.", request.Target, "Start it with `luxhedge restore run`.");
        if (request.Purpose == RestorePurpose.RestoreTest && (!place.IsScratch || owner is not null))
            throw Usage($"A restore test writes to databases named {ScratchPrefix}… only, not to {database}.", database, null);
        return place;
    }

    /// <summary>What a drill may write to is said by its database's name, which no asset can have, and by the worker's own plan.</summary>
    private static void RefuseOutsideDrill(Plan plan, AssetPlan asset, string ownCluster, string cluster, RestoreRequest request)
    {
        if (!request.Drill)
        {
            if (cluster != ownCluster)
                throw Usage($"Only a drill restores on another cluster than '{ownCluster}', the asset's own.", cluster, null);
            return;
        }

        if (request.Into is not { } database || !DrillDatabases.IsOne(database))
            throw Usage($"A drill writes to databases named {DrillDatabases.Prefix}… only, never to {request.Into ?? asset.Database}.", request.Into ?? asset.Name, null);
        if (DrillDatabases.ClusterOf(plan, asset) is var allowed && allowed != cluster)
        {
            throw Usage(
                $"The plan does not let drills of '{asset.Name}' restore on cluster '{cluster}'.", $"assets.{asset.Name}.drill", $"It names '{allowed}'.");
        }

        if (plan.Assets.Values.FirstOrDefault(a => string.Equals(a.Database, database, StringComparison.OrdinalIgnoreCase)) is { } owner)
            throw Usage($"{database} is the production of '{owner.Name}': a drill never writes there.", database, null);
    }

    private static RefusalException Usage(string message, string where, string? hint) => new(ErrorKinds.Usage, message, where, hint);
}
