using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Runbooks;

/// <summary>The same production, whose drills have a server of their own, as the sandbox's have.</summary>
public sealed class DrillClusterSite : DrillSite
{
    protected override bool OwnDrillCluster => true;
}

public sealed class DrillClusterTests(DrillClusterSite site) : IClassFixture<DrillClusterSite>
{
    [Fact(Explicit = true)]
    public async Task A_drill_on_a_cluster_of_its_own_is_proven_and_writes_nothing_into_productions_oplog()
    {
        var (code, summary) = await site.DrillAsync("database-loss");

        Assert.True(code == 0, DrillSite.Tell(summary));
        Assert.Equal("Proven", summary.GetProperty("verdict").GetString());
        Assert.NotEqual(0, await EntriesOfDrillsAsync(site.DrillClient));
        Assert.Equal(0, await EntriesOfDrillsAsync(site.Client));
        Assert.Empty(await site.LeftAsync());
    }

    private static Task<long> EntriesOfDrillsAsync(IMongoClient client) => client.GetDatabase("local").GetCollection<BsonDocument>("oplog.rs")
        .CountDocumentsAsync(new BsonDocument("ns", new BsonRegularExpression($"^{DrillDatabases.Prefix}")));
}
