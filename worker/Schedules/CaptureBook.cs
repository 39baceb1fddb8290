using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Runs;
using Temporalio.Api.Enums.V1;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Schedules;

/// <summary>What has to be done so that oplog capture is the plan's.</summary>
/// <param name="Running">As the plan has it.</param>
/// <param name="Start">Names of assets.</param>
/// <param name="Stop">Running, and not in the plan (any more).</param>
public sealed record CaptureChanges(IReadOnlyList<RunReference> Running, IReadOnlyList<string> Start, IReadOnlyList<RunReference> Stop);

/// <summary>How capture of an asset stands in Temporal, without a worker.</summary>
/// <param name="State">As <see cref="CaptureStates"/>.</param>
public sealed record CaptureLook(string State, DateTimeOffset? Since, string? Why);

/// <summary>
/// Oplog capture of one plan's assets in Temporal. Like the schedules it is started and stopped by <c>schedules apply</c>; a capture of another task
/// queue is somebody else's, and never touched.
/// </summary>
public sealed class CaptureBook(ITemporalClient client, Plan plan)
{
    /// <summary>An order to stop waits for a worker; without one it would wait for ever.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(30);

    private readonly LuxClient runs = new(client, plan.Temporal);

    public Task<CaptureChanges> CompareAsync(CancellationToken cancellation) => ReachAsync(async () =>
    {
        var running = new List<RunReference>();
        var start = new List<string>();
        var stop = new List<RunReference>();
        foreach (var asset in plan.Assets.Values.Where(a => a.Kind == "database"))
        {
            var open = await OpenAsync(asset.Name, cancellation);
            switch (open, asset.Capture)
            {
                case ({ } run, { }):
                    running.Add(run);
                    break;
                case ({ } run, null):
                    stop.Add(run);
                    break;
                case (null, { }):
                    start.Add(asset.Name);
                    break;
                default:
                    break;
            }
        }

        // Assets that the plan has no more.
        var query = $"WorkflowType = '{Wire.OplogCapture}' AND ExecutionStatus = 'Running' AND TaskQueue = '{plan.Temporal.TaskQueue}'";
        await foreach (var execution in client.ListWorkflowsAsync(query, new() { Rpc = Rpc(cancellation) }).WithCancellation(cancellation))
        {
            if (execution.TypedSearchAttributes.TryGetValue(LuxSearchAttributes.Asset, out var asset) && !plan.Assets.ContainsKey(asset)
                && await OpenAsync(asset, cancellation) is { } run)
                stop.Add(run);
        }

        return new CaptureChanges(running, start, stop);
    });

    /// <summary>Of one that another apply was faster with there is one all the same.</summary>
    public async Task<RunReference> StartAsync(string asset, string runId, CancellationToken cancellation)
    {
        try
        {
            return await runs.StartCaptureAsync(new CaptureRequest(runId, asset, plan.Temporal.TaskQueue), cancellation);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Locked)
        {
            if (await ReachAsync(() => OpenAsync(asset, cancellation)) is not { } other)
                throw;
            return other;
        }
    }

    public async Task StopAsync(RunReference run, string person, string reason, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(StopWithin);
        try
        {
            await runs.AbortAsync(run, person, reason, limit.Token);
        }
        catch (Exception e) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"No worker took the order to stop {run.WorkflowId} within {StopWithin.TotalSeconds:0} s.", run.WorkflowId,
                "Start a worker (luxhedge worker), then apply again.", e);
        }
    }

    /// <summary>What the memo of the newest run under its id says.</summary>
    public Task<CaptureLook> LookAsync(string asset, CancellationToken cancellation) => ReachAsync(async () =>
    {
        try
        {
            var there = await client.GetWorkflowHandle(WorkflowIds.Oplog(asset)).DescribeAsync(new() { Rpc = Rpc(cancellation) });
            if (there.Status != WorkflowExecutionStatus.Running || there.TaskQueue != plan.Temporal.TaskQueue)
                return new CaptureLook(CaptureStates.Stopped, there.CloseTime is { } closed ? Utc(closed) : null, null);
            return there.Memo.TryGetValue(Wire.CaptureMemo, out var memo) && await memo.ToValueAsync<CaptureNote?>() is { } note
                ? new CaptureLook(note.State, note.Since, note.Why)
                : new CaptureLook(CaptureStates.Waiting, Utc(there.StartTime), "It is started, and no worker has taken it up yet.");
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return new CaptureLook(CaptureStates.Stopped, null, null);
        }
    });

    private async Task<RunReference?> OpenAsync(string asset, CancellationToken cancellation)
    {
        var id = WorkflowIds.Oplog(asset);
        try
        {
            var there = await client.GetWorkflowHandle(id).DescribeAsync(new() { Rpc = Rpc(cancellation) });
            if (there.Status != WorkflowExecutionStatus.Running)
                return null;
            if (there.TaskQueue != plan.Temporal.TaskQueue)
            {
                throw new RefusalException(
                    ErrorKinds.Locked, $"'{id}' is held by a run of another plan (task queue {there.TaskQueue}).", id,
                    "Two plans capture an asset of one name in one namespace: give this plan a namespace of its own.");
            }

            return new(
                there.TypedSearchAttributes.TryGetValue(LuxSearchAttributes.RunId, out var runId) ? runId : there.RunId, id, there.RunId,
                Wire.OplogCapture, asset);
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return null;
        }
    }

    private Task<T> ReachAsync<T>(Func<Task<T>> work) => TemporalConnections.ReachAsync(plan.Temporal, work);

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    private static RpcOptions Rpc(CancellationToken cancellation) => new() { CancellationToken = cancellation };
}
