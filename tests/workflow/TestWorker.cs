using LuxHedge.Tests.Support;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Verification;
using LuxHedge.Workflows.Watch;
using Temporalio.Client;
using Temporalio.Exceptions;
using Temporalio.Testing;
using Temporalio.Worker;

namespace LuxHedge.Tests.Workflow;

/// <summary>A server, time-skipping or the dev server, with both workers on it, the workflows real and the activities fake.</summary>
internal sealed class TestWorker : IAsyncDisposable
{
    private readonly WorkflowEnvironment? environment;
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task> running = [];
    private readonly List<TemporalWorker> workers = [];

    private TestWorker(WorkflowEnvironment? environment, ITemporalClient client, SecretMasker masker, FakeActivities activities)
    {
        this.environment = environment;
        Activities = activities;
        var options = (TemporalClientOptions)client.Options.Clone();
        options.DataConverter = MaskingFailureConverter.Converter(masker);
        Client = new TemporalClient(client.Connection, options);
        foreach (var queue in new[] { Queue, TaskQueues.Lanes(Queue) })
        {
            var worker = new TemporalWorker(Client, Options(queue, masker));
            workers.Add(worker);
            running.Add(worker.ExecuteAsync(stop.Token));
        }
    }

    public ITemporalClient Client { get; }

    public FakeActivities Activities { get; }

    public string Queue { get; } = $"test-{Guid.NewGuid():N}";

    public static async Task<TestWorker> CreateAsync(FakeActivities? activities = null, SecretMasker? masker = null)
    {
        var skipping = await TemporalServer.StartTimeSkippingAsync();
        return new(skipping, skipping.Client, masker ?? new(), activities ?? new());
    }

    /// <summary>On the dev server, which has lists and skips no time.</summary>
    public static async Task<TestWorker> CreateOnDevServerAsync(FakeActivities? activities = null) =>
        new(null, (await TemporalServer.SharedAsync()).Client, new(), activities ?? new());

    public async Task<WorkflowHandle> StartAsync(string type, string id, object input) =>
        await Client.StartWorkflowAsync(type, [input], new(id, Queue));

    public Task<WorkflowHandle> StartBackupAsync(DatabaseBackupRequest? request = null)
    {
        request ??= CreateBackup();
        return StartAsync(Wire.DatabaseBackup, WorkflowIds.Backup(request.Asset), request);
    }

    public Task<WorkflowHandle> StartRestoreAsync(RestoreRequest? request = null)
    {
        request ??= CreateRestore();
        return StartAsync(Wire.Restore, WorkflowIds.Restore(request.Target), request);
    }

    public Task<WorkflowHandle> StartVerificationAsync(VerificationLevel level) =>
        StartAsync(Wire.Verification, WorkflowIds.Verification("luxhedge_production"),
        new VerificationRequest("run-v", "luxhedge_production", Queue, "20261123T020000Z-luxhedge_production-7f3a", null, level));

    public Task<WorkflowHandle> StartAtlasSnapshotAsync() => StartAsync(Wire.AtlasSnapshot, WorkflowIds.AtlasSnapshot("luxhedge_production"),
        new AtlasSnapshotRequest("run-s", "luxhedge_production", Queue, "before the migration", 7) { Person = "operator" });

    public Task<WorkflowHandle> StartAtlasRestoreAsync() => StartAsync(Wire.AtlasRestore, WorkflowIds.AtlasRestore("luxhedge_production"),
        new AtlasRestoreRequest("run-a", "luxhedge_production", Queue, null, null) { Person = "operator" });

    public DatabaseBackupRequest CreateBackup() => new("run-b", "luxhedge_production", Queue);

    /// <summary>Into production, asked for by the operator.</summary>
    public RestoreRequest CreateRestore() =>
        new("run-r", "luxhedge_production", Queue, "luxhedge_production", RestorePurpose.Recovery, null, null, null, null, null,
        Drop: true, NoSafetyBackup: false, null, new("default", "run-r", "operator", Answers.Moment, "hash", "good"));

    /// <summary>Skips this much time.</summary>
    public Task SkipAsync(TimeSpan time) => environment!.DelayAsync(time);

    /// <summary>The error a failed run tells of.</summary>
    public static async Task<ErrorReport> FailureAsync(WorkflowHandle run)
    {
        var failure = await Assert.ThrowsAsync<WorkflowFailedException>(() => run.GetResultAsync());
        return Failures.ToReport(failure.InnerException!);
    }

    public static Task<DecisionAnswer> AbortAsync(WorkflowHandle run, string person = "alice", string reason = "wrong backup") =>
        run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Abort, [new AbortOrder(person, reason)]);

    /// <summary>Waits until the run asks, and decides.</summary>
    public static async Task<DecisionAnswer> DecideAsync(
        WorkflowHandle run, string person, DecisionKind kind = DecisionKind.Approved, string signature = "good", Func<Decision,
            Decision>? change = null)
    {
        var ask = (await UntilAsync(run, s => s.WaitingFor is not null)).WaitingFor!;
        var decision = new Decision(ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash, kind, person, "as asked", Answers.Moment,
            person, signature);
        return await run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Decide, [change is null ? decision : change(decision)]);
    }

    /// <summary>What does not come within it does not come: the test that waits for it fails, and the others go on.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await condition())
            await Task.Delay(10, limit.Token);
    }

    /// <summary>Waits until the run's state is so.</summary>
    public static async Task<RunState> UntilAsync(WorkflowHandle run, Func<RunState, bool> condition)
    {
        RunState? state = null;
        await UntilAsync(async () =>
        {
            try
            {
                state = await run.QueryAsync<RunState>(Wire.State, [], new() { Rpc = new() { Timeout = TimeSpan.FromSeconds(2) } });
                return condition(state);
            }
            catch (RpcException e) when (e.Code is RpcException.StatusCode.DeadlineExceeded or RpcException.StatusCode.Cancelled)
            {
                return false; // The time-skipping server loses a query that comes just when a run goes on in a new execution.
            }
        });
        return state!;
    }

    public Task UntilCalledAsync(string call) => UntilAsync(() => Activities.Calls.Contains(call));

    public async Task<int> CountChildrenOpenAsync(WorkflowHandle run)
    {
        var description = await Client.WorkflowService.DescribeWorkflowExecutionAsync(new()
        {
            Namespace = Client.Options.Namespace,
            Execution = new() { WorkflowId = run.Id },
        });
        return description.PendingActivities.Count + description.PendingChildren.Count;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(running).ContinueWith(_ => { }, TaskScheduler.Default);
        foreach (var worker in workers)
            worker.Dispose();
        if (environment is not null)
            await environment.DisposeAsync();
        stop.Dispose();
    }

    private TemporalWorkerOptions Options(string queue, SecretMasker masker)
    {
        var options = new TemporalWorkerOptions(queue)
        {
            Interceptors = [new ActivityBoundary(Serilog.Core.Logger.None, masker)],
            MaxHeartbeatThrottleInterval = TimeSpan.FromMilliseconds(20),
            DefaultHeartbeatThrottleInterval = TimeSpan.FromMilliseconds(20),
        };
        foreach (var definition in ActivityClasses.Definitions(typeof(FakeActivities), () => Activities))
            options.AddActivity(definition);
        return options.AddWorkflow<DatabaseBackupWorkflow>().AddWorkflow<VerificationWorkflow>()
            .AddWorkflow<RestoreWorkflow>().AddWorkflow<AcceptanceWorkflow>().AddWorkflow<ExportWorkflow>()
            .AddWorkflow<AtlasSnapshotWorkflow>().AddWorkflow<AtlasRestoreWorkflow>()
            .AddWorkflow<ScheduledWorkflow>().AddWorkflow<WatchWorkflow>().AddWorkflow<ReviewWorkflow>().AddWorkflow<Approvals.DeskWorkflow>();
    }
}
