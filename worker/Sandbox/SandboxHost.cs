using System.Diagnostics;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Sandbox.SampleData;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Worker.Schedules;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using MongoDB.Driver;
using Spectre.Console;

namespace LuxHedge.Worker.Sandbox;

/// <summary>A running sandbox: servers, plan, data and worker, in the order in which each needs the one before. Disposing of it ends them all.</summary>
public sealed class SandboxHost : IAsyncDisposable
{
    /// <summary>One second more than the dump goes back.</summary>
    private static readonly TimeSpan OplogMargin = TimeSpan.FromSeconds(6);

    /// <summary>Short, so that a point in time is not waited for.</summary>
    private const string SliceLength = "10s";

    private readonly SandboxServers servers;
    private readonly ServerProcess? worker;

    private SandboxHost(SandboxFolder folder, SandboxServers servers, Plan plan, ServerProcess? worker, long documents)
    {
        Folder = folder;
        this.servers = servers;
        Plan = plan;
        this.worker = worker;
        Documents = documents;
        Client = SandboxMongoDb.CreateClient(servers.MongoDb.ConnectionString);
    }

    public SandboxFolder Folder { get; }

    public Plan Plan { get; }

    public long Documents { get; }

    public IMongoClient Client { get; }

    public string? TemporalUi => servers.Temporal.Ui;

    /// <summary>Which programs the servers are, for the story's document.</summary>
    public SandboxSoftware Software => new(
        new(servers.MongoDb.Software, MongoUrl.Create(servers.MongoDb.ConnectionString).Server.ToString()),
        new(servers.S3.Software, servers.S3.Endpoint),
        servers.Kms is null ? null : new(servers.Kms.Software, servers.Kms.Endpoint),
        new(servers.Temporal.Software, servers.Temporal.Address));

    public IMongoDatabase Production => Client.GetDatabase(SandboxPlan.Asset);

    /// <summary>By name, the worker's among them.</summary>
    public IReadOnlyDictionary<string, ServerProcess> Processes => worker is null
        ? servers.Processes
        : new Dictionary<string, ServerProcess>(servers.Processes) { [worker.Launch.Name] = worker };

    /// <summary>Answers when everything is ready; <c>endpoints.json</c> is written then. On any error nothing is left running.</summary>
    /// <param name="withWorker">False: another terminal runs <c>luxhedge worker</c>.</param>
    public static async Task<SandboxHost> StartAsync(
        SandboxFolder folder, ServerFinder finder, bool withWorker, IAnsiConsole console, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var saying = new Lock();
        (long Documents, long InsertedAt) data = default;
        var started = await SandboxServers.StartAsync(
            finder, folder, (what, software, where) => Say(what, software == "none" ? where : $"{software}, {where}"),
            async (mongoDb, stop) => data = await LoadAsync(mongoDb, Say, stop), cancellation);
        SandboxHost? host = null;
        try
        {
            if (started.Temporal.Given)
            {
                await GivenTemporal.FreeLocksAsync(await started.Temporal.ConnectAsync(), cancellation);
            }

            var plan = PlanLoader.Load(PlanOf(started).Write(folder.Root));
            var ownWorker = withWorker ? await SandboxWorker.StartAsync(plan, folder, cancellation) : null;
            Say("Worker", ownWorker is null ? $"none, by --no-worker: luxhedge worker --plan {SandboxFolder.Name}/{SandboxPlan.FileName}" : "takes work");
            Say("Schedules", await ApplySchedulesAsync(plan, cancellation));
            host = new SandboxHost(folder, started, plan, ownWorker, data.Documents);
            await SettleAsync(data.InsertedAt, cancellation);
            SandboxEndpoints.Of(started, folder, host.Processes).Write(folder.EndpointsFile);
            return host;
        }
        catch
        {
            if (host is not null)
            {
                await host.DisposeAsync();
            }
            else
            {
                await started.DisposeAsync();
            }

            throw;
        }

        void Say(string what, string detail)
        {
            lock (saying)
            {
                console.MarkupLine($"  {Words.Plain(what),-9} {Words.Plain(detail)} [grey]({Amounts.Span(clock.Elapsed)})[/]");
            }
        }
    }

    /// <summary>The worker first, so that it still reaches the servers as it ends.</summary>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (worker is not null)
        {
            await worker.DisposeAsync();
        }

        await servers.DisposeAsync();
    }

    /// <summary>So that the sandbox lives on by itself: backups, restore tests and drills at their times, and Watch each few minutes.</summary>
    private static async Task<string> ApplySchedulesAsync(Plan plan, CancellationToken cancellation)
    {
        var planned = PlanSchedules.Of(plan).Planned;
        var book = await ScheduleBook.ConnectAsync(plan, cancellation);
        await book.ApplyAsync(planned, cancellation);
        foreach (var asset in (await book.Captures.CompareAsync(cancellation)).Start)
        {
            await book.Captures.StartAsync(asset, RunIds.Create(DateTimeOffset.UtcNow, $"oplog-{asset}", Guid.NewGuid()), cancellation);
        }

        return Words.List(planned.Select(p => p.Id).Concat(plan.Assets.Values.Where(a => a.Capture is not null).Select(a => WorkflowIds.Oplog(a.Name))));
    }

    private static SandboxPlan PlanOf(SandboxServers servers)
    {
        // A given store or Temporal may hold what an earlier sandbox signed with keys that are gone: this one keeps apart from it.
        var own = Guid.NewGuid().ToString("N")[..8];
        return new SandboxPlan(servers.Temporal.Address, servers.MongoDb.ConnectionString, [new SandboxAsset(SandboxPlan.Asset, SandboxPlan.Asset) { Slice = SliceLength }])
        {
            Namespace = servers.Temporal.Namespace,
            TaskQueue = servers.Temporal.Given ? GivenTemporal.TaskQueue(own) : Workflows.TaskQueues.Default,
            TemporalUi = servers.Temporal.Ui,
            Drills = servers.Drills?.ConnectionString,
            S3 = servers.S3,
            S3Prefix = servers.S3.Given ? $"sandbox-{own}/" : "",
            Kms = servers.Kms,
        };
    }

    /// <summary>On SecantusDB a backup's oplog begins a few seconds before its start mark: loaded only just, all data would be in it a second time.</summary>
    private static async Task SettleAsync(long insertedAt, CancellationToken cancellation)
    {
        var left = OplogMargin - Stopwatch.GetElapsedTime(insertedAt);
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left, cancellation);
        }
    }

    private static async Task<(long Documents, long InsertedAt)> LoadAsync(SandboxMongoDb mongoDb, Action<string, string> say, CancellationToken cancellation)
    {
        // Before anything is written there.
        using var client = SandboxMongoDb.CreateClient(mongoDb.ConnectionString);
        await SandboxMarker.RefuseForeignAsync(client, cancellation);
        var database = client.GetDatabase(SandboxPlan.Asset);
        if ((await SandboxMongoDb.ListDatabasesAsync(client, cancellation)).Contains(SandboxPlan.Asset))
        {
            await SandboxMarker.DropAsync(database, cancellation);
        }

        await SandboxMarker.WriteAsync(database, cancellation);
        var loaded = await SampleDatabase.LoadAsync(database, cancellation);
        say("Data", $"{Amounts.Count(loaded.Documents)} documents in {SandboxPlan.Asset}: users, KYC, cars, positions, transactions, tickets, …");
        return loaded;
    }
}

/// <summary>The <c>servers</c> of <c>sandbox --json</c>.</summary>
/// <param name="Kms">Null where there is none, and the local key file stood in.</param>
public sealed record SandboxSoftware(SandboxSoftware.Server Mongodb, SandboxSoftware.Server S3, SandboxSoftware.Server? Kms, SandboxSoftware.Server Temporal)
{
    /// <param name="Software"><c>mongod</c>, <c>secantusd-rs</c>, <c>weed</c>, … or <c>given</c>.</param>
    /// <param name="Address">Without credentials.</param>
    public sealed record Server(string Software, string Address);
}
