using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database.Rights;

/// <summary>What a cluster's user may, against what the plan does with it: an element of <c>plan check --connect --json</c>'s <c>clusters</c>.</summary>
/// <param name="Hosts">Without credentials; null: the connection string could not be read.</param>
/// <param name="User"><c>name@database</c>; null: none, or not known.</param>
/// <param name="Authenticates">False: the server asks nobody for a password. Null: it is not known.</param>
/// <param name="Unknown">Why nothing, or not everything, is known; null: all is.</param>
/// <param name="Uses">What the plan does there.</param>
/// <param name="More">What the user may and nothing here does, in words.</param>
public sealed record ClusterRights(
    string Cluster, string? Hosts, string? Version, string? User, IReadOnlyList<string> Roles, bool? Authenticates, string? Unknown,
    IReadOnlyList<UseRights> Uses, IReadOnlyList<string> More)
{
    /// <summary>Proven: every asset of the cluster can be backed up with this user. What else it can't do is said, and may be another worker's.</summary>
    public Verdict Verdict => Uses.Any(u => u is { Use: RightsUse.Backup, Able: false }) ? Verdict.Failed : Unknown is null ? Verdict.Proven : Verdict.NotProven;
}

/// <param name="Database">Empty: databases of their own names.</param>
/// <param name="Able">Null: it is not known.</param>
/// <param name="Missing">Without them it fails, or (with <see cref="MissingRight.Without"/>) does less.</param>
public sealed record UseRights(RightsUse Use, string Asset, string Database, bool? Able, IReadOnlyList<MissingRight> Missing);

/// <summary>Connects to each cluster that the plan does something with, asks who its user is and what it may, and compares. Changes nothing.</summary>
public static class RightsCheck
{
    public static async Task<IReadOnlyList<ClusterRights>> RunAsync(Plan plan, CancellationToken cancellation)
    {
        using var clusters = new ClusterConnections(plan);
        var uses = UsesOf(plan).ToLookup(u => u.Cluster, u => (u.Use, u.Asset), StringComparer.Ordinal);
        return await Task.WhenAll(plan.Clusters.Keys.Where(uses.Contains).Select(c => OfAsync(clusters, c, [.. uses[c]], cancellation)));
    }

    /// <summary>A restore test is beside production, on its own cluster.</summary>
    private static IEnumerable<(string Cluster, RightsUse Use, AssetPlan Asset)> UsesOf(Plan plan)
    {
        foreach (var asset in plan.Assets.Values.Where(a => a is { Kind: "database", Cluster: not null, Database: not null }))
        {
            yield return (asset.Cluster!, RightsUse.Backup, asset);
            yield return (asset.Cluster!, RightsUse.RestoreTest, asset);
            if (asset.Production is not null)
                yield return (asset.Cluster!, RightsUse.Restore, asset);
            if (asset.Drill is { } drill)
                yield return (drill.Cluster, RightsUse.Drill, asset);
        }
    }

    private static async Task<ClusterRights> OfAsync(
        ClusterConnections clusters, string cluster, IReadOnlyList<(RightsUse Use, AssetPlan Asset)> uses, CancellationToken cancellation)
    {
        ServerDescription server;
        UserRights user;
        try
        {
            server = await clusters.CheckAsync(cluster, cancellation);
            user = await UserRights.ReadAsync(clusters[cluster], cancellation);
        }
        catch (Exception e) when (e is RefusalException || clusters.Explain(e, cluster) is not null)
        {
            var why = (e as RefusalException ?? clusters.Explain(e, cluster)!).Report;
            return new(cluster, null, null, null, [], null, why.Message, [.. uses.Select(u => Unknown(u.Use, u.Asset))], []);
        }

        if (user.Name is null)
        {
            return new(cluster, server.Hosts, server.Version, null, [], false, null,
                [.. uses.Select(u => new UseRights(u.Use, u.Asset.Name, DatabaseOf(u.Use, u.Asset), true, []))], []);
        }

        if (user.Privileges is not { } granted)
        {
            return new(cluster, server.Hosts, server.Version, user.Name, user.Roles, true, "The server does not tell what this user may.",
                [.. uses.Select(u => Unknown(u.Use, u.Asset))], []);
        }

        var compared = new List<(UseRights Rights, IReadOnlyList<MongoPrivilege> Needed)>();
        foreach (var (use, asset) in uses)
        {
            var traits = await TraitsAsync(clusters[cluster], server, asset, cancellation);
            var needed = NeededRights.Of(use, asset, traits);
            var missing = RightsComparison.Missing(granted, needed);
            var less = NeededRights.UsefulOf(use, asset).SelectMany(u => RightsComparison.Missing(granted, [u.Privilege], u.Without));
            // What "does less" counts for nothing where the use fails anyway.
            compared.Add((
                new(use, asset.Name, DatabaseOf(use, asset), missing.Count == 0, missing.Count > 0 ? missing : [.. less]),
                [.. needed, .. NeededRights.UsefulOf(use, asset).Select(u => u.Privilege)]));
        }

        // A user that can back up only is meant to: then whatever it may write is more.
        var meant = compared.Any(c => c.Rights.Able is true) ? compared.Where(c => c.Rights.Able is true).ToList() : compared;
        return new(
            cluster, server.Hosts, server.Version, user.Name, user.Roles, true, null, [.. compared.Select(c => c.Rights)],
            RightsComparison.More(granted, [.. meant.SelectMany(m => m.Needed)]));
    }

    private static UseRights Unknown(RightsUse use, AssetPlan asset) => new(use, asset.Name, DatabaseOf(use, asset), null, []);

    private static string DatabaseOf(RightsUse use, AssetPlan asset) => use is RightsUse.Backup or RightsUse.Restore ? asset.Database! : "";

    /// <summary>What can't be listed is said as a right that is missing, and has no time series for all that is known.</summary>
    private static async Task<RightsTraits> TraitsAsync(IMongoClient client, ServerDescription server, AssetPlan asset, CancellationToken cancellation)
    {
        try
        {
            using var cursor = await client.GetDatabase(asset.Database).ListCollectionsAsync(
                new ListCollectionsOptions { Filter = new BsonDocument("type", "timeseries") }, cancellation);
            var series = (await cursor.ToListAsync(cancellation)).Count > 0;
            return new(series, series && Version.TryParse(server.Version.Split('-')[0], out var version) && version >= new Version(8, 3));
        }
        catch (MongoCommandException)
        {
            return new(false, false);
        }
    }
}

/// <summary>Who is logged in.</summary>
/// <param name="Name">Null: nobody is, since the server asks for nobody.</param>
/// <param name="Privileges">Inherited ones too; null: the server does not tell.</param>
internal sealed record UserRights(string? Name, IReadOnlyList<string> Roles, IReadOnlyList<MongoPrivilege>? Privileges)
{
    public static async Task<UserRights> ReadAsync(IMongoClient client, CancellationToken cancellation)
    {
        var admin = client.GetDatabase("admin");
        var status = await admin.RunCommandAsync<BsonDocument>(
            new BsonDocument { { "connectionStatus", 1 }, { "showPrivileges", true } }, ReadPreference.Primary, cancellation);
        var info = status["authInfo"].AsBsonDocument;
        if (info.GetValue("authenticatedUsers", new BsonArray()).AsBsonArray is not [BsonDocument user, ..])
            return new(null, [], null);
        var name = $"{user["user"].AsString}@{user["db"].AsString}";
        IReadOnlyList<string> roles =
            [.. info.GetValue("authenticatedUserRoles", new BsonArray()).AsBsonArray.OfType<BsonDocument>().Select(r => $"{r["role"].AsString}@{r["db"].AsString}")];
        var privileges = info.GetValue("authenticatedUserPrivileges", new BsonArray()).AsBsonArray;
        return privileges.Count > 0
            ? new(name, roles, MongoPrivilege.Parse(privileges))
            : new(name, roles, await OfUserAsync(admin, user, cancellation));
    }

    /// <summary>A server that keeps the privileges back there tells each user its own here (SecantusDB).</summary>
    private static async Task<IReadOnlyList<MongoPrivilege>?> OfUserAsync(IMongoDatabase admin, BsonDocument user, CancellationToken cancellation)
    {
        try
        {
            var answer = await admin.RunCommandAsync<BsonDocument>(
                new BsonDocument { { "usersInfo", new BsonDocument { { "user", user["user"] }, { "db", user["db"] } } }, { "showPrivileges", true } },
                ReadPreference.Primary, cancellation);
            return answer["users"].AsBsonArray is [BsonDocument found, ..] && found.TryGetValue("inheritedPrivileges", out var privileges)
                ? MongoPrivilege.Parse(privileges.AsBsonArray)
                : null;
        }
        catch (MongoCommandException)
        {
            return null;
        }
    }
}
