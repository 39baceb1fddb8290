using System.Net;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Notifications;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Slack;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Runs;
using LuxHedge.Worker.Slack;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Serilog;
using Temporalio.Client;
using Temporalio.Worker;

namespace LuxHedge.Tests.Integration.Slack;

/// <summary>A Slack, a Temporal, a worker with the real activities, both transports, and a run that asks.</summary>
internal sealed class AskingRig : IAsyncDisposable
{
    public static readonly IReadOnlyDictionary<string, string> People = new Dictionary<string, string>
    {
        ["operator"] = "U0OPERATOR",
        ["alice"] = "U0ALICE",
        ["bob"] = "U0BOB",
    };

    private readonly CancellationTokenSource stop = new();
    private readonly TestPlan test;
    private readonly TemporalWorker worker;
    private readonly Task working;
    private readonly WriterKey writer;
    private readonly NotificationActivities notifications;
    private readonly SlackWebApiClient client;
    private readonly EndpointKey endpoint;
    private readonly Worker.Slack.HttpListener listener;

    private AskingRig(TestPlan test, Plan plan, FakeSlack slack, TemporalServer temporal)
    {
        this.test = test;
        (Plan, Slack, Temporal) = (plan, slack, temporal);
        var log = new LoggerConfiguration().WriteTo.Sink(new MaskingSink(new Lines(Log), new SecretMasker())).CreateLogger();
        writer = WriterKey.Load(plan.Writer);
        endpoint = EndpointKey.Load(plan);
        notifications = new(plan, TimeProvider.System, log);
        client = new(plan.Slack!, TimeProvider.System);
        var options = new TemporalWorkerOptions(plan.Temporal.TaskQueue) { Interceptors = [new ActivityBoundary(log, new SecretMasker())] };
        options.AddWorkflow<AskingWorkflow>();
        var approvals = new ApprovalActivities(plan, writer, TimeProvider.System);
        foreach (var definition in ActivityClasses.Definitions(typeof(ApprovalActivities), () => approvals)
            .Concat(ActivityClasses.Definitions(typeof(NotificationActivities), () => notifications)))
        {
            options.AddActivity(definition);
        }

        worker = new(temporal.Client, options);
        working = worker.ExecuteAsync(stop.Token);
        Interactions = new(
            new(plan, plan.Slack!, endpoint, new TemporalClickRuns(temporal.Client), client, TimeProvider.System, log),
            new(plan, plan.Slack!, endpoint, new TemporalRuns(new LuxClient(temporal.Client, plan.Temporal), plan.Temporal), client, TimeProvider.System, log), log);
        Socket = new(Interactions, client, plan.Slack!, TimeProvider.System, log);
        listener = new(
            new IPEndPoint(IPAddress.Loopback, 0), plan.Slack, Interactions, new(temporal.Client, plan, () => Socket.Status), TimeProvider.System, log,
            uri => Http = uri);
    }

    public Plan Plan { get; }

    public FakeSlack Slack { get; }

    public TemporalServer Temporal { get; }

    public SlackInteractions Interactions { get; }

    public SocketMode Socket { get; }

    public Uri? Http { get; private set; }

    /// <summary>Everything that was logged.</summary>
    public StringWriter Log { get; } = new();

    public string RunId { get; } = $"20261123T031500Z-restore-luxhedge_production-{Guid.NewGuid().ToString("N")[..8]}";

    public string WorkflowId => $"asking/{RunId}";

    /// <param name="own">A Temporal of its own, to be ended by the test.</param>
    public static async Task<AskingRig> CreateAsync(
        bool socket = false, bool http = false, string expires = "15m", bool ownKey = false, int quorum = 2, bool own = false)
    {
        var slack = await FakeSlack.StartAsync();
        var temporal = own ? await TemporalServer.StartOwnAsync() : await TemporalServer.SharedAsync();
        var plan = TestPlan.Create(p => p with { TemporalAddress = temporal.Address, Namespace = temporal.Namespace }, asset: TestPlan.NewAsset());
        var yaml = await File.ReadAllTextAsync(plan.Path);
        var policy = yaml.Split('\n').Single(l => l.Contains("restore-production: {", StringComparison.Ordinal));
        await File.WriteAllTextAsync(plan.Path, yaml.Replace(
            policy, $"  restore-production: {{ by: [operator, alice, bob], quorum: {quorum}, deny: 1, expires: {expires}, ownKey: {(ownKey ? "true" : "false")} }}", StringComparison.Ordinal)
            + slack.PlanSection(plan.Folder, People));
        var rig = new AskingRig(plan, PlanLoader.Load(plan.Path), slack, temporal);
        if (socket)
        {
            await rig.Socket.StartAsync(CancellationToken.None);
            await slack.WaitForSocketsAsync(1);
        }

        if (http)
        {
            await rig.listener.StartAsync(CancellationToken.None);
            slack.RequestUrl = rig.Http!.ToString().TrimEnd('/');
        }

        return rig;
    }

    /// <summary>Starts the run, and waits until its ask can be clicked.</summary>
    public async Task<FakeMessage> AskAsync()
    {
        await Temporal.Client.StartWorkflowAsync((AskingWorkflow w) => w.RunAsync(RunId), new(WorkflowId, Plan.Temporal.TaskQueue));
        var message = await Slack.WaitForPostAsync(m => m.HasButtons);
        // Of an ask that has ended meanwhile the run keeps no message.
        await UntilAsync(s => s.AskMessages.Count == 1 || s.Asks.Count == 0);
        return message;
    }

    public Task<RunState> StateAsync() => Temporal.Client.GetWorkflowHandle<AskingWorkflow>(WorkflowId).QueryAsync(w => w.State());

    public async Task<RunState> UntilAsync(Func<RunState, bool> wanted)
    {
        var until = DateTimeOffset.UtcNow.AddSeconds(60);
        while (true)
        {
            var state = await StateAsync();
            if (wanted(state))
                return state;
            if (DateTimeOffset.UtcNow > until)
                throw new TimeoutException(Log.ToString());
            await Task.Delay(50);
        }
    }

    public async Task<AskRecord> EndAsync()
    {
        var handle = Temporal.Client.GetWorkflowHandle<AskingWorkflow, AskRecord>(WorkflowId);
        await handle.SignalAsync(w => w.EndAsync());
        return await handle.GetResultAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAny(working);
        await Socket.StopAsync(CancellationToken.None);
        await listener.StopAsync(CancellationToken.None);
        await Slack.DisposeAsync();
        worker.Dispose();
        notifications.Dispose();
        client.Dispose();
        endpoint.Dispose();
        writer.Dispose();
        Socket.Dispose();
        stop.Dispose();
        await test.DisposeAsync();
    }

    private sealed class Lines(StringWriter output) : Serilog.Core.ILogEventSink
    {
        public void Emit(Serilog.Events.LogEvent logEvent)
        {
            lock (output)
                output.WriteLine($"{logEvent.RenderMessage()} {logEvent.Exception}");
        }
    }
}
