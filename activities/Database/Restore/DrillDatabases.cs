using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The database that a drill restores into: <c>luxhedge_drill_</c> and eight hexadecimal digits of its run. The plan takes no asset with such
/// a name, so one is never production; and from its name it can be told whose run made it.
/// </summary>
public static class DrillDatabases
{
    public const string Prefix = "luxhedge_drill_";

    private const int Digits = 8;

    /// <summary>The database of that run, the same in every attempt.</summary>
    public static string Of(string runId) => Prefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(runId)))[..Digits];

    /// <summary>Where drills of the asset restore to.</summary>
    /// <exception cref="RefusalException"><c>plan</c>: nowhere, or production's own cluster without <c>sameCluster</c>. (Another name for the same
    /// server is caught by <c>plan check</c>.)</exception>
    public static string ClusterOf(Plan plan, AssetPlan asset)
    {
        var where = $"assets.{asset.Name}.drill";
        if (asset.Drill is not { } drill || !plan.Clusters.ContainsKey(drill.Cluster))
            throw new RefusalException(ErrorKinds.Plan, $"The plan names no cluster for drills of '{asset.Name}'.", where, "Name one under drill.cluster.");
        return drill.Cluster != asset.Cluster || drill.SameCluster
            ? drill.Cluster
            : throw new RefusalException(
                ErrorKinds.Plan, $"'{drill.Cluster}' is production's own cluster.", where, "Say sameCluster: true (a sandbox), or name another cluster.");
    }

    public static bool IsOne(string database) =>
        database.Length == Prefix.Length + Digits && database.StartsWith(Prefix, StringComparison.Ordinal)
        && database[Prefix.Length..].All(char.IsAsciiHexDigitLower);
}
