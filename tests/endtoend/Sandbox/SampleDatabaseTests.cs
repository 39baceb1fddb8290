using LuxHedge.Activities;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Worker.Sandbox.SampleData;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.EndToEnd.Sandbox;

public class SampleDatabaseTests
{
    [Fact(Explicit = true)]
    public async Task The_sample_has_what_a_backup_must_bring_back()
    {
        var mongo = await MongoServer.SharedAsync();
        await using var test = mongo.CreateDatabase();

        var (documents, _) = await SampleDatabase.LoadAsync(test.Database, CancellationToken.None);

        var collections = await (await test.Database.ListCollectionsAsync()).ToListAsync();
        var indexes = new List<BsonDocument>();
        foreach (var collection in collections.Where(c => c["type"] == "collection" && !c["name"].AsString.StartsWith("system.", StringComparison.Ordinal)))
        {
            indexes.AddRange(await (await test.Database.GetCollection<BsonDocument>(collection["name"].AsString).Indexes.ListAsync()).ToListAsync());
        }

        Assert.InRange(documents, 200_000, 300_000);
        Assert.Contains(collections, c => c["options"].AsBsonDocument.Contains("validator"));
        Assert.Contains(collections, c => c["options"].AsBsonDocument.GetValue("capped", false).AsBoolean);
        Assert.Contains(collections, c => c["type"] == "view");
        foreach (var option in new[] { "unique", "sparse", "partialFilterExpression", "expireAfterSeconds", "collation", "hidden" })
        {
            Assert.Contains(indexes, i => i.Contains(option));
        }

        Assert.Contains(indexes, i => i["key"].AsBsonDocument.Any(field => field.Value == -1));
        var transaction = await test.Database.GetCollection<BsonDocument>("transactions").Find(FilterDefinition<BsonDocument>.Empty).FirstAsync();
        Assert.Equal(BsonType.Decimal128, transaction["amount"].BsonType);
    }

    [Fact]
    public async Task A_database_without_the_marker_is_never_dropped_and_its_server_is_refused()
    {
        await using var mongo = await MongoServer.StartOwnAsync();
        var foreign = mongo.Client.GetDatabase("payroll");
        await foreign.GetCollection<BsonDocument>("salaries").InsertOneAsync(new BsonDocument("_id", 1));

        var drop = await Assert.ThrowsAsync<RefusalException>(() => SandboxMarker.DropAsync(foreign, CancellationToken.None));
        var use = await Assert.ThrowsAsync<RefusalException>(() => SandboxMarker.RefuseForeignAsync(mongo.Client, CancellationToken.None));

        Assert.Contains("payroll", drop.Message, StringComparison.Ordinal);
        Assert.Contains("payroll", use.Message, StringComparison.Ordinal);
        Assert.Equal(1, await foreign.GetCollection<BsonDocument>("salaries").CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));
    }

    [Fact]
    public async Task A_marked_database_is_dropped()
    {
        await using var mongo = await MongoServer.StartOwnAsync();
        var own = mongo.Client.GetDatabase(SandboxPlan.Asset);
        await SandboxMarker.WriteAsync(own, CancellationToken.None);

        await SandboxMarker.RefuseForeignAsync(mongo.Client, CancellationToken.None);
        await SandboxMarker.DropAsync(own, CancellationToken.None);

        Assert.False(await SandboxMarker.IsThereAsync(own, CancellationToken.None));
    }
}
