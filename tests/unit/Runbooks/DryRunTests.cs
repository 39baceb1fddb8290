using System.Text.Json;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Tests.Unit.Commands;
using LuxHedge.Tests.Unit.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Runbooks;

public sealed class DryRunTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);
    private static readonly CatalogView OneBackup = Samples.Catalog(Samples.InCatalog());

    private readonly RunbookFolderOfTest folder = new();
    private readonly PlanFolder plans = new();

    public void Dispose()
    {
        folder.Dispose();
        plans.Dispose();
    }

    [Fact]
    public void Each_step_is_told_with_its_target_its_approvers_and_how_long_it_took()
    {
        var dry = Run(durations: new StepDurations(new Dictionary<string, IReadOnlyList<TimeSpan>> { ["restore"] = [TimeSpan.FromMinutes(7), TimeSpan.FromMinutes(9)] }, []));

        Assert.Equal("main/luxhedge_drill_{run}", dry.Target);
        Assert.Equal(["declare", "restore", "count", "ask-users", "settle", "each/*/one", "negative-control", "drop"], dry.Steps.Select(s => s.Id));
        Assert.Equal(["approve", "take-back", "look", "manual", "wait", "look", "look", "look"], dry.Steps.Select(s => s.Kind));
        var declare = Step(dry, "declare").Approval!;
        Assert.Equal(["alice", "bob"], declare.By);
        Assert.Equal((2, TimeSpan.FromMinutes(15)), (declare.Quorum, declare.Expires));
        Assert.Equal(TimeSpan.FromMinutes(5), Assert.Single(declare.Later).After);
        Assert.Equal("main/luxhedge_drill_{run}", Step(dry, "restore").Target);
        Assert.Equal(TimeSpan.FromMinutes(7), Step(dry, "restore").LastDuration);
        Assert.Null(Step(dry, "count").LastDuration);
        Assert.Equal(["alice"], Step(dry, "ask-users").Approval!.By);
        Assert.Equal("for each of inputs.collections", Step(dry, "each/*/one").When);
        Assert.Equal(("depends", "mode == drill && steps.restore.documents > 0"), (Step(dry, "negative-control").Happens, Step(dry, "negative-control").When));
        Assert.True(Step(dry, "drop").CleanUp);
        Assert.Equal(Samples.BackupId, dry.Backup!.Id);
        Assert.Empty(dry.NotNow);
    }

    [Fact]
    public void What_the_runbook_leaves_out_in_a_drill_is_said()
    {
        var dry = Run(SampleRunbook.With("when: mode == drill && steps.restore.documents > 0", "when: mode == real"));

        Assert.Equal("no", Step(dry, "negative-control").Happens);
    }

    [Fact]
    public void Inputs_are_shown_with_where_they_come_from()
    {
        var dry = Run(inputs: new() { ["settle"] = JsonElement.Parse("\"PT5M\"") });

        Assert.Equal(["default", "nothing", "default", "given"], dry.Inputs.Select(i => i.From));
        Assert.Equal("PT5M", dry.Inputs[3].Value!.Value.GetString());
    }

    [Fact]
    public void What_could_not_be_done_now_is_said_by_step()
    {
        var nowhere = Run(plan: SamplePlan.Sandbox, backups: Samples.Catalog(), requester: "alice");

        Assert.Null(nowhere.Target);
        Assert.Contains(nowhere.NotNow, p => p.Step is null && p.What.Contains("names no cluster for drills", StringComparison.Ordinal));
        Assert.Contains(nowhere.NotNow, p => p.Step is null && p.What.Contains("There is no backup of luxhedge_production that is eligible", StringComparison.Ordinal));
        Assert.DoesNotContain(nowhere.NotNow, p => p.Step == "declare");

        var alone = Run(SampleRunbook.With(", escalate: [{ after: 5m, to: operator }]", ""), requester: "alice");
        Assert.Contains(alone.NotNow, p => p.Step == "declare" && p.What.Contains("wants 2 approvals", StringComparison.Ordinal));
        Assert.Equal(["bob"], Step(alone, "declare").Approval!.By);
    }

    [Fact]
    public void A_store_that_can_not_be_read_is_unknown_and_not_empty()
    {
        var dry = Run(backups: new CatalogView(Samples.Asset, [], [], [new UnknownStore("s3", "it does not answer")]));

        Assert.Contains(dry.Unknown, u => u.Contains("s3", StringComparison.Ordinal) && u.Contains("does not answer", StringComparison.Ordinal));
        Assert.Contains(dry.NotNow, p => p.What.Contains("it does not answer (s3)", StringComparison.Ordinal));
    }

    [Fact]
    public void Steps_of_a_nested_runbook_see_what_it_is_given()
    {
        folder.Write(ToTheTarget(SampleRunbook.With("when: mode == drill && steps.restore.documents > 0", "when: inputs.settle > 10m")));
        var dry = Run("runbook: monthly\nversion: 1\ntitle: Outer\nsteps:\n  - id: inner\n    runbook: database-loss\n    with: { settle: 20m }\n", name: "monthly");

        Assert.Equal("yes", Step(dry, "inner/negative-control").Happens);
        Assert.Equal("main/luxhedge_drill_{run}", Step(dry, "inner/restore").Target);
        Assert.Equal("inner/drop", dry.Steps[^1].Id);
    }

    private DryRun Run(
        string? yaml = null, string name = "database-loss", Dictionary<string, JsonElement>? inputs = null, string? plan = null, CatalogView? backups = null,
        string? requester = null, StepDurations? durations = null)
    {
        var reading = folder.Read(ToTheTarget(yaml ?? SampleRunbook.Yaml), name);
        Assert.Empty(reading.Problems);
        var read = PlanLoader.Load(plans.Write(plan ?? SamplePlan.With("    canary: true\n", "    canary: true\n    drill: { cluster: main, sameCluster: true }\n")));
        return DryRunner.Run(
            read, name, reading.Definition!, inputs ?? [], read.Assets["luxhedge_production"], requester, Now, backups ?? OneBackup, SliceView.None(Samples.Asset), durations ?? StepDurations.None,
            hasRecoveryKey: false);
    }

    private static string ToTheTarget(string yaml) => yaml.Replace("${default(inputs.collections, mode.target)}", "${mode.target}", StringComparison.Ordinal);

    private static DryRunStep Step(DryRun dry, string id) => dry.Steps.Single(s => s.Id == id);
}
