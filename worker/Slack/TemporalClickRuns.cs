using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Slack;

/// <summary>Clicks into Temporal: the Update <c>decide</c>, the same that <c>luxhedge runs approve</c> sends.</summary>
public sealed class TemporalClickRuns(ITemporalClient temporal) : IClickRuns
{
    /// <summary>How long a run may take to say what became of a decision that it has: longer than its judging is tried.</summary>
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromMinutes(3);

    public async Task<RunState?> StateAsync(string workflowId, CancellationToken cancellation)
    {
        try
        {
            return await temporal.GetWorkflowHandle(workflowId).QueryAsync<RunState>(Wire.State, [], new() { Rpc = Rpc(cancellation) })
                .WaitAsync(cancellation);
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return null;
        }
        catch (Exception e) when (e is RpcException or WorkflowQueryFailedException or WorkflowQueryRejectedException or OperationCanceledException)
        {
            throw new ClickNotTakenException($"The run could not be asked: {e.Message}", e);
        }
    }

    public async Task<Task<DecisionAnswer>> HandInAsync(string workflowId, string updateId, Decision decision, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                var update = await temporal.GetWorkflowHandle(workflowId).StartUpdateAsync<DecisionAnswer>(
                    Wire.Decide, [decision], new(WorkflowUpdateStage.Accepted) { Id = updateId, Rpc = Rpc(cancellation) }).WaitAsync(cancellation);
                return AnswerAsync(update);
            }
            catch (WorkflowUpdateFailedException e)
            {
                return Task.FromResult(Refused(e));
            }
            catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
            {
                return Task.FromResult(new DecisionAnswer(false, "The run is over: nothing can be decided there any more."));
            }
            catch (RpcException e) when (e.Message.Contains("workflow task failure", StringComparison.OrdinalIgnoreCase))
            {
                // Something else happened to the run in the same moment, and the server threw this away. The id is the same: again.
                await PauseAsync(e, cancellation);
            }
            catch (Exception e) when (e is RpcException or WorkflowUpdateRpcTimeoutOrCanceledException or OperationCanceledException)
            {
                throw new ClickNotTakenException($"Temporal did not take it: {e.Message}", e);
            }
        }
    }

    private static async Task<DecisionAnswer> AnswerAsync(WorkflowUpdateHandle<DecisionAnswer> update)
    {
        using var limit = new CancellationTokenSource(AnswerWithin);
        try
        {
            return await update.GetResultAsync(Rpc(limit.Token));
        }
        catch (WorkflowUpdateFailedException e)
        {
            return Refused(e);
        }
    }

    private static async Task PauseAsync(Exception why, CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellation);
        }
        catch (OperationCanceledException)
        {
            throw new ClickNotTakenException($"Temporal did not take it: {why.Message}", why);
        }
    }

    private static DecisionAnswer Refused(WorkflowUpdateFailedException e) => new(false, Failures.ToReport(e.InnerException ?? e).Message);

    private static RpcOptions Rpc(CancellationToken cancellation) => new() { CancellationToken = cancellation };
}
