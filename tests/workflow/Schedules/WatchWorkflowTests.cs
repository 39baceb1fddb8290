using LuxHedge.Tests.Support;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Watch;
using Temporalio.Client;
using Temporalio.Worker;

namespace LuxHedge.Tests.Workflow.Schedules;

public sealed class WatchWorkflowTests
{
    [Fact]
    public async Task A_trouble_is_told_once_again_when_it_changes_and_once_a_day_while_it_lasts()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Findings = [Finding("overdue/a", "A is overdue"), Finding("suspect/b", "B is suspect")];
        var first = await rig.RunAsync(null);
        Assert.Equal(2, rig.Alerts.Count);
        Assert.Equal("called", first.DeadMan);

        var second = await rig.RunAsync(first);
        Assert.Equal(2, rig.Alerts.Count);
        Assert.Equal(first.Told, second.Told);

        rig.Findings = [Finding("overdue/a", "A is overdue, and more"), Finding("suspect/b", "B is suspect")];
        var third = await rig.RunAsync(second);
        Assert.Equal("A is overdue, and more", Assert.Single(rig.Alerts.Skip(2)).Title);

        await rig.RunAsync(third with { Told = [.. third.Told.Select(t => t with { At = t.At.AddDays(-1) })] });
        Assert.Equal(5, rig.Alerts.Count);
    }

    [Fact]
    public async Task What_is_over_is_forgotten_and_told_anew_when_it_comes_back()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Findings = [Finding("overdue/a", "A is overdue")];
        var look = await rig.RunAsync(null);
        rig.Findings = [];
        look = await rig.RunAsync(look);
        Assert.Empty(look.Told);
        rig.Findings = [Finding("overdue/a", "A is overdue")];
        await rig.RunAsync(look);
        Assert.Equal(2, rig.Alerts.Count);
    }

    [Fact]
    public async Task What_could_not_be_looked_at_is_neither_forgotten_nor_told_again()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Findings = [Finding("overdue/a", "A is overdue")];
        var look = await rig.RunAsync(null);
        (rig.Findings, rig.Unknown) = ([], ["nas is away"]);
        look = await rig.RunAsync(look);
        Assert.Equal("overdue/a", Assert.Single(look.Told).Key);
        (rig.Findings, rig.Unknown) = ([Finding("overdue/a", "A is overdue")], []);
        await rig.RunAsync(look);
        Assert.Single(rig.Alerts);
    }

    [Fact]
    public async Task What_nobody_could_be_told_is_told_by_the_next_look_and_the_dead_man_is_called_all_the_same()
    {
        await using var rig = await Rig.CreateAsync();
        rig.Findings = [Finding("overdue/a", "A is overdue")];
        rig.TellingFails = true;
        var look = await rig.RunAsync(null);
        Assert.Empty(look.Told);
        Assert.Equal(1, rig.DeadManCalls);
        rig.TellingFails = false;
        await rig.RunAsync(look);
        Assert.Single(rig.Alerts);
    }

    [Fact]
    public async Task A_look_that_can_not_look_says_so_and_still_calls()
    {
        await using var rig = await Rig.CreateAsync();
        rig.LookFails = true;
        var look = await rig.RunAsync(null);
        Assert.Equal("watch", Assert.Single(rig.Alerts).Key);
        Assert.NotEmpty(look.Unknown);
        Assert.Equal(1, rig.DeadManCalls);
    }

    private static WatchFinding Finding(string key, string title) => new(key, "overdue", title, "", null);

    private sealed class Rig : IAsyncDisposable, IWatchActivities, INotificationActivities
    {
        private readonly TemporalClient client;
        private readonly CancellationTokenSource stop = new();
        private readonly TemporalWorker worker;
        private readonly Task running;
        private readonly string queue = TemporalServer.NewTaskQueue();
        private int looks;

        private Rig(TemporalServer server)
        {
            var options = (TemporalClientOptions)server.Client.Options.Clone();
            options.DataConverter = MaskingFailureConverter.Converter(new());
            client = new TemporalClient(server.Client.Connection, options);
            var settings = new TemporalWorkerOptions(queue) { Interceptors = [new ActivityBoundary(Serilog.Core.Logger.None, new())] };
            foreach (var definition in ActivityClasses.Definitions(typeof(Rig), () => this))
                settings.AddActivity(definition);
            worker = new(client, settings.AddWorkflow<WatchWorkflow>());
            running = worker.ExecuteAsync(stop.Token);
        }

        public IReadOnlyList<WatchFinding> Findings { get; set; } = [];

        public IReadOnlyList<string> Unknown { get; set; } = [];

        public bool TellingFails { get; set; }

        public bool LookFails { get; set; }

        public int DeadManCalls { get; private set; }

        public List<Alert> Alerts { get; } = [];

        public static async Task<Rig> CreateAsync() => new(await TemporalServer.SharedAsync());

        public async Task<WatchResult> RunAsync(WatchResult? before)
        {
            var run = await client.StartWorkflowAsync(Wire.Watch, [new WatchRequest(queue, before)], new($"watch-{queue}-{looks++}", queue));
            return await run.GetResultAsync<WatchResult>();
        }

        public Task<WatchLook> LookAsync(DateTimeOffset? since) =>
            LookFails ? throw new LuxHedge.Activities.RefusalException(LuxHedge.Workflows.ErrorKinds.Plan, "No.", "plan") : Task.FromResult(new WatchLook(Findings, Unknown));

        public Task<string> CallDeadManAsync()
        {
            DeadManCalls++;
            return Task.FromResult("called");
        }

        public Task<MessageReference?> ShowAskAsync(AskNotice notice) => Task.FromResult<MessageReference?>(null);

        public Task<MessageReference?> ShowRunAsync(RunNotice notice) => Task.FromResult<MessageReference?>(null);

        public Task AlertAsync(Alert alert)
        {
            if (TellingFails)
                throw new LuxHedge.Activities.RefusalException(LuxHedge.Workflows.ErrorKinds.Plan, "No.", "slack");
            Alerts.Add(alert);
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
}
