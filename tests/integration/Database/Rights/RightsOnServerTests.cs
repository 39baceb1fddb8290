using LuxHedge.Activities.Database.Rights;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Integration.Database.Dump;
using LuxHedge.Tests.Integration.Database.Restore;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Rights;

/// <summary>Users with rights of their own on a server that asks for passwords.</summary>
public sealed class RightsOnServerTests
{
    [Fact]
    public async Task The_least_roles_are_enough_for_a_backup_and_are_known_as_such()
    {
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(CacheMegabytes: 128, Auth: true));
        await using var rig = await DumpRig.CreateAsync(server, p => p with { MongoDb = server.As("backup", "backup-of-the-test") });
        var name = rig.Source.DatabaseNamespace.DatabaseName;
        await MakeAsync(server, NeededRights.ToBackupRole([name]), "backup");
        await DumpTests.FillAsync(rig.Source, "users", 500, 10);
        await rig.Source.CreateCollectionAsync("measurements", new CreateCollectionOptions { TimeSeriesOptions = new("at") });
        await rig.Source.GetCollection<BsonDocument>("measurements").InsertOneAsync(new BsonDocument { { "at", DateTime.UtcNow }, { "v", 1 } });
        await rig.Source.RunCommandAsync<BsonDocument>(new BsonDocument { { "create", "view" }, { "viewOn", "users" }, { "pipeline", new BsonArray() } });

        var done = await rig.RunAsync();
        Assert.True(done.Seal.Documents >= 501);

        var rights = Assert.Single(await RightsCheck.RunAsync(rig.Plan, default));
        Assert.Equal((Verdict.Proven, "backup@admin", true), (rights.Verdict, rights.User, rights.Authenticates));
        Assert.True(Use(rights, RightsUse.Backup).Able);
        Assert.Empty(Use(rights, RightsUse.Backup).Missing);
        Assert.False(Use(rights, RightsUse.Restore).Able);
        Assert.Contains(Use(rights, RightsUse.Restore).Missing, m => m.On == name && m.Actions.Contains("insert"));
        Assert.Empty(rights.More);
    }

    [Fact(Explicit = true)]
    public async Task The_least_role_restores_every_kind_of_collection_with_its_oplog_and_can_not_back_up()
    {
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(CacheMegabytes: 128, Auth: true));
        await using var rig = await RestoreRig.CreateAsync(server: server, connection: server.As("worker", "worker-of-the-test"));
        await MakeAsync(server, NeededRights.ToBackupRole([rig.Source.DatabaseNamespace.DatabaseName]), "worker");
        await SampleData.FillAsync(rig.Source, cars: 100);
        await rig.BackUpAsync(meanwhile: () => SampleData.ChangeAsync(rig.Source));
        await MakeAsync(server, NeededRights.ToRestoreRole(), null);
        await server.Client.GetDatabase("admin").RunCommandAsync<BsonDocument>(
            new BsonDocument { { "updateUser", "worker" }, { "roles", new BsonArray { NeededRights.RestoreRole } } });
        var target = rig.NewTarget();

        var run = await rig.RunAsync(rig.CreateRequest(target));

        run.AssertProven();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
        var rights = Assert.Single(await RightsCheck.RunAsync(rig.Plan, default));
        Assert.Equal([false, true, true, true], rights.Uses.OrderBy(u => u.Use).Select(u => u.Able!.Value));
        Assert.Equal(Verdict.Failed, rights.Verdict);
        Assert.Empty(rights.More);
    }

    [Fact]
    public async Task Who_may_too_little_and_who_may_too_much_are_told_through_inherited_roles_too()
    {
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(CacheMegabytes: 128, Auth: true));
        await using var test = TestPlan.Create(p => p with { MongoDb = server.As("reader", "reader-of-the-test") });
        var asset = test.Plan.Assets.Values.Single();
        await MakeAsync(server, Role("inner", [("read", asset.Database!)]), null);
        await MakeAsync(server, Role("outer", [("inner", "admin"), ("userAdminAnyDatabase", "admin")]), "reader");

        var rights = Assert.Single(await RightsCheck.RunAsync(test.Plan, default));
        Assert.Equal(Verdict.Failed, rights.Verdict);
        Assert.Equal(["outer@admin"], rights.Roles);
        var backup = Use(rights, RightsUse.Backup);
        Assert.Equal(["local.oplog.rs", $"{asset.Database}.luxhedge_canary"], backup.Missing.Select(m => m.On));
        Assert.Contains(rights.More, m => m.Contains("give itself any right", StringComparison.Ordinal));

        // Root can do all of it, and far more.
        var root = With(test.Plan, server.ConnectionString);
        rights = Assert.Single(await RightsCheck.RunAsync(root, default));
        Assert.Equal(Verdict.Proven, rights.Verdict);
        Assert.All(rights.Uses, u => Assert.True(u.Able));
        Assert.NotEmpty(rights.More);
    }

    [Fact]
    public async Task A_server_that_asks_nobody_and_one_that_is_away_are_said_to_be_so()
    {
        var open = await MongoServer.SharedAsync();
        await using var test = TestPlan.Create(p => p with { MongoDb = open.ConnectionString });

        var rights = Assert.Single(await RightsCheck.RunAsync(test.Plan, default));
        Assert.Equal((Verdict.Proven, null, false), (rights.Verdict, rights.User, rights.Authenticates));

        rights = Assert.Single(await RightsCheck.RunAsync(With(test.Plan, TestPlan.Nowhere), default));
        Assert.Equal(Verdict.NotProven, rights.Verdict);
        Assert.Contains("127.0.0.1:1", rights.Unknown, StringComparison.Ordinal);
        Assert.All(rights.Uses, u => Assert.Null(u.Able));
    }

    [Fact]
    public async Task A_password_that_is_wrong_is_never_shown()
    {
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(CacheMegabytes: 128, Auth: true));
        await using var test = TestPlan.Create(p => p with { MongoDb = server.As("root", "wrong-of-the-test") });

        var rights = Assert.Single(await RightsCheck.RunAsync(test.Plan, default));

        Assert.Contains("refused the credentials", rights.Unknown, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-of-the-test", rights.ToString(), StringComparison.Ordinal);
    }

    private static UseRights Use(ClusterRights rights, RightsUse use) => rights.Uses.Single(u => u.Use == use);

    private static BsonDocument Role(string name, IEnumerable<(string Role, string Database)> roles) => new()
    {
        { "createRole", name }, { "privileges", new BsonArray() },
        { "roles", new BsonArray(roles.Select(r => new BsonDocument { { "role", r.Role }, { "db", r.Database } })) },
    };

    private static async Task MakeAsync(MongoServer server, BsonDocument role, string? user)
    {
        var admin = server.Client.GetDatabase("admin");
        await admin.RunCommandAsync<BsonDocument>(role);
        if (user is not null)
        {
            await admin.RunCommandAsync<BsonDocument>(
                new BsonDocument { { "createUser", user }, { "pwd", $"{user}-of-the-test" }, { "roles", new BsonArray { role["createRole"] } } });
        }
    }

    private static Plan With(Plan plan, string connection) => plan with
    {
        Clusters = new Dictionary<string, ClusterPlan> { ["main"] = new("main", new SecretReference(connection, "/")) },
    };
}
