using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class AccountRestoreTests
{
    private static readonly BsonDocument User = BsonDocument.Parse(
        """
        {_id: 'live.app', userId: {$binary: {base64: 'AAAAAAAAAAAAAAAAAAAAAA==', subType: '04'}}, user: 'app', db: 'live',
         credentials: {'SCRAM-SHA-256': {iterationCount: 15000, salt: 's', storedKey: 'k', serverKey: 'v'}}, customData: {db: 'live'},
         roles: [{role: 'clerk', db: 'live'}, {role: 'read', db: 'other'}], authenticationRestrictions: [{clientSource: ['10.0.0.0/8']}]}
        """);

    private static readonly BsonDocument Role = BsonDocument.Parse(
        """
        {_id: 'live.clerk', role: 'clerk', db: 'live', roles: [{role: 'read', db: 'live'}],
         privileges: [{resource: {db: 'live', collection: 'cars'}, actions: ['find']}, {resource: {db: '', collection: ''}, actions: ['collStats']}, {resource: {cluster: true}, actions: ['inprog']}]}
        """);

    [Fact]
    public void Under_its_own_name_nothing_of_an_account_is_changed() => Assert.Equal(User, Create("live").Moved(User, "user"));

    [Fact]
    public void Under_another_name_what_names_the_database_names_the_other()
    {
        var user = Create("copy").Moved(User, "user");
        var role = Create("copy").Moved(Role, "role");

        Assert.Equal(("copy.app", "copy"), (user["_id"].AsString, user["db"].AsString));
        Assert.Equal(BsonDocument.Parse("{r: [{role: 'clerk', db: 'copy'}, {role: 'read', db: 'other'}]}")["r"], user["roles"]);
        Assert.Equal(User["credentials"], user["credentials"]);
        Assert.Equal(User["customData"], user["customData"]);
        Assert.Equal(User["authenticationRestrictions"], user["authenticationRestrictions"]);
        Assert.NotEqual(User["userId"], user["userId"]);
        Assert.Equal(["copy", ""], role["privileges"].AsBsonArray.Take(2).Select(p => p["resource"]["db"].AsString));
        Assert.Equal("live", User["db"]);
    }

    [Fact]
    public void A_role_is_made_with_its_privileges_and_before_it_inherits()
    {
        Assert.Equal(
            new BsonDocument { { "createRole", "clerk" }, { "privileges", Role["privileges"] }, { "roles", new BsonArray() } }, AccountRestore.CreateRole(Role));
        var restricted = new BsonDocument(Role) { { "authenticationRestrictions", new BsonArray { new BsonDocument("clientSource", new BsonArray { "10.0.0.0/8" }) } } };
        Assert.Equal(restricted["authenticationRestrictions"], AccountRestore.CreateRole(restricted)["authenticationRestrictions"]);
    }

    [Fact]
    public void Users_are_merged_into_their_own_database_and_none_is_dropped() => Assert.Equal(
        BsonDocument.Parse("{_mergeAuthzCollections: 1, tempUsersCollection: 'admin.tempusers', drop: false, writeConcern: {w: 'majority'}, db: 'live'}"),
        AccountRestore.Merge("live"));

    private static AccountRestore Create(string into) => new(new MongoClient("mongodb://127.0.0.1:1").GetDatabase(into), "live");
}
