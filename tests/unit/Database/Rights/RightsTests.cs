using System.Text.Json;
using LuxHedge.Activities.Database.Rights;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Unit.Plans;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Rights;

public sealed class RightsTests : IDisposable
{
    private const string Db = "luxhedge_production";
    private static readonly RightsTraits Plain = new(TimeSeries: false, RawBuckets: false);
    private readonly PlanFolder folder = new();

    private AssetPlan Asset => PlanLoader.Load(folder.Write(SamplePlan.Sandbox)).Assets[Db];

    public void Dispose() => folder.Dispose();

    /// <summary>As the server's authorization matches resources, case by case.</summary>
    [Theory]
    [InlineData("{ anyResource: true }", "{ db: 'a', collection: 'b' }", true)]
    [InlineData("{ anyResource: true }", "{ cluster: true }", true)]
    [InlineData("{ anyResource: true }", "{ db: 'local', collection: 'oplog.rs' }", true)]
    [InlineData("{ cluster: true }", "{ cluster: true }", true)]
    [InlineData("{ cluster: true }", "{ db: 'a', collection: 'b' }", false)]
    [InlineData("{ db: '', collection: '' }", "{ cluster: true }", false)]
    [InlineData("{ db: '', collection: '' }", "{ db: 'a', collection: 'b' }", true)]
    [InlineData("{ db: '', collection: '' }", "{ db: 'a', collection: '' }", true)]
    [InlineData("{ db: '', collection: '' }", "{ db: '', collection: '' }", true)]
    [InlineData("{ db: '', collection: '' }", "{ db: 'a', collection: 'system.js' }", false)]
    [InlineData("{ db: '', collection: '' }", "{ db: 'local', collection: 'oplog.rs' }", false)]
    [InlineData("{ db: '', collection: '' }", "{ db: 'config', collection: 'transactions' }", false)]
    [InlineData("{ db: '', collection: 'oplog.rs' }", "{ db: 'local', collection: 'oplog.rs' }", true)]
    [InlineData("{ db: '', collection: 'system.js' }", "{ db: 'a', collection: 'system.js' }", true)]
    [InlineData("{ db: '', collection: 'b' }", "{ db: 'a', collection: '' }", false)]
    [InlineData("{ db: 'local', collection: '' }", "{ db: 'local', collection: 'oplog.rs' }", true)]
    [InlineData("{ db: 'a', collection: '' }", "{ db: 'a', collection: 'b' }", true)]
    [InlineData("{ db: 'a', collection: '' }", "{ db: 'a', collection: 'system.js' }", false)]
    [InlineData("{ db: 'a', collection: '' }", "{ db: 'b', collection: 'b' }", false)]
    [InlineData("{ db: 'a', collection: '' }", "{ db: '', collection: '' }", false)]
    [InlineData("{ db: 'a', collection: 'b' }", "{ db: 'a', collection: 'b' }", true)]
    [InlineData("{ db: 'a', collection: 'b' }", "{ db: 'a', collection: '' }", false)]
    [InlineData("{ db: 'a', collection: '' }", "{ db: 'a', system_buckets: '' }", false)]
    [InlineData("{ system_buckets: '' }", "{ db: 'a', system_buckets: '' }", true)]
    [InlineData("{ db: 'a', system_buckets: '' }", "{ db: 'a', system_buckets: 'x' }", true)]
    [InlineData("{ db: 'a', system_buckets: 'x' }", "{ db: 'a', system_buckets: '' }", false)]
    [InlineData("{ db: 'a', system_buckets: '' }", "{ system_buckets: '' }", false)]
    public void A_privilege_covers_what_the_server_lets_it(string granted, string needed, bool covers) =>
        Assert.Equal(covers, MongoResource.Parse(BsonDocument.Parse(granted))!.Covers(MongoResource.Parse(BsonDocument.Parse(needed))!));

    [Fact]
    public void A_resource_that_a_later_server_may_have_grants_nothing() =>
        Assert.Empty(MongoPrivilege.Parse([BsonDocument.Parse("{ resource: { moon: true }, actions: ['find'] }")]));

    [Fact]
    public void The_roles_to_paste_are_enough_for_what_they_are_for_and_grant_nothing_else()
    {
        var backup = Granted(NeededRights.ToBackupRole([Db]));
        var restore = Granted(NeededRights.ToRestoreRole());

        Assert.Empty(RightsComparison.Missing(backup, NeededRights.Of(RightsUse.Backup, Asset, RightsTraits.All)));
        Assert.NotEmpty(RightsComparison.Missing(backup, NeededRights.Of(RightsUse.Restore, Asset, Plain)));
        foreach (var use in new[] { RightsUse.Restore, RightsUse.RestoreTest, RightsUse.Drill })
        {
            Assert.Empty(RightsComparison.Missing(restore, NeededRights.Of(use, Asset, RightsTraits.All)));
            Assert.Empty(NeededRights.UsefulOf(use, Asset).SelectMany(u => RightsComparison.Missing(restore, [u.Privilege])));
        }

        Assert.Empty(RightsComparison.More(backup, [.. NeededRights.Of(RightsUse.Backup, Asset, RightsTraits.All), .. Useful(RightsUse.Backup)]));
        Assert.Empty(RightsComparison.More(restore, NeededRights.Of(RightsUse.Drill, Asset, RightsTraits.All)));
    }

    [Fact]
    public void A_user_with_read_on_the_database_lacks_the_oplog_and_the_canary_by_name()
    {
        var missing = RightsComparison.Missing(
            [new(MongoResource.In(Db), "find", "listCollections", "listIndexes", "collStats"), new(MongoResource.In(Db, "system.js"), "find", "listIndexes", "collStats")],
            NeededRights.Of(RightsUse.Backup, Asset, Plain));

        Assert.Equal(
            [("local.oplog.rs", "find"), ($"{Db}.luxhedge_canary", "insert")], missing.Select(m => (m.On, string.Join(",", m.Actions))));
    }

    [Fact]
    public void A_plan_without_canaries_writes_nothing() =>
        Assert.DoesNotContain(NeededRights.Of(RightsUse.Backup, Asset with { Canary = false }, RightsTraits.All).SelectMany(p => p.Actions), a => a == "insert");

    [Theory]
    [InlineData("{ anyResource: true }", "anyAction", "anything at all")]
    [InlineData("{ db: 'admin', collection: '' }", "grantRole", "give itself any right (grantRole)")]
    [InlineData("{ cluster: true }", "shutdown", "administer the server (shutdown)")]
    [InlineData("{ db: 'luxhedge_production', collection: '' }", "update", "write to luxhedge_production")]
    [InlineData("{ db: 'payroll', collection: '' }", "find", "read payroll")]
    [InlineData("{ db: '', collection: '' }", "find", "read every database")]
    [InlineData("{ db: 'local', collection: '' }", "find", "read all of local (local.oplog.rs is enough)")]
    [InlineData("{ db: 'config', collection: '' }", "remove", "write to collections of the server's own (config)")]
    [InlineData("{ db: '', collection: 'system.users' }", "find", "read the server's own collections, its users' among them")]
    public void What_a_backup_never_does_is_more_than_needed_in_words(string resource, string action, string words)
    {
        var granted = Granted(NeededRights.ToBackupRole([Db])).Append(new(MongoResource.Parse(BsonDocument.Parse(resource))!, action)).ToList();

        var more = Assert.Single(RightsComparison.More(granted, [.. NeededRights.Of(RightsUse.Backup, Asset, Plain), .. Useful(RightsUse.Backup)]));

        Assert.Contains(words, more, StringComparison.Ordinal);
    }

    [Fact]
    public void Operations_has_the_roles_to_paste()
    {
        var page = File.ReadAllText(Repository.Path("docs/operations.md"));
        foreach (var role in new[] { NeededRights.ToBackupRole([Db]), NeededRights.ToRestoreRole() })
            Assert.Contains(ToPaste(role), page, StringComparison.Ordinal);
    }

    /// <summary>As mongosh takes it.</summary>
    private static string ToPaste(BsonDocument role)
    {
        var privileges = role["privileges"].AsBsonArray.Select(p =>
            $"    {{ resource: {Flat(p["resource"].AsBsonDocument)}, actions: [{string.Join(", ", p["actions"].AsBsonArray.Select(a => Text(a.AsString)))}] }},");
        return $"db.createRole({{\n  role: {Text(role["createRole"].AsString)},\n  privileges: [\n{string.Join('\n', privileges)}\n  ],\n  roles: []\n}})";

        static string Text(string s) => JsonSerializer.Serialize(s);
        static string Flat(BsonDocument d) => $"{{ {string.Join(", ", d.Elements.Select(e => $"{e.Name}: {(e.Value.IsString ? Text(e.Value.AsString) : "true")}"))} }}";
    }

    private IEnumerable<MongoPrivilege> Useful(RightsUse use) => NeededRights.UsefulOf(use, Asset).Select(u => u.Privilege);

    private static IReadOnlyList<MongoPrivilege> Granted(BsonDocument role) => MongoPrivilege.Parse(role["privileges"].AsBsonArray);
}
