using LuxHedge.Activities;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Worker.Schedules;
using LuxHedge.Workflows;
using Temporalio.Api.Enums.V1;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Sandbox;

/// <summary>
/// A Temporal that a person gave outlives the sandbox, and so do its locks. Runs of an earlier sandbox are known by their task queue; what else
/// holds a lock of <see cref="SandboxPlan.Asset"/> there is somebody's real work.
/// </summary>
internal static class GivenTemporal
{
    private const string QueuePrefix = "luxhedge-sandbox-";

    private static readonly string[] Locks =
        [WorkflowIds.Backup(SandboxPlan.Asset), WorkflowIds.Verification(SandboxPlan.Asset), WorkflowIds.Restore(SandboxPlan.Asset), WorkflowIds.Oplog(SandboxPlan.Asset)];

    /// <param name="own">What tells this sandbox's queue from others'.</param>
    public static string TaskQueue(string own) => QueuePrefix + own;

    /// <summary>Ends what an earlier sandbox left open under the sandbox's locks. Refuses a server where another run holds one, and touches
    /// nothing then.</summary>
    public static async Task FreeLocksAsync(ITemporalClient client, CancellationToken cancellation)
    {
        var left = new List<WorkflowHandle>();
        foreach (var id in Locks)
        {
            if (await OpenQueueAsync(client.GetWorkflowHandle(id), cancellation) is not { } queue)
            {
                continue;
            }

            if (!queue.StartsWith(QueuePrefix, StringComparison.Ordinal))
            {
                throw new RefusalException(
                    ErrorKinds.Usage, $"A run that no sandbox started holds '{id}' in the given Temporal. Nothing was changed.", ServerFinder.TemporalVariable,
                    "Give the address of another Temporal, or unset the variable and the sandbox starts one of its own.");
            }

            left.Add(client.GetWorkflowHandle(id));
        }

        foreach (var handle in left)
        {
            await handle.TerminateAsync("an earlier sandbox left it open", new() { Rpc = new RpcOptions { CancellationToken = cancellation } });
        }

        await DeleteSchedulesAsync(client, cancellation);
    }

    /// <summary>Those of an earlier sandbox start runs that no worker takes, under ids that this sandbox needs.</summary>
    private static async Task DeleteSchedulesAsync(ITemporalClient client, CancellationToken cancellation)
    {
        var rpc = new RpcOptions { CancellationToken = cancellation };
        await foreach (var schedule in client.ListSchedulesAsync(new() { Rpc = rpc }).WithCancellation(cancellation))
        {
            if (schedule.Memo.TryGetValue(ScheduleBook.Marker, out var memo)
                && await memo.ToValueAsync<string>() is { } queue && queue.StartsWith(QueuePrefix, StringComparison.Ordinal))
            {
                await client.GetScheduleHandle(schedule.Id).DeleteAsync(rpc);
            }
        }
    }

    /// <summary>Null: nothing is open under this id.</summary>
    private static async Task<string?> OpenQueueAsync(WorkflowHandle handle, CancellationToken cancellation)
    {
        try
        {
            var run = await handle.DescribeAsync(new() { Rpc = new RpcOptions { CancellationToken = cancellation } });
            return run.Status == WorkflowExecutionStatus.Running ? run.TaskQueue : null;
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return null;
        }
    }
}
