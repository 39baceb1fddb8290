using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class DrillIsolationTests
{
    private const string RunId = "20261123T101500Z-drill-quarterly-7f3a";

    [Fact]
    public void The_database_of_a_drill_is_its_runs_own_and_the_same_in_every_attempt()
    {
        Assert.True(DrillDatabases.IsOne(DrillDatabases.Of(RunId)));
        Assert.Equal(DrillDatabases.Of(RunId), DrillDatabases.Of(RunId));
        Assert.NotEqual(DrillDatabases.Of(RunId), DrillDatabases.Of(RunId + "x"));
    }

    [Theory]
    [InlineData("luxhedge_drill_")]
    [InlineData("luxhedge_drill_1234567")]
    [InlineData("luxhedge_drill_123456789")]
    [InlineData("luxhedge_drill_ABCDEF01")]
    [InlineData("Luxhedge_drill_12345678")]
    [InlineData("luxhedge_drill_1234567g")]
    [InlineData("luxhedge_scratch_12345678")]
    [InlineData("luxhedge_production")]
    public void Nothing_else_is_a_database_of_a_drill(string name) => Assert.False(DrillDatabases.IsOne(name));

    [Fact]
    public async Task A_drill_restores_into_its_own_database_on_the_drill_cluster()
    {
        await using var plan = TestPlan.Create();
        var request = CreateRequest(plan.Plan);

        var place = RestorePlace.Of(plan.Plan, request);

        Assert.Null(place.Owner);
        Assert.Equal(("main", DrillDatabases.Of(RunId)), (place.Cluster, place.Database));
    }

    [Fact]
    public async Task A_drill_that_names_production_is_refused_whatever_else_it_says()
    {
        await using var test = TestPlan.Create();
        var plan = test.Plan;
        var production = plan.Assets[SandboxPlan.Asset].Database!;
        var good = CreateRequest(plan);
        RestoreRequest[] bad =
        [
            good with { Into = null, Target = SandboxPlan.Asset },
            good with { Into = production, Target = SandboxPlan.Asset },
            good with { Into = production.ToUpperInvariant(), Target = SandboxPlan.Asset },
            good with { Into = "other", Target = "main/other" },
            good with { Into = "luxhedge_drill_x", Target = "main/luxhedge_drill_x" },
            good with { Cluster = "elsewhere", Target = $"elsewhere/{good.Into}" },
            good with { Target = SandboxPlan.Asset },
            good with { Into = "admin", Target = "main/admin" },
        ];

        foreach (var request in bad)
            Assert.Throws<RefusalException>(() => RestorePlace.Of(plan, request));
    }

    [Fact]
    public async Task Whatever_database_a_drill_is_told_it_is_no_assets()
    {
        await using var test = TestPlan.Create();
        var plan = test.Plan;
        var production = plan.Assets[SandboxPlan.Asset].Database!;
        Gen.OneOf(Gen.String[0, 40], Gen.Const(production), Gen.Const(production.ToUpperInvariant()), Gen.Const(DrillDatabases.Of("x"))).Sample(name =>
        {
            var request = CreateRequest(plan) with { Into = name, Target = $"main/{name}" };
            try
            {
                var place = RestorePlace.Of(plan, request);
                return place.Owner is null && DrillDatabases.IsOne(place.Database);
            }
            catch (RefusalException)
            {
                return true;
            }
        }, iter: 500);
    }

    [Fact]
    public async Task Without_sameCluster_productions_own_cluster_is_refused()
    {
        await using var test = TestPlan.Create();
        var plan = WithDrill(test.Plan, new DrillTarget("main", SameCluster: false));

        var refusal = Assert.Throws<RefusalException>(() => RestorePlace.Of(plan, CreateRequest(plan)));

        Assert.Contains("production's own cluster", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_drills_have_a_cluster_of_their_own_none_restores_beside_production()
    {
        await using var test = TestPlan.Create(p => p with { Drills = TestPlan.Nowhere + "&appName=drills" });
        var own = CreateRequest(test.Plan) with { Cluster = "drills", Target = $"drills/{DrillDatabases.Of(RunId)}" };

        Assert.Equal("drills", DrillDatabases.ClusterOf(test.Plan, test.Plan.Assets[SandboxPlan.Asset]));
        Assert.Equal("drills", RestorePlace.Of(test.Plan, own).Cluster);
        Assert.Throws<RefusalException>(() => RestorePlace.Of(test.Plan, CreateRequest(test.Plan)));
    }

    [Fact]
    public async Task Without_a_drill_target_in_the_workers_plan_there_is_no_drill()
    {
        await using var test = TestPlan.Create();
        var plan = WithDrill(test.Plan, null);

        Assert.Throws<RefusalException>(() => RestorePlace.Of(plan, CreateRequest(plan)));
    }

    [Fact]
    public async Task Only_a_drill_leaves_the_assets_own_cluster()
    {
        await using var test = TestPlan.Create();
        var request = CreateRequest(test.Plan) with { Drill = false, Cluster = "drills", Target = $"drills/{DrillDatabases.Of(RunId)}" };

        Assert.Throws<RefusalException>(() => RestorePlace.Of(test.Plan, request));
    }

    private static Plan WithDrill(Plan plan, DrillTarget? drill) => plan with
    {
        Assets = new Dictionary<string, AssetPlan> { [SandboxPlan.Asset] = plan.Assets[SandboxPlan.Asset] with { Drill = drill } },
    };

    private static RestoreRequest CreateRequest(Plan plan)
    {
        var database = DrillDatabases.Of(RunId);
        return new RestoreRequest(
            RunId, SandboxPlan.Asset, plan.Temporal.TaskQueue, $"main/{database}", RestorePurpose.Recovery, null, null, null, database, null, false, false, null, null)
        {
            Cluster = "main",
            Drill = true,
        };
    }
}
