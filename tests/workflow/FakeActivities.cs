using System.Collections.Concurrent;
using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Verification;
using LuxHedge.Workflows.Watch;
using Temporalio.Activities;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Workflow;

/// <summary>
/// Activities that do nothing and answer well, in a plan with two stores and two lanes. A test changes an answer by setting its property,
/// and what happens meanwhile with <see cref="On"/>.
/// </summary>
internal sealed class FakeActivities : IDatabaseBackupActivities, ICopyActivities, IVerificationActivities, IRestoreActivities,
    IApprovalActivities, INotificationActivities, IAuditActivities, IExportActivities, IImportActivities, IAtlasActivities
{
    public const string Manifest = "ab12";
    public static readonly ClusterTime Start = new(1_000, 1);
    public static readonly ClusterTime End = new(2_000, 7);

    private readonly ConcurrentQueue<string> calls = new();
    private readonly ConcurrentDictionary<string, Func<Task>> hooks = new();

    /// <summary>Every call that began, in order: the activity, and what tells it from others of its kind.</summary>
    public IReadOnlyList<string> Calls => [.. calls];

    /// <summary>Every call that returned.</summary>
    public ConcurrentQueue<string> Returned { get; } = new();

    public BackupStart Begin { get; set; } = new("s3", ["nas"], "luxhedge_production", 2);
    public int Ranges { get; set; } = 7;
    public Func<LaneWork, LaneResult> Lane { get; set; } = w => new(w.Lane, 3, 100, 1_000, 300, new(1_500 + (uint)w.Lane, 0), []);
    public ChangedCollections Changed { get; set; } = new([], 0);
    public SealResult Sealed { get; set; } = new(Manifest, 9, 200, 2_000, 600, [], []);
    public CopiesFound Copies { get; set; } = new(["s3", "nas"], "main");
    public Func<string, VerificationLevel, StoreVerification> Verify { get; set; } = (store, _) =>
        new(store, Verdict.Proven, []) { ManifestSha256 = Manifest };
    public Func<RestoreRequest, RestorePlan> Preflight { get; set; } = Answers.ProductionPlan;

    public Check Base { get; set; } = new("base", Verdict.Proven, "as its witness has it");
    public Func<AskRequest, Ask> Ask { get; set; } = Answers.AskOf;
    public Func<Ask, Decision, DecisionAnswer> Judge { get; set; } = Answers.JudgeByPolicy;
    public Func<LoadWork, LoadResult> Load { get; set; } = w => new(w.Lane, 3, 100, 1_000, []);
    public ReplayResult Replay { get; set; } = new(50, 20, 2, End, []);
    public IReadOnlyList<Check> Indexes { get; set; } = [new("indexes", Verdict.Proven, "12 indexes")];
    public CheckResult Compared { get; set; } = new([new("witness", Verdict.Proven, "all equal")],
        Answers.Moment - TimeSpan.FromSeconds(30), false, 200);
    public IReadOnlyList<Check> CutOver { get; set; } = [new("in place", Verdict.Proven, "12 collections")];
    public CleanUpResult Cleaned { get; set; } = new(["luxhedge_restoring"], []);

    /// <summary>The policy that an export needs; null: none.</summary>
    public string? ExportPolicy { get; set; } = "export-data";
    public IReadOnlyList<string> LeftAside { get; set; } = [];

    /// <summary>What Atlas answers: when asked for a snapshot, and at each look (the last stays).</summary>
    public AtlasSnapshot Snapshot { get; set; } = Answers.Snapshot(AtlasStatus.Queued);
    public Queue<AtlasSnapshot> SnapshotLooks { get; } = new();
    public Queue<AtlasRestoreJob> JobLooks { get; } = new();
    public AtlasRestoreLook CameBack { get; set; } = new(
        [new("restore job", Verdict.Proven, "finished"), new("data", Verdict.Proven, "the newest canary")], Answers.Moment - TimeSpan.FromMinutes(3));

    public ConcurrentQueue<RestoreWork> Works { get; } = new();
    public ConcurrentQueue<(RestoreWork Work, bool Succeeded)> CleanUps { get; } = new();
    public ConcurrentQueue<RestoreEvidence> Evidence { get; } = new();
    public ConcurrentQueue<AskNotice> Notices { get; } = new();
    public ConcurrentQueue<Alert> Alerts { get; } = new();
    public ConcurrentQueue<AuditEntry> Audit { get; } = new();
    public ConcurrentQueue<(string Store, VerificationLevel Level, Verdict Verdict)> Records { get; } = new();
    public ConcurrentQueue<DatabaseBackupRequest> Backups { get; } = new();
    public ClusterTime? NewestToldToEnd { get; private set; }
    public SealWork? SealAsked { get; private set; }

    public static FakeActivities Failing(string call)
    {
        var activities = new FakeActivities();
        activities.Fail(call, new RefusalException(ErrorKinds.Backup, "It can't be done.", call, "Do something else."));
        return activities;
    }

    public static FakeActivities Hanging(params string[] calls)
    {
        var activities = new FakeActivities();
        activities.Hang(calls);
        return activities;
    }

    /// <summary>Runs this inside the call, before it answers. The name is as in <see cref="Calls"/>.</summary>
    public void On(string call, Func<Task> hook) => hooks[call] = hook;

    public void Fail(string call, Exception e) => On(call, () => throw e);

    /// <summary>
    /// The calls hang, heartbeating, until they are cancelled. Let all hang that could end just when others are cancelled: the
    /// time-skipping server takes the cancellation of an activity that has just ended for an error, which real servers don't.
    /// </summary>
    public void Hang(params string[] calls)
    {
        foreach (var call in calls)
            On(call, Forever);
    }

    public bool WasCancelled(string call) => calls.Contains($"cancelled {call}");

    public async Task<BackupStart> BeginAsync(DatabaseBackupRequest request)
    {
        Backups.Enqueue(request);
        return await Called("begin-backup", () => Begin);
    }

    public Task<StartMark> MarkStartAsync(BackupContext backup) => Called("mark-oplog-start", () => new StartMark(Start, Start));

    public Task<RangePlan> PlanRangesAsync(BackupContext backup, StartMark start) =>
        Called("plan-ranges", () => new RangePlan(Ranges, Begin.Lanes, 3, 200, 2_000));

    public Task<LaneResult> DumpLaneAsync(LaneWork work) => Called($"dump-lane {work.Round}/{work.Lane} of {work.Lanes}", () => Lane(work));

    public async Task<OplogTailResult> TailOplogAsync(OplogTail tail)
    {
        await Called("tail-oplog", () => 0);
        var context = ActivityExecutionContext.Current;
        var workflow = context.TemporalClient.GetWorkflowHandle(context.Info.WorkflowId!);
        ClusterTime? until = null;
        await Until(async () =>
        {
            try
            {
                var rpc = new RpcOptions { Timeout = TimeSpan.FromSeconds(1), CancellationToken = context.CancellationToken };
                return (until = await workflow.QueryAsync<ClusterTime?>(Wire.OplogUntil, [], new() { Rpc = rpc })) is not null;
            }
            catch (RpcException e) when (e.Code is RpcException.StatusCode.DeadlineExceeded or RpcException.StatusCode.Cancelled)
            {
                return false; // no worker is free to answer just now
            }
        }, "tail-oplog");
        Returned.Enqueue("tail-oplog ended");
        return new(1, 40, 400, 100, Start, until!.Value);
    }

    public Task<ChangedCollections> FindChangedAsync(BackupContext backup, IReadOnlyList<string> unreadable) =>
        Called($"find-changed-collections({string.Join(",", unreadable)})", () => Changed);

    public Task RefuseSecondChangeAsync(BackupContext backup, IReadOnlyList<string> unreadable) => Called("refuse-second-change", () => 0);

    public Task<EndMark> MarkEndAsync(BackupContext backup, ClusterTime newest)
    {
        NewestToldToEnd = newest;
        return Called("mark-the-end", () => new EndMark(End, Answers.Moment));
    }

    public Task<SealResult> SealAsync(SealWork work)
    {
        SealAsked = work;
        return Called("seal", () => Sealed);
    }

    public Task<CopyResult> CopyAsync(CopyWork work) => Called($"copy-backup {work.To}", () => new CopyResult(work.To, 9, 0, 600));

    public Task<CopiesFound> FindCopiesAsync(VerificationRequest request) => Called("find-copies", () => Copies);

    public Task<StoreVerification> VerifyCopyAsync(string asset, string backupId, string store, VerificationLevel level) =>
        Called($"verify-copy {store}", () => Verify(store, level));

    public Task RecordAsync(VerificationRequest request, VerificationLevel level, StoreVerification result)
    {
        Records.Enqueue((result.Store, level, result.Verdict));
        return Called($"record-verification {result.Store}", () => 0);
    }

    public Task<BackupSummary> SummariseAsync(string asset, string backupId) => Called("summarise-backup", () => new BackupSummary(
        backupId, asset, "database", Answers.Moment, Answers.Moment, Answers.Moment, 200, 2_000, 600, [new("s3", Answers.Moment)], true,
            Verdict.NotProven));

    public Task AcceptAsync(AcceptanceRequest request) => Called("accept-backup", () => 0);

    public Task<RestorePlan> PreflightAsync(RestoreRequest request) => Called("preflight", () => Preflight(request));

    public Task PrepareAsync(RestoreWork work) => Working("prepare-target", work, () => 0);

    public Task<LoadResult> LoadLaneAsync(LoadWork work) => Working($"load-lane {work.Lane}", work.Restore, () => Load(work));

    public Task<ReplayResult> ReplayAsync(RestoreWork work) => Working("replay-oplog", work, () => Replay);

    public Task<IReadOnlyList<Check>> CheckBaseAsync(RestoreWork work) =>
        Working<IReadOnlyList<Check>>("check-base", work, () => [Base]);

    public Task<ReplayResult> ReplayToPointAsync(RestoreWork work) => Working("replay-to-point", work, () => Replay with { Last = work.Plan.To });

    public Task<IReadOnlyList<Check>> BuildIndexesAsync(RestoreWork work) => Working("build-indexes", work, () => Indexes);

    public Task<CheckResult> CheckAsync(RestoreWork work) => Working("check-restored", work, () => Compared);

    public Task<IReadOnlyList<Check>> CutOverAsync(RestoreWork work) => Working("cut-over", work, () => CutOver);

    public Task<CleanUpResult> CleanUpAsync(RestoreWork work, bool succeeded)
    {
        CleanUps.Enqueue((work, succeeded));
        return Called("clean-up", () => Cleaned);
    }

    public Task<IReadOnlyList<string>> WriteEvidenceAsync(RestoreEvidence evidence)
    {
        Evidence.Enqueue(evidence);
        return Called<IReadOnlyList<string>>("write-evidence", () => ["s3:runs/evidence.json"]);
    }

    public Task<ImportStart> BeginImportAsync(DatabaseBackupRequest request) =>
        Called("begin-import", () => new ImportStart(Begin, "mongodump archive", "luxhedge_production", Answers.Moment));

    public Task<ImportResult> ImportAsync(ImportWork work) => Called("import-dump", () => new ImportResult(Sealed, ["Made from a dump."]));

    public Task<ExportPlan> BeginExportAsync(ExportRequest request) => Called("begin-export", () => new ExportPlan(
        new(request.Asset, request.BackupId, Manifest, "worker-1", request.Path, request.Archive, request.Gzip), ["s3"], ExportPolicy, 200, 2_000, []));

    public Task<ExportWritten> ExportAsync(ExportWork work) => Called("export-backup", () => new ExportWritten(
        work.Request.Path, $"{work.Request.Path}.unfinished-{work.Request.RunId}-1", 2, 200, 2_000, 7, new Dictionary<string, long> { ["users.bson"] = 2_000 }));

    public Task PlaceAsync(ExportRequest request, ExportPlan plan, ExportWritten written) => Called("place-export", () => 0);

    public Task<IReadOnlyList<string>> ClearAsync(ExportRequest request, ExportPlan plan) => Called("clear-export", () => LeftAside);

    public Task<Ask> PrepareAsync(AskRequest request) => Called("prepare-ask", () => Ask(request));

    public Task<MessageReference?> ShowAskAsync(AskNotice notice)
    {
        Notices.Enqueue(notice);
        return Called<MessageReference?>($"show-ask {notice.Event}", () => notice.Message ?? new("C1", $"{notice.Ask.Nonce}.1"));
    }

    public Task<MessageReference?> ShowRunAsync(RunNotice notice) => Called<MessageReference?>("show-run", () => new("C1", "1.1"));

    public Task AlertAsync(Alert alert)
    {
        Alerts.Enqueue(alert);
        return Called($"alert {alert.Kind}", () => 0);
    }

    public Task<string> AppendAsync(AuditEntry entry)
    {
        Audit.Enqueue(entry);
        return Called($"append-audit {entry.Kind}", () => "ab12");
    }

    public Task<ScheduledWork> PrepareAsync(ScheduledRun scheduled, string runId) => Called("prepare-scheduled", () => new ScheduledWork
    {
        Backup = scheduled.Workflow == Wire.DatabaseBackup ? new(runId, scheduled.Name, scheduled.TaskQueue) : null,
        Verification = scheduled.Workflow == Wire.Verification
            ? new(runId, scheduled.Name, scheduled.TaskQueue, "20261123T020000Z-luxhedge_production-7f3a", null, VerificationLevel.Restore)
            : null,
    });

    public Task<WatchLook> LookAsync(DateTimeOffset? since) =>
        Called("watch-look", () => new WatchLook([new("overdue/a", "overdue", "A is overdue", "It was due.", null)], ["nas is away"]));

    public Task<string> CallDeadManAsync() => Called("call-dead-man", () => "called");

    public Task<ReviewDone> RecordAsync(ReviewRequest request) =>
        Called("record-review", () => new ReviewDone(request.RunId, request.Review, request.Decision.Person, request.Decision.At, ["s3"]));

    public Task<AtlasSnapshot> TakeSnapshotAsync(AtlasSnapshotRequest request) => Called("take-atlas-snapshot", () => Snapshot);

    public Task<AtlasSnapshot> ReadSnapshotAsync(string asset, string snapshot) => Called("read-atlas-snapshot",
        () => SnapshotLooks.Count > 1 ? SnapshotLooks.Dequeue() : SnapshotLooks.Count == 1 ? SnapshotLooks.Peek() : Answers.Snapshot(AtlasStatus.Completed));

    public Task<AtlasRestorePlan> PlanRestoreAsync(AtlasRestoreRequest request) => Called("plan-atlas-restore", () => new AtlasRestorePlan(
        new("p", "Cluster0"), new("p", "Drills"), request.To is null ? Answers.Snapshot(AtlasStatus.Completed) : null, request.To, []));

    public Task<AtlasRestoreJob> StartRestoreAsync(AtlasRestoreWork work) => Called("start-atlas-restore", () => Answers.Job());

    public Task<AtlasRestoreJob> ReadRestoreAsync(string asset, string job) => Called("read-atlas-restore",
        () => JobLooks.Count > 1 ? JobLooks.Dequeue() : JobLooks.Count == 1 ? JobLooks.Peek() : Answers.Job() with { FinishedAt = Answers.Moment });

    public Task<AtlasRestoreLook> CheckRestoreAsync(AtlasRestoreWork work) => Called("check-atlas-restore", () => CameBack);

    public Task<DecisionAnswer> JudgeAsync(Ask ask, Decision decision) => Called("judge-decision", () => Judge(ask, decision));

    private Task<T> Working<T>(string call, RestoreWork work, Func<T> answer)
    {
        Works.Enqueue(work);
        return Called(call, answer);
    }

    private async Task<T> Called<T>(string call, Func<T> answer)
    {
        calls.Enqueue(call);
        if (hooks.TryGetValue(call, out var hook))
        {
            try
            {
                await hook();
            }
            catch (OperationCanceledException)
            {
                calls.Enqueue($"cancelled {call}");
                throw;
            }
        }

        var result = answer();
        Returned.Enqueue(call);
        return result;
    }

    private static async Task Forever() => await Until(() => Task.FromResult(false), "");

    private static async Task Until(Func<Task<bool>> condition, string what)
    {
        var context = ActivityExecutionContext.Current;
        while (!await condition())
        {
            context.Heartbeat(new Progress(what, 1, 2, "parts"));
            await Task.Delay(10, context.CancellationToken);
        }
    }
}
