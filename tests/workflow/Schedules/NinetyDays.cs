using System.Collections.Concurrent;
using System.Text.Json;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Verification;
using LuxHedge.Workflows.Watch;
using Temporalio.Activities;
using Temporalio.Api.Enums.V1;
using Temporalio.Client;
using Temporalio.Workflows;
using Temporal = Temporalio.Workflows.Workflow;

namespace LuxHedge.Tests.Workflow.Schedules;

/// <summary>One start as a schedule makes it: its planned time, when it really happens, and what people and machines then do.</summary>
/// <param name="AnswerAfter">When somebody approves; null: nobody does.</param>
/// <param name="Goes">What the work itself comes to.</param>
/// <param name="Lasts">How long the work takes: while it does, the schedule's next time is skipped.</param>
public sealed record SimulatedStart(
    string Schedule, string Workflow, string Name, DateTimeOffset At, TimeSpan? AnswerAfter, Verdict Goes, TimeSpan Lasts);

public sealed record Simulation(string TaskQueue, IReadOnlyList<SimulatedStart> Starts);

/// <summary>Does what Temporal's schedules do, on a server that has none: starts runs at their times, skips a time while the last one goes on,
/// and hands Watch the result of its last look.</summary>
[Workflow("Simulation")]
public sealed class SimulationWorkflow
{
    private static readonly ActivityOptions Quick = new() { StartToCloseTimeout = TimeSpan.FromMinutes(1) };

    private readonly HashSet<string> running = new(StringComparer.Ordinal);

    [WorkflowRun]
    public async Task<int> RunAsync(Simulation simulation)
    {
        var all = new List<Task>();
        WatchResult? look = null;
        foreach (var start in simulation.Starts)
        {
            var wait = start.At - Steps.Now;
            if (wait > TimeSpan.Zero)
                await Temporal.DelayAsync(wait);
            if (start.Workflow == Wire.Watch)
            {
                var request = new WatchRequest(simulation.TaskQueue, look);
                look = await Temporal.ExecuteChildWorkflowAsync((WatchWorkflow w) => w.RunAsync(request), new() { Id = $"watch-{start.At:u}" });
            }
            else if (running.Add(start.Schedule))
            {
                all.Add(RunAsync(start, simulation.TaskQueue));
            }
        }

        await Temporal.WhenAllAsync(all);
        return simulation.Starts.Count;
    }

    private async Task RunAsync(SimulatedStart start, string queue)
    {
        var scheduled = new ScheduledRun(start.Schedule, start.Workflow, start.Name, World.Asset, queue);
        var run = Temporal.ExecuteChildWorkflowAsync((ScheduledWorkflow w) => w.RunAsync(scheduled), new() { Id = $"scheduled/{start.Schedule}-{start.At:u}" });
        if (start.AnswerAfter is { } after)
        {
            await Temporal.DelayAsync(after);
            await Temporal.ExecuteActivityAsync((World w) => w.ApproveAsync(start.Schedule), Quick);
        }

        await run;
        running.Remove(start.Schedule);
    }
}

/// <summary>Stands for a whole backup or verification: it takes its time and comes to what the script says.</summary>
[Workflow(Wire.DatabaseBackup)]
public sealed class SimulatedBackup
{
    [WorkflowRun]
    public async Task<BackupResult> RunAsync(DatabaseBackupRequest request)
    {
        var verdict = await SimulatedWork.RunAsync("backup", request.RunId);
        return new(request.RunId, verdict, null, [], verdict == Verdict.Proven ? [] : ["as the script says"]);
    }
}

[Workflow(Wire.Verification)]
public sealed class SimulatedVerification
{
    [WorkflowRun]
    public async Task<VerificationSummary> RunAsync(VerificationRequest request) =>
        new(request.BackupId, await SimulatedWork.RunAsync("verify", request.RunId), request.Level, []);
}

internal static class SimulatedWork
{
    public static async Task<Verdict> RunAsync(string schedule, string runId)
    {
        var options = new ActivityOptions { StartToCloseTimeout = TimeSpan.FromMinutes(1) };
        var script = await Temporal.ExecuteActivityAsync((World w) => w.ScriptOf(schedule, runId), options);
        await Temporal.DelayAsync(script.Lasts);
        await Temporal.ExecuteActivityAsync((World w) => w.DoneAsync(schedule, runId, script.Goes), options);
        return script.Goes;
    }
}

/// <summary>Stores, people and servers as a few lists: what was done is kept, and what Watch sees is judged by the same rules as in earnest.</summary>
public sealed class World(IReadOnlyList<SimulatedStart> script, string queue) : IScheduleActivities, IWatchActivities, INotificationActivities,
    IRunbookActivities, IEvidenceActivities, IAuditActivities, IApprovalActivities
{
    public const string Asset = "luxhedge_production";
    public static readonly TimeSpan Expiry = TimeSpan.FromMinutes(15);
    public static readonly TimeSpan Escalation = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan[] Reminders = [TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(8)];
    private readonly ConcurrentDictionary<string, List<DoneRun>> done = new();
    private readonly ConcurrentDictionary<string, Ask> open = new();

    public required IReadOnlyDictionary<string, Recurrence> Schedules { get; init; }

    public required TimeZoneInfo Zone { get; init; }

    public required ITemporalClient Client { get; set; }

    public ConcurrentQueue<Alert> Alerts { get; } = new();

    /// <summary>By drill: event and time.</summary>
    public ConcurrentQueue<(string RunId, string Event)> Notices { get; } = new();

    /// <summary>Every scheduled run that came to a verdict, in that order.</summary>
    public ConcurrentQueue<(string Schedule, DoneRun Run)> Done { get; } = new();

    public int DeadManCalls { get; private set; }

    public static readonly RunbookDefinition Drill = new("quarterly", 1, "The whole database comes back", null, [],
    [
        new("agree") { Approve = new(null, ["alice"], 1, 1, Expiry, null, Reminders, [new(Escalation, "bob")], [], null) },
        new("control") { Uses = RunbookVerdicts.NegativeControl },
        new("restore") { Uses = "no-op" },
    ], [], "00");

    private static DateTimeOffset Now => new(ActivityExecutionContext.Current.Info.CurrentAttemptScheduledTime, TimeSpan.Zero);

    /// <summary>What was done before the simulation began.</summary>
    public void Before(string schedule, DateTimeOffset at) => done.GetOrAdd(schedule, _ => []).Add(new("before", at, Verdict.Proven));

    public Task<ScheduledWork> PrepareAsync(ScheduledRun scheduled, string runId) => Task.FromResult<ScheduledWork>(scheduled.Workflow switch
    {
        Wire.DatabaseBackup => new() { Backup = new(runId, Asset, queue) },
        Wire.Verification => new() { Verification = new(runId, Asset, queue, "backup", null, VerificationLevel.Restore) },
        _ => new()
        {
            Runbook = new(runId, queue, scheduled.Name, Asset, RunMode.Drill, Drill, new Dictionary<string, JsonElement>(), null, null),
        },
    });

    [Activity]
    public Task<SimulatedStart> ScriptOf(string schedule, string runId) => Task.FromResult(Script(schedule, Now));

    [Activity]
    public Task DoneAsync(string schedule, string runId, Verdict verdict)
    {
        Keep($"{schedule}/{Asset}", new(runId, DrillHistory.TimeOf(runId)!.Value, verdict));
        return Task.CompletedTask;
    }

    [Activity]
    public async Task ApproveAsync(string schedule)
    {
        // The ask is there: it was made minutes ago.
        var ask = open[schedule];
        var decision = new Decision(ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash, DecisionKind.Approved, "alice", "as planned", Now, "alice", "good");
        var answer = await Client.GetWorkflowHandle(schedule).ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [decision]);
        if (!answer.Accepted)
            throw new InvalidOperationException(answer.Why);
    }

    public Task<WatchLook> LookAsync(DateTimeOffset? since)
    {
        var now = Now;
        var findings = new List<WatchFinding>();
        foreach (var (schedule, when) in Schedules)
        {
            List<DoneRun> runs;
            lock (done)
                runs = [.. done.GetValueOrDefault(schedule, [])];
            if (Watchman.OfDrill(schedule, Dues.Of(when, runs, known: true, now, Zone), when.Text) is { } finding)
                findings.Add(finding);
        }

        return Task.FromResult(new WatchLook(findings, []));
    }

    public Task<string> CallDeadManAsync()
    {
        DeadManCalls++;
        return Task.FromResult("called");
    }

    public Task<MessageReference?> ShowAskAsync(AskNotice notice)
    {
        Notices.Enqueue((notice.Run.RunId, notice.Event));
        return Task.FromResult<MessageReference?>(new("C1", "1.1"));
    }

    public Task<MessageReference?> ShowRunAsync(RunNotice notice) => Task.FromResult<MessageReference?>(new("C1", "1.2"));

    public Task AlertAsync(Alert alert)
    {
        Alerts.Enqueue(alert);
        return Task.CompletedTask;
    }

    public Task<RunbookSite> BeginAsync(RunbookRequest request) => Task.FromResult(new RunbookSite(
        "drills/luxhedge_drill_7f3a", "db1:27017", "luxhedge_drill_7f3a", [], [], new Dictionary<string, IReadOnlyList<TimeSpan>>(), [])
    {
        Told = true,
    });

    public Task<ActionOutcome> RunActionAsync(string action, ActionContext context, JsonElement input)
    {
        var drill = Script(ScheduleOf(context.RunId), DrillHistory.TimeOf(context.RunId)!.Value);
        return drill.Goes == Verdict.Proven || action == RunbookVerdicts.NegativeControl
            ? Task.FromResult(new ActionOutcome(JsonSerializer.SerializeToElement(new { }), [new("documents", Verdict.Proven, "all")]))
            : throw new RefusalException(ErrorKinds.Restore, "As the script says.", action);
    }

    public Task<IReadOnlyList<string>> InventoryAsync(RunbookRequest request, RunbookSite site) => Task.FromResult<IReadOnlyList<string>>([]);

    public Task<KeptEvidence> WriteEvidenceAsync(RunbookEvidence evidence)
    {
        var runId = evidence.Request.RunId;
        Keep(ScheduleOf(runId), new(runId, DrillHistory.TimeOf(runId)!.Value, evidence.Summary.Verdict));
        return Task.FromResult(new KeptEvidence([]));
    }

    public Task<string> AppendAsync(AuditEntry entry) => Task.FromResult("hash");

    public Task<Ask> PrepareAsync(AskRequest request)
    {
        var ask = Answers.AskOf(request);
        open[ScheduleOf(request.RunId)] = ask;
        return Task.FromResult(ask);
    }

    public Task<DecisionAnswer> JudgeAsync(Ask ask, Decision decision) => Task.FromResult(Answers.JudgeByPolicy(ask, decision));

    /// <summary>The start of the script that a run of this time is.</summary>
    private SimulatedStart Script(string schedule, DateTimeOffset at) =>
        script.Last(s => (s.Schedule == schedule || s.Schedule == $"{schedule}/{Asset}") && s.At <= at.AddSeconds(1));

    private static string ScheduleOf(string runId) => $"drill/{runId[(16 + "-drill-".Length)..^5]}";

    private void Keep(string schedule, DoneRun run)
    {
        lock (done)
            done.GetOrAdd(schedule, _ => []).Add(run);
        Done.Enqueue((schedule, run));
    }
}
