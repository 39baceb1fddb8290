using System.Collections.Concurrent;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Atlas;

/// <summary>The plan's clusters that Atlas runs, by name: one client each, made when it is first used.</summary>
public sealed class AtlasConnections(Plan plan, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<string, AtlasClient> clients = new(StringComparer.Ordinal);

    /// <summary>The client of an asset's cluster. Refuses (<c>plan</c>) one that Atlas does not run.</summary>
    public AtlasClient Of(AssetPlan asset) => clients.GetOrAdd(asset.Cluster ?? "", name => new(name, SectionOf(plan, asset), time));

    /// <summary>What the plan says of Atlas for the asset's cluster.</summary>
    public static AtlasPlan SectionOf(Plan plan, AssetPlan asset) =>
        asset.Cluster is { } cluster && plan.Clusters.TryGetValue(cluster, out var known) && known.Atlas is { } atlas
            ? atlas
            : throw new RefusalException(
                ErrorKinds.Plan, $"The plan says of no cluster of '{asset.Name}' that Atlas runs it.", $"clusters.{asset.Cluster}.atlas",
                "Give the cluster an `atlas` section: project, cluster and keys.");

    /// <summary>Database assets whose cluster Atlas runs.</summary>
    public static IEnumerable<AssetPlan> AssetsOf(Plan plan) => plan.Assets.Values.Where(a =>
        a is { Kind: "database", Cluster: { } cluster } && plan.Clusters.TryGetValue(cluster, out var known) && known.Atlas is not null);

    public void Dispose()
    {
        foreach (var client in clients.Values)
            client.Dispose();
    }
}
