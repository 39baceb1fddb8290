using System.Text.Json;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Benchmarks;

/// <summary>What a runbook is measured against: the same activities with the same input, one after another, and nothing else.</summary>
[Workflow]
public sealed class BareWorkflow
{
    /// <summary>Answers how long the activities took by the workflow's clock.</summary>
    [WorkflowRun]
    public async Task<TimeSpan> RunAsync(ActionContext context, int steps)
    {
        var started = Steps.Now;
        var input = JsonSerializer.SerializeToElement(new Dictionary<string, string>());
        for (var i = 0; i < steps; i++)
        {
            await Workflow.ExecuteActivityAsync(
                (IRunbookActivities a) => a.RunActionAsync("no-op", context, input),
                ActivityPolicies.ForAction($"step {i}", null, false, CancellationToken.None));
        }

        return Steps.Now - started;
    }
}
