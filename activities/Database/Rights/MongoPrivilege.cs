using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Rights;

/// <summary>
/// What a privilege of MongoDB is on, as the server's own authorization matches it: a collection, all plain collections of a database or of every
/// database, the buckets of time series, the cluster, or anything.
/// </summary>
/// <param name="Database">Empty: every database.</param>
/// <param name="Collection">Empty: every plain collection (no <c>system.</c> one); of buckets: every time series.</param>
public sealed record MongoResource(MongoResource.Kinds Kind, string Database, string Collection)
{
    public enum Kinds
    {
        Collections,
        Buckets,
        Cluster,
        Anything,
    }

    public static readonly MongoResource Cluster = new(Kinds.Cluster, "", "");
    public static readonly MongoResource Anything = new(Kinds.Anything, "", "");

    public static MongoResource In(string database, string collection = "") => new(Kinds.Collections, database, collection);

    public static MongoResource BucketsOf(string database) => new(Kinds.Buckets, database, "");

    /// <summary>As <c>connectionStatus</c>, <c>usersInfo</c> and <c>createRole</c> write it. What a later server may say beside these grants nothing here.</summary>
    public static MongoResource? Parse(BsonDocument resource) =>
        resource.GetValue("anyResource", false).ToBoolean() ? Anything
        : resource.GetValue("cluster", false).ToBoolean() ? Cluster
        : resource.TryGetValue("system_buckets", out var series) ? new(Kinds.Buckets, resource.GetValue("db", "").AsString, series.AsString)
        : resource.TryGetValue("db", out var db) && resource.TryGetValue("collection", out var collection) ? In(db.AsString, collection.AsString)
        : null;

    public BsonDocument ToBson() => Kind switch
    {
        Kinds.Anything => new("anyResource", true),
        Kinds.Cluster => new("cluster", true),
        Kinds.Buckets => Database.Length == 0 ? new("system_buckets", Collection) : new BsonDocument { { "db", Database }, { "system_buckets", Collection } },
        _ => new BsonDocument { { "db", Database }, { "collection", Collection } },
    };

    /// <summary>Whether a privilege on this is one on the other too.</summary>
    public bool Covers(MongoResource other)
    {
        if (Kind == Kinds.Anything)
            return true;
        if (Kind != other.Kind)
            return false;
        if (Kind == Kinds.Cluster)
            return true;
        // What is in local and config belongs to the server: "every database" does not mean them.
        var everyDatabase = Database.Length == 0 && (Collection.Length > 0 || Kind == Kinds.Buckets || other.Database is not ("local" or "config"));
        if (!everyDatabase && Database != other.Database)
            return false;
        return Collection == other.Collection
            || (Collection.Length == 0 && (Kind == Kinds.Buckets || !other.Collection.StartsWith("system.", StringComparison.Ordinal)));
    }

    public override string ToString() => Kind switch
    {
        Kinds.Anything => "everything",
        Kinds.Cluster => "the cluster",
        Kinds.Buckets => $"time series of {(Database.Length == 0 ? "every database" : Database)}",
        _ => (Database, Collection) switch
        {
            ("", "") => "every database",
            ("", _) => $"{Collection} of every database",
            (_, "") => Database,
            _ => $"{Database}.{Collection}",
        },
    };
}

/// <summary>Actions on a resource: granted, or needed.</summary>
public sealed record MongoPrivilege(MongoResource Resource, IReadOnlyList<string> Actions)
{
    private const string AnyAction = "anyAction";

    public MongoPrivilege(MongoResource resource, params string[] actions)
        : this(resource, (IReadOnlyList<string>)actions)
    {
    }

    public bool Allows(MongoResource resource, string action) =>
        (Actions.Contains(action, StringComparer.Ordinal) || Actions.Contains(AnyAction, StringComparer.Ordinal)) && Resource.Covers(resource);

    /// <summary>From an array of <c>{resource, actions}</c>.</summary>
    public static IReadOnlyList<MongoPrivilege> Parse(BsonArray privileges) =>
    [
        .. from privilege in privileges.OfType<BsonDocument>()
           let resource = MongoResource.Parse(privilege["resource"].AsBsonDocument)
           where resource is not null
           select new MongoPrivilege(resource, [.. privilege["actions"].AsBsonArray.Select(a => a.AsString)]),
    ];
}
