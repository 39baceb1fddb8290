using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class PlannedSchedulesTests
{
    private static readonly string[] Runbooks = ["collection-loss", "database-loss", "monthly", "quarterly", "rebuild"];

    [Fact]
    public void LuxHedges_plan_schedules_its_database_its_drills_and_the_watch_and_tells_what_is_later()
    {
        var schedules = PlannedSchedules.Of(PlanLoader.Load(Path.Combine(Repository.Root, "luxhedge.yaml")), Runbooks.ToHashSet());
        var backup = schedules.Planned.Single(s => s.Id == "backup/luxhedge_production");
        Assert.Equal((Wire.DatabaseBackup, "luxhedge_production", "daily 02:00", "UTC"), (backup.Workflow, backup.Asset, backup.When.Text, backup.TimeZone));
        Assert.Equal("weekly sunday 04:00", schedules.Planned.Single(s => s.Id == "verify/luxhedge_production").When.Text);
        Assert.Equal("every 5m", schedules.Planned.Single(s => s.Id == "watch").When.Text);
        Assert.Contains(schedules.Planned, s => s.Workflow == Wire.Runbook);
        Assert.Contains(schedules.Later, l => l.Id == "backup/kyc-documents" && l.Why.Contains("files", StringComparison.Ordinal));
        // The rebuild needs files, images and code.
        Assert.Contains(schedules.Later, l => l.Id == "drill/yearly");
        Assert.Equal(schedules.Planned.Select(p => p.Id).Distinct(), schedules.Planned.Select(p => p.Id));
    }

    [Fact]
    public void A_drill_without_its_runbook_is_not_scheduled_and_says_so()
    {
        var schedules = PlannedSchedules.Of(PlanLoader.Load(Path.Combine(Repository.Root, "luxhedge.yaml")), new HashSet<string>());
        Assert.DoesNotContain(schedules.Planned, s => s.Workflow == Wire.Runbook);
        Assert.Contains(schedules.Later, l => l.Id.StartsWith("drill/", StringComparison.Ordinal) && l.Why.StartsWith("there is no runbook", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missed_start_is_made_up_for_until_the_next_one_is_due_and_only_once()
    {
        var schedules = PlannedSchedules.Of(PlanLoader.Load(Path.Combine(Repository.Root, "luxhedge.yaml")), Runbooks.ToHashSet()).Planned;
        Assert.Equal(TimeSpan.FromDays(1), schedules.Single(s => s.Id == "backup/luxhedge_production").CatchUp);
        Assert.Equal(TimeSpan.FromDays(7), schedules.Single(s => s.Id == "verify/luxhedge_production").CatchUp);
        Assert.All(schedules.Where(s => s.Workflow == Wire.Runbook), s => Assert.Equal(PlannedSchedules.DrillCatchUp, s.CatchUp));
        Assert.All(schedules, s => Assert.True(s.CatchUp <= s.When.Longest, s.Id));
        Assert.All(schedules, s => Assert.True(s.Jitter <= s.When.Longest / 10, s.Id));
    }
}
