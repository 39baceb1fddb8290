using System.Collections.Concurrent;
using System.Text.Json;
using LuxHedge.Activities;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Activities;
using Temporalio.Client;
using Temporalio.Testing;
using Temporalio.Worker;

namespace LuxHedge.Tests.Workflow.Runbooks;

/// <summary>
/// The Runbook workflow on a time-skipping server, with actions that do nothing and answer well. A test changes what an action does with
/// <see cref="Act"/>.
/// </summary>
internal sealed class RunbookRig : IAsyncDisposable, IRunbookActivities, IEvidenceActivities, INotificationActivities, IAuditActivities,
    IApprovalActivities
{
    public const string Production = "luxhedge_production";
    public static readonly TimeSpan Expiry = TimeSpan.FromMinutes(15);

    private readonly WorkflowEnvironment? environment;
    private readonly CancellationTokenSource stop = new();
    private readonly TemporalWorker worker;
    private readonly Task running;
    private readonly ConcurrentDictionary<string, Func<ActionContext, JsonElement, Task<ActionOutcome>>> actions = new();

    private RunbookRig(WorkflowEnvironment? environment, ITemporalClient client, bool cached)
    {
        this.environment = environment;
        var options = (TemporalClientOptions)client.Options.Clone();
        options.DataConverter = MaskingFailureConverter.Converter(new());
        Client = new TemporalClient(client.Connection, options);
        var settings = new TemporalWorkerOptions(Queue)
        {
            Interceptors = [new ActivityBoundary(Serilog.Core.Logger.None, new())],
            MaxHeartbeatThrottleInterval = TimeSpan.FromMilliseconds(20),
            DefaultHeartbeatThrottleInterval = TimeSpan.FromMilliseconds(20),
            MaxCachedWorkflows = cached ? 100 : 0,
        };
        foreach (var definition in ActivityClasses.Definitions(typeof(RunbookRig), () => this))
            settings.AddActivity(definition);
        foreach (var definition in ActivityClasses.Definitions(typeof(AtlasAnswers), () => Atlas))
            settings.AddActivity(definition);
        settings.AddActivity(ActivityClasses.Definitions(typeof(FakeActivities), () => Restores).Single(d => d.Name == "preflight"));
        worker = new(Client, settings.AddWorkflow<RunbookWorkflow>().AddWorkflow<AtlasSnapshotWorkflow>().AddWorkflow<AtlasRestoreWorkflow>()
            .AddWorkflow<RestoreStepTests.Restored>());
        running = worker.ExecuteAsync(stop.Token);
    }

    public ITemporalClient Client { get; }

    public AtlasAnswers Atlas { get; } = new();

    /// <summary>Of restores only the preflight.</summary>
    public FakeActivities Restores { get; } = new();

    public string Queue { get; } = $"test-{Guid.NewGuid():N}";

    /// <summary>Steps that were run by an activity, in the order they began.</summary>
    public ConcurrentQueue<string> Ran { get; } = new();

    public ConcurrentQueue<ActionContext> Contexts { get; } = new();
    public ConcurrentQueue<RunbookEvidence> Evidence { get; } = new();
    public ConcurrentQueue<Alert> Alerts { get; } = new();
    public ConcurrentQueue<RunNotice> Notices { get; } = new();
    public ConcurrentQueue<AuditEntry> Audit { get; } = new();
    public ConcurrentQueue<AskRequest> Asked { get; } = new();

    public Func<RunbookRequest, RunbookSite> Site { get; set; } = r => new(
        r.Mode == RunMode.Drill ? "drill/luxhedge_drill_7f3a" : "production", "db1:27017",
        r.Mode == RunMode.Drill ? "luxhedge_drill_7f3a" : Production, [], [], new Dictionary<string, IReadOnlyList<TimeSpan>>(), [])
    {
        Production = [Production, "main/luxhedge_production"],
    };

    /// <summary>What the run left behind.</summary>
    public IReadOnlyList<string> Left { get; set; } = [];

    public MessageReference? Message { get; set; }
    public Exception? EvidenceFails { get; set; }

    public string? AuditTrouble { get; set; }
    public Exception? TellingFails { get; set; }

    /// <param name="cached">False: every workflow task replays the whole history, as after a worker's death.</param>
    public static async Task<RunbookRig> CreateAsync(bool cached = true)
    {
        var skipping = await TemporalServer.StartTimeSkippingAsync();
        return new(skipping, skipping.Client, cached);
    }

    /// <summary>On the dev server, which skips no time, and answers while a run goes on in a new execution.</summary>
    public static async Task<RunbookRig> CreateOnDevServerAsync() => new(null, (await TemporalServer.SharedAsync()).Client, cached: true);

    public static RunbookDefinition Define(params RunbookStep[] steps) => new("database-loss", 3, "The database is lost", null, [], steps, [], "00");

    public static RunbookStep Act(string id, string action = "no-op") => new(id) { Uses = action };

    public static RunbookStep Approve(string id, TimeSpan? expires = null) =>
        new(id) { Approve = new("restore-production", [], null, null, expires, null, [], [], [], null) };

    public static RunbookStep Confirm(string id) => new(id) { Manual = new("Call the bank.", "The bank knows.", ["alice", "bob"], null) };

    public static RunbookStep Wait(string id, string wait) => new(id) { Wait = wait };

    public static RunbookStep Parallel(string id, params RunbookStep[] steps) => new(id) { Parallel = steps };

    public static RunbookStep Nested(string id, RunbookDefinition nested) => new(id) { Nested = nested };

    /// <summary>What the action of this name does from now on.</summary>
    public void On(string action, Func<ActionContext, JsonElement, ActionOutcome> work) =>
        actions[action] = (context, input) => Task.FromResult(work(context, input));

    public void On(string action, Func<ActionContext, JsonElement, Task<ActionOutcome>> work) => actions[action] = work;

    /// <summary>Fails so many times, then goes well.</summary>
    public void Fail(string action, int times = int.MaxValue, string kind = ErrorKinds.Restore)
    {
        var left = times;
        On(action, (_, _) => left-- > 0 ? throw new RefusalException(kind, "It can't be done.", action, "Do something else.") : Outcome());
    }

    /// <summary>Hangs, heartbeating, until it is cancelled.</summary>
    public void Hang(string action) => On(action, async (_, _) =>
    {
        var context = ActivityExecutionContext.Current;
        while (true)
        {
            context.Heartbeat();
            await Task.Delay(10, context.CancellationToken);
        }
    });

    public static ActionOutcome Outcome(object? output = null, params Check[] checks) =>
        new(JsonSerializer.SerializeToElement(output ?? new { }), checks);

    public RunbookRequest Request(RunbookDefinition definition, RunMode mode = RunMode.Real) => new(
        "run-1", Queue, definition.Runbook, Production, mode, definition, new Dictionary<string, JsonElement>(), null,
        new("default", "run-1", "operator", Answers.Moment, "hash", "good"));

    public Task<WorkflowHandle> StartAsync(RunbookDefinition definition, RunMode mode = RunMode.Real) => StartAsync(Request(definition, mode));

    public async Task<WorkflowHandle> StartAsync(RunbookRequest request) => await Client.StartWorkflowAsync(
        Wire.Runbook, [request], new($"runbook-{Guid.NewGuid():N}", Queue));

    public async Task<RunbookSummary> RunAsync(RunbookDefinition definition, RunMode mode = RunMode.Real) =>
        await (await StartAsync(definition, mode)).GetResultAsync<RunbookSummary>();

    public Task SkipAsync(TimeSpan time) => environment!.DelayAsync(time);

    public static Task<DecisionAnswer> OrderAsync(
        WorkflowHandle run, string order, string? step = null, string person = "alice", string reason = "looked at it") =>
        run.ExecuteUpdateAsync<DecisionAnswer>(order, [new StepOrder(step, person, reason)]);

    public static Task<RunState> WaitsAsync(WorkflowHandle run, int steps = 1) => TestWorker.UntilAsync(run, s => s.WaitingSteps.Count == steps);

    public static Task<RunState> AsksAsync(WorkflowHandle run, int asks = 1) => TestWorker.UntilAsync(run, s => s.Asks.Count == asks);

    public Task UntilRanAsync(string step) => TestWorker.UntilAsync(() => Ran.Contains(step));

    public Task<RunbookSite> BeginAsync(RunbookRequest request) => Task.FromResult(Site(request) with { Told = true });

    public Task<ActionOutcome> RunActionAsync(string action, ActionContext context, JsonElement input)
    {
        Ran.Enqueue(context.StepId);
        Contexts.Enqueue(context);
        return actions.TryGetValue(action, out var work) ? work(context, input) : Task.FromResult(Outcome());
    }

    public Task<IReadOnlyList<string>> InventoryAsync(RunbookRequest request, RunbookSite site) => Task.FromResult(Left);

    public Task<KeptEvidence> WriteEvidenceAsync(RunbookEvidence evidence)
    {
        Evidence.Enqueue(evidence);
        return EvidenceFails is { } e ? throw e : Task.FromResult(new KeptEvidence([new("s3", "runs/run-1/evidence.json", "ab12")], AuditTrouble));
    }

    public Task<MessageReference?> ShowAskAsync(AskNotice notice) => Told(Message);

    public Task<MessageReference?> ShowRunAsync(RunNotice notice)
    {
        Notices.Enqueue(notice);
        return Told(Message);
    }

    public Task AlertAsync(Alert alert)
    {
        Alerts.Enqueue(alert);
        return Told(Message);
    }

    public Task<string> AppendAsync(AuditEntry entry)
    {
        Audit.Enqueue(entry);
        return Told("hash");
    }

    public Task<Ask> PrepareAsync(AskRequest request)
    {
        Asked.Enqueue(request);
        var expires = request.Approve?.Expires ?? request.Manual?.Expires ?? Expiry;
        var now = DateTimeOffset.UtcNow;
        return Task.FromResult(new Ask(
            request.Step, Guid.NewGuid().ToString("N"), "hash", request.Approve?.Policy ?? "", ["alice", "bob", "carol"], request.RequestedBy,
            request.Approve?.Quorum ?? 1, 1, now, now + expires, request.Shows, "default", request.RunId)
        {
            Kind = request.Manual is null ? AskKinds.Approval : AskKinds.Manual,
            Title = request.Title,
        });
    }

    public Task<DecisionAnswer> JudgeAsync(Ask ask, Decision decision) => Task.FromResult(Answers.JudgeByPolicy(ask, decision));

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running.ContinueWith(_ => { }, TaskScheduler.Default);
        worker.Dispose();
        if (environment is not null)
            await environment.DisposeAsync();
        stop.Dispose();
    }

    private Task<T> Told<T>(T answer) => TellingFails is { } e ? throw e : Task.FromResult(answer);
}
