using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>A restore whose server goes away in the middle: cut, stepped down, killed. The database is the one it would have been.</summary>
public sealed class RestoreFailoverTests
{
    [Fact(Explicit = true)]
    public async Task A_server_that_is_lost_once_in_every_step_makes_no_other_database()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        await using var rig = await CreateAsync(wire);
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        string Loaded(string name) => BesideNames.OfLoad(target, name, work.Request.RunId);
        // In the order of the steps; of what is asked often a later one.
        wire.CutAnswer(MongoWire.Command("create", Loaded("clustered")), after: 0);
        wire.CutRequest(MongoWire.Command("insert", Loaded("cars")), after: 5000);
        wire.CutAnswer(MongoWire.Command("insert", Loaded("users")), after: 0);
        wire.AnswerError(MongoWire.Command("insert", Loaded("cars")), 11602, "InterruptedDueToReplStateChange", nth: 2);
        wire.AnswerError(MongoWire.Command("insert", Loaded("capped")), 189, "PrimarySteppedDown");
        wire.CutAnswer(MongoWire.Command("renameCollection", $"{target}.{Loaded("users")}"), after: 0);
        wire.CutAnswer("commitTransaction", after: 0, nth: 9);
        wire.AnswerError(MongoWire.Command("update", "luxhedge_restoring.cars"), 10107, "NotWritablePrimary");
        wire.CutRequest(MongoWire.Command("delete", "luxhedge_restoring.cars"), after: 40);
        wire.AnswerError(MongoWire.Command("createIndexes", "luxhedge_restoring.users"), 11602, "InterruptedDueToReplStateChange");
        wire.AnswerError(MongoWire.Command("collMod", "luxhedge_restoring.cars"), 91, "ShutdownInProgress");
        wire.CutAnswer("renameCollection", after: 0, nth: 2);
        wire.AnswerError(MongoWire.Command("create", "some"), 10107, "NotWritablePrimary");
        wire.CutAnswer(MongoWire.Command("drop", "luxhedge_restoring"), after: 0);

        var run = await rig.RunAsync(work);

        run.AssertProven();
        rig.Retries!.AssertToldPlainly();
        Assert.True(wire.Waiting.Count <= 1, $"These did not come: {string.Join(" | ", wire.Waiting)}");
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    [Fact(Explicit = true)]
    public async Task A_server_ended_and_started_again_in_a_load_and_in_a_replay_makes_no_other_database()
    {
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(CacheMegabytes: 256));
        await using var wire = new MongoWire(server.ConnectionString);
        await using var rig = await CreateAsync(wire, server);
        rig.Retries = new Retries { Pause = TimeSpan.FromSeconds(1) };
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        await rig.Restore.PrepareAsync(work);

        for (var lane = 0; lane < work.Plan.Lanes; lane++)
            await AgainAsync(() => rig.Restore.LoadLaneAsync(new LoadWork(work, lane)), "load");
        await AgainAsync(() => rig.Restore.ReplayAsync(work), "replay");
        var run = await rig.RunAsync(work);

        run.AssertProven();
        rig.Retries.AssertToldPlainly();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));

        // At the step's first word of progress the server ends; it is back a moment later.
        async Task AgainAsync<T>(Func<Task<T>> step, string what)
        {
            var (running, wake) = await RestoreRig.StopAsync(step, said => said.StartsWith(what, StringComparison.Ordinal));
            await server.EndAsync();
            wake();
            var back = server.StartAgainAsync();
            await rig.Retries!.RunAsync(() => running.IsCompletedSuccessfully || !running.IsCompleted ? running : step());
            await back;
        }
    }

    private static async Task<RestoreRig> CreateAsync(MongoWire wire, MongoServer? server = null)
    {
        var rig = await RestoreRig.CreateAsync(
            a => a with { RangeBytes = 100_000 }, server: server, connection: wire.ConnectionString + "&serverSelectionTimeoutMS=5000");
        await SampleData.FillAsync(rig.Source, cars: 800);
        await rig.BackUpAsync(beforeLanes: () => SampleData.TouchAsync(rig.Source), meanwhile: () => SampleData.ChangeAsync(rig.Source));
        rig.Retries = new Retries();
        return rig;
    }
}
