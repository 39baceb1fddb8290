using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class DrillCalendarTests
{
    private static readonly DateTimeOffset Now = CommandRig.Now;

    [Fact]
    public async Task A_drill_that_was_never_done_is_overdue_and_its_row_has_the_shape_that_scripts_read()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(0, await rig.RunAsync("drill", "calendar", "--json"));
        var row = rig.Document[0];
        Assert.Equal("drill lastRun lastVerdict due overdue", string.Join(' ', row.EnumerateObject().Take(5).Select(p => p.Name)));
        Assert.True(row.GetProperty("overdue").GetBoolean());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, row.GetProperty("lastRun").ValueKind);
    }

    [Fact]
    public async Task A_temporal_that_is_away_leaves_the_evidence_to_speak()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Unreachable = new(ErrorKinds.Unreachable, "No Temporal answers.");
        Assert.Equal(0, await rig.RunAsync("drill", "calendar"));
        Assert.Contains("overdue", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("No Temporal answers", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evidence_decides_and_a_run_that_left_none_is_shown_and_not_done()
    {
        await using var rig = CommandRig.Create();
        var drill = rig.Plan.Plan.Drills.Keys.First();
        var proven = new DoneRun($"20261115T090000Z-drill-{drill}-7f3a", Now.AddDays(-8), Verdict.Proven);
        var evidence = new DrillEvidence(new Dictionary<string, IReadOnlyList<DoneRun>> { [drill] = [proven] }, []);
        var row = Row(rig.Plan.Plan, evidence, []);
        Assert.Equal((proven.At, Verdict.Proven, false), (row.LastRun, row.LastVerdict, row.Overdue));

        // Terminated before it could write anything.
        row = Row(rig.Plan.Plan, new DrillEvidence(new Dictionary<string, IReadOnlyList<DoneRun>>(), []), [proven with { Verdict = Verdict.NotProven }]);
        Assert.Equal((proven.At, Verdict.NotProven, true), (row.LastRun, row.LastVerdict, row.Overdue));

        // A store that is away may have the evidence.
        row = Row(rig.Plan.Plan, new DrillEvidence(new Dictionary<string, IReadOnlyList<DoneRun>>(), ["nas is away"]), []);
        Assert.Null(row.Overdue);

        DrillRow Row(Plan plan, DrillEvidence from, IReadOnlyList<DoneRun> runs) =>
            DrillCalendarCommand.Rows(plan, from, runs, Now).Single(r => r.Drill == drill);
    }

    [Theory]
    [InlineData("20261115T090000Z-drill-monthly-7f3a", "monthly")]
    [InlineData("20261115T090000Z-drill-monthly-more-7f3a", null)]
    [InlineData("20261115T090000Z-backup-monthly-7f3a", null)]
    [InlineData("rubbish", null)]
    public async Task A_run_is_of_the_drill_that_its_id_names_whole(string runId, string? drill)
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(drill, DrillHistory.DrillOf(rig.Plan.Plan, runId));
    }
}
