using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>A drill of the plan as a run, for whoever starts one without a command line.</summary>
public static class PlannedDrill
{
    /// <summary>The runbook's text as this worker has it now, in drill mode; its clock starts when it does, and nobody has signed it.</summary>
    public static RunbookRequest ToRequest(Plan plan, DrillPlan drill, string runId, string taskQueue)
    {
        var definition = RunbookLoader.Of(plan).Load(drill.Runbook);
        return new(
            runId, taskQueue, drill.Name, drill.Assets[0], RunMode.Drill, definition, RunbookInputs.Parse(definition, drill.Inputs, [], plan),
            DeclaredAt: null, RequestedBy: null);
    }
}
