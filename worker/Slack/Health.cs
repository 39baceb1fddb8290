using LuxHedge.Activities.Plans;
using Temporalio.Api.Enums.V1;
using Temporalio.Api.TaskQueue.V1;
using Temporalio.Api.WorkflowService.V1;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Slack;

/// <summary>What <c>GET /health</c> answers: 200 where <paramref name="Healthy"/>, else 503.</summary>
/// <param name="Temporal"><c>ok</c>, or why it does not answer.</param>
/// <param name="Worker"><c>polls</c>, or why this very worker takes no work.</param>
/// <param name="Slack">Of the socket: <c>connected</c>, <c>connecting</c>, <c>disabled</c>, <c>stopped</c>; <c>http</c> without one; <c>off</c>
/// without Slack. It does not decide: without Slack people decide by the command.</param>
public sealed record HealthReport(bool Healthy, string Temporal, string Worker, string Slack);

/// <summary>Whether this worker does its work: Temporal answers it, and has seen it ask for work of late.</summary>
public sealed class Health(ITemporalClient temporal, Plan plan, Func<string> slack)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>A poll waits up to a minute at the server.</summary>
    private static readonly TimeSpan PolledWithin = TimeSpan.FromMinutes(2);

    public async Task<HealthReport> LookAsync(CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            var queue = await temporal.Connection.WorkflowService.DescribeTaskQueueAsync(
                new DescribeTaskQueueRequest
                {
                    Namespace = plan.Temporal.Namespace,
                    TaskQueue = new TaskQueue { Name = plan.Temporal.TaskQueue },
                    TaskQueueType = TaskQueueType.Workflow,
                },
                new() { CancellationToken = limit.Token, Timeout = Patience }).WaitAsync(limit.Token);
            var oldest = DateTime.UtcNow - PolledWithin;
            var polls = queue.Pollers.Any(p => p.Identity == temporal.Connection.Options.Identity && p.LastAccessTime.ToDateTime() > oldest);
            return new(polls, "ok", polls ? "polls" : $"has not asked for work of '{plan.Temporal.TaskQueue}' of late", slack());
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            return new(false, e is RpcException { Code: not RpcException.StatusCode.Cancelled } rpc ? $"does not answer ({rpc.Code})" : "does not answer in time", "unknown", slack());
        }
    }
}
