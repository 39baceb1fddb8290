using System.Security.Cryptography;
using System.Text.Json;
using LuxHedge.Activities.Database;
using LuxHedge.Tests.Integration.Database.Restore;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Hosting;
using LuxHedge.Worker.Sandbox;
using MongoDB.Bson;
using MongoDB.Driver;
using Spectre.Console;

namespace LuxHedge.Tests.Integration.Runbooks;

/// <summary>
/// A small production, two stores, a worker and the command line over them; one backup that a restore test has proven. The runbooks are those
/// of the repository, in a folder where a test can lay others beside them.
/// </summary>
public class DrillSite : IAsyncLifetime
{
    public const string Asset = SandboxPlan.Asset;

    /// <summary>A hang is a failure; a busy machine is none.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly CancellationTokenSource stop = new();
    private TestDatabase database = null!;
    private MongoServer mongo = null!;
    private MongoServer? drills;
    private TemporalServer temporal = null!;
    private Task worker = Task.CompletedTask;

    /// <summary>Length of the slices in which the oplog is captured; null: it is not.</summary>
    protected virtual string? Slice => null;

    /// <summary>Drills restore on a server of their own.</summary>
    protected virtual bool OwnDrillCluster => false;

    public TestPlan Plan { get; private set; } = null!;

    public IMongoClient Client { get; private set; } = null!;

    /// <summary>Of the server that drills restore on.</summary>
    public IMongoClient DrillClient => drills?.Client ?? Client;

    public IMongoDatabase Production => database.Database;

    public string Backup { get; private set; } = "";

    public string RunbookFolder => Path.Combine(Plan.Folder, "runbooks");

    public async ValueTask InitializeAsync()
    {
        // Its own: the inventory of a run names every database that is new on the server, and other tests make some.
        mongo = await MongoServer.StartOwnAsync();
        drills = OwnDrillCluster ? await MongoServer.StartOwnAsync(new() { OplogEntries = 10_000, CacheMegabytes = 256 }) : null;
        var s3 = await S3Server.SharedAsync();
        // Its own: a drill's lock is its name, and every plan's drills have the same.
        temporal = await TemporalServer.StartOwnAsync();
        Client = mongo.Client;
        database = mongo.CreateDatabase("drills");
        await FillAsync();
        Plan = TestPlan.Create(
            p => p with
            {
                TemporalAddress = temporal.Address,
                Namespace = temporal.Namespace,
                MongoDb = mongo.ConnectionString,
                Drills = drills?.ConnectionString,
                S3 = s3.Server,
                S3Bucket = S3Server.Bucket,
                S3Prefix = S3Server.NewPrefix(),
                Runbooks = "runbooks",
                Assets = [p.Assets[0] with { Slice = Slice }],
            },
            database.Name);
        Directory.CreateDirectory(RunbookFolder);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "runbooks"), "*.yaml"))
            File.Copy(file, Path.Combine(RunbookFolder, Path.GetFileName(file)));
        var ready = new TaskCompletionSource();
        worker = WorkerHost.RunAsync(
            Plan.Plan, new WorkerHostOptions { LogOutput = TextWriter.Null, Grace = TimeSpan.Zero, Ready = () => ready.TrySetResult() }, stop.Token);
        await await Task.WhenAny(ready.Task, worker);

        if (Slice is not null)
            Assert.Equal(0, (await RunAsync("schedules", "apply", "--yes")).Code);
        var (code, backup) = await RunAsync("backup", "run", Asset);
        Assert.True(code == 0, backup.ToString());
        Backup = backup.GetProperty("id").GetString()!;
        (code, var verified) = await RunAsync("backups", "verify", Backup, "--store", "s3", "--level", "restore");
        Assert.True(code == 0, verified.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await stop.CancelAsync();
        await worker;
        stop.Dispose();
        await mongo.DisposeAsync();
        await (drills?.DisposeAsync() ?? ValueTask.CompletedTask);
        await temporal.DisposeAsync();
        await Plan.DisposeAsync();
    }

    /// <summary>Production goes on: a moment since the backup, captured in slices, and what was written after it.</summary>
    public async Task<string> GoOnAsync()
    {
        var users = Production.GetCollection<BsonDocument>("users");
        await users.UpdateManyAsync(new BsonDocument("_id", new BsonDocument("$lt", 50)), new BsonDocument("$inc", new BsonDocument("seen", 1)));
        await users.InsertOneAsync(new BsonDocument { { "_id", $"new {Guid.NewGuid()}" }, { "name", "a new one" } });
        var moment = await Marks.MajorityAsync(Client, CancellationToken.None);
        await users.DeleteManyAsync(new BsonDocument("name", "a new one"));
        await TestSlices.WriteAsync(Plan.Plan, Client, database.Name);
        return moment.ToString();
    }

    /// <summary>Lays a runbook beside the others: one of them with texts replaced, under another name.</summary>
    public string Lay(string name, string from, params (string Text, string By)[] changes)
    {
        var yaml = File.ReadAllText(Path.Combine(RunbookFolder, from + ".yaml"));
        foreach (var (text, by) in changes.Append(($"runbook: {from}\n", $"runbook: {name}\n")))
        {
            Assert.Contains(text, yaml, StringComparison.Ordinal);
            yaml = yaml.Replace(text, by, StringComparison.Ordinal);
        }

        File.WriteAllText(Path.Combine(RunbookFolder, name + ".yaml"), yaml);
        return name;
    }

    /// <summary>A command with <c>--json</c>: the document on stdout, and nothing else there.</summary>
    public async Task<(int Code, JsonElement Document)> RunAsync(params string[] arguments)
    {
        using var json = new StringWriter();
        using var other = new StringWriter();
        var real = Terminal.Surroundings();
        var surroundings = new Surroundings
        {
            Out = Quiet(other),
            Error = Quiet(other),
            Json = json,
            Interactive = false,
            Variable = _ => null,
            Folder = Plan.Folder,
            Login = "nobody-of-the-plan",
            Clock = TimeProvider.System,
            ConnectRuns = TemporalRuns.ConnectAsync,
            LookAtTarget = TargetLook.LookAsync,
            ReadBackups = real.ReadBackups,
        };
        var code = await LuxCommandLine.RunAsync(surroundings, [.. arguments, "--json", "--plan", Plan.Path], CancellationToken.None);
        Assert.True(json.ToString().Length > 0, other.ToString());
        return (code, JsonDocument.Parse(json.ToString()).RootElement);
    }

    /// <summary>Starts a drill or an incident as operator; answers its run id.</summary>
    public async Task<string> StartAsync(string kind, string name, params string[] more)
    {
        var (code, started) = await RunAsync([kind, "run", name, "--as", "operator", "--detach", .. more]);
        Assert.True(code == 0, started.ToString());
        return started.GetProperty("runId").GetString()!;
    }

    /// <summary>Starts it, has Alice and Bob approve what it asks, and follows it to its end.</summary>
    public async Task<(int Code, JsonElement Summary)> DrillAsync(string name, params string[] inputs)
    {
        var run = await StartAsync("drill", name, inputs);
        await ApproveAsync(run);
        return await RunAsync("runs", "watch", run);
    }

    public async Task ApproveAsync(string run)
    {
        foreach (var person in new[] { "alice", "bob" })
        {
            if (await UntilAsync(run, "approval") is null)
                return; // It asked nobody.
            var (code, answer) = await RunAsync("runs", "approve", run, "--as", person, "--reason", "it is a test");
            Assert.True(code == 0, answer.ToString());
        }
    }

    /// <summary>Waits until the run waits for people; null: it ended without.</summary>
    /// <param name="kind"><c>approval</c> or <c>person</c>; null: either.</param>
    /// <param name="step">At this step; null: at any.</param>
    public async Task<JsonElement?> UntilAsync(string run, string? kind, string? step = null)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            Assert.False(worker.IsCompleted, "the worker ended");
            var (_, runs) = await RunAsync("runs", "list");
            var row = runs.EnumerateArray().FirstOrDefault(r => r.GetProperty("runId").GetString() == run);
            Assert.True(clock.Elapsed < Patience, $"waited in vain for {kind} {step}: {row}");
            if (row.ValueKind != JsonValueKind.Object)
                continue;
            if (row.GetProperty("waitingFor") is { ValueKind: JsonValueKind.Object } waiting
                && (kind is null || waiting.GetProperty("kind").GetString() == kind) && (step is null || waiting.GetProperty("step").GetString() == step))
                return waiting;
            if (row.GetProperty("state").GetString() is "completed" or "failed" or "Proven" or "Failed" or "NotProven" or "terminated" or "cancelled")
                return null;
        }
    }

    /// <summary>Until nothing holds a lock any more: the backup that a restore over production begins, too.</summary>
    public async Task UntilQuietAsync()
    {
        while (true)
        {
            var (_, runs) = await RunAsync("runs", "list");
            if (runs.EnumerateArray().All(r => r.GetProperty("state").GetString() is not ("running" or "waiting")))
                return;
        }
    }

    /// <summary>Names, counts and a hash of every document of production.</summary>
    public async Task<string> StateOfProductionAsync()
    {
        var lines = new List<string>();
        foreach (var name in (await (await Production.ListCollectionNamesAsync()).ToListAsync()).Order(StringComparer.Ordinal))
        {
            var documents = await Production.GetCollection<BsonDocument>(name).Find(FilterDefinition<BsonDocument>.Empty).SortBy(d => d["_id"]).ToListAsync();
            lines.Add($"{name} {documents.Count} {Convert.ToHexString(SHA256.HashData([.. documents.SelectMany(d => d.ToBson())]))}");
        }

        return string.Join('\n', lines);
    }

    /// <summary>Databases of drills and tests, and objects that a drill has planted.</summary>
    public async Task<IReadOnlyList<string>> LeftAsync()
    {
        var databases = await (await DrillClient.ListDatabaseNamesAsync()).ToListAsync();
        var planted = Path.Combine(Plan.Folder, "nas", "drills");
        return
        [
            .. databases.Where(d => d.StartsWith("luxhedge_drill_", StringComparison.Ordinal)),
            .. Directory.Exists(planted) ? Directory.EnumerateFiles(planted, "*", SearchOption.AllDirectories) : [],
        ];
    }

    public static string Tell(JsonElement summary) => JsonSerializer.Serialize(summary);

    private async Task FillAsync()
    {
        await Production.GetCollection<BsonDocument>("users").InsertManyAsync(
            Enumerable.Range(0, 400).Select(i => new BsonDocument { { "_id", i }, { "name", $"user {i}" }, { "balance", new BsonDecimal128(i * 1.25m) } }));
        var cars = Production.GetCollection<BsonDocument>("cars");
        await cars.InsertManyAsync(Enumerable.Range(0, 120).Select(i => new BsonDocument { { "_id", ObjectId.GenerateNewId() }, { "model", $"model {i % 7}" }, { "price", i } }));
        await cars.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>(new BsonDocument("model", 1)));
    }

    private static IAnsiConsole Quiet(TextWriter writer) => AnsiConsole.Create(
        new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = AnsiSupport.No, Interactive = InteractionSupport.No });
}
