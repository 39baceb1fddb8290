using System.Text.Json.Nodes;
using LuxHedge.Activities;
using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Atlas;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using MongoDB.Bson;

namespace LuxHedge.Tests.Integration.Atlas;

/// <summary>What is asked once is done once, whatever becomes of the answer; and nothing is restored over a database of the plan.</summary>
public sealed class AtlasActivitiesTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 15, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_snapshot_whose_answer_was_lost_is_found_again_by_the_runs_id()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.Fail("POST /backup/snapshots", AtlasFailure.LostAnswer);

        Assert.True((await RefusalAsync(() => rig.Activities.TakeSnapshotAsync(rig.Snapshot()))).MayPass);
        var found = await rig.Activities.TakeSnapshotAsync(rig.Snapshot());

        var only = Assert.Single(rig.Source.Snapshots);
        Assert.Equal((only.Id, "luxhedge run-1 before the migration", 3), (found.Id, only.Description, only.RetentionInDays!.Value));
    }

    [Fact]
    public async Task A_run_whose_id_only_begins_like_anothers_takes_its_own_snapshot()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.NewSnapshot = "completed";
        await rig.Activities.TakeSnapshotAsync(rig.Snapshot("run-1"));
        await rig.Activities.TakeSnapshotAsync(rig.Snapshot("run-11"));
        Assert.Equal(2, rig.Source.Snapshots.Count);
    }

    [Fact]
    public async Task Another_snapshot_on_demand_comes_first()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.AddSnapshot("Cluster0", null, "queued", "onDemand");

        Assert.Equal(ErrorKinds.Locked, (await RefusalAsync(() => rig.Activities.TakeSnapshotAsync(rig.Snapshot()))).Report.Kind);
        Assert.DoesNotContain("POST /backup/snapshots", rig.Atlas.Requests);
    }

    [Fact]
    public async Task A_restore_takes_the_newest_complete_snapshot_into_the_plans_other_cluster()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.AddSnapshot("Cluster0", Now.AddHours(-5));
        var newest = rig.Atlas.AddSnapshot("Cluster0", Now.AddHours(-1));
        rig.Atlas.AddSnapshot("Cluster0", Now, "inProgress");

        var plan = await rig.Activities.PlanRestoreAsync(rig.Restore());

        Assert.Equal((newest.Id, "Drills", Now.AddHours(-1)), (plan.Snapshot!.Id, plan.To.Cluster, plan.Moment));
        Assert.Equal(FakeAtlas.Project, plan.To.Project);
    }

    [Fact]
    public async Task A_restore_job_whose_answer_was_lost_is_found_again_and_an_older_one_like_it_is_not_taken_for_it()
    {
        await using var rig = await Rig.CreateAsync();
        var snapshot = rig.Atlas.AddSnapshot("Cluster0", Now);
        var older = rig.Atlas.AddJob("Cluster0", Asked(snapshot.Id), Now.AddDays(-1));
        var work = new AtlasRestoreWork(rig.Restore(), await rig.Activities.PlanRestoreAsync(rig.Restore()));
        rig.Atlas.Fail("POST /backup/restoreJobs", AtlasFailure.LostAnswer);

        Assert.True((await RefusalAsync(() => rig.Activities.StartRestoreAsync(work))).MayPass);
        rig.Target.State = "UPDATING";
        var found = await rig.Activities.StartRestoreAsync(work);

        Assert.Equal(2, rig.Source.Jobs.Count);
        Assert.NotEqual(older.Id, found.Id);
        Assert.False(found.IsOver);
    }

    [Fact]
    public async Task A_target_that_Atlas_is_at_work_on_is_left_alone()
    {
        await using var rig = await Rig.CreateAsync();
        var snapshot = rig.Atlas.AddSnapshot("Cluster0", Now);
        rig.Target.State = "REPAIRING";
        Assert.Equal(ErrorKinds.Locked, (await RefusalAsync(() => rig.Activities.PlanRestoreAsync(rig.Restore()))).Report.Kind);

        rig.Target.State = "IDLE";
        rig.Atlas.AddJob("Cluster0", Asked(snapshot.Id), null);
        Assert.Equal(ErrorKinds.Locked, (await RefusalAsync(() => rig.Activities.PlanRestoreAsync(rig.Restore()))).Report.Kind);
    }

    [Fact]
    public async Task A_target_with_a_host_of_production_is_refused_whatever_it_is_called()
    {
        await using var rig = await Rig.CreateAsync(targetHosts: ["db.luxhedge.example", "127.0.0.1"]);
        rig.Atlas.AddSnapshot("Cluster0", Now);

        var refusal = await RefusalAsync(() => rig.Activities.PlanRestoreAsync(rig.Restore()));

        Assert.Equal(ErrorKinds.NotApproved, refusal.Report.Kind);
        Assert.Contains("its host 127.0.0.1 is that of cluster 'main'", refusal.Report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_door_looks_again_just_before_the_job_is_started_and_believes_its_own_plan()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.AddSnapshot("Cluster0", Now);
        var plan = await rig.Activities.PlanRestoreAsync(rig.Restore());

        var elsewhere = plan with { To = new(FakeAtlas.Project, "Cluster0") };
        Assert.Equal(ErrorKinds.NotApproved, (await RefusalAsync(() => rig.Activities.StartRestoreAsync(new(rig.Restore(), elsewhere)))).Report.Kind);
        Assert.Empty(rig.Source.Jobs);
    }

    [Fact]
    public async Task A_snapshot_that_is_not_complete_is_not_restored()
    {
        await using var rig = await Rig.CreateAsync();
        Assert.Equal(ErrorKinds.Usage, (await RefusalAsync(() => rig.Activities.PlanRestoreAsync(rig.Restore()))).Report.Kind);
        var failed = rig.Atlas.AddSnapshot("Cluster0", Now, "failed");
        var named = rig.Restore() with { Snapshot = failed.Id };
        Assert.Contains("is failed", (await RefusalAsync(() => rig.Activities.PlanRestoreAsync(named))).Report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_came_back_is_NotProven_where_nobody_can_look()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Atlas.AddSnapshot("Cluster0", Now);
        var work = new AtlasRestoreWork(rig.Restore(), await rig.Activities.PlanRestoreAsync(rig.Restore()));

        var look = await rig.Activities.CheckRestoreAsync(work);

        Assert.Equal([Verdict.Proven, Verdict.NotProven], look.Checks.Select(c => c.Verdict));
        Assert.Null(look.NewestCanary);
    }

    [Fact]
    public async Task A_canary_in_the_target_proves_how_old_the_data_is_and_one_from_after_the_snapshot_that_it_is_another()
    {
        var mongo = await MongoServer.SharedAsync();
        await using var database = mongo.CreateDatabase();
        await using var rig = await Rig.CreateAsync(drills: mongo.ConnectionString, database: database.Name);
        rig.Atlas.AddSnapshot("Cluster0", Now);
        var work = new AtlasRestoreWork(rig.Restore(), await rig.Activities.PlanRestoreAsync(rig.Restore()));
        Assert.Equal(Verdict.NotProven, (await rig.Activities.CheckRestoreAsync(work)).Checks[1].Verdict);

        var canaries = database.Database.GetCollection<BsonDocument>(Marks.CanaryCollection);
        await canaries.InsertOneAsync(new BsonDocument("at", Now.AddMinutes(-2).UtcDateTime));
        var look = await rig.Activities.CheckRestoreAsync(work);
        Assert.Equal((Verdict.Proven, Now.AddMinutes(-2)), (look.Checks[1].Verdict, look.NewestCanary!.Value));

        await canaries.InsertOneAsync(new BsonDocument("at", Now.AddHours(2).UtcDateTime));
        Assert.Equal(Verdict.Failed, (await rig.Activities.CheckRestoreAsync(work)).Checks[1].Verdict);
    }

    private static JsonObject Asked(string snapshot) => new()
    {
        ["deliveryType"] = "automated",
        ["snapshotId"] = snapshot,
        ["targetClusterName"] = "Drills",
        ["targetGroupId"] = FakeAtlas.Project,
    };

    private static Task<RefusalException> RefusalAsync(Func<Task> act) => Assert.ThrowsAsync<RefusalException>(act);

    private sealed class Rig : IAsyncDisposable
    {
        private readonly TestPlan written;
        private readonly AtlasConnections connections;
        private readonly ClusterConnections clusters;

        private Rig(FakeAtlas atlas, TestPlan test, Plan plan)
        {
            (Atlas, written) = (atlas, test);
            connections = new(plan, TimeProvider.System);
            clusters = new(plan);
            Activities = new(plan, connections, clusters);
            Asset = plan.Assets.Keys.Single();
        }

        public FakeAtlas Atlas { get; }
        public AtlasActivities Activities { get; }
        public string Asset { get; }
        public FakeCluster Source => Atlas.Cluster("Cluster0");
        public FakeCluster Target => Atlas.Cluster("Drills");

        /// <param name="drills">Connection string of the target, as a cluster of the plan.</param>
        public static async Task<Rig> CreateAsync(string[]? targetHosts = null, string? drills = null, string? database = null)
        {
            var atlas = await FakeAtlas.StartAsync();
            atlas.Cluster("Cluster0");
            atlas.Cluster("Drills", FakeAtlas.Project, targetHosts ?? []);
            var test = TestPlan.Create(database: database);
            var more = "";
            if (drills is not null)
            {
                await File.WriteAllTextAsync(Path.Combine(test.Folder, "keys", "drills"), drills);
                more = $"\n  drills: {{ connection: \"${{file:keys/drills}}\", atlas: {atlas.Section(test.Folder, "Drills")} }}";
            }

            return new(atlas, test, atlas.Plan(test, more: more));
        }

        public AtlasSnapshotRequest Snapshot(string runId = "run-1") => new(runId, Asset, "queue", "before the migration", 3) { Person = "operator" };

        public AtlasRestoreRequest Restore() => new("run-1", Asset, "queue", null, null);

        public async ValueTask DisposeAsync()
        {
            connections.Dispose();
            clusters.Dispose();
            await Atlas.DisposeAsync();
            await written.DisposeAsync();
        }
    }
}
