using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

public sealed class RestoreTests
{
    [Fact]
    public async Task A_whole_database_comes_back_under_another_name_byte_for_byte()
    {
        await using var rig = await RestoreRig.CreateAsync(a => a with { RangeBytes = 200_000 });
        await SampleData.FillAsync(rig.Source);
        await rig.BackUpAsync();
        var target = rig.NewTarget();

        var run = await rig.RunAsync(rig.CreateRequest(target));

        run.AssertProven();
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
        Assert.NotNull(run.Compared.NewestCanary);
        Assert.False(run.Plan.Production);
        Assert.Equal("the target is empty", run.Plan.SafetySkipped);
    }

    [Fact]
    public async Task What_was_written_while_the_backup_ran_comes_back_from_its_oplog()
    {
        await using var rig = await RestoreRig.CreateAsync(a => a with { RangeBytes = 100_000 });
        await SampleData.FillAsync(rig.Source);
        await rig.BackUpAsync(beforeLanes: () => SampleData.TouchAsync(rig.Source), meanwhile: () => SampleData.ChangeAsync(rig.Source));
        var target = rig.NewTarget();

        var run = await rig.RunAsync(rig.CreateRequest(target));

        run.AssertProven();
        Assert.True(run.Replay.Entries > 100);
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    /// <summary>Its oplog inserts again what the copy does not have any more: that must not evict, nor come behind, what is newer.</summary>
    [Fact]
    public async Task A_capped_collection_that_evicted_before_it_was_read_keeps_its_documents_in_their_order()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await rig.Source.CreateCollectionAsync("capped", new CreateCollectionOptions { Capped = true, MaxSize = 1 << 20, MaxDocuments = 10 });
        var capped = rig.Source.GetCollection<BsonDocument>("capped");
        var inserted = 0;
        async Task InsertAsync(int count)
        {
            for (var i = 0; i < count; i++)
                await capped.InsertOneAsync(new BsonDocument("_id", inserted++));
            // A command ends a window of replay: what is inserted in one and evicted in the next can't be folded.
            await rig.Source.CreateCollectionAsync($"after {inserted}");
        }

        await InsertAsync(3);
        await rig.BackUpAsync(beforeLanes: () => InsertAsync(25), meanwhile: () => InsertAsync(1));
        var target = rig.NewTarget();

        (await rig.RunAsync(rig.CreateRequest(target))).AssertProven();

        var after = await rig.Target(target).GetCollection<BsonDocument>("capped").Find(new BsonDocument()).ToListAsync();
        Assert.Equal(Enumerable.Range(inserted - 10, 10), after.Select(d => d["_id"].AsInt32));
        Assert.Equal(await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
    }

    [Fact]
    public async Task Without_its_oplog_a_backup_that_was_written_to_is_never_proven()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 200, 20);
        await rig.BackUpAsync(meanwhile: () => rig.Source.GetCollection<BsonDocument>("cars").UpdateOneAsync(
            new BsonDocument("_id", 7), new BsonDocument("$set", new BsonDocument("n", -1))));
        var work = await rig.StartAsync(rig.CreateRequest(rig.NewTarget()));
        await rig.Restore.PrepareAsync(work);
        await rig.LoadAsync(work);

        var compared = await rig.Restore.CheckAsync(work);

        Assert.Contains(compared.Checks, c => c.Name == "cars" && c.Verdict == Verdict.Failed);
        await rig.Restore.CleanUpAsync(work, false);
    }

    [Fact]
    public async Task Named_collections_come_back_beside_what_is_there()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, cars: 100);
        await rig.BackUpAsync(meanwhile: () => SampleData.ChangeAsync(rig.Source));
        var target = rig.NewTarget();
        await rig.Target(target).GetCollection<BsonDocument>("mine").InsertOneAsync(new BsonDocument("_id", 1));

        var run = await rig.RunAsync(rig.CreateRequest(target, ["users", "renamed", "some"]));

        run.AssertProven();
        var (source, restored) = (await RestoreRig.StateAsync(rig.Source), await RestoreRig.StateAsync(rig.Target(target)));
        Assert.Equal(["mine", "renamed", "some", "users"], restored.Keys);
        foreach (var name in (string[])["renamed", "some", "users"])
            Assert.Equal(source[name], restored[name]);
        Assert.Equal(["mine"], run.Plan.Left);
        Assert.NotNull(run.Compared.NewestCanary);
    }

    [Fact]
    public async Task A_target_with_data_is_refused_without_drop_and_what_is_there_is_named()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 10, 20);
        await rig.BackUpAsync();
        var target = rig.NewTarget();
        await rig.Target(target).GetCollection<BsonDocument>("precious").InsertOneAsync(new BsonDocument("_id", 1));

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.PreflightAsync(rig.CreateRequest(target)));

        Assert.Equal(ErrorKinds.Usage, refusal.Report.Kind);
        Assert.Contains("precious", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--drop", refusal.Report.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task To_drop_over_a_database_that_no_run_of_ours_made_is_production_and_over_one_that_did_is_not()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 10, 20);
        await rig.BackUpAsync();
        var (foreign, ours) = (rig.NewTarget(), rig.NewTarget());
        await rig.Target(foreign).GetCollection<BsonDocument>("cars").InsertOneAsync(new BsonDocument("_id", "old"));
        var first = rig.CreateRequest(ours);
        var run = await rig.RunAsync(first);
        await rig.KeepEvidenceAsync(first, run.Plan, replaced: true);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.PreflightAsync(rig.CreateRequest(foreign, drop: true)));
        var again = await rig.RunAsync(rig.CreateRequest(ours, drop: true));

        Assert.Equal(ErrorKinds.NotApproved, refusal.Report.Kind);
        Assert.False(again.Plan.Production);
        Assert.Null(again.Plan.SafetySkipped);
        again.AssertProven();
        var approved = await rig.RunAsync(rig.CreateRequest(foreign, drop: true, requestedBy: "operator"), "alice");
        Assert.True(approved.Plan.Production);
        approved.AssertProven();
    }

    [Fact]
    public async Task Production_is_written_only_with_the_approval_of_another_person_than_who_asked()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 50, 20);
        var before = await RestoreRig.StateAsync(rig.Source);
        await rig.BackUpAsync();
        await rig.Source.Client.DropDatabaseAsync(rig.Source.DatabaseNamespace.DatabaseName);
        var request = rig.CreateRequest(null, requestedBy: "operator");

        var nobody = await rig.StartAsync(request);
        var himself = await rig.StartAsync(request, "operator");
        var another = await rig.StartAsync(request, "alice");
        var elsewhere = another with { Plan = another.Plan with { Dropped = ["more"] } };
        var posing = another with { Plan = another.Plan with { Production = false } };
        foreach (var work in (RestoreWork[])[nobody, himself, elsewhere, posing with { Decisions = [] }])
        {
            foreach (var step in rig.WritingSteps(work))
                Assert.Equal(ErrorKinds.NotApproved, (await Assert.ThrowsAsync<RefusalException>(step)).Report.Kind);
        }

        Assert.Empty(await RestoreRig.StateAsync(rig.Source));
        Assert.Equal(["alice", "bob"], another.Plan.Approval!.Approvers);
        Assert.Contains(another.Plan.Shows, s => s.Label == "asked by" && s.Value == "operator");
        (await rig.RunAsync(another)).AssertProven();
        var after = (await RestoreRig.StateAsync(rig.Source)).Where(s => s.Key != Marks.CanaryCollection);
        Assert.Equal(before, after);
    }

    [Fact]
    public async Task An_abort_before_the_cut_over_leaves_the_target_as_it_was()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, cars: 50);
        await rig.BackUpAsync();
        await rig.Source.GetCollection<BsonDocument>("users").DeleteManyAsync(new BsonDocument("n", new BsonDocument("$lt", 10)));
        await rig.Source.DropCollectionAsync("cars");
        await rig.Source.CreateCollectionAsync("new");
        var before = await RestoreRig.StateAsync(rig.Source);

        for (var steps = 0; steps <= 5; steps++)
        {
            var work = await rig.StartAsync(rig.CreateRequest(null, drop: true, requestedBy: "operator"), "alice");
            foreach (var step in rig.StepsBeforeCutOver(work).Take(steps))
                await step();

            var cleaned = await rig.Restore.CleanUpAsync(work, false);

            Assert.Empty(cleaned.StillThere);
            Assert.Equal(before, await RestoreRig.StateAsync(rig.Source));
            Assert.Empty((await rig.Restore.CleanUpAsync(work, false)).Removed);
        }
    }

    [Fact]
    public async Task A_collection_that_came_since_the_approval_is_not_replaced()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 50, 20);
        await rig.BackUpAsync();
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        foreach (var step in rig.StepsBeforeCutOver(work))
            await step();
        await rig.Target(target).GetCollection<BsonDocument>("cars").InsertOneAsync(new BsonDocument("_id", "new"));

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.CutOverAsync(work));
        await rig.Restore.CleanUpAsync(work, false);

        Assert.Contains("cars", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("new", (await rig.Target(target).GetCollection<BsonDocument>("cars").Find(new BsonDocument()).SingleAsync())["_id"]);
    }

    [Fact]
    public async Task A_unique_violation_is_named_with_the_documents_and_the_other_indexes_are_built()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, cars: 10);
        await rig.BackUpAsync();
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        await rig.Restore.PrepareAsync(work);
        await rig.LoadAsync(work);
        await rig.Target(target).GetCollection<BsonDocument>(BesideNames.Of(target, "users")).InsertOneAsync(new BsonDocument { { "_id", "twin" }, { "n", 17 } });
        await rig.Restore.ReplayAsync(work);

        var checks = await rig.Restore.BuildIndexesAsync(work);

        var failed = Assert.Single(checks);
        Assert.Equal("index users.by_n", failed.Name);
        Assert.Contains("\"twin\"", failed.Detail, StringComparison.Ordinal);
        Assert.Contains("_id 17", failed.Detail, StringComparison.Ordinal);
        Assert.Equal(6, (await TargetInventory.IndexesAsync(rig.Target(target), BesideNames.Of(target, "users"), default)).Count);
        await rig.Restore.CleanUpAsync(work, false);
    }

    [Fact]
    public async Task A_document_that_the_server_refuses_is_named_and_the_others_are_loaded()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 300, 20);
        await rig.BackUpAsync();
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        await rig.Restore.PrepareAsync(work);
        var cars = BesideNames.OfLoad(target, "cars", work.Request.RunId);
        await rig.Target(target).RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "collMod", cars }, { "validator", new BsonDocument("n", new BsonDocument("$nin", new BsonArray { 5, 250 })) },
        });

        var loaded = await rig.LoadAsync(work);

        Assert.Equal(["_id 250", "_id 5"], loaded.SelectMany(l => l.Problems).Select(p => p.Detail.Split(" was")[0]).Order(StringComparer.Ordinal));
        Assert.Equal(298, await rig.Target(target).GetCollection<BsonDocument>(cars).CountDocumentsAsync(new BsonDocument()));

        // An attempt after it passes over what is loaded, and tells the same.
        var again = await rig.LoadAsync(work);
        Assert.Equal(Details(loaded), Details(again));
        await rig.Restore.CleanUpAsync(work, false);

        static IEnumerable<string> Details(IEnumerable<LoadResult> results) => results.SelectMany(l => l.Problems).Select(p => p.Detail).Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task What_the_server_refuses_in_replay_is_told_by_the_next_attempt_too()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 150, 20);
        await rig.BackUpAsync(beforeLanes: () => rig.Source.GetCollection<BsonDocument>("cars").UpdateManyAsync(
            new BsonDocument("_id", new BsonDocument("$lt", 120)), new BsonDocument("$set", new BsonDocument("n", 1_000_000))));
        var target = rig.NewTarget();
        var work = await rig.StartAsync(rig.CreateRequest(target));
        await rig.Restore.PrepareAsync(work);
        Assert.Empty((await rig.LoadAsync(work)).SelectMany(l => l.Problems));
        var beside = BesideNames.OfLoad(target, "cars", work.Request.RunId);
        await rig.Target(target).GetCollection<BsonDocument>(beside) // as a lane that read them before the update would have left them
            .UpdateManyAsync(new BsonDocument("n", 1_000_000), new BsonDocument("$set", new BsonDocument("n", 1)));
        await rig.Target(target).RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "collMod", beside }, { "validator", new BsonDocument("n", new BsonDocument("$lt", 1_000_000)) },
        });

        var first = await rig.Restore.ReplayAsync(work);
        var second = await rig.Restore.ReplayAsync(work);

        Assert.Equal(100, first.Problems.Select(p => p.Detail.Split(" was")[0]).Where(d => d.StartsWith("_id ", StringComparison.Ordinal)).Distinct().Count());
        Assert.Equal("20 more documents were not taken.", first.Problems[^1].Detail);
        Assert.Equal(first.Problems, second.Problems);
        await rig.Restore.CleanUpAsync(work, false);
    }

    [Fact]
    public async Task A_damaged_pack_comes_from_the_next_store_unless_the_store_is_pinned()
    {
        await using var rig = await RestoreRig.CreateAsync(a => a with { Stores = ["nas", "second"] }, withSecondStore: true);
        await SampleData.FillAsync(rig.Source, "cars", 200, 20);
        await rig.BackUpAsync();
        await rig.CopyAsync("nas", "second");
        await rig.DamageAsync("nas", "/packs/0-");
        var target = rig.NewTarget();

        (await rig.RunAsync(rig.CreateRequest(target))).AssertProven();
        var pinned = await rig.StartAsync(rig.CreateRequest(rig.NewTarget(), store: "nas"));
        await rig.Restore.PrepareAsync(pinned);
        var refusal = await Assert.ThrowsAsync<RefusalException>(() => rig.LoadAsync(pinned));
        await rig.Restore.CleanUpAsync(pinned, false);

        Assert.Equal(ErrorKinds.Integrity, refusal.Report.Kind);
    }

    [Fact]
    public async Task A_restore_test_writes_only_to_its_scratch_and_drops_it()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, cars: 50);
        await rig.BackUpAsync();
        var scratch = $"{RestorePlace.ScratchPrefix}{Guid.NewGuid().ToString("N")[..8]}";

        var run = await rig.RunAsync(rig.CreateRequest(scratch, purpose: RestorePurpose.RestoreTest));
        var elsewhere = await Assert.ThrowsAsync<RefusalException>(
            () => rig.Restore.PreflightAsync(rig.CreateRequest(rig.NewTarget(), purpose: RestorePurpose.RestoreTest)));
        var production = await Assert.ThrowsAsync<RefusalException>(
            () => rig.Restore.PreflightAsync(rig.CreateRequest(null, purpose: RestorePurpose.RestoreTest)));

        run.AssertProven();
        Assert.DoesNotContain(scratch, await (await rig.Client.ListDatabaseNamesAsync()).ToListAsync());
        Assert.Equal(ErrorKinds.Usage, elsewhere.Report.Kind);
        Assert.Equal(ErrorKinds.Usage, production.Report.Kind);
    }

    [Fact]
    public async Task What_a_dead_run_left_in_the_target_is_removed_by_the_next()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 50, 20);
        await rig.BackUpAsync();
        var target = rig.NewTarget();
        var dead = await rig.StartAsync(rig.CreateRequest(target));
        await rig.Restore.PrepareAsync(dead);
        await rig.LoadAsync(dead);
        await rig.Target(target).CreateCollectionAsync("luxhedge_restoring.other");

        var run = await rig.RunAsync(rig.CreateRequest(target));

        run.AssertProven();
        Assert.Equal(["cars", Marks.CanaryCollection], (await RestoreRig.StateAsync(rig.Target(target))).Keys);
        foreach (var step in rig.WritingSteps(dead).Skip(1))
            await Assert.ThrowsAsync<RefusalException>(step);
        Assert.Empty((await rig.Restore.CleanUpAsync(dead, false)).Removed);
        Assert.Equal(["cars", Marks.CanaryCollection], (await RestoreRig.StateAsync(rig.Target(target))).Keys);
    }

    [Fact]
    public async Task What_a_dead_run_left_is_not_taken_for_loaded_though_its_state_is_gone()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 50, 20);
        await rig.BackUpAsync();
        var target = rig.NewTarget();
        await rig.Target(target).GetCollection<BsonDocument>(BesideNames.Of(target, "cars")).InsertOneAsync(new BsonDocument("_id", "not of the backup"));

        (await rig.RunAsync(rig.CreateRequest(target))).AssertProven();

        Assert.Equal(["cars", Marks.CanaryCollection], (await RestoreRig.StateAsync(rig.Target(target))).Keys);
        Assert.Equal(50, await rig.Target(target).GetCollection<BsonDocument>("cars").CountDocumentsAsync(new BsonDocument()));
    }

    [Fact]
    public async Task While_it_runs_the_backup_is_in_use_and_afterwards_it_is_released()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 5, 20);
        await rig.BackUpAsync();
        var work = await rig.StartAsync(rig.CreateRequest(rig.NewTarget()));
        var catalog = new BackupCatalog(rig.Plan, rig.Stores, TimeProvider.System);
        async Task<int> UsesAsync() => BackupStanding.Standing(
            RecordKinds.Using, (await catalog.LookAsync(rig.Asset.Name, rig.BackupId, default)).Find(rig.BackupId)!.Records).Count();

        await rig.Restore.PrepareAsync(work);
        Assert.Equal(1, await UsesAsync());
        await rig.Restore.PrepareAsync(work);
        await rig.Restore.CleanUpAsync(work, false);

        Assert.Equal(0, await UsesAsync());
    }

    [Fact]
    public async Task Wrong_wishes_are_refused_with_what_can_be_had()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 5, 20);
        var into = rig.NewTarget();
        async Task<ErrorReport> RefusedAsync(RestoreRequest request) =>
            (await Assert.ThrowsAsync<RefusalException>(() => rig.Restore.PreflightAsync(request))).Report;
        var none = await RefusedAsync(rig.CreateRequest(into) with { Backup = null });
        await rig.BackUpAsync();

        var noneEligible = await RefusedAsync(rig.CreateRequest(into) with { Backup = null });
        var unknown = await RefusedAsync(rig.CreateRequest(into, backup: "20200101T000000Z-luxhedge_production-0000"));
        var noCollection = await RefusedAsync(rig.CreateRequest(into, ["carz"]));
        var otherTime = await RefusedAsync(rig.CreateRequest(into, to: RestorePoint.At(DateTimeOffset.UtcNow.AddDays(-1))));
        var system = await RefusedAsync(rig.CreateRequest("admin"));
        var otherLock = await RefusedAsync(rig.CreateRequest(into) with { Target = "main/other" });
        var noStore = await RefusedAsync(rig.CreateRequest(into, store: "tape"));

        Assert.All((ErrorReport[])[none, noneEligible, unknown, noCollection, otherTime, system, otherLock, noStore], r => Assert.Equal(ErrorKinds.Usage, r.Kind));
        Assert.Contains(noneEligible.Problems!, p => p.Where == rig.BackupId && p.Message.Contains("not verified", StringComparison.Ordinal));
        Assert.Contains("cars", noCollection.Hint, StringComparison.Ordinal);
        Assert.Contains(otherTime.Problems!, p => p.Where == rig.BackupId && p.Message.StartsWith("the nearest after: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Evidence_is_signed_kept_once_and_holds_no_keys()
    {
        await using var rig = await RestoreRig.CreateAsync();
        await SampleData.FillAsync(rig.Source, "cars", 5, 20);
        await rig.BackUpAsync();
        var request = rig.CreateRequest(rig.NewTarget()) with { Keys = [new HandedKey("k", "wrapped-secret")] };
        var plan = await rig.Restore.PreflightAsync(request with { Keys = null });

        var first = await rig.KeepEvidenceAsync(request, plan, replaced: false);
        var second = await rig.KeepEvidenceAsync(request, plan, replaced: true);

        Assert.Equal(
            [$"nas:{ObjectNames.Evidence(request.RunId, "evidence.json")}", $"nas:{ObjectNames.Evidence(request.RunId, "evidence.html")}"], first);
        Assert.Equal(first, second);
        var text = System.Text.Encoding.UTF8.GetString(await rig.Stores["nas"].ReadOldestAsync(ObjectNames.Evidence(request.RunId, "evidence.json"), default));
        Assert.DoesNotContain("wrapped-secret", text, StringComparison.Ordinal);
        Assert.Contains("\"replaced\":false", text, StringComparison.Ordinal);
    }
}
