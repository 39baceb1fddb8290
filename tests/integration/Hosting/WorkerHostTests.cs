using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Slack;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Integration.Hosting;

public sealed class WorkerHostTests
{
    [Fact]
    public async Task A_worker_takes_work_until_it_is_stopped()
    {
        var temporal = await TemporalServer.SharedAsync();
        var asset = TestPlan.NewAsset();
        await using var test = TestPlan.Create(p => p with { TemporalAddress = temporal.Address, Namespace = temporal.Namespace }, asset: asset);
        var plan = test.Plan;
        using var stop = new CancellationTokenSource();
        var ready = new TaskCompletionSource();
        var log = new StringWriter();
        var running = WorkerHost.RunAsync(plan, new() { LogOutput = TextWriter.Synchronized(log), Ready = ready.SetResult }, stop.Token);
        await await Task.WhenAny(ready.Task, running);
        var client = new LuxClient(temporal.Client, plan.Temporal);

        // The plan's cluster is nowhere: the real activity says so, at once and with what to check.
        var run = await client.StartBackupAsync(new($"20261123T101500Z-backup-{asset}-7f3a", asset, plan.Temporal.TaskQueue), default);
        var refusal = await Assert.ThrowsAsync<RefusalException>(() => client.BackupResultAsync(run, default));
        Assert.Equal(ErrorKinds.Unreachable, refusal.Report.Kind);
        Assert.Contains("127.0.0.1:1", refusal.Report.Message, StringComparison.Ordinal);

        await stop.CancelAsync();
        await running;
        Assert.Contains("Takes work from", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("Stops", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_listens_opens_its_socket_and_says_how_it_is()
    {
        var temporal = await TemporalServer.SharedAsync();
        await using var slack = await FakeSlack.StartAsync();
        await using var test = TestPlan.Create(p => p with { TemporalAddress = temporal.Address, Namespace = temporal.Namespace }, asset: TestPlan.NewAsset());
        await File.AppendAllTextAsync(test.Path, slack.PlanSection(test.Folder, new Dictionary<string, string> { ["alice"] = "U0ALICE" }));
        using var stop = new CancellationTokenSource();
        var listening = new TaskCompletionSource<Uri>();
        var log = new StringWriter();
        var running = WorkerHost.RunAsync(
            PlanLoader.Load(test.Path),
            new() { LogOutput = TextWriter.Synchronized(log), Listen = new(System.Net.IPAddress.Loopback, 0), Listening = listening.SetResult }, stop.Token);
        await await Task.WhenAny(listening.Task, running);

        await slack.WaitForSocketsAsync(1);
        Assert.Contains("luxhedge status", (await slack.TypeAsync("U0ALICE", "status")).Text, StringComparison.Ordinal);
        slack.RequestUrl = (await listening.Task).ToString().TrimEnd('/');
        Assert.True((await slack.TypeAsync("U0ALICE", "status")).Acked);
        Assert.Equal(401, (await slack.PostAsync("/slack/commands", FakeSlack.CommandForm(slack.Command("U0ALICE", "status")), secret: "another")).Status);
        using var http = new HttpClient();
        var health = await HealthyAsync(http, new(await listening.Task, "/health"));
        Assert.Equal("""{"healthy":true,"temporal":"ok","worker":"polls","slack":"connected"}""", health);

        await stop.CancelAsync();
        await running;
        await slack.WaitForSocketsAsync(0);
        Assert.DoesNotContain("xapp-", log.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The server tells of a poller some moments after it came.</summary>
    private static async Task<string> HealthyAsync(HttpClient http, Uri health)
    {
        var until = DateTimeOffset.UtcNow.AddSeconds(60);
        while (true)
        {
            using var answer = await http.GetAsync(health);
            var text = await answer.Content.ReadAsStringAsync();
            if (answer.IsSuccessStatusCode || DateTimeOffset.UtcNow > until)
                return text;
            await Task.Delay(100);
        }
    }

    [Fact]
    public async Task An_unreachable_Temporal_is_tried_again_and_then_named()
    {
        await using var test = TestPlan.Create();
        var log = new StringWriter();

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => WorkerHost.RunAsync(
            test.Plan, new() { LogOutput = log, ConnectFor = TimeSpan.FromSeconds(6) }, CancellationToken.None));

        Assert.Equal((ErrorKinds.Unreachable, "127.0.0.1:1"), (refusal.Report.Kind, refusal.Report.Where));
        Assert.Contains("Trying again", log.ToString(), StringComparison.Ordinal);
    }
}
