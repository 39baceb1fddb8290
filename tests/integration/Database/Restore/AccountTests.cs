using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>Users and roles. The command that puts users in with their credentials is mongod's own: where the server lacks it, a wire answers for it.</summary>
public sealed class AccountTests
{
    [Fact(Explicit = true)]
    public async Task Roles_come_back_and_users_that_a_server_does_not_take_are_named()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 5, 20);
        await MakeAsync(rig.Source);
        await rig.BackUpAsync();
        var target = rig.NewTarget();

        var run = await rig.RunAsync(rig.CreateRequest(target) with { Users = true });

        var check = run.CutOver.Single(c => c.Name == "users and roles");
        var roles = await rig.Target(target).RunCommandAsync<BsonDocument>(new BsonDocument { { "rolesInfo", 1 }, { "showPrivileges", true } });
        Assert.Equal(["clerk", "head"], roles["roles"].AsBsonArray.Select(r => r["role"].AsString).Order(StringComparer.Ordinal));
        var head = roles["roles"].AsBsonArray.Single(r => r["role"] == "head").AsBsonDocument;
        Assert.Contains(head["roles"].AsBsonArray, r => r["role"] == "clerk" && r["db"] == target);
        if (rig.IsMongod)
        {
            Assert.Equal(Verdict.Proven, check.Verdict);
        }
        else
        {
            Assert.Equal(Verdict.NotProven, check.Verdict);
            Assert.Contains("user app", check.Detail, StringComparison.Ordinal);
        }

        await ForgetAsync(rig.Source);
        await ForgetAsync(rig.Target(target));
    }

    [Fact]
    public async Task Users_are_handed_over_with_their_credentials_those_that_are_there_stay_and_nothing_is_left()
    {
        var server = await MongoServer.SharedAsync();
        Assert.SkipWhen(server.IsMongod, "mongod takes them itself");
        await using var wire = new MongoWire(server.ConnectionString);
        await using var test = server.CreateDatabase("accounts");
        await MakeAsync(test.Database);
        var accounts = await AccountReader.ReadAsync(test.Database, default);
        await ForgetAsync(test.Database);
        await test.Database.RunCommandAsync<BsonDocument>(new BsonDocument { { "createUser", "old" }, { "pwd", "another" }, { "roles", new BsonArray() } });
        wire.Answer("_mergeAuthzCollections", new BsonDocument("ok", 1.0));
        var command = MongoWire.Command("insert", "tempusers");
        wire.Answer(command, new BsonDocument { { "ok", 1.0 }, { "n", 1 } });
        using var client = new MongoClient(wire.ConnectionString);

        var checks = await new AccountRestore(client.GetDatabase(test.Name), test.Name).RestoreAsync(accounts, default);

        Assert.Equal(Verdict.Proven, Assert.Single(checks).Verdict);
        Assert.Contains("1 of 2 users", checks[0].Detail, StringComparison.Ordinal);
        Assert.Contains(accounts.Users.Select(u => ExtendedJson.Parse(u)), u => u["user"] == "app" && u["credentials"].AsBsonDocument.ElementCount > 0);
        Assert.Equal(AccountRestore.Merge(test.Name), new BsonDocument(wire.Answered[^1].Where(e => !e.Name.StartsWith('$') && e.Name != "lsid")));
        using var names = await client.GetDatabase("admin").ListCollectionNamesAsync();
        Assert.DoesNotContain("tempusers", await names.ToListAsync());
        await ForgetAsync(test.Database);
    }

    [Fact(Explicit = true)]
    public async Task Where_a_backup_holds_none_to_ask_for_them_is_refused()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 5, 20);
        await rig.BackUpAsync();

        var named = await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), ["cars"]) with { Users = true }));

        Assert.Equal((ErrorKinds.Usage, "--users"), (named.Report.Kind, named.Report.Where));
    }

    private static async Task MakeAsync(IMongoDatabase database)
    {
        var name = database.DatabaseNamespace.DatabaseName;
        foreach (var command in (string[])
        [
            $"{{createRole: 'clerk', privileges: [{{resource: {{db: '{name}', collection: 'cars'}}, actions: ['find']}}], roles: []}}",
            "{createRole: 'head', privileges: [], roles: ['clerk', 'read']}",
            "{createUser: 'app', pwd: 'secret', roles: ['head'], customData: {team: 'cars'}}",
            "{createUser: 'old', pwd: 'secret', roles: ['read']}",
        ])
            await database.RunCommandAsync<BsonDocument>(BsonDocument.Parse(command));
    }

    private static async Task ForgetAsync(IMongoDatabase database)
    {
        await database.RunCommandAsync<BsonDocument>(new BsonDocument("dropAllUsersFromDatabase", 1));
        await database.RunCommandAsync<BsonDocument>(new BsonDocument("dropAllRolesFromDatabase", 1));
    }
}
