using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>
/// What an action of a run may look at or write to, by this worker's own plan. In a drill that is the run's own database and nothing else,
/// whatever the runbook or the workflow's input says.
/// </summary>
internal sealed record RunTarget(AssetPlan Asset, string Cluster, string Database, bool Production)
{
    public const string ProductionWord = "production";

    /// <param name="target"><c>production</c> or <c>{cluster}/{database}</c>.</param>
    /// <exception cref="RefusalException"><c>usage</c>, <c>plan</c>; <c>not-approved</c>: a drill names anything but its own database.</exception>
    public static RunTarget Of(Plan plan, ActionContext context, string? assetName, string target)
    {
        var asset = AssetOf(plan, assetName ?? context.Asset);
        if (context.Mode == RunMode.Drill)
        {
            var own = OfDrill(plan, asset, context.RunId);
            return target == own.ToString()
                ? own
                : throw new RefusalException(
                    ErrorKinds.NotApproved, $"In a drill only its own database is touched, {own}, and step {context.StepId} names {target}.", context.StepId,
                    "Name it as ${mode.target}.");
        }

        if (target == ProductionWord)
            return new(asset, asset.Cluster!, asset.Database!, Production: true);
        var parts = target.Split('/', 2);
        if (parts.Length != 2 || !plan.Clusters.ContainsKey(parts[0]))
            throw new RefusalException(ErrorKinds.Usage, $"'{target}' is no target: production, or CLUSTER/DATABASE of the plan.", context.StepId);
        return new(asset, parts[0], parts[1], plan.Assets.Values.Any(
            a => a.Kind == "database" && a.Cluster == parts[0] && string.Equals(a.Database, parts[1], StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>The database of a drill: made for this run.</summary>
    public static RunTarget OfDrill(Plan plan, AssetPlan asset, string runId) =>
        new(asset, DrillDatabases.ClusterOf(plan, asset), DrillDatabases.Of(runId), Production: false);

    public static AssetPlan AssetOf(Plan plan, string name)
    {
        if (!plan.Assets.TryGetValue(name, out var asset))
            throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{name}'.", name, $"It has: {string.Join(", ", plan.Assets.Keys)}.");
        return asset is { Kind: "database", Cluster: not null, Database: not null }
            ? asset
            : throw new RefusalException(ErrorKinds.Usage, $"The asset '{name}' is no database.", name, "Runbooks restore databases only, so far.");
    }

    public override string ToString() => Production ? ProductionWord : $"{Cluster}/{Database}";
}
