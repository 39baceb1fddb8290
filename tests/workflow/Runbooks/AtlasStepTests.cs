using System.Text.Json;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Workflow.Runbooks;

/// <summary>Atlas as steps of a runbook.</summary>
public sealed class AtlasStepTests
{
    [Fact]
    public async Task A_snapshot_before_a_risky_change_is_waited_for_and_known_to_the_steps_after_it()
    {
        await using var rig = await RunbookRig.CreateAsync();
        string? given = null;
        rig.On("change", (_, input) =>
        {
            given = input.GetProperty("snapshot").GetString();
            return RunbookRig.Outcome();
        });
        var change = RunbookRig.Act("change", "change") with { With = With(("snapshot", "${steps.before.snapshot}")) };

        var summary = await rig.RunAsync(RunbookRig.Define(RunbookRig.Act("before", "atlas-snapshot") with { With = With(("reason", "migration")) }, change));

        Assert.Equal(Verdict.Proven, Step(summary, "before"));
        Assert.Equal(Answers.Snapshot("").Id, given);
        Assert.Equal("migration", rig.Atlas.Taken!.Reason);
        Assert.StartsWith("run-1-", rig.Atlas.Taken.RunId, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_snapshot_the_change_is_not_made()
    {
        await using var rig = await RunbookRig.CreateAsync();
        rig.Atlas.SnapshotEnds = AtlasStatus.Failed;

        var summary = await rig.RunAsync(RunbookRig.Define(RunbookRig.Act("before", "atlas-snapshot"), RunbookRig.Act("change", "change")), RunMode.Drill);

        Assert.Equal(Verdict.Failed, summary.Verdict);
        Assert.DoesNotContain("change", rig.Ran);
    }

    [Theory]
    [InlineData(Verdict.Proven)]
    [InlineData(Verdict.NotProven)]
    public async Task A_restore_of_a_drill_says_so_and_is_as_proven_as_what_was_seen(Verdict data)
    {
        await using var rig = await RunbookRig.CreateAsync();
        rig.Atlas.Data = data;

        var summary = await rig.RunAsync(RunbookRig.Define(RunbookRig.Act("elsewhere", "atlas-restore")), RunMode.Drill);

        Assert.Equal(data, Step(summary, "elsewhere"));
        Assert.True(rig.Atlas.Restored!.Drill);
    }

    [Fact]
    public async Task A_target_that_is_production_ends_the_step_as_any_write_that_is_not_approved()
    {
        await using var rig = await RunbookRig.CreateAsync();
        rig.Atlas.Refused = "Nothing is restored into Cluster0: it is cluster 'main' of the plan.";

        var summary = await rig.RunAsync(RunbookRig.Define(RunbookRig.Act("elsewhere", "atlas-restore")), RunMode.Drill);

        Assert.Equal((Verdict.NotProven, "failed"), (summary.Verdict, summary.Steps.Single(s => s.Id == "elsewhere").State));
        Assert.False(rig.Atlas.Started);
    }

    private static Verdict Step(RunbookSummary summary, string id) => summary.Steps.Single(s => s.Id == id).Verdict;

    private static Dictionary<string, JsonElement> With(params (string Name, string Value)[] values) =>
        values.ToDictionary(v => v.Name, v => JsonSerializer.SerializeToElement(v.Value), StringComparer.Ordinal);
}
