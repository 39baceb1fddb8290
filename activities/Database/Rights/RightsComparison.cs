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

    private const string AnyAction = "anyAction";

    public static IReadOnlyList<MissingRight> Missing(IReadOnlyList<MongoPrivilege> granted, IEnumerable<MongoPrivilege> needed, string? without = null) =>
    [
        .. from need in needed
           let missing = need.Actions.Where(a => !granted.Any(g => g.Allows(need.Resource, a))).ToList()
           where missing.Count > 0
           select new MissingRight(need.Resource.ToString(), missing, without),
    ];

    /// <summary>What the user may and nothing here does, the worst first, in words.</summary>
    /// <param name="needed">Of all uses that the user is for.</param>
    public static IReadOnlyList<string> More(IReadOnlyList<MongoPrivilege> granted, IReadOnlyList<MongoPrivilege> needed)
    {
        if (granted.Any(g => g.Resource.Kind == MongoResource.Kinds.Anything && g.Actions.Contains(AnyAction, StringComparer.Ordinal)))
            return ["it may do anything at all, the server's own collections included (anyAction on anyResource)"];
        var more = new List<string>();
        if (Named(granted, OfUsers) is { Count: > 0 } users)
            more.Add($"it may make users and give roles, so it can give itself any right ({string.Join(", ", users)})");
        if (Named(granted, OfServer) is { Count: > 0 } server)
            more.Add($"it may administer the server ({string.Join(", ", server)})");
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

        var words = places.Where(p => !OfServerDatabases.Contains(p.Database, StringComparer.Ordinal)).Select(p => p.ToString())
            .Concat(places.Where(p => OfServerDatabases.Contains(p.Database, StringComparer.Ordinal)).Select(p => p.Collection.Length == 0 ? $"all of {p}" : p.ToString()))
            .Distinct().ToList();
        if (words.Count > 0)
            yield return $"it may {does} {string.Join(", ", words)}{(words.Contains("all of local") && does == "read" ? " (local.oplog.rs is enough)" : "")}";
    }
}
