using LuxHedge.Activities.Database;
using LuxHedge.Tests.Support;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Dump;

/// <summary>A dump whose server goes away in the middle: cut, refused, stepped down, killed. The backup is the one it would have been.</summary>
public sealed class DumpFailoverTests
{
    /// <summary>The least and the greatest <c>_id</c> of a collection that is cut.</summary>
    private const int PlanningReads = 2;

    [Fact]
    public async Task A_connection_cut_in_the_middle_of_a_range_costs_that_range_and_nothing_before_it()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        await using var rig = await CreateAsync(wire, lanes: 1);
        var read = new List<int>();
        rig.Activities = rig.CreateActivities(range =>
        {
            read.Add(range);
            return Task.CompletedTask;
        });
        wire.CutAnswer(MongoWire.Command("find", "cars"), after: 100_000, nth: PlanningReads + 5);

        await FinishAsync(rig, server);

        Assert.Equal(1, wire.Accidents);
        Assert.Empty(rig.Retries!.Failures);
        Assert.Equal(read.Distinct(), read);
    }

    internal static async Task<DumpRig> CreateAsync(MongoWire wire, int lanes = 2)
    {
        var rig = await DumpRig.CreateAsync(
            change: p => p with { MongoDb = wire.ConnectionString + "&serverSelectionTimeoutMS=5000" }, asset: a => a with { RangeBytes = 400_000, Lanes = lanes });
        rig.Retries = new Retries();
        await DumpTests.FillAsync(rig.Source, "cars", 6000, 400);
        await DumpTests.FillAsync(rig.Source, "users", 500, 100);
        return rig;
    }

    private static async Task<DumpRig.Finished> FinishAsync(DumpRig rig, MongoServer server, Func<Task>? afterPlan = null)
    {
        var run = await rig.RunAsync(afterPlan: afterPlan);
        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        Assert.Empty(run.Seal.WithoutWitness);
        rig.Retries!.AssertToldPlainly();
        await DumpTests.AssertVerifiedAsync(rig);
        return run;
    }
}
