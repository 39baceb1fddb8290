using Temporalio.Activities;
using Temporalio.Api.Enums.V1;
using Temporalio.Exceptions;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Fences hold between attempts that share a state. An attempt that is woken before its first write, after the whole restore has ended, would find
/// none and begin anew: Temporal knows that it was given up.
/// </summary>
internal static class CurrentAttempt
{
    /// <exception cref="RefusalException"><c>fenced</c>: the workflow has ended, or another attempt runs.</exception>
    public static async Task CheckAsync(CancellationToken cancellation)
    {
        if (!ActivityExecutionContext.HasCurrent)
            return;
        var info = ActivityExecutionContext.Current.Info;
        if (info.WorkflowId is not { Length: > 0 } id || info.IsLocal)
            return;
        try
        {
            var client = ActivityExecutionContext.Current.TemporalClient;
            var workflow = await client.WorkflowService.DescribeWorkflowExecutionAsync(
                new() { Namespace = client.Options.Namespace, Execution = new() { WorkflowId = id, RunId = info.WorkflowRunId } },
                new() { CancellationToken = cancellation });
            var pending = workflow.PendingActivities.FirstOrDefault(a => a.ActivityId == info.ActivityId);
            if (workflow.WorkflowExecutionInfo.Status != WorkflowExecutionStatus.Running || pending is null || pending.Attempt > info.Attempt)
                throw RestoringState.Fenced();
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            throw RestoringState.Fenced();
        }
        catch (InvalidOperationException)
        {
            // A test's environment has no client; the fences remain.
        }
    }
}
