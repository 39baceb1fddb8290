using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;

namespace LuxHedge.Activities.Schedules;

/// <summary>The plan's schedules, with the runbooks that there are on this machine.</summary>
public static class PlanSchedules
{
    public static PlannedSchedules Of(Plan plan) => PlannedSchedules.Of(plan, Runbooks(plan));

    /// <summary>Nothing where there is no folder of runbooks: each drill says so then.</summary>
    private static HashSet<string> Runbooks(Plan plan)
    {
        try
        {
            return [.. RunbookLoader.Of(plan).Names()];
        }
        catch (RefusalException)
        {
            return [];
        }
    }
}
