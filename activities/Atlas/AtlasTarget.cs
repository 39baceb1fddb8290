using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Activities.Atlas;

/// <summary>
/// The door before a restore at Atlas. Atlas overwrites a whole cluster, so a target that holds any database of the plan is refused in drill and
/// real mode alike, and no approval opens it: by its name in Atlas, and by the hosts that Atlas itself gives for it, against those of every
/// connection string that the plan protects a database with.
/// </summary>
public static class AtlasTarget
{
    /// <summary>Where the worker's own plan lets snapshots of the asset go.</summary>
    public static AtlasPlace Of(Plan plan, AssetPlan asset) =>
        AtlasConnections.SectionOf(plan, asset).RestoreTo ?? throw new RefusalException(
            ErrorKinds.Plan, $"The plan names no other cluster for the snapshots of '{asset.Name}'.", $"clusters.{asset.Cluster}.atlas.restoreTo",
            "Name one that holds nothing of the plan: Atlas overwrites all of it.");

    /// <exception cref="RefusalException"><c>not-approved</c>: it holds a database of the plan, or that can't be told.</exception>
    public static void Refuse(Plan plan, AtlasPlace target, AtlasClusterState state)
    {
        var guarded = plan.Assets.Values.Where(a => a.Kind == "database").ToLookup(a => a.Cluster ?? "", StringComparer.Ordinal);
        foreach (var cluster in plan.Clusters.Values.Where(c => guarded[c.Name].Any()))
        {
            var asset = guarded[cluster.Name].First().Name;
            if (cluster.Atlas is { } atlas && IsSame(atlas.Place, target))
                throw Shut(target, $"it is cluster '{cluster.Name}' of the plan, with {asset}");
            var hosts = HostsOf(cluster, target);
            if (state.Hosts.FirstOrDefault(h => hosts.Contains(h, StringComparer.OrdinalIgnoreCase)) is { } host)
                throw Shut(target, $"its host {host} is that of cluster '{cluster.Name}' of the plan, with {asset}");
        }

        if (state.Hosts.Count == 0)
            throw Shut(target, "Atlas names no host of it, so it can't be told from production");
    }

    public static bool IsSame(AtlasPlace a, AtlasPlace b) =>
        string.Equals(a.Project, b.Project, StringComparison.OrdinalIgnoreCase) && string.Equals(a.Cluster, b.Cluster, StringComparison.OrdinalIgnoreCase);

    private static List<string> HostsOf(ClusterPlan cluster, AtlasPlace target)
    {
        try
        {
            return [.. AtlasHosts.Of(cluster.Connection.Resolve())];
        }
        catch (RefusalException e)
        {
            throw Shut(target, $"where cluster '{cluster.Name}' lies can't be read on this worker: {e.Report.Message.TrimEnd('.')}");
        }
    }

    private static RefusalException Shut(AtlasPlace target, string why) => new(
        ErrorKinds.NotApproved, $"Nothing is restored into {target}: {why}.", target.Cluster,
        "Atlas overwrites a whole cluster. Name a cluster as restoreTo that holds nothing of the plan.");
}
