using System.Linq.Expressions;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>Workflows of their own as steps of a runbook: their id is a lock, which another run may hold.</summary>
internal static class ChildRuns
{
    /// <param name="id">One of <see cref="WorkflowIds"/>.</param>
    /// <param name="what">What it is, as in <c>backup of luxhedge_production</c>.</param>
    /// <exception cref="ApplicationFailureException">Kind <c>locked</c>: another holds the id.</exception>
    public static async Task<TResult> RunAsync<TWorkflow, TResult>(
        Expression<Func<TWorkflow, Task<TResult>>> run, string id, string what, ActionContext context, CancellationToken cancellation)
    {
        try
        {
            return await Workflow.ExecuteChildWorkflowAsync(run, new()
            {
                Id = id,
                TaskQueue = context.TaskQueue,
                StaticSummary = $"{char.ToUpperInvariant(what[0])}{what[1..]}, step {context.StepId}",
                CancellationToken = cancellation,
            });
        }
        catch (WorkflowAlreadyStartedException e)
        {
            throw Failures.ToFailure(new(ErrorKinds.Locked, $"Another {what} runs.", e.WorkflowId,
                "Wait for it, or abort it: luxhedge runs abort."), e);
        }
    }
}
