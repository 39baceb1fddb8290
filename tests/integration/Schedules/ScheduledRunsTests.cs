using System.Net;
using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Watch;
using MongoDB.Bson;
using Spectre.Console;
using Temporalio.Client;

namespace LuxHedge.Tests.Integration.Schedules;

/// <summary>Schedules on a real worker: what they start, what Watch sees, and whom it calls.</summary>
public sealed class ScheduledRunsTests
{
    [Fact(Explicit = true)]
    public async Task Schedules_start_runs_under_their_locks_and_watch_tells_what_is_overdue_until_it_is_done()
    {
        await using var site = await Site.CreateAsync();
        var (code, applied) = await site.RunAsync("schedules", "apply");
        Assert.True(code == 0, applied.ToString());
        string[] ids = [$"backup/{site.Asset}", $"verify/{site.Asset}", "watch"];
        Assert.Subset(applied.GetProperty("created").EnumerateArray().Select(i => i.GetString()).ToHashSet(), ids.ToHashSet<string?>());
        (_, applied) = await site.RunAsync("schedules", "apply");
        Assert.Equal(0, applied.GetProperty("created").GetArrayLength() + applied.GetProperty("updated").GetArrayLength());
        (_, var listed) = await site.RunAsync("schedules", "list");
        Assert.Equal("id workflow asset next paused", string.Join(' ', listed[0].EnumerateObject().Take(5).Select(p => p.Name)));

        // From here it looks when this test says so, and not each five minutes by the clock.
        (code, var stopped) = await site.RunAsync("schedules", "pause", "watch", "--reason", "looks when asked", "--as", "operator");
        Assert.True(code == 0, stopped.ToString());

        // It looks as soon as it is made: nothing was ever backed up or reviewed.
        var looks = await site.LooksAsync(1);
        var first = looks[0];
        Assert.Equal("called", first.DeadMan);
        Assert.Equal(looks.Count, site.DeadManCalls);
        Assert.Equal(["overdue/backup/" + site.Asset + "/none", "overdue/review/contacts/never"], first.Told.Select(t => t.Key).Where(k => !k.Contains("drill", StringComparison.Ordinal)).Order());

        // Somebody else holds the lock: this time is skipped.
        var holder = await site.Client.StartWorkflowAsync("Nobody", [], new(WorkflowIds.Backup(site.Asset), "nobody"));
        var skipped = await site.TriggerAsync(ids[0]);
        Assert.Equal("skipped", skipped.Outcome);
        await holder.TerminateAsync();

        var backup = await site.TriggerAsync(ids[0]);
        Assert.True(backup is { Outcome: "done", Verdict: Verdict.Proven }, backup.ToString());
        (_, var runs) = await site.RunAsync("runs", "list");
        var row = Assert.Single(runs.EnumerateArray(), r => r.GetProperty("runId").GetString() == backup.RunId);
        Assert.Equal("DatabaseBackup", row.GetProperty("workflow").GetString());
        Assert.StartsWith($"{DateTime.UtcNow:yyyy}", backup.RunId, StringComparison.Ordinal);
        var run = await site.Client.GetWorkflowHandle(WorkflowIds.Backup(site.Asset)).DescribeAsync();
        Assert.Equal(backup.RunId, run.TypedSearchAttributes.Get(LuxSearchAttributes.RunId));

        var tested = await site.TriggerAsync(ids[1]);
        Assert.True(tested is { Outcome: "done", Verdict: Verdict.Proven }, tested.ToString());

        (code, var done) = await site.RunAsync("reviews", "done", "contacts", "--reason", "everyone answered", "--as", "operator");
        Assert.True(code == 0, done.ToString());
        (_, var reviews) = await site.RunAsync("reviews", "list");
        Assert.Equal("operator", reviews[0].GetProperty("by").GetString());
        Assert.False(reviews[0].GetProperty("overdue").GetBoolean());
        (code, done) = await site.RunAsync("reviews", "done", "contacts", "--reason", "me too", "--as", "bob");
        Assert.Equal(2, code);

        await site.Client.GetScheduleHandle("watch").TriggerAsync();
        looks = await site.LooksAsync(looks.Count + 1);
        var second = looks[^1];
        Assert.Equal(looks.Count, site.DeadManCalls);
        Assert.DoesNotContain(second.Told, t => t.Key.StartsWith("overdue/backup", StringComparison.Ordinal) || t.Key.StartsWith("overdue/review", StringComparison.Ordinal));
        // What the look before has told is not told again.
        Assert.All(second.Told.Where(t => first.Told.Any(f => f.Key == t.Key)), t => Assert.Equal(first.Told.Single(f => f.Key == t.Key).At, t.At));

        (code, var paused) = await site.RunAsync("schedules", "pause", ids[0], "--reason", "the cluster moves", "--as", "operator");
        Assert.True(paused.GetProperty("paused").GetBoolean());
        (code, _) = await site.RunAsync("schedules", "apply");
        Assert.Equal(0, code);
        (_, listed) = await site.RunAsync("schedules", "list");
        var kept = listed.EnumerateArray().Single(s => s.GetProperty("id").GetString() == ids[0]);
        Assert.True(kept.GetProperty("paused").GetBoolean());
        Assert.Equal(JsonValueKind.Null, kept.GetProperty("next").ValueKind);
        (code, _) = await site.RunAsync("schedules", "resume", ids[0], "--reason", "it has moved", "--as", "operator");
        Assert.Equal(0, code);

        // A plan without the verification: nothing is deleted before somebody says so.
        site.Change(yaml => yaml.Replace(", verify: { weekly: sunday, at: \"04:00\" }", "", StringComparison.Ordinal));
        (code, _) = await site.RunAsync("schedules", "apply");
        Assert.Equal(2, code);
        (code, applied) = await site.RunAsync("schedules", "apply", "--yes");
        Assert.Equal(ids[1], Assert.Single(applied.GetProperty("deleted").EnumerateArray()).GetString());
    }

    private sealed class Site : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly HttpListener deadMan = new();
        private TemporalServer server = null!;
        private TestPlan plan = null!;
        private TestDatabase database = null!;
        private Task worker = null!;
        private Task listening = null!;
        private int calls;

        public string Asset => plan.Plan.Assets.Keys.Single();

        public ITemporalClient Client => server.Client;

        public int DeadManCalls => Volatile.Read(ref calls);

        public static async Task<Site> CreateAsync()
        {
            var site = new Site { server = await TemporalServer.StartOwnAsync() };
            var mongo = await MongoServer.SharedAsync();
            site.database = mongo.CreateDatabase("scheduled");
            await site.database.Database.GetCollection<BsonDocument>("users").InsertManyAsync(Enumerable.Range(0, 200).Select(i => new BsonDocument("_id", i)));
            var address = site.Listen();
            site.plan = TestPlan.Create(
                p => p with { TemporalAddress = site.server.Address, MongoDb = mongo.ConnectionString }, site.database.Name, TestPlan.NewAsset());
            site.Change(yaml => $"{yaml}\ndeadMan: {address}\nreviews:\n  contacts: {{ title: Contacts answer, schedule: {{ monthly: 1, at: \"11:00\" }}, owner: operator }}\n");
            var ready = new TaskCompletionSource();
            site.worker = WorkerHost.RunAsync(
                PlanLoader.Load(site.plan.Path), new WorkerHostOptions { LogOutput = TextWriter.Null, Grace = TimeSpan.Zero, Ready = () => ready.TrySetResult() }, site.stop.Token);
            await await Task.WhenAny(ready.Task, site.worker);
            return site;
        }

        public void Change(Func<string, string> change) => File.WriteAllText(plan.Path, change(File.ReadAllText(plan.Path)));

        /// <summary>Starts what the schedule starts, and waits for it.</summary>
        public async Task<ScheduledResult> TriggerAsync(string id)
        {
            var handle = Client.GetScheduleHandle(id);
            var before = (await handle.DescribeAsync()).Info.NumActions;
            await handle.TriggerAsync();
            while (true)
            {
                var info = (await handle.DescribeAsync()).Info;
                if (info.NumActions > before && info.RecentActions.Last().Action is Temporalio.Client.Schedules.ScheduleActionExecutionStartWorkflow started)
                    return await Client.GetWorkflowHandle(started.WorkflowId).GetResultAsync<ScheduledResult>();
                await Task.Delay(20);
            }
        }

        /// <summary>What each look so far came to, once there are this many. (The clock may have begun one before the schedule was paused.)</summary>
        public async Task<IReadOnlyList<WatchResult>> LooksAsync(int atLeast)
        {
            var handle = Client.GetScheduleHandle("watch");
            while (true)
            {
                var started = (await handle.DescribeAsync()).Info.RecentActions
                    .Select(a => a.Action).OfType<Temporalio.Client.Schedules.ScheduleActionExecutionStartWorkflow>().ToList();
                if (started.Count >= atLeast)
                    return await Task.WhenAll(started.Select(s => Client.GetWorkflowHandle(s.WorkflowId).GetResultAsync<WatchResult>()));
                await Task.Delay(20);
            }
        }

        public async Task<(int ExitCode, JsonElement Document)> RunAsync(params string[] arguments)
        {
            using var json = new StringWriter();
            using var error = new StringWriter();
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error), Ansi = AnsiSupport.No, Interactive = InteractionSupport.No });
            var real = Terminal.Surroundings();
            var surroundings = new Surroundings
            {
                Out = console,
                Error = console,
                Json = json,
                Interactive = false,
                Variable = _ => null,
                Folder = plan.Folder,
                Login = "nobody-of-the-plan",
                Clock = TimeProvider.System,
                ConnectRuns = real.ConnectRuns,
                LookAtTarget = real.LookAtTarget,
                ReadBackups = real.ReadBackups,
            };
            var code = await LuxCommandLine.RunAsync(surroundings, [.. arguments, "--json", "--plan", plan.Path], CancellationToken.None);
            return (code, JsonDocument.Parse(json.ToString()).RootElement);
        }

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await worker.ContinueWith(_ => { }, TaskScheduler.Default);
            deadMan.Close();
            await listening.ContinueWith(_ => { }, TaskScheduler.Default);
            await database.DisposeAsync();
            await plan.DisposeAsync();
            await server.DisposeAsync();
            stop.Dispose();
        }

        private string Listen()
        {
            using (var free = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                free.Start();
                deadMan.Prefixes.Add($"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/");
            }

            deadMan.Start();
            listening = Task.Run(async () =>
            {
                while (true)
                {
                    var call = await deadMan.GetContextAsync();
                    Interlocked.Increment(ref calls);
                    call.Response.StatusCode = 200;
                    call.Response.Close();
                }
            });
            return deadMan.Prefixes.Single() + "ping/secret";
        }
    }
}
