using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using LuxHedge.Tests.Workflow.Export;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Verification;
using LuxHedge.Workflows.Watch;
using LuxHedge.Worker.Hosting;
using Temporalio.Client;
using Temporalio.Common;
using Temporalio.Worker;

namespace LuxHedge.Tests.Workflow.Runs;

/// <summary>
/// Workflow code may change only so that every recorded history still replays (or behind <c>Workflow.Patched</c>). The histories of
/// released versions stay for ever; before a release only the newest shape matters. Record with
/// <c>LUXHEDGE_RECORD=1 dotnet tests/workflow/bin/Debug/net10.0/LuxHedge.Tests.Workflow.dll -class '*ReplayTests' -explicit on</c>.
/// </summary>
public sealed class ReplayTests
{
    internal static readonly string Recorded = Path.Combine(Path.GetDirectoryName(Here())!, "..", "Histories");

    public static TheoryData<string> Histories =>
        [.. Directory.EnumerateFiles(Recorded, "*.json", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Recorded,
            f)).Order(StringComparer.Ordinal)];

    /// <summary>What is recorded: a name, and how such a run comes about. It answers the run.</summary>
    private static readonly Dictionary<string, (Func<FakeActivities> Activities, Func<TestWorker,
        Task<WorkflowHandle>> Run)> Stories = new(StringComparer.Ordinal)
        {
            ["DatabaseBackup/whole"] = (() => new(), w => EndedAsync(w.StartBackupAsync())),
            ["DatabaseBackup/changed-collections"] = (() => new() { Changed = new(["cars"], 2) }, w => EndedAsync(w.StartBackupAsync())),
            ["DatabaseBackup/store-lost"] = (() => FakeActivities.Failing("copy-backup nas"), w => EndedAsync(w.StartBackupAsync())),
            ["DatabaseBackup/refused"] = (() => FakeActivities.Failing("seal"), w => EndedAsync(w.StartBackupAsync())),
            ["DatabaseBackup/aborted"] = (() => FakeActivities.Hanging("dump-lane 0/0 of 2", "dump-lane 0/1 of 2"), async w =>
            {
                var run = await w.StartBackupAsync();
                await w.UntilCalledAsync("dump-lane 0/0 of 2");
                await w.UntilCalledAsync("dump-lane 0/1 of 2");
                await TestWorker.AbortAsync(run);
                return await EndedAsync(Task.FromResult(run));
            }
            ),
            ["Verification/integrity"] = (() => new(), w => EndedAsync(w.StartVerificationAsync(VerificationLevel.Integrity))),
            ["Verification/restore"] = (() => new() { Preflight = Answers.ScratchPlan },
            w => EndedAsync(w.StartVerificationAsync(VerificationLevel.Restore))),
            ["Restore/scratch"] = (() => new() { Preflight = Answers.ScratchPlan }, w => EndedAsync(w.StartRestoreAsync(Scratch(w)))),
            ["Restore/point-in-time"] = (() => new() { Preflight = r => Answers.PointPlan(r) with { Production = false } },
            w => EndedAsync(w.StartRestoreAsync(Scratch(w) with { To = RestorePoint.Latest }))),
            ["Restore/production"] = (() => new(), async w =>
            {
                var run = await w.StartRestoreAsync();
                await TestWorker.DecideAsync(run, "operator");
                await TestWorker.DecideAsync(run, "alice");
                return await EndedAsync(Task.FromResult(run));
            }
            ),
            ["Restore/denied"] = (() => new(), async w =>
            {
                var run = await w.StartRestoreAsync();
                await TestWorker.DecideAsync(run, "bob", DecisionKind.Denied);
                return await EndedAsync(Task.FromResult(run));
            }
            ),
            ["Restore/expired"] = (() => new(), w => EndedAsync(w.StartRestoreAsync())),
            ["Restore/failed-check"] = (() => new() { Compared = new([new("users", Verdict.Failed, "2 of 3")], null, false, 2) }, async w =>
            {
                var run = await w.StartRestoreAsync();
                await TestWorker.DecideAsync(run, "alice");
                return await EndedAsync(Task.FromResult(run));
            }
            ),
            ["Restore/aborted"] = (() => FakeActivities.Hanging("prepare-target"), async w =>
            {
                var run = await w.StartRestoreAsync();
                await TestWorker.DecideAsync(run, "alice");
                await w.UntilCalledAsync("prepare-target");
                await TestWorker.AbortAsync(run);
                return await EndedAsync(Task.FromResult(run));
            }
            ),
            ["DatabaseBackup/imported"] = (() => new(), w => EndedAsync(w.StartBackupAsync(w.CreateBackup() with { Import = new("/srv/dump", null) }))),
            ["Export/approved"] = (() => new(), async w =>
            {
                var run = await ExportWorkflowTests.StartAsync(w);
                await TestWorker.DecideAsync(run, "alice");
                return await EndedAsync(Task.FromResult(run));
            }
            ),
            ["Export/failed"] = (() => new() { ExportPolicy = null }, w =>
            {
                w.Activities.Fail("export-backup", new Activities.RefusalException(ErrorKinds.Integrity, "It is damaged.", "packs/0-1"));
                return EndedAsync(ExportWorkflowTests.StartAsync(w));
            }
            ),
            ["Acceptance/accepted"] = (() => new(),
            w => EndedAsync(w.StartAsync(Wire.Acceptance, "accept/b", new AcceptanceRequest("run-a", "luxhedge_production", "b", "checked",
            new("default", "run-a", "accept", "n", "h", DecisionKind.Approved, "alice", "checked", Answers.Moment, "alice", "good"))))),
            ["AtlasSnapshot/completed"] = (() => Looks(AtlasStatus.Queued, AtlasStatus.InProgress, AtlasStatus.Completed),
            w => EndedAsync(w.StartAtlasSnapshotAsync())),
            ["AtlasSnapshot/failed"] = (() => Looks(AtlasStatus.Failed), w => EndedAsync(w.StartAtlasSnapshotAsync())),
            ["AtlasRestore/finished"] = (() => new(), w => EndedAsync(w.StartAtlasRestoreAsync())),
            ["AtlasRestore/refused"] = (() => FakeActivities.Failing("start-atlas-restore"), w => EndedAsync(w.StartAtlasRestoreAsync())),
            ["Scheduled/backup"] = (() => new(), w => EndedAsync(StartScheduledAsync(w))),
            ["Scheduled/failed"] = (() => FakeActivities.Failing("seal"), w => EndedAsync(StartScheduledAsync(w))),
            ["Watch/told"] = (() => new(), w => EndedAsync(w.StartAsync(Wire.Watch, "watch-1", new WatchRequest(w.Queue)))),
            ["Review/done"] = (() => new(), w => EndedAsync(w.StartAsync(Wire.Review, "review/contacts", new ReviewRequest("run-r", "contacts", "00",
                new("default", "run-r", "review", "contacts", "h", DecisionKind.Approved, "alice", "checked", Answers.Moment, "alice", "good"))))),
        };

    public static TheoryData<string> Names => [.. Stories.Keys];

    [Theory]
    [MemberData(nameof(Histories))]
    public async Task A_recorded_history_replays(string file)
    {
        var history = WorkflowHistory.FromJson("recorded", await File.ReadAllTextAsync(Path.Combine(Recorded, file)));

        var result = await Replayer().ReplayWorkflowAsync(history, throwOnReplayFailure: false);

        Assert.Null(result.ReplayFailure);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_story_is_recorded(string name) =>
        Assert.Contains($"{name}.json".Replace('/', Path.DirectorySeparatorChar), Histories.Select(h => h.Data));

    /// <summary>Fails when a history would not replay: this shows that the test above can fail.</summary>
    [Fact]
    public async Task A_history_of_other_steps_does_not_replay()
    {
        var json = await File.ReadAllTextAsync(Path.Combine(Recorded, "Restore", "scratch.json"));
        var history = WorkflowHistory.FromJson("recorded",
            json.Replace("\"prepare-target\"", "\"prepare-other\"", StringComparison.Ordinal));

        Assert.NotNull((await Replayer().ReplayWorkflowAsync(history, throwOnReplayFailure: false)).ReplayFailure);
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Names))]
    public async Task Record(string name)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("LUXHEDGE_RECORD") == "1",
            "Recording overwrites the histories: say LUXHEDGE_RECORD=1.");
        await using var worker = await TestWorker.CreateAsync(Stories[name].Activities());
        var run = await Stories[name].Run(worker);
        var file = Path.Combine(Recorded, $"{name}.json");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, Anonymous((await run.FetchHistoryAsync()).ToJson()) + "\n");
    }

    /// <summary>Without the recording machine's name and paths, which no replay needs.</summary>
    internal static string Anonymous(string history) =>
        Regex.Replace(history, @"""(?<name>identity|stackTrace)"": *""(?:[^""\\]|\\.)*""", "\"${name}\": \"\"",
            RegexOptions.ExplicitCapture,
            TimeSpan.FromSeconds(10));

    private static WorkflowReplayer Replayer() =>
        new(new WorkflowReplayerOptions { DataConverter = MaskingFailureConverter.Converter(new()) }
        .AddWorkflow<DatabaseBackupWorkflow>().AddWorkflow<VerificationWorkflow>()
            .AddWorkflow<RestoreWorkflow>().AddWorkflow<AcceptanceWorkflow>().AddWorkflow<ExportWorkflow>().AddWorkflow<RunbookWorkflow>()
            .AddWorkflow<ScheduledWorkflow>().AddWorkflow<WatchWorkflow>().AddWorkflow<ReviewWorkflow>()
            .AddWorkflow<OplogCaptureWorkflow>()
            .AddWorkflow<AtlasSnapshotWorkflow>().AddWorkflow<AtlasRestoreWorkflow>());

    private static Task<WorkflowHandle> StartScheduledAsync(TestWorker worker) => worker.StartAsync(
        Wire.Scheduled, "scheduled/backup/luxhedge_production-2026-11-23T02:00:00Z",
        new ScheduledRun("backup/luxhedge_production", Wire.DatabaseBackup, "luxhedge_production", "luxhedge_production", worker.Queue));

    private static RestoreRequest Scratch(TestWorker worker) =>
        worker.CreateRestore() with { Target = "main/copy", Into = "copy", RequestedBy = null, Drop = false };

    /// <summary>However it ends.</summary>
    private static async Task<WorkflowHandle> EndedAsync(Task<WorkflowHandle> start)
    {
        var run = await start;
        try
        {
            await run.GetResultAsync();
        }
        catch (Temporalio.Exceptions.WorkflowFailedException)
        {
            // A refused run has a history too.
        }

        return run;
    }

    /// <summary>Atlas says one after another of its snapshot.</summary>
    private static FakeActivities Looks(params string[] statuses)
    {
        var activities = new FakeActivities();
        foreach (var status in statuses)
            activities.SnapshotLooks.Enqueue(Answers.Snapshot(status));
        return activities;
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
