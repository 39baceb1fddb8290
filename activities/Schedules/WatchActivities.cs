using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Watch;
using Serilog;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Activities.Schedules;

/// <summary>The look of Watch: through the stores, Temporal's list of runs and the plan of the worker that it runs on.</summary>
public sealed class WatchActivities(
    Plan plan, StoreSet stores, ITemporalClient temporal, AtlasConnections atlas, TimeProvider time, ILogger log) : IWatchActivities
{
    /// <summary>Temporal's list lags behind the runs by less than this.</summary>
    private static readonly TimeSpan VisibilityLag = TimeSpan.FromMinutes(2);

    /// <summary>The first look goes back this far.</summary>
    private static readonly TimeSpan FirstLook = TimeSpan.FromDays(1);

    private static readonly TimeSpan DeadManTimeout = TimeSpan.FromSeconds(10);

    private const int MostRuns = 200;

    private static readonly HttpClient Http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = DeadManTimeout };

    private readonly SliceCatalog slices = new(plan, stores);

    public async Task<WatchLook> LookAsync(DateTimeOffset? since)
    {
        var cancellation = Beat.Cancellation;
        var now = time.GetUtcNow();
        var zone = TimeZoneInfo.FindSystemTimeZoneById(plan.TimeZone);
        var findings = new List<WatchFinding>();
        var unknown = new List<string>();
        var catalog = new BackupCatalog(plan, stores, time);
        foreach (var asset in plan.Assets.Values.Where(a => a.Kind == "database"))
        {
            var view = await catalog.ListAsync(asset.Name, cancellation);
            CaptureStanding? captured = null;
            if (asset.Capture is not null)
            {
                var written = await slices.ListAsync(asset.Name, CaptureStanding.ReadFrom(view, now), null, cancellation);
                captured = CaptureStanding.Of(asset, view, written);
                findings.AddRange(Watchman.OfCapture(asset, written, captured, await IsCapturedAsync(asset.Name, unknown, cancellation), now));
                unknown.AddRange(written.Unknown.Select(u => $"slices of {asset.Name} in {u.Store}: {u.Why}"));
            }

            findings.AddRange(Watchman.OfAsset(plan, asset, view, now, zone, captured));
            unknown.AddRange(view.Unknown.Select(u => $"{asset.Name} in {u.Store}: {u.Why}"));
        }

        var watched = AtlasConnections.AssetsOf(plan).Where(a => AtlasConnections.SectionOf(plan, a).Snapshots).ToList();
        foreach (var (asset, standing) in watched.Zip(await Task.WhenAll(watched.Select(a => AtlasStanding.ReadAsync(atlas, a, cancellation)))))
        {
            if (Watchman.OfAtlas(asset, standing, now) is { } finding)
                findings.Add(finding);
            if (standing.Unknown is { } why)
                unknown.Add($"snapshots of {asset.Name} at Atlas: {why}");
        }

        var drills = await DrillHistory.ReadAsync(plan, stores, cancellation);
        unknown.AddRange(drills.Unknown);
        foreach (var schedule in PlanSchedules.Of(plan).Planned.Where(s => s.Workflow == Wire.Runbook))
        {
            var state = Dues.Of(schedule.When, drills.Runs.GetValueOrDefault(schedule.Name, []), drills.Unknown.Count == 0, now, zone);
            if (Watchman.OfDrill(schedule.Name, state, schedule.When.Text) is { } finding)
                findings.Add(finding);
        }

        var reviews = await ReviewLog.ReadAsync(plan, stores, cancellation);
        unknown.AddRange(reviews.Unknown);
        foreach (var review in PlannedReview.Of(plan))
        {
            if (Watchman.OfReview(review, ReviewState(review, reviews, now, zone)) is { } finding)
                findings.Add(finding);
        }

        await AddRunsAsync((since ?? now - FirstLook) - VisibilityLag, findings, unknown, cancellation);
        return new(findings, [.. unknown.Distinct().Take(20)]);
    }

    public static DueState ReviewState(PlannedReview review, ReviewsDone done, DateTimeOffset now, TimeZoneInfo zone)
    {
        IReadOnlyList<DoneRun> runs = done.Newest.TryGetValue(review.Name, out var record) ? [new(record.RunId, record.At, Verdict.Proven)] : [];
        return Dues.Of(review.When, runs, done.Unknown.Count == 0, now, zone);
    }

    public async Task<string> CallDeadManAsync()
    {
        if (plan.DeadMan is not { } address)
            return "none";
        try
        {
            using var answer = await Http.GetAsync(new Uri(address.Resolve()), Beat.Cancellation);
            if (answer.IsSuccessStatusCode)
                return "called";
            log.Warning("The dead man's address answered {Status}", (int)answer.StatusCode);
            return $"it answered {(int)answer.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException or UriFormatException or RefusalException
            || (e is OperationCanceledException && !Beat.Cancellation.IsCancellationRequested))
        {
            // The address is a secret, and so is whatever the exception says of it.
            var why = e switch
            {
                HttpRequestException http => http.HttpRequestError.ToString(),
                OperationCanceledException => $"no answer in {DeadManTimeout.TotalSeconds:0} s",
                RefusalException refusal => refusal.Report.Message,
                _ => "it is no address",
            };
            log.Warning("The dead man's address could not be called: {Why}", why);
            return why;
        }
    }

    private async Task<bool?> IsCapturedAsync(string asset, List<string> unknown, CancellationToken cancellation)
    {
        try
        {
            var there = await temporal.GetWorkflowHandle(WorkflowIds.Oplog(asset)).DescribeAsync(new() { Rpc = new() { CancellationToken = cancellation } });
            return there.Status == Temporalio.Api.Enums.V1.WorkflowExecutionStatus.Running;
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return false;
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            unknown.Add($"capture of {asset} in Temporal: {e.Message}");
            return null;
        }
    }

    /// <summary>Runs of every kind that closed since, whoever started them. A runbook that came to a verdict has told it itself.</summary>
    private async Task AddRunsAsync(DateTimeOffset since, List<WatchFinding> findings, List<string> unknown, CancellationToken cancellation)
    {
        var query = "WorkflowType IN ('DatabaseBackup', 'Verification', 'Restore', 'Runbook', 'AtlasSnapshot', 'AtlasRestore') AND ExecutionStatus != 'Running' "
            + $"AND CloseTime > '{since.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}'";
        try
        {
            var looked = 0;
            await foreach (var run in temporal.ListWorkflowsAsync(query, new() { Rpc = new() { CancellationToken = cancellation } }))
            {
                if (looked++ == MostRuns)
                    break;
                var attributes = run.TypedSearchAttributes;
                var verdict = attributes.TryGetValue(LuxSearchAttributes.Verdict, out var word) && Enum.TryParse<Verdict>(word, out var v) ? v : (Verdict?)null;
                var isStep = run.ParentId is { } parent && !parent.StartsWith(WorkflowIds.ScheduledPrefix, StringComparison.Ordinal)
                    && !parent.StartsWith(WorkflowIds.OplogPrefix, StringComparison.Ordinal);
                var toldItself = run.WorkflowType == Wire.Runbook && run.Status == Temporalio.Api.Enums.V1.WorkflowExecutionStatus.Completed;
                if (isStep || toldItself || run.Status == Temporalio.Api.Enums.V1.WorkflowExecutionStatus.ContinuedAsNew)
                    continue;
                var runId = attributes.TryGetValue(LuxSearchAttributes.RunId, out var id) ? id : run.RunId;
                var asset = attributes.TryGetValue(LuxSearchAttributes.Asset, out var a) ? a : run.Id;
                if (Watchman.OfRun(runId, run.WorkflowType, asset, run.Status.ToString(), verdict) is { } finding)
                    findings.Add(finding);
            }
        }
        catch (RpcException e) when (e.Code is not RpcException.StatusCode.Cancelled)
        {
            unknown.Add($"runs in Temporal: {e.Message}");
        }
    }
}
