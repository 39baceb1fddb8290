using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.EndToEnd.Sandbox;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Runs;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.EndToEnd.Workers;

/// <summary>A plan, its servers and data, and workers as processes that a test starts, kills and stops.</summary>
internal sealed class WorkerSite(TestPlan plan, TestDatabase source, MongoServer mongo, S3Server s3, string prefix, LuxClient client) : IAsyncDisposable
{
    private readonly List<ServerProcess> workers = [];
    private readonly List<string> targets = [];
    private readonly StoreSet stores = new(plan.Plan);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public LuxClient Client => client;

    public string Source => source.Name;

    private string Asset => plan.Plan.Assets.Keys.Single();

    private string Nas => Path.Combine(plan.Folder, "nas");

    public static async Task<WorkerSite> CreateAsync(int lanes = 1)
    {
        var mongo = await MongoServer.SharedAsync();
        var temporal = await TemporalServer.SharedAsync();
        var s3 = await S3Server.SharedAsync();
        var source = mongo.CreateDatabase("kills");
        var items = source.Database.GetCollection<BsonDocument>("items");
        var random = new Random(4);
        for (var batch = 0; batch < 24; batch++)
        {
            await items.InsertManyAsync(Enumerable.Range(batch * 64, 64).Select(i =>
            {
                var bytes = new byte[64 << 10];
                random.NextBytes(bytes);
                return new BsonDocument { { "_id", i }, { "n", i % 7 }, { "bytes", bytes } };
            }));
        }

        await items.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>(new BsonDocument("n", 1)));
        var prefix = S3Server.NewPrefix();
        var plan = TestPlan.Create(
            p => p with
            {
                TemporalAddress = temporal.Address,
                Namespace = temporal.Namespace,
                MongoDb = mongo.ConnectionString,
                S3 = s3.Server,
                S3Prefix = prefix,
                Assets = [new SandboxAsset(TestPlan.NewAsset(), source.Name) { Stores = ["nas", "s3"], Lanes = lanes, RangeSize = "8MiB" }],
            });
        return new(plan, source, mongo, s3, prefix, await LuxClient.ConnectAsync(plan.Plan, Cancellation));
    }

    public ServerProcess StartWorker(params string[] options)
    {
        var worker = ServerProcess.Start(new ServerLaunch(
            "worker", Path.Combine(AppContext.BaseDirectory, "luxhedge"), ["worker", "--plan", plan.Path, .. options], plan.Folder,
            Path.Combine(plan.Folder, $"worker-{workers.Count}.log")));
        workers.Add(worker);
        return worker;
    }

    /// <summary>It asks for work.</summary>
    public static Task UntilReadyAsync(ServerProcess worker) => RunningSandbox.UntilAsync(
        () => File.Exists(worker.Launch.LogFile) && File.ReadAllText(worker.Launch.LogFile).Contains("Takes work from", StringComparison.Ordinal), "a worker that takes work");

    /// <summary>Who has begun which attempt at which lane, as the history tells once it has ended.</summary>
    public async Task<IReadOnlyList<LaneAttempt>> LanesAsync(RunReference run)
    {
        var temporal = await TemporalServer.SharedAsync();
        var history = await temporal.Client.GetWorkflowHandle(run.WorkflowId, run.TemporalRunId).FetchHistoryAsync();
        var scheduled = history.Events.Where(e => e.ActivityTaskScheduledEventAttributes?.ActivityType.Name == "dump-lane").ToDictionary(e => e.EventId);
        return
        [
            .. history.Events.Select(e => e.ActivityTaskStartedEventAttributes).Where(s => s is not null && scheduled.ContainsKey(s.ScheduledEventId)).Select(s =>
            {
                using var work = JsonDocument.Parse(scheduled[s.ScheduledEventId].ActivityTaskScheduledEventAttributes.Input.Payloads_[0].Data.ToByteArray());
                return new LaneAttempt(work.RootElement.GetProperty("Lane").GetInt32(), s.Identity, s.Attempt);
            }),
        ];
    }

    public Task<RunReference> StartBackupAsync() => client.StartBackupAsync(
        new DatabaseBackupRequest($"kills-{Source}", Asset, plan.Plan.Temporal.TaskQueue), Cancellation);

    public async Task<(RunReference Run, string Into)> StartRestoreAsync(string backup)
    {
        var into = $"{Source}_{targets.Count}";
        targets.Add(into);
        var request = new RestoreRequest(
            $"restore-{into}", Asset, plan.Plan.Temporal.TaskQueue, $"main/{into}", RestorePurpose.Recovery, backup, null, null, into, null,
            Drop: false, NoSafetyBackup: false, null, null);
        return (await client.StartRestoreAsync(request, Cancellation), into);
    }

    /// <param name="bytes">That a lane has written at least.</param>
    public bool IsInTheMiddleOfADump(int bytes) => Partials().Any(f => f.Exists && f.Length > bytes);

    public bool IsInTheMiddleOfADump() => IsInTheMiddleOfADump(16 << 20);

    public async Task UntilInTheMiddleOfALoadAsync(string into)
    {
        while (!await IsLoadingAsync(into))
            Cancellation.ThrowIfCancellationRequested();
    }

    public async Task<bool> IsLoadingAsync(string into)
    {
        var database = mongo.Client.GetDatabase(into);
        var names = await (await database.ListCollectionNamesAsync()).ToListAsync();
        return names.Find(n => n.StartsWith("luxhedge_restoring.items~", StringComparison.Ordinal)) is { } loading
            && await database.GetCollection<BsonDocument>(loading).CountDocumentsAsync(FilterDefinition<BsonDocument>.Empty) is > 100 and < 1500;
    }

    public static void Send(ServerProcess worker, string signal)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -{signal} {worker.Pid.ToString(CultureInfo.InvariantCulture)}"]);
        kill.WaitForExit();
    }

    /// <summary>It goes on with what it was doing until it ends by itself: its attempt was given up long ago.</summary>
    public static async Task WakeAndEndAsync(ServerProcess worker)
    {
        Send(worker, "CONT");
        Send(worker, "TERM");
        await worker.Exited;
    }

    /// <summary>Names beside the data's, documents and indexes, in order.</summary>
    public async Task<string> ContentAsync(string name)
    {
        var database = mongo.Client.GetDatabase(name);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var text = new List<string>();
        foreach (var collection in (await (await database.ListCollectionNamesAsync()).ToListAsync()).Order(StringComparer.Ordinal))
        {
            Assert.DoesNotContain("luxhedge_restoring", collection, StringComparison.Ordinal);
            var documents = database.GetCollection<BsonDocument>(collection);
            foreach (var document in await documents.Find(FilterDefinition<BsonDocument>.Empty).Sort("{_id: 1}").ToListAsync())
                hash.AppendData(document.ToBson());
            var indexes = (await (await documents.Indexes.ListAsync()).ToListAsync()).Select(i => $"{i["name"]} {i["key"]}");
            text.Add($"{collection}: {string.Join(", ", indexes.Order(StringComparer.Ordinal))}");
        }

        return string.Join("\n", text.Append(Convert.ToHexStringLower(hash.GetHashAndReset())));
    }

    /// <summary>Every version of every object of both stores, with its hash.</summary>
    public async Task<IReadOnlyList<string>> ObjectsAsync()
    {
        var all = new List<string>();
        foreach (var store in new[] { "nas", "s3" })
        {
            await foreach (var version in stores[store].ListVersionsAsync("", Cancellation))
            {
                var hash = "";
                if (!version.IsDeleteMarker)
                {
                    await using var stream = await stores[store].OpenReadAsync(version.Name, 0, null, version.Version, Cancellation);
                    hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, Cancellation));
                }

                all.Add($"{store} {version.Name} {version.Version} {hash}");
            }
        }

        return all;
    }

    public async Task AssertNothingUnexplainedAsync(string backup)
    {
        var catalog = new BackupCatalog(plan.Plan, stores, TimeProvider.System);
        foreach (var store in new[] { "nas", "s3" })
        {
            var manifest = await catalog.ReadManifestAsync(store, Asset, backup, Cancellation);
            var known = (await catalog.ReadObjectsAsync(store, manifest.Value, Cancellation)).Objects.Select(o => o.Name)
                .Append(ObjectNames.Objects(Asset, backup)).Append(ObjectNames.Manifest(Asset, backup)).ToHashSet();
            var strays = new List<string>();
            await foreach (var found in stores[store].ListAsync("", Cancellation))
            {
                if (!known.Contains(found.Name) && !found.Name.StartsWith($"{Asset}/keys/", StringComparison.Ordinal)
                    && !found.Name.StartsWith($"{Asset}/records/", StringComparison.Ordinal) && !found.Name.StartsWith("runs/", StringComparison.Ordinal)
                    && !found.Name.StartsWith("audit/", StringComparison.Ordinal))
                    strays.Add($"{store}: {found.Name}");
            }

            Assert.Empty(strays);
        }

        Assert.Empty(Partials().Select(f => f.FullName));
        var uploads = await s3.Client.ListMultipartUploadsAsync(new Amazon.S3.Model.ListMultipartUploadsRequest { BucketName = S3Server.Bucket, Prefix = prefix }, Cancellation);
        Assert.DoesNotContain(uploads.MultipartUploads ?? [], u => u.Key.StartsWith(prefix, StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in workers)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(File.Exists(worker.Launch.LogFile) ? await File.ReadAllTextAsync(worker.Launch.LogFile) : "");
            worker.Kill();
        }

        foreach (var target in targets)
            await mongo.Client.DropDatabaseAsync(target);
        await source.DisposeAsync();
        await plan.DisposeAsync();
    }

    private IEnumerable<FileInfo> Partials() =>
        Directory.GetFiles(Nas, ".*.partial", SearchOption.AllDirectories).Select(f => new FileInfo(f));
}

/// <param name="Worker">The identity that the process has with Temporal.</param>
internal sealed record LaneAttempt(int Lane, string Worker, int Attempt);
