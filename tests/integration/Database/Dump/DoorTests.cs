using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;

namespace LuxHedge.Tests.Integration.Database.Dump;

public sealed class DoorTests
{
    [Fact]
    public async Task What_can_be_backed_up_is_told_where_and_how()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { Lanes = 3 });
        Assert.Equal(new BackupStart("nas", [], rig.Source.DatabaseNamespace.DatabaseName, 3) with { OtherStores = [] }, await BeginAsync(rig) with { OtherStores = [] });
    }

    [Fact]
    public async Task An_asset_or_collection_that_does_not_exist_is_wrong_usage()
    {
        await using var rig = await DumpRig.CreateAsync();
        await rig.Source.CreateCollectionAsync("cars");
        await AssertRefusedAsync(rig, new("r", "nothing", "q"), ErrorKinds.Usage, "nothing");
        var refusal = await AssertRefusedAsync(rig, new("r", rig.Asset.Name, "q", ["cars", "boats"]), ErrorKinds.Usage, "'boats'");
        Assert.DoesNotContain("'cars'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("cars", refusal.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_restore_into_the_asset_locks_it_but_not_for_its_own_backups()
    {
        await using var rig = await DumpRig.CreateAsync();
        rig.Activities = rig.CreateActivities(restoreInto: "20261123T000000Z-restore-x-1234");
        await AssertRefusedAsync(rig, new("r", rig.Asset.Name, "q"), ErrorKinds.Locked, "20261123T000000Z-restore-x-1234");
        await rig.Activities.BeginAsync(new("r", rig.Asset.Name, "q", Safety: true));
        await rig.Activities.BeginAsync(new("r", rig.Asset.Name, "q", AfterRestore: true));
    }

    [Fact]
    public async Task An_unreachable_server_is_named_with_the_time_out_and_what_to_check()
    {
        await using var rig = await DumpRig.CreateAsync();
        using var nowhere = Connect(rig, "mongodb://someone:secret@127.0.0.1:1/?directConnection=true&serverSelectionTimeoutMS=300");
        var refusal = (await Assert.ThrowsAsync<RefusalException>(() => nowhere.CheckAsync("main", CancellationToken.None))).Report;
        Assert.Equal(ErrorKinds.Unreachable, refusal.Kind);
        Assert.Contains("127.0.0.1:1", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("0.3 s", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("firewall", refusal.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refusal.Message + refusal.Hint + refusal.Where, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_credentials_are_told_as_such()
    {
        await using var server = await MongoServer.StartOwnAsync(new Worker.Sandbox.Servers.MongoDbOptions(CacheMegabytes: 128, Auth: true));
        await using var rig = await DumpRig.CreateAsync();
        var address = new MongoDB.Driver.MongoUrl(server.ConnectionString).Server;
        using var wrong = Connect(rig, $"mongodb://someone:secret@{address}/?directConnection=true&serverSelectionTimeoutMS=60000");
        var refusal = (await Assert.ThrowsAsync<RefusalException>(() => wrong.CheckAsync("main", CancellationToken.None))).Report;
        Assert.Equal(ErrorKinds.Unreachable, refusal.Kind);
        Assert.Contains("credentials", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refusal.Message + refusal.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_string_that_is_none_is_not_repeated()
    {
        await using var rig = await DumpRig.CreateAsync();
        using var wrong = Connect(rig, "mongodb://someone:se/cret@host");
        var refusal = Assert.Throws<RefusalException>(() => wrong["main"]).Report;
        Assert.Equal(ErrorKinds.Plan, refusal.Kind);
        Assert.DoesNotContain("cret", refusal.Message + refusal.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_without_its_bucket_is_refused_before_anything_is_read()
    {
        var s3 = await S3Server.SharedAsync();
        await using var rig = await DumpRig.CreateAsync(change: p => p with { S3 = s3.Server, S3Bucket = "no-such-bucket" });
        await AssertRefusedAsync(rig, new("r", rig.Asset.Name, "q"), ErrorKinds.Unreachable, "bucket");
    }

    [Fact(Explicit = true)]
    public async Task An_emptied_database_is_suspect()
    {
        await using var rig = await DumpRig.CreateAsync();
        await DumpTests.FillAsync(rig.Source, "users", 100, 10);
        await rig.RunAsync();
        await rig.RecordVerifiedAsync();
        rig.NewContext();
        await rig.Source.GetCollection<BsonDocument>("users").DeleteManyAsync(new BsonDocument("_id", new MongoDB.Bson.BsonDocument("$gte", 10)));

        var emptied = await rig.RunAsync();

        Assert.Contains(emptied.Seal.Suspect, s => s.StartsWith("documents fell", StringComparison.Ordinal));
    }

    private static Task<BackupStart> BeginAsync(DumpRig rig) => rig.Activities.BeginAsync(new("r", rig.Asset.Name, "q"));

    private static async Task<ErrorReport> AssertRefusedAsync(DumpRig rig, DatabaseBackupRequest request, string kind, string message)
    {
        var refusal = (await Assert.ThrowsAsync<RefusalException>(() => rig.Activities.BeginAsync(request))).Report;
        Assert.Equal(kind, refusal.Kind);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        return refusal;
    }

    private static ClusterConnections Connect(DumpRig rig, string connection) => new(rig.Plan with
    {
        Clusters = new Dictionary<string, ClusterPlan> { ["main"] = new("main", new SecretReference(connection, "/")) },
    });
}
