using LuxHedge.Activities.Plans;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Rights;

/// <summary>What is done with a user of the plan.</summary>
public enum RightsUse
{
    /// <summary>Dump, oplog (while it is dumped, and captured between backups), canary, witness.</summary>
    Backup,

    /// <summary>Into a scratch database beside production: <c>backups verify --level restore</c>.</summary>
    RestoreTest,

    /// <summary>Over production.</summary>
    Restore,

    /// <summary>Into a drill's own database.</summary>
    Drill,
}

/// <param name="TimeSeries">The database has time series: their buckets are read and written as such.</param>
/// <param name="RawBuckets">From 8.3 on by raw data operations.</param>
public sealed record RightsTraits(bool TimeSeries, bool RawBuckets)
{
    /// <summary>As if there were everything: what roles are made for.</summary>
    public static readonly RightsTraits All = new(TimeSeries: true, RawBuckets: false);
}

/// <summary>
/// The least rights in the database, in one place: what is checked, and the roles that operations.md has to paste. A command that the engine
/// begins to send is put here first.
/// </summary>
public static class NeededRights
{
    public const string BackupRole = "luxhedgeBackup";
    public const string RestoreRole = "luxhedgeRestore";

    private static readonly string[] Read = ["find", "listCollections", "listIndexes", "collStats"];

    private static readonly string[] Write =
    [
        "find", "insert", "update", "remove", "createCollection", "convertToCapped", "dropCollection", "renameCollectionSameDB", "createIndex", "dropIndex",
        "collMod", "listCollections", "listIndexes",
    ];

    private const string RawData = "performRawDataOperations";

    /// <summary>Without any of these the use fails.</summary>
    public static IReadOnlyList<MongoPrivilege> Of(RightsUse use, AssetPlan asset, RightsTraits traits) => use switch
    {
        RightsUse.Backup => Backup(asset.Database!, asset.Canary, traits),
        RightsUse.Restore => Writing(asset.Database!, traits),
        _ => [.. Writing("", traits), new(MongoResource.In(""), "dropDatabase")],
    };

    /// <summary>Without these it goes on, with less: what is said then stands behind each.</summary>
    public static IReadOnlyList<(MongoPrivilege Privilege, string Without)> UsefulOf(RightsUse use, AssetPlan asset) => use == RightsUse.Backup
        ?
        [
            (new(MongoResource.In("config", "transactions"), "find"), "an open transaction is found by its entries only, and the oplog is read further back"),
            .. asset.Canary ? new[] { (Trim(asset.Database!), "old canaries are never deleted") } : [],
        ]
        :
        [
            (new(MongoResource.In(use == RightsUse.Restore ? asset.Database! : ""), "dbStats"), "whether there is room is not known before a restore begins"),
            (new(MongoResource.Cluster, "inprog"), "a long index build is seen only by whether the server answers"),
        ];

    private static MongoPrivilege Trim(string database) => new(MongoResource.In(database, Marks.CanaryCollection), "remove");

    /// <summary>The role of workers that back up these databases and capture their oplog.</summary>
    public static BsonDocument ToBackupRole(IEnumerable<string> databases, bool canary = true) => Role(BackupRole,
    [
        .. databases.SelectMany(d => canary ? Backup(d, canary, RightsTraits.All).Append(Trim(d)) : Backup(d, canary, RightsTraits.All)).Append(new(MongoResource.In("config", "transactions"), "find")),
    ]);

    /// <summary>The role of workers that restore, test restores and drill: scratch and drill databases have names of their own, so it is on every
    /// database but the server's.</summary>
    public static BsonDocument ToRestoreRole() => Role(RestoreRole,
    [
        .. Writing("", RightsTraits.All), new(MongoResource.In(""), "dropDatabase", "dbStats"), new(MongoResource.Cluster, "inprog"),
    ]);

    private static List<MongoPrivilege> Backup(string database, bool canary, RightsTraits traits)
    {
        var needed = new List<MongoPrivilege>
        {
            new(MongoResource.In(database), Read),
            new(MongoResource.In(database, "system.js"), "find", "listIndexes", "collStats"),
            new(MongoResource.In("local", "oplog.rs"), "find"),
        };
        if (canary)
            needed.Add(new(MongoResource.In(database, Marks.CanaryCollection), "insert"));
        if (traits.TimeSeries)
            needed.Add(new(MongoResource.BucketsOf(database), "find", "listIndexes", "collStats"));
        if (traits.RawBuckets)
            needed.Add(new(MongoResource.In(database), RawData));
        return needed;
    }

    private static List<MongoPrivilege> Writing(string database, RightsTraits traits)
    {
        var needed = new List<MongoPrivilege>
        {
            new(MongoResource.In(database), Write),
            new(MongoResource.In(database, "system.js"), "find", "insert", "remove"),
        };
        if (traits.TimeSeries)
            needed.Add(new(MongoResource.BucketsOf(database), "find", "insert", "listIndexes"));
        if (traits.RawBuckets)
            needed.Add(new(MongoResource.In(database), RawData));
        return needed;
    }

    /// <summary>As <c>createRole</c> takes it, one privilege for each resource.</summary>
    private static BsonDocument Role(string name, IReadOnlyList<MongoPrivilege> privileges) => new()
    {
        { "createRole", name },
        {
            "privileges", new BsonArray(privileges.GroupBy(p => p.Resource).Select(g => new BsonDocument
            {
                { "resource", g.Key.ToBson() }, { "actions", new BsonArray(g.SelectMany(p => p.Actions).Distinct()) },
            }))
        },
        { "roles", new BsonArray() },
    };
}
