using System.Runtime.CompilerServices;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using Temporalio.Api.Enums.V1;
using Temporalio.Api.TaskQueue.V1;
using Temporalio.Api.WorkflowService.V1;
using Temporalio.Client;
using Temporalio.Common;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Runs;

/// <summary>
/// What commands do with runs: start them under their lock, follow, list, find, decide, abort. Every error is a
/// <see cref="RefusalException"/> whose kind decides the exit code.
/// </summary>
public sealed class LuxClient(ITemporalClient temporal, TemporalPlan plan)
{
    /// <summary>Longer than any worker takes to answer a query that it can answer at all.</summary>
    private static readonly TimeSpan QueryTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Visibility lags behind a start by up to this.</summary>
    private static readonly TimeSpan VisibilityLag = TimeSpan.FromSeconds(5);

    /// <summary>How long a lost server may stay away while a run is followed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan RegistrationLag = TimeSpan.FromSeconds(5);

    private const int UpdateTries = 5;

    public ITemporalClient Temporal { get; } = temporal;

    public static async Task<LuxClient> ConnectAsync(Plan plan, CancellationToken cancellation) =>
        new(await TemporalConnections.ConnectAsync(plan.Temporal, cancellation), plan.Temporal);

    public Task<RunReference> StartBackupAsync(DatabaseBackupRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.DatabaseBackup, WorkflowIds.Backup(request.Asset), request.RunId, request.Asset, "backup", "real", null,
            $"Backup of {request.Asset}", request, cancellation);

    public Task<RunReference> StartVerificationAsync(VerificationRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.Verification, WorkflowIds.Verification(request.Asset), request.RunId, request.Asset, "verify",
            request.Level == VerificationLevel.Restore ? "test" : "real", request.BackupId,
            $"Verification ({request.Level.ToString().ToLowerInvariant()}) of {request.BackupId}", request, cancellation);

    public Task<RunReference> StartRestoreAsync(RestoreRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.Restore, WorkflowIds.Restore(request.Target), request.RunId, request.Asset, "restore",
            request.Purpose == RestorePurpose.RestoreTest ? "test" : "real", request.Backup,
            $"Restore of {request.Asset} into {request.Into ?? "production"}", request, cancellation);

    public Task<RunReference> StartExportAsync(ExportRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.Export, WorkflowIds.Export(request.BackupId), request.RunId, request.Asset, "export", "real",
            request.BackupId, $"Export of {request.BackupId}", request, cancellation);

    public Task<RunReference> StartCaptureAsync(CaptureRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.OplogCapture, WorkflowIds.Oplog(request.Asset), request.RunId, request.Asset, "oplog", "real", null,
            $"Oplog capture of {request.Asset}", request, cancellation);

    public Task<RunReference> StartAcceptanceAsync(AcceptanceRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.Acceptance, WorkflowIds.Acceptance(request.BackupId), request.RunId, request.Asset, "accept", "real",
            request.BackupId, $"Acceptance of {request.BackupId}", request, cancellation);

    public Task<RunReference> StartAtlasSnapshotAsync(AtlasSnapshotRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.AtlasSnapshot, WorkflowIds.AtlasSnapshot(request.Asset), request.RunId, request.Asset, "atlas-snapshot", "real",
            null, $"Atlas snapshot of {request.Asset}", request, cancellation);

    public Task<RunReference> StartAtlasRestoreAsync(AtlasRestoreRequest request, CancellationToken cancellation) =>
        StartAsync(Wire.AtlasRestore, WorkflowIds.AtlasRestore(request.Asset), request.RunId, request.Asset, "atlas-restore", "real",
            null, $"Atlas restore of {request.Asset} into another cluster", request, cancellation);

    public Task<RunReference> StartRunbookAsync(RunbookRequest request, CancellationToken cancellation)
    {
        var (kind, what) = request.Mode == RunMode.Drill ? ("drill", "Drill") : ("incident", "Incident");
        return StartAsync(Wire.Runbook, RunbookClaim.Of(request).WorkflowId(), request.RunId, request.Asset, kind,
            request.Mode == RunMode.Drill ? "drill" : "real", null, $"{what} {request.Name}: {request.Definition.Title}", request, cancellation);
    }

    /// <summary>What the run returned; waits for it. A failed run is a <see cref="RefusalException"/> with its
    /// <see cref="ErrorReport"/>.</summary>
    public async Task<T> ResultAsync<T>(RunReference run, CancellationToken cancellation)
    {
        try
        {
            return await Handle(run).GetResultAsync<T>(followRuns: true, Rpc(cancellation));
        }
        catch (WorkflowFailedException e)
        {
            throw new RefusalException(Failures.ToReport(e.InnerException ?? e), e);
        }
        catch (RpcException e) when (e.Code is not (RpcException.StatusCode.Cancelled or RpcException.StatusCode.NotFound))
        {
            throw TemporalConnections.Unreachable(plan, e);
        }
    }

    public Task<BackupResult> BackupResultAsync(RunReference run, CancellationToken cancellation) =>
        ResultAsync<BackupResult>(run, cancellation);

    public Task<VerificationSummary> VerificationResultAsync(RunReference run, CancellationToken cancellation) =>
        ResultAsync<VerificationSummary>(run, cancellation);

    public Task<RestoreSummary> RestoreResultAsync(RunReference run, CancellationToken cancellation) =>
        ResultAsync<RestoreSummary>(run, cancellation);

    /// <summary>Looks again and again until the run is closed; the last view is of the closed run. A server that stays away is
    /// <c>unreachable</c>: the run goes on without us.</summary>
    public async IAsyncEnumerable<RunView> FollowAsync(
        RunReference run, TimeSpan interval, [EnumeratorCancellation] CancellationToken cancellation)
    {
        DateTimeOffset? lostSince = null;
        while (true)
        {
            RunView? view = null;
            try
            {
                view = await LookAsync(run, cancellation);
                lostSince = null;
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Unreachable)
            {
                lostSince ??= DateTimeOffset.UtcNow;
                if (DateTimeOffset.UtcNow - lostSince > Patience)
                    throw;
            }

            if (view is not null)
                yield return view;
            if (view is { Open: false })
                yield break;
            await Task.Delay(interval, cancellation);
        }
    }

    /// <summary>One look: its state as a worker answers it, what runs and how far it is.</summary>
    public async Task<RunView> LookAsync(RunReference run, CancellationToken cancellation)
    {
        try
        {
            return await LookAsync(run, depth: 0, cancellation);
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            throw e.Code == RpcException.StatusCode.NotFound ? NoSuchRun(run.RunId) : TemporalConnections.Unreachable(plan, e);
        }
    }

    private async Task<RunView> LookAsync(RunReference run, int depth, CancellationToken cancellation)
    {
        var raw = await DescribeAsync(run, cancellation);
        if (raw.WorkflowExecutionInfo.Status == WorkflowExecutionStatus.ContinuedAsNew)
        {
            run = await NewestAsync(run, cancellation);
            raw = await DescribeAsync(run, cancellation);
        }

        var handle = Handle(run);
        var state = await StateAsync(handle, cancellation);
        var activities = new List<ActivityView>();
        foreach (var pending in raw.PendingActivities)
        {
            var progress = await ProgressAsync(pending.HeartbeatDetails);
            activities.Add(new(pending.ActivityId, pending.ActivityType.Name, pending.Attempt, progress, pending.LastFailure?.Message,
                pending.LastStartedTime?.ToDateTimeOffset()));
        }

        var children = new List<RunView>();
        foreach (var child in raw.PendingChildren)
        {
            // Deeper than a runbook's verification's restore nothing nests; an abandoned child outlives us and is a run of its own.
            if (depth >= 3 || child.ParentClosePolicy == ParentClosePolicy.Abandon)
                continue;
            try
            {
                children.Add(await LookAsync(
                    new(run.RunId, child.WorkflowId, child.RunId, child.WorkflowTypeName, run.Asset), depth + 1, cancellation));
            }
            catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
            {
                // It closed and was removed between the two looks.
            }
        }

        var status = StatusWord(raw.WorkflowExecutionInfo.Status);
        return new(run, status, state, activities, children)
        {
            Problem = state is null && status == "running" ? await NoWorkerAsync(cancellation) : null,
        };
    }

    private async Task<DescribeWorkflowExecutionResponse> DescribeAsync(RunReference run, CancellationToken cancellation) =>
        await Temporal.Connection.WorkflowService.DescribeWorkflowExecutionAsync(
            new DescribeWorkflowExecutionRequest
            {
                Namespace = plan.Namespace,
                Execution = new() { WorkflowId = run.WorkflowId, RunId = run.TemporalRunId },
            },
            Rpc(cancellation));

    /// <summary>A long run goes on in one execution after another: the one it is in now. A later run under the same lock is not
    /// it.</summary>
    private async Task<RunReference> NewestAsync(RunReference run, CancellationToken cancellation)
    {
        if (run.Workflow is not (Wire.Runbook or Wire.OplogCapture))
            return run;
        var newest = await Temporal.GetWorkflowHandle(run.WorkflowId).DescribeAsync(new() { Rpc = Rpc(cancellation) });
        if (newest.TypedSearchAttributes.TryGetValue(LuxSearchAttributes.RunId, out var id) && id == run.RunId)
            return run with { TemporalRunId = newest.RunId };
        var query = $"{LuxSearchAttributes.RunId.Name} = '{run.RunId}' AND WorkflowId = '{run.WorkflowId}' AND ExecutionStatus != 'ContinuedAsNew'";
        var rows = await SearchAsync(query, 1, cancellation, children: true);
        return rows.Count > 0 ? rows[0].Reference : run;
    }

    /// <summary>The runs that a person or a schedule started, newest first; what others started is their step.</summary>
    /// <param name="onlyOpen">Only those still running.</param>
    public async Task<IReadOnlyList<RunRow>> ListAsync(bool onlyOpen, int limit, CancellationToken cancellation)
    {
        var query = "WorkflowType IN ('DatabaseBackup', 'Verification', 'Restore', 'Acceptance', 'Export', 'Runbook', 'AtlasSnapshot', 'AtlasRestore') AND ExecutionStatus != 'ContinuedAsNew'"
            + (onlyOpen ? " AND ExecutionStatus = 'Running'" : "");
        return await SearchAsync(query, limit, cancellation);
    }

    /// <summary>
    /// Takes LuxHedge's run id, or a workflow id (its newest run). Refuses with kind <c>usage</c> when there is no such run.
    /// </summary>
    public async Task<RunRow> FindAsync(string run, CancellationToken cancellation)
    {
        if (!run.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or ':'))
            throw NoSuchRun(run);
        var query = (run.Contains('/') ? $"WorkflowId = '{run}'" : $"{LuxSearchAttributes.RunId.Name} = '{run}'")
            + " AND ExecutionStatus != 'ContinuedAsNew'";
        var deadline = DateTimeOffset.UtcNow + VisibilityLag;
        while (true)
        {
            var rows = await SearchAsync(query, 1, cancellation, children: true);
            if (rows.Count > 0)
                return rows[0];
            if (DateTimeOffset.UtcNow > deadline)
                throw NoSuchRun(run);
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellation);
        }
    }

    /// <summary>The open run that holds a lock, or null. Needs no visibility: it is exact.</summary>
    public async Task<RunRow?> HolderAsync(string workflowId, CancellationToken cancellation)
    {
        try
        {
            var description = await Temporal.GetWorkflowHandle(workflowId).DescribeAsync(new() { Rpc = Rpc(cancellation) });
            var row = await RowAsync(description);
            return row.Open ? row : null;
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return null;
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            throw TemporalConnections.Unreachable(plan, e);
        }
    }

    /// <summary>The run's state as a worker answers it; null when none answers.</summary>
    public async Task<RunState?> StateAsync(RunReference run, CancellationToken cancellation) =>
        await StateAsync(Handle(await NewestOrUnreachableAsync(run, cancellation)), cancellation);

    /// <summary>Hands in a signed decision. An answer that is not accepted says why; nothing has changed then.</summary>
    public Task<DecisionAnswer> DecideAsync(RunReference run, Decision decision, CancellationToken cancellation) =>
        UpdateAsync(run, Wire.Decide, decision, cancellation);

    /// <summary>Ends a run in order, with its clean-up. An answer that is not accepted says why it goes on.</summary>
    public Task<DecisionAnswer> AbortAsync(RunReference run, string person, string reason, CancellationToken cancellation) =>
        UpdateAsync(run, Wire.Abort, new AbortOrder(person, reason), cancellation);

    /// <summary>Retries or skips a failed step of a runbook, pauses or resumes it (<see cref="Wire.Retry"/>, …). An answer that is not
    /// accepted says why nothing has changed.</summary>
    public Task<DecisionAnswer> OrderAsync(RunReference run, string order, StepOrder argument, CancellationToken cancellation) =>
        UpdateAsync(run, order, argument, cancellation);

    private async Task<RunReference> NewestOrUnreachableAsync(RunReference run, CancellationToken cancellation)
    {
        try
        {
            return await NewestAsync(run, cancellation);
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return run;
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            throw TemporalConnections.Unreachable(plan, e);
        }
    }

    private async Task<DecisionAnswer> UpdateAsync(RunReference run, string update, object argument, CancellationToken cancellation)
    {
        // One id for every try: the run takes it once.
        var id = Guid.NewGuid().ToString("N");
        run = await NewestOrUnreachableAsync(run, cancellation);
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await TryUpdateAsync(run, update, id, argument, cancellation);
            }
            catch (RefusalException e) when (tries < UpdateTries && e.InnerException is RpcException { Code: RpcException.StatusCode.NotFound })
            {
                var newest = await NewestOrUnreachableAsync(run, cancellation);
                if (newest.TemporalRunId == run.TemporalRunId)
                    throw;
                run = newest; // it went on in a new execution in that very moment
            }
            catch (RefusalException e) when (tries < UpdateTries && IsRace(e.InnerException))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100 * tries), cancellation);
            }
        }
    }

    /// <summary>The server threw the workflow's answer away, since something else had happened to the run in the same moment.</summary>
    private static bool IsRace(Exception? e) =>
        e is RpcException && e.Message.Contains("workflow task failure", StringComparison.OrdinalIgnoreCase);

    private async Task<DecisionAnswer> TryUpdateAsync(
        RunReference run, string update, string id, object argument, CancellationToken cancellation)
    {
        try
        {
            return await Handle(run).ExecuteUpdateAsync<DecisionAnswer>(update, [argument], new() { Id = id, Rpc = Rpc(cancellation) });
        }
        catch (WorkflowUpdateFailedException e)
        {
            var report = Failures.ToReport(e.InnerException ?? e);
            throw new RefusalException(report with { Kind = ErrorKinds.RefusedDecision }, e);
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, $"The run {run.RunId} is over: nothing can be decided there any more.",
                run.RunId, null, e);
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            throw TemporalConnections.Unreachable(plan, e);
        }
    }

    private async Task<RunReference> StartAsync(
        string type, string id, string runId, string asset, string kind, string mode, string? backupId, string summary, object input,
        CancellationToken cancellation)
    {
        var attributes = new SearchAttributeCollection.Builder()
            .Set(LuxSearchAttributes.RunId, runId)
            .Set(LuxSearchAttributes.Asset, asset)
            .Set(LuxSearchAttributes.Kind, kind)
            .Set(LuxSearchAttributes.Mode, mode);
        if (backupId is not null)
            attributes.Set(LuxSearchAttributes.BackupId, backupId);
        var options = new WorkflowOptions(id, plan.TaskQueue)
        {
            IdConflictPolicy = WorkflowIdConflictPolicy.Fail,
            IdReusePolicy = WorkflowIdReusePolicy.AllowDuplicate,
            TypedSearchAttributes = attributes.ToSearchAttributeCollection(),
            StaticSummary = summary,
            Rpc = Rpc(cancellation),
        };
        try
        {
            var handle = await StartAsync(type, input, options, cancellation);
            return new(runId, id, handle.ResultRunId!, type, asset);
        }
        catch (WorkflowAlreadyStartedException e)
        {
            throw await LockedAsync(id, e, cancellation);
        }
        catch (RpcException e) when (IsUnknownAttribute(e))
        {
            throw new RefusalException(ErrorKinds.Unreachable,
                $"Temporal at {plan.Address} does not know LuxHedge's search attributes yet.", plan.Address,
                "Start a worker (luxhedge worker): it registers them.", e);
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            throw TemporalConnections.Unreachable(plan, e);
        }
    }

    /// <summary>A server knows an attribute some seconds after a worker has registered it.</summary>
    private async Task<WorkflowHandle> StartAsync(string type, object input, WorkflowOptions options, CancellationToken cancellation)
    {
        var deadline = DateTimeOffset.UtcNow + RegistrationLag;
        while (true)
        {
            try
            {
                return await Temporal.StartWorkflowAsync(type, [input], options);
            }
            catch (RpcException e) when (IsUnknownAttribute(e) && DateTimeOffset.UtcNow < deadline)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), cancellation);
            }
        }
    }

    private static bool IsUnknownAttribute(RpcException e) =>
        e.Code == RpcException.StatusCode.InvalidArgument && e.Message.Contains("search attribute", StringComparison.OrdinalIgnoreCase);

    private async Task<RefusalException> LockedAsync(string id, Exception e, CancellationToken cancellation)
    {
        var holder = await HolderAsync(id, cancellation);
        return holder is null
            ? new(ErrorKinds.Locked, $"'{id}' was held by a run that has just ended.", id, "Try again.", e)
            : new(ErrorKinds.Locked, $"'{id}' is held by the run {holder.RunId}, since {holder.StartedAt:u}.", id,
                $"Watch it: luxhedge runs watch {holder.RunId}. End it: luxhedge runs abort {holder.RunId} --reason TEXT.", e);
    }

    private async Task<IReadOnlyList<RunRow>> SearchAsync(string query, int limit, CancellationToken cancellation, bool children = false)
    {
        var rows = new List<RunRow>();
        try
        {
            var found = Temporal.ListWorkflowsAsync(query, new() { Rpc = Rpc(cancellation) });
            await foreach (var execution in found.WithCancellation(cancellation))
            {
                if (children || IsARun(execution))
                    rows.Add(await RowAsync(execution));
                if (rows.Count == limit)
                    break;
            }
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            throw TemporalConnections.Unreachable(plan, e);
        }

        return rows;
    }

    /// <summary>A person, a schedule or (after a gap) capture started it; what a run started is its step.</summary>
    private static bool IsARun(WorkflowExecution execution) =>
        execution.ParentId is null || execution.ParentId.StartsWith(WorkflowIds.ScheduledPrefix, StringComparison.Ordinal)
        || execution.ParentId.StartsWith(WorkflowIds.OplogPrefix, StringComparison.Ordinal);

    private static async Task<RunRow> RowAsync(WorkflowExecution execution)
    {
        var attributes = execution.TypedSearchAttributes;
        var runId = attributes.TryGetValue(LuxSearchAttributes.RunId, out var r) ? r : execution.RunId;
        var asset = attributes.TryGetValue(LuxSearchAttributes.Asset, out var a) ? a : "";
        var waiting = execution.Status == WorkflowExecutionStatus.Running && execution.Memo.TryGetValue(Wire.WaitingForMemo, out var memo)
            ? await memo.ToValueAsync<WaitingFor?>()
            : null;
        return new(runId, execution.WorkflowType, asset, waiting is null ? StatusWord(execution.Status) : "waiting",
            Utc(execution.StartTime), waiting)
        {
            Reference = new(runId, execution.Id, execution.RunId, execution.WorkflowType, asset),
            ClosedAt = execution.CloseTime is { } closed ? Utc(closed) : null,
            Verdict = attributes.TryGetValue(LuxSearchAttributes.Verdict, out var v) && Enum.TryParse<Verdict>(v, out var verdict)
                ? verdict
                : null,
            BackupId = attributes.TryGetValue(LuxSearchAttributes.BackupId, out var b) ? b : null,
        };
    }

    private static async Task<RunState?> StateAsync(WorkflowHandle handle, CancellationToken cancellation)
    {
        try
        {
            return await handle.QueryAsync<RunState>(Wire.State, [], new() { Rpc = Rpc(cancellation, QueryTimeout) });
        }
        catch (RpcException e) when (e.Code is RpcException.StatusCode.DeadlineExceeded or RpcException.StatusCode.FailedPrecondition
            || (e.Code is RpcException.StatusCode.Cancelled && !cancellation.IsCancellationRequested))
        {
            return null;
        }
        catch (WorkflowQueryFailedException)
        {
            return null; // the first workflow task has not run yet
        }
    }

    private async Task<Progress?> ProgressAsync(Temporalio.Api.Common.V1.Payloads? heartbeat)
    {
        if (heartbeat is not { Payloads_.Count: > 0 })
            return null;
        try
        {
            var payload = heartbeat.Payloads_[0];
            var converter = Temporal.Options.DataConverter;
            if (converter.PayloadCodec is { } codec)
                payload = (await codec.DecodeAsync([payload])).First();
            return (Progress?)converter.PayloadConverter.ToValue(payload, typeof(Progress));
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or ArgumentException or InvalidOperationException)
        {
            return null; // a heartbeat of another shape says nothing to us
        }
    }

    private async Task<string?> NoWorkerAsync(CancellationToken cancellation)
    {
        var queue = await Temporal.Connection.WorkflowService.DescribeTaskQueueAsync(
            new DescribeTaskQueueRequest
            {
                Namespace = plan.Namespace,
                TaskQueue = new TaskQueue { Name = plan.TaskQueue },
                TaskQueueType = TaskQueueType.Workflow,
            },
            Rpc(cancellation));
        return queue.Pollers.Count > 0 ? null : $"No worker takes work from the queue '{plan.TaskQueue}': start one with luxhedge worker.";
    }

    private WorkflowHandle Handle(RunReference run) => Temporal.GetWorkflowHandle(run.WorkflowId, run.TemporalRunId);

    private static RpcOptions Rpc(CancellationToken cancellation, TimeSpan? timeout = null) =>
        new() { CancellationToken = cancellation, Timeout = timeout };

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    private static RefusalException NoSuchRun(string run) =>
        new(ErrorKinds.Usage, $"There is no run '{run}'.", run, "luxhedge runs list shows the runs.");

    private static string StatusWord(WorkflowExecutionStatus status) => status switch
    {
        WorkflowExecutionStatus.Running => "running",
        WorkflowExecutionStatus.Completed => "completed",
        WorkflowExecutionStatus.Failed => "failed",
        WorkflowExecutionStatus.Canceled => "cancelled",
        WorkflowExecutionStatus.Terminated => "terminated",
        WorkflowExecutionStatus.TimedOut => "timedOut",
        _ => "running",
    };
}
