using LuxHedge.Activities;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Integration.Database.Dump;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>From a base over slices of a real server's oplog to a moment between backups.</summary>
public sealed class PointInTimeTests
{
    [Fact]
    public async Task A_whole_database_comes_back_as_it_was_between_two_backups()
    {
        await using var rig = await RestoreRig.CreateAsync(a => a with { RangeBytes = 100_000 });
        await SampleData.FillAsync(rig.Source, cars: 300);
        var before = await rig.NowAsync();
        await rig.BackUpAsync(beforeLanes: () => SampleData.TouchAsync(rig.Source));
        await SampleData.ChangeAsync(rig.Source);
        await rig.Source.GetCollection<BsonDocument>("readings").InsertManyAsync(
            Enumerable.Range(20, 5).Select(i => new BsonDocument { { "t", new DateTime(2026, 1, 1, 0, 1, i, DateTimeKind.Utc) }, { "m", i % 2 }, { "v", i } }));
        await rig.Source.CreateCollectionAsync("other readings", new CreateCollectionOptions { TimeSeriesOptions = new TimeSeriesOptions("t") });
        await rig.Source.GetCollection<BsonDocument>("other readings").InsertOneAsync(new BsonDocument { { "t", DateTime.UtcNow }, { "v", 1 } });
        var wanted = await rig.NowAsync();
        var then = await RestoreRig.StateAsync(rig.Source);
        await SpoilAsync(rig.Source);
        var slices = await rig.SliceAsync(before);
        var target = rig.NewTarget();

        var run = await rig.RunAsync(rig.CreateRequest(target, to: RestorePoint.At(wanted)));

        AssertSame(then, await RestoreRig.StateAsync(rig.Target(target)));
        run.AssertProven();
        Assert.True(slices.Count > 2);
        Assert.Equal(rig.BackupId, run.Plan.BackupId);
        Assert.True(run.Plan.Point!.BaseEnd < run.Plan.To && run.Plan.To <= wanted);
        Assert.Contains(run.Checks, c => c is { Name: "base", Verdict: Verdict.Proven });
        Assert.Contains(run.Checks, c => c is { Name: "slices", Verdict: Verdict.Proven });
        Assert.Contains(run.Checks, c => c.Name == "cars" && c.Detail.Contains("none of which missed its document", StringComparison.Ordinal));
        Assert.Contains(run.Checks, c => c.Name == "mixed" && c.Detail.Contains("compared by hash", StringComparison.Ordinal));
    }

    [Fact(Explicit = true)]
    public async Task Every_counter_up_to_the_moment_is_there_and_none_after_and_no_transfer_is_half()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await using var writers = new Writers(rig.Source);
        var before = await rig.NowAsync();
        writers.Start();
        await writers.ReachAsync(20);
        await rig.BackUpAsync(beforeLanes: () => writers.ReachAsync(writers.Count + 20));
        await writers.ReachAsync(writers.Count + 40);
        var points = new List<(long Acknowledged, ClusterTime At, long Sent)>();
        for (var i = 0; i < 2; i++)
        {
            var acknowledged = writers.Acknowledged;
            points.Add((acknowledged, await rig.NowAsync(), writers.Sent));
            await writers.ReachAsync(writers.Count + 40);
        }

        await writers.StopAsync();
        await rig.SliceAsync(before, entriesEach: 50);

        foreach (var (acknowledged, at, sent) in points)
        {
            var target = rig.NewTarget();
            var run = await rig.RunAsync(rig.CreateRequest(target, to: RestorePoint.At(at)));
            // Only a server that reads at a past time has a witness of what is written to all the while.
            Assert.DoesNotContain(run.Checks, c => c.Verdict == Verdict.Failed);
            if (rig.IsMongod)
                run.AssertProven();
            Writers.AssertBounds(rig.Target(target), acknowledged, sent);
        }
    }

    [Fact(Explicit = true)]
    public async Task A_replay_that_is_killed_in_the_middle_goes_on_where_it_was()
    {
        await using var rig = await CreateAsync();
        var then = await RestoreRig.StateAsync(rig.Source);
        await rig.SliceAsync(rig.Before, entriesEach: 40);
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target, to: RestorePoint.Latest));
        foreach (var step in rig.StepsBeforeCutOver(work).Take(4))
            await step();
        var heard = 0;
        await RestoreRig.KillAsync(
            () => rig.Restore.ReplayToPointAsync(work), what => what.StartsWith("replay to the point", StringComparison.Ordinal) && ++heard == 60);

        var run = await rig.RunAsync(work);

        run.AssertProven();
        AssertSame(then, await RestoreRig.StateAsync(rig.Target(target)));
    }

    [Fact(Explicit = true)]
    public async Task A_spoiled_slice_comes_from_another_store_and_a_missing_one_is_a_gap_with_the_nearest_times()
    {
        await using var rig = await CreateAsync(withSecondStore: true);
        var slices = await rig.SliceAsync(rig.Before, 60, null, "nas", "second");
        await rig.CopyAsync("nas", "second");
        var last = slices[^1];
        await rig.DamageAsync("nas", slices[^2]);

        var preflight = await rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.At(last.To)));
        Assert.Equal(last.To, preflight.To);
        var refused = await Assert.ThrowsAsync<RefusalException>(() =>
            rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.At(last.To), store: "nas")));
        Assert.Equal(ErrorKinds.Integrity, refused.Report.Kind);
        var run = await rig.RunAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.At(last.To)));
        run.AssertProven();

        foreach (var store in (string[])["nas", "second"])
            rig.Lose(store, slices[^2]);
        var gap = await Assert.ThrowsAsync<RefusalException>(() =>
            rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.At(last.To))));
        Assert.Equal(ErrorKinds.Usage, gap.Report.Kind);
        Assert.Contains(gap.Report.Problems!, p => p.Message == $"the nearest before: {PointChoice.Text(slices[^3].To)}");
        var work = await rig.StartAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.Latest));
        Assert.Equal(slices[^3].To, work.Plan.To);
        var lost = await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.ReplayToPointAsync(work with { Plan = work.Plan with { To = last.To } }));
        Assert.Equal(ErrorKinds.Integrity, lost.Report.Kind);
    }

    [Fact(Explicit = true)]
    public async Task Slices_that_do_not_go_on_from_the_base_are_refused()
    {
        await using var rig = await CreateAsync();
        // As if the server's oplog were another one since: of what the backup saw before its end mark something is not in it.
        await rig.SliceAsync(rig.Before, leaveOut: e => OplogEntry.Read(e) is { Operation: "i", CollectionName: "luxhedge_canary" });

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.Latest)));

        Assert.Equal(ErrorKinds.Integrity, refusal.Report.Kind);
        Assert.Contains("does not go on from backup", refusal.Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task Named_collections_come_back_by_the_names_they_had_at_the_moment()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "orders", 40, 10);
        await SampleData.FillAsync(rig.Source, "users", 30, 10);
        await SampleData.FillAsync(rig.Source, "other", 20, 10);
        var before = await rig.NowAsync();
        await rig.BackUpAsync();
        await rig.Source.GetCollection<BsonDocument>("orders").DeleteOneAsync(new BsonDocument("_id", 3));
        await rig.Source.RenameCollectionAsync("orders", "archive");
        await SampleData.FillAsync(rig.Source, "orders", 7, 10);
        await SampleData.FillAsync(rig.Source, "made since", 5, 10);
        var canary = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 30);
        await rig.Source.GetCollection<BsonDocument>("luxhedge_canary").InsertOneAsync(new BsonDocument { { "_id", 1 }, { "at", canary.UtcDateTime } });
        var then = await RestoreRig.StateAsync(rig.Source);
        var wanted = await rig.NowAsync();
        await SpoilAsync(rig.Source);
        await rig.Source.RenameCollectionAsync("archive", "elsewhere");
        await rig.SliceAsync(before, entriesEach: 20);
        var target = rig.NewTarget();

        var run = await rig.RunAsync(rig.CreateRequest(target, ["archive", "orders", "made since"], to: RestorePoint.At(wanted)));

        run.AssertProven();
        var restored = await RestoreRig.StateAsync(rig.Target(target));
        Assert.Equal(["archive", "made since", "orders"], restored.Keys);
        foreach (var name in restored.Keys)
            Assert.Equal(then[name], restored[name]);
        Assert.Equal(canary, run.Compared.NewestCanary);
        var refusal = await Assert.ThrowsAsync<RefusalException>(() =>
            rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), ["elsewhere"], to: RestorePoint.At(wanted))));
        Assert.Contains("there was no collection 'elsewhere'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task Moments_before_in_and_after_a_restore_into_production_come_back_across_its_renames()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "orders", 60, 10);
        await SampleData.FillAsync(rig.Source, "users", 20, 10);
        var before = await rig.NowAsync();
        await rig.BackUpAsync();
        await rig.Source.GetCollection<BsonDocument>("orders").UpdateManyAsync(new BsonDocument(), new BsonDocument("$inc", new BsonDocument("n", 1000)));
        var (first, spoiled) = (await rig.NowAsync(), await RestoreRig.StateAsync(rig.Source));
        var work = await rig.StartAsync(rig.CreateRequest(null, drop: true, requestedBy: "operator"), "alice");
        foreach (var step in rig.StepsBeforeCutOver(work))
            await step();
        var (amid, stillSpoiled) = (await rig.NowAsync(), spoiled);
        await rig.Restore.CutOverAsync(work);
        await rig.Restore.CleanUpAsync(work, true);
        await rig.Source.GetCollection<BsonDocument>("orders").DeleteOneAsync(new BsonDocument("_id", 7));
        var (last, good) = (await rig.NowAsync(), await RestoreRig.StateAsync(rig.Source));
        await rig.SliceAsync(before, entriesEach: 50);

        foreach (var (at, expected) in ((ClusterTime, IReadOnlyDictionary<string, string>)[])[(first, spoiled), (amid, stillSpoiled), (last, good)])
        {
            var target = rig.NewTarget();
            var run = await rig.RunAsync(rig.CreateRequest(target, to: RestorePoint.At(at)));
            run.AssertProven();
            AssertSame(expected, await RestoreRig.StateAsync(rig.Target(target)));
        }
    }

    [Fact(Explicit = true)]
    public async Task The_base_is_the_newest_eligible_backup_and_without_slices_a_moment_is_a_backups()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "orders", 10, 10);
        var before = await rig.NowAsync();
        await rig.BackUpAsync();
        await rig.MakeEligibleAsync();
        var first = rig.BackupId;
        await rig.Source.GetCollection<BsonDocument>("orders").DeleteOneAsync(new BsonDocument("_id", 3));
        var lone = await rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.Latest, anyBackup: true));
        Assert.Null(lone.Point);
        await rig.BackUpAsync();
        await rig.SliceAsync(before);

        var eligible = await rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.Latest, anyBackup: true));
        await rig.MakeEligibleAsync();
        var newest = await rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), to: RestorePoint.Latest, anyBackup: true));

        Assert.Equal(first, eligible.BackupId);
        Assert.NotNull(eligible.Point);
        Assert.Equal(rig.BackupId, newest.BackupId);
        var future = await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.PreflightAsync(
            rig.CreateRequest(rig.NewTarget(), to: RestorePoint.At(DateTimeOffset.UtcNow.AddDays(1)), anyBackup: true)));
        Assert.Contains("in the future", future.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorKinds.Usage, future.Report.Kind);
    }

    /// <summary>Everything is different after the moment wanted.</summary>
    private static async Task SpoilAsync(IMongoDatabase db)
    {
        await db.GetCollection<BsonDocument>("users").DeleteManyAsync(new BsonDocument("_id", new BsonDocument("$lt", 20)));
        await db.DropCollectionAsync("mixed");
        await SampleData.FillAsync(db, "later", 10, 10);
    }

    private static void AssertSame(IReadOnlyDictionary<string, string> expected, IReadOnlyDictionary<string, string> actual)
    {
        static bool IsData(string name) => !BesideNames.IsOurs(name);
        Assert.Equal(expected.Keys.Where(IsData), actual.Keys.Where(IsData));
        foreach (var (name, state) in expected.Where(e => IsData(e.Key)))
            Assert.Equal(state, actual[name]);
    }

    private static async Task<RestoreRig> CreateAsync(bool withSecondStore = false)
    {
        var rig = await RestoreRig.CreateAsync(
            a => a with { RangeBytes = 100_000, Stores = withSecondStore ? ["nas", "second"] : a.Stores }, withSecondStore);
        await SampleData.FillAsync(rig.Source, cars: 200);
        rig.Before = await rig.NowAsync();
        await rig.BackUpAsync();
        await SampleData.ChangeAsync(rig.Source);
        return rig;
    }
}
