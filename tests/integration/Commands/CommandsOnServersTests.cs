using System.Text.Json;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Hosting;
using MongoDB.Bson;
using MongoDB.Driver;
using Spectre.Console;

namespace LuxHedge.Tests.Integration.Commands;

/// <summary>The commands as a script runs them, one after the other, against real servers and a worker beside them.</summary>
public sealed class CommandsOnServersTests
{
    [Fact]
    public async Task A_script_backs_up_proves_looks_restores_and_is_refused_what_it_may_not()
    {
        await using var site = await Site.CreateAsync();

        var (code, backup) = await site.RunAsync("backup", "run", site.Asset);
        Assert.True(code == 0, backup.ToString());
        var id = backup.GetProperty("id").GetString()!;
        Assert.Equal(1_000, backup.GetProperty("documents").GetInt64() - Canaries(backup));
        Assert.NotEqual(JsonValueKind.Null, backup.GetProperty("copies")[0].GetProperty("verifiedAt").ValueKind);

        (code, var listed) = await site.RunAsync("backups", "list");
        Assert.Equal(0, code);
        Assert.Equal(id, Assert.Single(listed.EnumerateArray()).GetProperty("id").GetString());
        Assert.True(listed[0].GetProperty("eligible").GetBoolean());

        (code, var verified) = await site.RunAsync("backups", "verify", id, "--level", "restore");
        Assert.True(code == 0, verified.ToString());
        Assert.Equal("Proven", verified.GetProperty("verdict").GetString());
        (_, listed) = await site.RunAsync("backups", "list");
        Assert.Equal("Proven", listed[0].GetProperty("verdict").GetString());

        var beside = $"beside_{Guid.NewGuid():N}"[..20];
        (code, var restored) = await site.RunAsync("restore", "run", site.Asset, "--into", beside);
        Assert.True(code == 0, restored.ToString());
        Assert.Equal("Proven", restored.GetProperty("verdict").GetString());
        Assert.Equal(1_000, await site.Client.GetDatabase(beside).GetCollection<BsonDocument>("users").CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));

        (code, var refused) = await site.RunAsync("restore", "run", site.Asset, "--into", beside);
        Assert.Equal(2, code);
        Assert.Equal("usage", refused.GetProperty("error").GetProperty("kind").GetString());
        await site.Client.DropDatabaseAsync(beside);

        (code, var runs) = await site.RunAsync("runs", "list");
        Assert.Equal(0, code);
        Assert.Contains(runs.EnumerateArray(), r => r.GetProperty("workflow").GetString() == "Verification");

        (code, var status) = await site.RunAsync("status");
        Assert.Equal(0, code);
        Assert.Equal(id, status.GetProperty("assets")[0].GetProperty("newestVerified").GetString());
    }

    [Fact]
    public async Task A_restore_over_production_waits_for_another_person_and_a_denial_changes_nothing()
    {
        await using var site = await Site.CreateAsync();
        var (code, backup) = await site.RunAsync("backup", "run", site.Asset);
        Assert.True(code == 0, backup.ToString());
        await site.Users.DeleteManyAsync(FilterDefinition<BsonDocument>.Empty);

        (code, var started) = await site.RunAsync("restore", "run", site.Asset, "--drop", "--yes", "--as", "operator", "--detach");
        Assert.True(code == 0, started.ToString());
        var run = started.GetProperty("runId").GetString()!;
        var waiting = await site.UntilWaitingAsync(run);
        Assert.Equal("approval", waiting.GetProperty("kind").GetString());
        Assert.Equal(["alice", "bob"], waiting.GetProperty("approvers").EnumerateArray().Select(a => a.GetString()).Order());

        (code, var held) = await site.RunAsync("restore", "run", site.Asset, "--drop", "--yes", "--as", "operator");
        Assert.Equal(2, code);
        Assert.Equal("locked", held.GetProperty("error").GetProperty("kind").GetString());
        Assert.Contains(run, held.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);

        (code, var own) = await site.RunAsync("runs", "approve", run, "--as", "operator");
        Assert.Equal(2, code);
        Assert.Equal("refused-decision", own.GetProperty("error").GetProperty("kind").GetString());

        (code, var denied) = await site.RunAsync("runs", "deny", $"restore/{site.Asset}", "--as", "alice", "--reason", "not this one");
        Assert.True(code == 0, denied.ToString());
        (code, var ended) = await site.RunAsync("runs", "watch", run);
        Assert.Equal(3, code);
        Assert.Equal("Denied", ended.GetProperty("ended").GetString());
        Assert.Equal(0, await site.Users.CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty));

        (code, var late) = await site.RunAsync("runs", "approve", run, "--as", "bob");
        Assert.Equal(2, code);
        Assert.Equal("usage", late.GetProperty("error").GetProperty("kind").GetString());
    }

    [Fact]
    public async Task A_collection_that_does_not_exist_ends_the_run_as_wrong_usage()
    {
        await using var site = await Site.CreateAsync();
        var (code, refused) = await site.RunAsync("backup", "run", site.Asset, "--collection", "nope");
        Assert.Equal(2, code);
        Assert.Equal("usage", refused.GetProperty("error").GetProperty("kind").GetString());
        Assert.Contains("nope", refused.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    private static long Canaries(JsonElement backup) => backup.GetProperty("documents").GetInt64() - 1_000 is >= 0 and <= 2 and var canaries ? canaries : 0;

    /// <summary>A plan, a database with 1,000 users, a worker, and the command line over them.</summary>
    private sealed class Site : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop;
        private readonly TestPlan plan;
        private readonly TestDatabase database;
        private readonly Task worker;

        private Site(TestPlan plan, TestDatabase database, IMongoClient client, Task worker, CancellationTokenSource stop)
        {
            this.plan = plan;
            this.database = database;
            Client = client;
            this.worker = worker;
            this.stop = stop;
        }

        public string Asset => plan.Plan.Assets.Keys.Single();

        public IMongoClient Client { get; }

        public IMongoCollection<BsonDocument> Users => database.Database.GetCollection<BsonDocument>("users");

        public static async Task<Site> CreateAsync()
        {
            var mongo = await MongoServer.SharedAsync();
            var temporal = await TemporalServer.SharedAsync();
            var fresh = mongo.CreateDatabase("commands");
            await fresh.Database.GetCollection<BsonDocument>("users").InsertManyAsync(
                Enumerable.Range(0, 1_000).Select(i => new BsonDocument { { "_id", i }, { "name", $"user {i}" }, { "balance", new BsonDecimal128(i * 1.25m) } }));
            var made = TestPlan.Create(
                p => p with { TemporalAddress = temporal.Address, Namespace = temporal.Namespace, MongoDb = mongo.ConnectionString }, fresh.Name,
                TestPlan.NewAsset());
            var stopping = new CancellationTokenSource();
            var ready = new TaskCompletionSource();
            var working = WorkerHost.RunAsync(
                made.Plan, new WorkerHostOptions { LogOutput = TextWriter.Null, Grace = TimeSpan.Zero, Ready = () => ready.TrySetResult() }, stopping.Token);
            await await Task.WhenAny(ready.Task, working);
            return new Site(made, fresh, mongo.Client, working, stopping);
        }

        /// <summary>With <c>--json</c>: the document on stdout, and nothing else there.</summary>
        public async Task<(int ExitCode, JsonElement Document)> RunAsync(params string[] arguments)
        {
            using var json = new StringWriter();
            using var output = new StringWriter();
            using var error = new StringWriter();
            var surroundings = new Surroundings
            {
                Out = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Ansi = AnsiSupport.No, Interactive = InteractionSupport.No }),
                Error = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error), Ansi = AnsiSupport.No, Interactive = InteractionSupport.No }),
                Json = json,
                Interactive = false,
                Variable = _ => null,
                Folder = plan.Folder,
                Login = "nobody-of-the-plan",
                Clock = TimeProvider.System,
                ConnectRuns = TemporalRuns.ConnectAsync,
                LookAtTarget = TargetLook.LookAsync,
                ReadBackups = Terminal.Surroundings().ReadBackups,
            };
            var code = await LuxCommandLine.RunAsync(surroundings, [.. arguments, "--json", "--plan", plan.Path], CancellationToken.None);
            Assert.Empty(output.ToString());
            return (code, JsonDocument.Parse(json.ToString()).RootElement);
        }

        public async Task<JsonElement> UntilWaitingAsync(string run)
        {
            while (true)
            {
                var (_, runs) = await RunAsync("runs", "list");
                var row = runs.EnumerateArray().FirstOrDefault(r => r.GetProperty("runId").GetString() == run);
                if (row.ValueKind == JsonValueKind.Object && row.GetProperty("waitingFor").ValueKind == JsonValueKind.Object)
                {
                    return row.GetProperty("waitingFor");
                }

                Assert.False(worker.IsCompleted, "the worker ended");
            }
        }

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await worker;
            await database.DisposeAsync();
            await plan.DisposeAsync();
            stop.Dispose();
        }
    }
}
