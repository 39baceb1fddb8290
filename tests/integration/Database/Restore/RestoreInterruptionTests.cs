using LuxHedge.Activities;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>Activities that are killed, or left behind alive, at some instant: the outcome is the same.</summary>
public sealed class RestoreInterruptionTests
{
    [Fact]
    public async Task Every_step_killed_in_the_middle_and_run_again_ends_in_the_same_database()
    {
        await using var rig = await CreateChangedAsync();
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));

        await RestoreRig.KillAsync(() => rig.Restore.PrepareAsync(work), what => what == "prepare");
        await rig.Restore.PrepareAsync(work);
        for (var lane = 0; lane < work.Plan.Lanes; lane++)
        {
            var load = new LoadWork(work, lane);
            await RestoreRig.KillAsync(() => rig.Restore.LoadLaneAsync(load), what => what.StartsWith("load", StringComparison.Ordinal));
            await rig.Restore.LoadLaneAsync(load);
        }

        await RestoreRig.KillAsync(() => rig.Restore.ReplayAsync(work), KillAtNth(2, "take over what is loaded"));
        await RestoreRig.KillAsync(() => rig.Restore.ReplayAsync(work), KillAtNth(40, "replay"));
        await rig.Restore.ReplayAsync(work);
        await RestoreRig.KillAsync(() => rig.Restore.BuildIndexesAsync(work), what => what.StartsWith("build", StringComparison.Ordinal));
        Assert.Empty(await rig.Restore.BuildIndexesAsync(work));
        await RestoreRig.KillAsync(() => rig.Restore.CheckAsync(work), what => what.StartsWith("check", StringComparison.Ordinal));
        var compared = await rig.Restore.CheckAsync(work);
        await RestoreRig.KillAsync(() => rig.Restore.CutOverAsync(work), KillAtNth(3, "cut over"));
        Assert.NotEmpty((await rig.Restore.CleanUpAsync(work, false)).StillThere);
        await RestoreRig.KillAsync(() => rig.Restore.CutOverAsync(work), KillAtNth(6, "cut over"));
        var cutOver = await rig.Restore.CutOverAsync(work);
        var cleaned = await rig.Restore.CleanUpAsync(work, true);

        Assert.All(compared.Checks.Concat(cutOver), c => Assert.True(c.Verdict == Verdict.Proven, $"{c.Name}: {c.Detail}"));
        Assert.Empty(cleaned.StillThere);
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    [Fact]
    public async Task A_load_that_is_woken_after_its_successor_has_finished_writes_nothing()
    {
        await using var rig = await CreateChangedAsync();
        var (target, work) = await PreparedAsync(rig);
        await AssertWritesNothingWhenWokenAtTheEndAsync(
            rig, target, work, () => rig.Restore.LoadLaneAsync(new LoadWork(work, 0)), what => what.StartsWith("load", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_load_that_is_woken_while_its_successor_loads_writes_nothing()
    {
        await using var rig = await CreateChangedAsync();
        var (target, work) = await PreparedAsync(rig);
        var (left, wake) = await RestoreRig.StopAsync(() => rig.Restore.LoadLaneAsync(new LoadWork(work, 0)), what => what.StartsWith("load", StringComparison.Ordinal));
        var (next, go) = await RestoreRig.StopAsync(() => rig.Restore.LoadLaneAsync(new LoadWork(work, 0)), what => what.StartsWith("load", StringComparison.Ordinal));

        wake();
        Assert.Equal(ErrorKinds.Fenced, (await Assert.ThrowsAsync<RefusalException>(() => left)).Report.Kind);
        go();
        await next;

        (await rig.RunAsync(work)).AssertProven();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    /// <summary>No fence that is only looked at holds a batch back that was already on its way when its worker stopped.</summary>
    [Fact]
    public async Task A_batch_that_arrives_after_the_restore_has_ended_leaves_nothing()
    {
        await using var wire = new MongoWire((await MongoServer.SharedAsync()).ConnectionString);
        await using var rig = await CreateChangedAsync(wire.ConnectionString);
        var (target, work) = await PreparedAsync(rig);
        var batch = wire.Hold(MongoWire.Command("insert", BesideNames.OfLoad(target, "cars", work.Request.RunId)));
        var left = LoadOneByOneAsync(rig, work);
        await batch.Arrived;

        (await rig.RunAsync(work)).AssertProven();
        var after = await RestoreRig.StateAsync(rig.Target(target));
        batch.Release();

        Assert.Equal(ErrorKinds.Fenced, (await Assert.ThrowsAsync<RefusalException>(() => left)).Report.Kind);
        Assert.Equal(after, await RestoreRig.StateAsync(rig.Target(target)));
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), after);
    }

    [Fact]
    public async Task A_batch_of_a_restore_that_was_given_up_changes_nothing_of_the_next_one()
    {
        await using var wire = new MongoWire((await MongoServer.SharedAsync()).ConnectionString);
        await using var rig = await CreateChangedAsync(wire.ConnectionString);
        var (target, given) = await PreparedAsync(rig);
        var batch = wire.Hold(MongoWire.Command("insert", BesideNames.OfLoad(target, "cars", given.Request.RunId)));
        var left = LoadOneByOneAsync(rig, given);
        await batch.Arrived;
        await rig.Restore.CleanUpAsync(given, false);

        // What the batch holds is other than what the next restore loads, and of documents that it does not have.
        await rig.Source.GetCollection<BsonDocument>("cars").DeleteManyAsync(new BsonDocument());
        await rig.BackUpAsync();
        var next = await rig.StartAsync(rig.CreateRequest(target));
        await rig.Restore.PrepareAsync(next);
        await rig.LoadAsync(next);
        batch.Release();
        Assert.Equal(ErrorKinds.Fenced, (await Assert.ThrowsAsync<RefusalException>(() => left)).Report.Kind);

        (await rig.RunAsync(next)).AssertProven();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    [Fact]
    public async Task What_was_written_to_a_name_that_replay_had_left_is_dropped()
    {
        await using var rig = await CreateChangedAsync();
        var (target, work) = await LoadedAsync(rig);
        await RestoreRig.KillAsync(() => rig.Restore.ReplayAsync(work), KillAtNth(3, "take over what is loaded"));
        var names = await (await rig.Target(target).ListCollectionNamesAsync()).ToListAsync();
        var left = names.Where(n => n.StartsWith("luxhedge_restoring.", StringComparison.Ordinal) && !n.Contains('~', StringComparison.Ordinal))
            .Select(n => BesideNames.OfLoad(target, n["luxhedge_restoring.".Length..], work.Request.RunId)).ToList();
        Assert.NotEmpty(left);
        foreach (var name in left)
            await rig.Target(target).GetCollection<BsonDocument>(name).InsertOneAsync(new BsonDocument("_id", "of an attempt that was left behind"));

        await rig.Restore.ReplayAsync(work);

        names = await (await rig.Target(target).ListCollectionNamesAsync()).ToListAsync();
        Assert.DoesNotContain(names, left.Contains);
        (await rig.RunAsync(work)).AssertProven();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    [Fact]
    public async Task A_replay_that_is_woken_after_its_successor_has_finished_writes_nothing()
    {
        await using var rig = await CreateChangedAsync();
        var (target, work) = await LoadedAsync(rig);
        await AssertWritesNothingWhenWokenAtTheEndAsync(rig, target, work, () => rig.Restore.ReplayAsync(work), KillAtNth(30, "replay"));
    }

    [Fact]
    public async Task A_replay_killed_between_the_parts_of_one_window_ends_in_the_same_database()
    {
        await using var rig = await CreateWithAWindowOfPartsAsync();
        var (target, work) = await LoadedAsync(rig);

        // An attempt ends after the first part of a window, the next when a part of what was changed is there: each begins its window anew.
        await RestoreRig.KillAsync(() => rig.Restore.ReplayAsync(work), KillAtNth(1, Part));
        Assert.Equal(0, await WindowsAsync(rig, target));
        await RestoreRig.KillAsync(() => rig.Restore.ReplayAsync(work), said => said == Part && CountChanged(rig, target) > 0);
        Assert.InRange(CountChanged(rig, target), 1, (WindowDocuments * 7 / 8) - 1);

        var run = await rig.RunAsync(work);

        run.AssertProven();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    [Fact(Explicit = true)]
    public async Task A_replay_that_is_woken_between_the_parts_of_one_window_writes_no_other_part()
    {
        await using var rig = await CreateWithAWindowOfPartsAsync();
        var (target, work) = await LoadedAsync(rig);
        await AssertWritesNothingWhenWokenAtTheEndAsync(rig, target, work, () => rig.Restore.ReplayAsync(work), KillAtNth(1, Part));
    }

    [Fact]
    public async Task Steps_that_begin_after_the_end_of_their_restore_are_fenced()
    {
        await using var rig = await CreateChangedAsync();
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        await rig.RunAsync(work);
        var after = await RestoreRig.StateAsync(rig.Target(target));

        foreach (var step in rig.WritingSteps(work).Skip(1))
            Assert.Equal(ErrorKinds.Fenced, (await Assert.ThrowsAsync<RefusalException>(step)).Report.Kind);

        Assert.Equal(after, await RestoreRig.StateAsync(rig.Target(target)));
    }

    private static async Task<(string Target, RestoreWork Work)> PreparedAsync(RestoreRig rig)
    {
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        await rig.Restore.PrepareAsync(work);
        return (target, work);
    }

    private static async Task<(string Target, RestoreWork Work)> LoadedAsync(RestoreRig rig)
    {
        var prepared = await PreparedAsync(rig);
        await rig.LoadAsync(prepared.Work);
        return prepared;
    }

    /// <summary>So that no lane of it raises a fence later than its successor's.</summary>
    private static async Task LoadOneByOneAsync(RestoreRig rig, RestoreWork work)
    {
        for (var lane = 0; lane < work.Plan.Lanes; lane++)
            await rig.Restore.LoadLaneAsync(new LoadWork(work, lane));
    }

    /// <summary>An attempt stops at an instant, the whole restore is done without it, and then it goes on.</summary>
    private static async Task AssertWritesNothingWhenWokenAtTheEndAsync(
        RestoreRig rig, string target, RestoreWork work, Func<Task> attempt, Func<string, bool> stopAt)
    {
        var (left, wake) = await RestoreRig.StopAsync(attempt, stopAt);
        (await rig.RunAsync(work)).AssertProven();
        var after = await RestoreRig.StateAsync(rig.Target(target));
        wake();

        Assert.Equal(ErrorKinds.Fenced, (await Assert.ThrowsAsync<RefusalException>(() => left)).Report.Kind);
        Assert.Equal(after, await RestoreRig.StateAsync(rig.Target(target)));
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), after);
    }

    /// <summary>Far more than one transaction takes: updates, deletions and inserts, each a different document, all in the oplog only.</summary>
    private const int WindowDocuments = 6_000;

    /// <summary>What is said after each part.</summary>
    private const string Part = "write a window in parts";

    private static async Task<RestoreRig> CreateWithAWindowOfPartsAsync()
    {
        var rig = await RestoreRig.CreateAsync();
        var many = rig.Source.GetCollection<BsonDocument>("many");
        await many.InsertManyAsync(Enumerable.Range(0, WindowDocuments).Select(i => new BsonDocument { { "_id", i }, { "n", i } }));
        await rig.BackUpAsync(meanwhile: async () =>
        {
            await many.UpdateManyAsync(new BsonDocument("_id", new BsonDocument("$lt", WindowDocuments * 3 / 4)), new BsonDocument("$set", new BsonDocument("replayed", true)));
            await many.DeleteManyAsync(new BsonDocument("_id", new BsonDocument { { "$gte", WindowDocuments * 3 / 4 }, { "$lt", WindowDocuments * 7 / 8 } }));
            await many.InsertManyAsync(Enumerable.Range(WindowDocuments, WindowDocuments / 8).Select(i => new BsonDocument { { "_id", i }, { "replayed", true } }));
        });
        return rig;
    }

    /// <summary>How many windows replay's state counts as done.</summary>
    private static async Task<int> WindowsAsync(RestoreRig rig, string target)
    {
        var state = await rig.Target(target).GetCollection<BsonDocument>("luxhedge_restoring").Find(new BsonDocument("_id", "fence/replay")).SingleAsync();
        return state.GetValue("windows", 0).ToInt32();
    }

    private static long CountChanged(RestoreRig rig, string target) =>
        rig.Target(target).GetCollection<BsonDocument>("luxhedge_restoring.many").CountDocuments(new BsonDocument("replayed", true));

    private static Func<string, bool> KillAtNth(int n, string what)
    {
        var seen = 0;
        return heard => heard.StartsWith(what, StringComparison.Ordinal) && ++seen == n;
    }

    private static async Task<RestoreRig> CreateChangedAsync(string? connection = null)
    {
        var rig = await RestoreRig.CreateAsync(a => a with { RangeBytes = 100_000 }, connection: connection);
        await SampleData.FillAsync(rig.Source, cars: 800);
        await rig.BackUpAsync(beforeLanes: () => SampleData.TouchAsync(rig.Source), meanwhile: () => SampleData.ChangeAsync(rig.Source));
        return rig;
    }
}
