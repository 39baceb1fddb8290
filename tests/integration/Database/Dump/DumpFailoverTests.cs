using System.Diagnostics;
using LuxHedge.Activities;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Dump;

/// <summary>A dump whose server goes away in the middle: cut, refused, stepped down, killed. The backup is the one it would have been.</summary>
public sealed class DumpFailoverTests
{
    private static readonly string FindCars = MongoWire.Command("find", "cars");

    private static readonly string FindOplog = MongoWire.Command("find", "oplog.rs");

    [Fact]
    public async Task A_connection_cut_in_the_middle_of_a_range_costs_that_range_and_nothing_before_it()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        // Nothing is tried again but by the driver, which is given its time.
        await using var rig = await CreateAsync(wire, lanes: 1, selectionSeconds: 60);
        rig.Retries = null;
        var start = await rig.Activities.MarkStartAsync(rig.Backup);
        var plan = await rig.Activities.PlanRangesAsync(rig.Backup, start);
        var read = new List<int>();
        rig.Activities = rig.CreateActivities(range =>
        {
            // The one after the third is cut.
            read.Add(range);
            if (read.Count == 3)
                wire.CutAnswer(FindCars, after: 100_000);
            return Task.CompletedTask;
        });

        var lane = await rig.Activities.DumpLaneAsync(new LaneWork(rig.Backup, 0, 0, start.Mark));

        Assert.Equal(1, wire.Accidents);
        Assert.Equal(read.Distinct(), read);
        Assert.Equal((plan.Ranges, 6500), (lane.Ranges, lane.Documents));
        Assert.Equal(2, (await rig.ObjectsAsync()).Count(o => o.Contains("/packs/0-", StringComparison.Ordinal)));
    }

    [Fact(Explicit = true)]
    public async Task A_server_that_is_lost_once_in_every_step_makes_no_other_backup()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        await using var rig = await CreateAsync(wire);
        // Larger than one answer, and read whole: its cursor is lost.
        await rig.Source.CreateCollectionAsync("large", new CreateCollectionOptions<BsonDocument>
        {
            ClusteredIndex = new ClusteredIndexOptions<BsonDocument> { Key = new BsonDocument("_id", 1), Unique = true },
        });
        await rig.Source.GetCollection<BsonDocument>("large").InsertManyAsync(
            Enumerable.Range(0, 3).Select(i => new BsonDocument { { "_id", i }, { "p", new byte[9 << 20] } }));
        wire.AnswerError(FindCars, 189, "PrimarySteppedDown");

        var run = await FinishAsync(
            rig,
            afterPlan: async () =>
            {
                wire.AnswerError(MongoWire.Command("collection", "large"), 43, "CursorNotFound");
                wire.AnswerError(FindCars, 10107, "NotWritablePrimary", nth: 4);
                wire.AnswerError(FindCars, 11602, "InterruptedDueToReplStateChange", nth: 4);
                wire.AnswerError(FindCars, 91, "ShutdownInProgress", nth: 4);
                wire.CutAnswer(FindCars, after: 3000, nth: 5);
                await DumpTests.FillAsync(rig.Source, "cars", 200, 50, from: 10_000);
            },
            afterLanes: () =>
            {
                wire.AnswerError("listCollections", 11600, "InterruptedAtShutdown");
                return Task.CompletedTask;
            },
            beforeEnd: () =>
            {
                wire.CutAnswer(MongoWire.Command("insert", "luxhedge_canary"), after: 10);
                wire.CutAnswer(FindOplog, after: 30_000);
                return Task.CompletedTask;
            },
            afterEnd: () =>
            {
                wire.CutAnswer(FindCars, after: 100_000);
                wire.AnswerError(FindCars, 13436, "NotPrimaryOrSecondary", nth: 3);
                return Task.CompletedTask;
            });

        Assert.True(wire.Accidents >= 9, $"{wire.Accidents} accidents");
        Assert.True(run.Seal.Documents > 6700);
    }

    [Fact]
    public async Task A_server_that_stays_away_is_told_plainly_and_left_to_the_policy()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        await using var rig = await CreateAsync(wire);
        rig.Retries = null;
        var start = await rig.Activities.MarkStartAsync(rig.Backup);
        var plan = await rig.Activities.PlanRangesAsync(rig.Backup, start);
        wire.Refuses = true;
        wire.CutAll();

        var refusal = await Assert.ThrowsAsync<RefusalException>(
            () => rig.Activities.DumpLaneAsync(new LaneWork(rig.Backup, 0, 0, start.Mark) { Lanes = plan.Lanes }));

        Assert.True(refusal.MayPass);
        Assert.Equal(ErrorKinds.Unreachable, refusal.Report.Kind);
        Assert.Contains("127.0.0.1:", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("primary", refusal.Report.Hint, StringComparison.Ordinal);
    }

    /// <summary>Half a minute of no server, and cut connections every second of the rest, while the database is written to.</summary>
    [Fact(Explicit = true)]
    public async Task An_outage_of_half_a_minute_and_connections_cut_every_second_make_no_other_backup()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        await using var rig = await CreateAsync(wire);
        rig.Retries = new Retries { Pause = TimeSpan.FromSeconds(2) };
        await using var writers = new Writers(rig.Source);
        writers.Start();
        await writers.ReachAsync(5);
        using var stop = new CancellationTokenSource();
        var cutting = Task.CompletedTask;

        var run = await rig.RunAsync(
            afterPlan: () =>
            {
                cutting = CutAsync();
                return Task.CompletedTask;
            },
            beforeEnd: async () =>
            {
                // The tail asks such a server every 15 s only: let it meet the outage.
                await cutting;
                await writers.StopAsync();
            });

        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        Assert.Empty(run.Seal.WithoutWitness);
        rig.Retries.AssertToldPlainly();
        await DumpTests.AssertVerifiedAsync(rig);

        async Task CutAsync()
        {
            var clock = Stopwatch.StartNew();
            wire.Refuses = true;
            while (clock.Elapsed < TimeSpan.FromSeconds(45))
            {
                wire.Refuses = clock.Elapsed < TimeSpan.FromSeconds(30);
                wire.CutAll();
                await Task.Delay(TimeSpan.FromSeconds(1));
            }
        }
    }

    [Fact(Explicit = true)]
    public async Task A_server_ended_and_started_again_in_the_middle_makes_no_other_backup()
    {
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(CacheMegabytes: 256));
        await using var wire = new MongoWire(server.ConnectionString);
        await using var rig = await CreateAsync(wire, server: server);
        rig.Retries = new Retries { Pause = TimeSpan.FromSeconds(1) };
        var read = 0;
        rig.Activities = rig.CreateActivities(async _ =>
        {
            if (Interlocked.Increment(ref read) == 4)
            {
                await server.EndAsync();
                await server.StartAgainAsync();
            }
        });

        await FinishAsync(rig, afterPlan: () => DumpTests.FillAsync(rig.Source, "cars", 200, 50, from: 10_000), beforeEnd: async () =>
        {
            await server.EndAsync();
            await server.StartAgainAsync();
        });
    }

    private static async Task<DumpRig> CreateAsync(MongoWire wire, int lanes = 2, MongoServer? server = null, int selectionSeconds = 5)
    {
        var rig = await DumpRig.CreateAsync(
            server, p => p with { MongoDb = $"{wire.ConnectionString}&serverSelectionTimeoutMS={selectionSeconds}000" }, a => a with { RangeBytes = 400_000, Lanes = lanes });
        rig.Retries = new Retries();
        await DumpTests.FillAsync(rig.Source, "cars", 6000, 400);
        await DumpTests.FillAsync(rig.Source, "users", 500, 100);
        return rig;
    }

    private static async Task<DumpRig.Finished> FinishAsync(
        DumpRig rig, Func<Task>? afterPlan = null, Func<Task>? afterLanes = null, Func<Task>? beforeEnd = null, Func<Task>? afterEnd = null)
    {
        var run = await rig.RunAsync(afterPlan: afterPlan, afterLanes: afterLanes, beforeEnd: beforeEnd, afterEnd: afterEnd);
        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        Assert.Empty(run.Seal.WithoutWitness);
        rig.Retries!.AssertToldPlainly();
        await DumpTests.AssertVerifiedAsync(rig);
        return run;
    }
}
