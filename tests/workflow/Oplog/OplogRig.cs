using System.Collections.Concurrent;
using LuxHedge.Activities;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Runs;
using Temporalio.Activities;
using Temporalio.Client;
using Temporalio.Testing;
using Temporalio.Worker;
using Temporalio.Workflows;

namespace LuxHedge.Tests.Workflow.Oplog;

/// <summary>Stands in for the backup that capture starts after a gap: it ends when it is told to.</summary>
[Workflow(Wire.DatabaseBackup)]
public sealed class EmptyBackup
{
    private bool end;

    [WorkflowRun]
    public async Task<string> RunAsync(DatabaseBackupRequest request)
    {
        await Temporalio.Workflows.Workflow.WaitConditionAsync(() => end);
        return request.RunId;
    }

    [WorkflowSignal("end")]
    public Task EndAsync()
    {
        end = true;
        return Task.CompletedTask;
    }
}

/// <summary>
/// Capture with scripted activities: each slice is the next answer of <see cref="Script"/>; while there is none left, the activity reads along. On the dev server, with slices of milliseconds: the time-skipping server loses activities that are cancelled
/// (<c>ACTIVITY_UNKNOWN</c>), and waits for ever.
/// </summary>
internal sealed class OplogRig : IAsyncDisposable, IOplogActivities, INotificationActivities
{
    public static readonly CapturePosition Start = Position(0);

    private readonly CancellationTokenSource stop = new();
    private readonly TemporalWorker worker;
    private readonly Task running;
    private Task<CaptureResult>? result;

    private OplogRig(ITemporalClient client, string? queue = null)
    {
        Queue = queue ?? Queue;
        var options = (TemporalClientOptions)client.Options.Clone();
        options.DataConverter = MaskingFailureConverter.Converter(new());
        Client = new TemporalClient(client.Connection, options);
        var settings = new TemporalWorkerOptions(Queue)
        {
            Interceptors = [new ActivityBoundary(Serilog.Core.Logger.None, new())],
            MaxHeartbeatThrottleInterval = TimeSpan.FromMilliseconds(200),
            DefaultHeartbeatThrottleInterval = TimeSpan.FromMilliseconds(200),
        };
        foreach (var definition in ActivityClasses.Definitions(typeof(OplogRig), () => this))
            settings.AddActivity(definition);
        worker = new(Client, settings.AddWorkflow<OplogCaptureWorkflow>().AddWorkflow<EmptyBackup>());
        running = worker.ExecuteAsync(stop.Token);
    }

    public TemporalClient Client { get; }

    public string Asset { get; } = TestPlan.NewAsset();

    public string Queue { get; } = $"test-{Guid.NewGuid():N}";

    /// <summary>What the next slices come to.</summary>
    public ConcurrentQueue<Func<SliceWork, SliceCut>> Script { get; } = new();

    public ConcurrentQueue<SliceWork> Cuts { get; } = new();

    public ConcurrentQueue<SliceCopyWork> Copies { get; } = new();

    public ConcurrentQueue<Alert> Alerts { get; } = new();

    public ConcurrentQueue<GapWork> Gaps { get; } = new();

    public bool NoStoreTakesGaps { get; set; }

    public ConcurrentQueue<bool> Canaries { get; } = new();

    public int Settings { get; private set; }

    public CaptureSettings Plan { get; set; } = new(TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(50), Canary: false, ["s3", "nas"]);

    /// <summary>The answer to a copy; null: it is done.</summary>
    public Func<SliceCopyWork, SlicesCopied>? Copied { get; set; }

    /// <summary>Answer of <c>find-base</c>.</summary>
    public string? Base { get; set; }

    public int BaseLooks { get; private set; }

    public static CapturePosition Position(int at, int? chain = null) => new(At(at), $"entry {at}", At(chain ?? 0));

    public static ClusterTime At(int second) => new(1_000_000 + (uint)second, 1);

    public static async Task<OplogRig> CreateAsync(string? queue = null) => new((await TemporalServer.SharedAsync()).Client, queue);

    /// <summary>A slice of so many seconds after what was read.</summary>
    public static SliceCut Slice(SliceWork work, int seconds, bool more = false, params StoreTrouble[] failed)
    {
        var to = work.From.At with { Seconds = work.From.At.Seconds + (uint)seconds };
        var store = work.Stores.First(s => failed.All(f => f.Store != s));
        return new(
            new(work.From.At, to, store, seconds, 100, 50, null), work.From with { At = to, EntrySha256 = $"entry {to.Seconds - 1_000_000}" },
            more ? null : to, null, null, failed);
    }

    public async Task<WorkflowHandle> StartAsync(CarriedCapture? carried = null)
    {
        var handle = await Client.StartWorkflowAsync(
            Wire.OplogCapture, [new CaptureRequest("run-o", Asset, Queue, carried)], new(WorkflowIds.Oplog(Asset), Queue));
        result = handle.GetResultAsync<CaptureResult>();
        return Client.GetWorkflowHandle(handle.Id);
    }

    public async Task<CaptureResult> StopAsync(WorkflowHandle run)
    {
        var answer = await run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Abort, [new AbortOrder("alice", "the plan changed")]);
        Assert.True(answer.Accepted);
        return await result!.WaitAsync(TestWorker.Limit);
    }

    public static async Task<CaptureState> UntilAsync(WorkflowHandle run, Func<CaptureState, bool> condition) =>
        (await TestWorker.UntilAsync(run, s => condition(s.Capture!))).Capture!;

    public Task<CaptureStart> BeginCaptureAsync(string asset) => Task.FromResult(new CaptureStart(Plan, Start, "now"));

    public Task<CapturePosition> BeginChainAsync(string asset) => Task.FromResult(Position(500, 500));

    public Task<CaptureSettings> ReadSettingsAsync(string asset)
    {
        Settings++;
        return Task.FromResult(Plan);
    }

    public async Task<SliceCut> CutSliceAsync(SliceWork work)
    {
        Cuts.Enqueue(work);
        Func<SliceWork, SliceCut>? next;
        while (!Script.TryDequeue(out next))
        {
            ActivityExecutionContext.Current.Heartbeat();
            await Task.Delay(100, ActivityExecutionContext.Current.CancellationToken);
        }

        return next(work);
    }

    public Task<SlicesCopied> CopySlicesAsync(SliceCopyWork work)
    {
        Copies.Enqueue(work);
        return Task.FromResult(Copied?.Invoke(work) ?? new SlicesCopied(work.Slices.Count, work.Slices.Count > 0 ? work.Slices[^1].To : null, 0));
    }

    public Task<IReadOnlyList<StoreTrouble>> RecordGapAsync(GapWork gap)
    {
        Gaps.Enqueue(gap);
        if (NoStoreTakesGaps)
            throw new RefusalException(ErrorKinds.Unreachable, "No store took the record of a gap.", gap.Asset);
        return Task.FromResult<IReadOnlyList<StoreTrouble>>([]);
    }

    public Task WriteCanaryAsync(string asset, string runId, bool trim)
    {
        Canaries.Enqueue(trim);
        return Task.CompletedTask;
    }

    public Task<string?> FindBaseAsync(string asset, ClusterTime after)
    {
        BaseLooks++;
        return Task.FromResult(Base);
    }

    public Task<MessageReference?> ShowAskAsync(AskNotice notice) => Task.FromResult<MessageReference?>(null);

    public Task<MessageReference?> ShowRunAsync(RunNotice notice) => Task.FromResult<MessageReference?>(null);

    public Task AlertAsync(Alert alert)
    {
        Alerts.Enqueue(alert);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running.ContinueWith(_ => { }, TaskScheduler.Default);
        worker.Dispose();
        stop.Dispose();
    }
}
