namespace LuxHedge.Activities.Database.Rights;

/// <summary>Actions that are missing on a resource.</summary>
/// <param name="On">In words: <c>luxhedge_production</c>, <c>local.oplog.rs</c>, <c>every database</c>, <c>the cluster</c>.</param>
/// <param name="Without">What happens then; null: the use fails.</param>
public sealed record MissingRight(string On, IReadOnlyList<string> Actions, string? Without);

/// <summary>Rights that a user has against those that are needed. Pure.</summary>
public static class RightsComparison
{
    private static readonly string[] OfUsers =
    [
        "createUser", "dropUser", "createRole", "dropRole", "grantRole", "revokeRole", "changePassword", "changeCustomData", "setAuthenticationRestriction",
    ];

    private static readonly string[] OfServer =
    [
        "shutdown", "replSetConfigure", "replSetStateChange", "setParameter", "fsync", "applyOps", "internal", "impersonate", "addShard", "removeShard",
        "closeAllDatabases", "forceUUID", "useUUID", "setUserWriteBlockMode", "bypassWriteBlockingMode", "setDefaultRWConcern",
        "setFeatureCompatibilityVersion", "resync", "killop", "killAnySession", "rotateCertificates",
    ];

    private static readonly string[] OfWriting = ["insert", "update", "remove", "dropCollection", "dropDatabase"];

    private static readonly string[] OfServerDatabases = ["admin", "config", "local"];

    private static readonly MongoResource Users = MongoResource.In("admin", "system.users");

    private const string AnyAction = "anyAction";

    private const int MostNamed = 5;

    public static IReadOnlyList<MissingRight> Missing(IReadOnlyList<MongoPrivilege> granted, IEnumerable<MongoPrivilege> needed, string? without = null) =>
    [
        .. from need in needed.GroupBy(n => n.Resource)
           let missing = need.SelectMany(n => n.Actions).Distinct().Where(a => !granted.Any(g => g.Allows(need.Key, a))).ToList()
           where missing.Count > 0
           select new MissingRight(need.Key.ToString(), missing, without),
    ];

    /// <summary>What the user may and nothing here does, the worst first, in words.</summary>
    /// <param name="needed">Of all uses that the user is for.</param>
    public static IReadOnlyList<string> More(IReadOnlyList<MongoPrivilege> granted, IReadOnlyList<MongoPrivilege> needed)
    {
        if (granted.Any(g => g.Resource.Kind == MongoResource.Kinds.Anything && g.Actions.Contains(AnyAction, StringComparer.Ordinal)))
            return ["it may do anything at all, the server's own collections included (anyAction on anyResource)"];
        var more = new List<string>();
        if (Named(granted, OfUsers) is { Count: > 0 } users)
            more.Add($"it may make users and give roles, so it can give itself any right ({Some(users)})");
        if (Named(granted, OfServer) is { Count: > 0 } server)
            more.Add($"it may administer the server ({Some(server)})");
        more.AddRange(Places(granted, needed, OfWriting, "write to"));
        more.AddRange(Places(granted, needed, ["find"], "read"));
        return more;
    }

    private static List<string> Named(IReadOnlyList<MongoPrivilege> granted, string[] actions) =>
        [.. actions.Where(a => granted.Any(g => g.Actions.Contains(a, StringComparer.Ordinal) || g.Actions.Contains(AnyAction, StringComparer.Ordinal)))];

    /// <summary>Where the actions are granted and none of them is needed on as much.</summary>
    private static IEnumerable<string> Places(IReadOnlyList<MongoPrivilege> granted, IReadOnlyList<MongoPrivilege> needed, string[] actions, string does)
    {
        var places = new List<MongoResource>();
        foreach (var privilege in granted.Where(g => g.Resource.Kind is MongoResource.Kinds.Collections or MongoResource.Kinds.Anything))
        {
            var here = actions.Where(a => privilege.Actions.Contains(a, StringComparer.Ordinal) || privilege.Actions.Contains(AnyAction, StringComparer.Ordinal)).ToList();
            var resource = privilege.Resource;
            // Its own system.js comes with every role on a database.
            if (here.Count > 0 && resource.Collection != "system.js" && !here.Exists(a => needed.Any(n => n.Allows(resource, a))))
                places.Add(resource);
        }

        var own = places.Where(IsOfServer).ToList();
        List<string> words = [.. places.Except(own).Select(p => p.ToString()).Distinct()];
        if (own.Count > 0)
        {
            words.Add(
                own.TrueForAll(p => p == MongoResource.In("local")) ? "all of local (local.oplog.rs is enough)"
                : own.Exists(p => p.Covers(Users)) ? "the server's own collections, its users' among them"
                : $"collections of the server's own ({Some([.. own.Select(p => p.ToString()).Distinct()])})");
        }

        if (words.Count > 0)
            yield return $"it may {does} {string.Join(", ", words)}";
    }

    private static bool IsOfServer(MongoResource resource) =>
        OfServerDatabases.Contains(resource.Database, StringComparer.Ordinal) || resource.Collection.StartsWith("system.", StringComparison.Ordinal);

    /// <summary>The first few of a list.</summary>
    private static string Some(List<string> words) =>
        words.Count <= MostNamed ? string.Join(", ", words) : $"{string.Join(", ", words.Take(MostNamed))} and {words.Count - MostNamed} more";
}
