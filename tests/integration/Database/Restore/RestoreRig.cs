using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using MongoDB.Bson;
using MongoDB.Driver;
using Serilog.Core;
using Temporalio.Testing;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>
/// A source with a backup of it, and the steps of a restore as the workflow runs them, without Temporal: a test can step in between, cancel one in
/// the middle, or leave one behind.
/// </summary>
internal sealed class RestoreRig : IAsyncDisposable
{
    private readonly TestPlan files;
    private readonly TestDatabase database;
    private readonly MongoServer server;
    private readonly List<string> targets = [];

    private RestoreRig(MongoServer server, TestDatabase database, TestPlan files, Plan plan)
    {
        (this.server, this.database, this.files, Plan) = (server, database, files, plan);
        Stores = new StoreSet(plan);
        Writer = WriterKey.Load(plan.Writer);
        Keys = new KeyRing(plan, Stores, Writer);
        Clusters = new ClusterConnections(plan);
        Restore = CreateActivities(plan);
    }

    public Plan Plan { get; }

    public AssetPlan Asset => Plan.Assets[SandboxPlan.Asset];

    public StoreSet Stores { get; }

    public WriterKey Writer { get; }

    public KeyRing Keys { get; }

    public ClusterConnections Clusters { get; }

    public RestoreActivities Restore { get; }

    public IMongoDatabase Source => database.Database;

    public IMongoClient Client => server.Client;

    public bool IsMongod => server.IsMongod;

    public string BackupId { get; private set; } = "";

    /// <summary>How often steps were tried again, as Temporal does it; null: they are not.</summary>
    public Retries? Retries { get; set; }

    /// <param name="withSecondStore">A directory store <c>second</c> beside <c>nas</c>.</param>
    /// <param name="connection">What the plan has for the server: a wire to it.</param>
    public static async Task<RestoreRig> CreateAsync(
        Func<AssetPlan, AssetPlan>? asset = null, bool withSecondStore = false, MongoServer? server = null, string? connection = null)
    {
        var shared = server ?? await MongoServer.SharedAsync();
        var source = shared.CreateDatabase("restore");
        var written = TestPlan.Create(p => p with { MongoDb = connection ?? shared.ConnectionString }, source.Name);
        var changed = (asset ?? (a => a))(written.Plan.Assets[SandboxPlan.Asset]);
        var plan = written.Plan with { Assets = new Dictionary<string, AssetPlan> { [SandboxPlan.Asset] = changed } };
        if (withSecondStore)
        {
            var second = plan.Stores["nas"] with { Name = "second", Path = Path.Combine(written.Folder, "second") };
            Directory.CreateDirectory(second.Path!);
            plan = plan with { Stores = new Dictionary<string, StorePlan>(plan.Stores) { ["second"] = second } };
        }

        return new RestoreRig(shared, source, written, plan);
    }

    public Task<CopyResult> CopyAsync(string from, string to) => new CopyActivities(Plan, Stores, Writer, TimeProvider.System)
        .CopyAsync(new CopyWork("run-copy", Asset.Name, BackupId, from, to));

    /// <summary>Flips a bit in the middle of the first object of that name.</summary>
    public async Task DamageAsync(string store, string name)
    {
        await foreach (var found in Stores[store].ListAsync(ObjectNames.Backup(Asset.Name, BackupId), CancellationToken.None))
        {
            if (!found.Name.Contains(name, StringComparison.Ordinal))
                continue;
            var file = FileOf(store, found.Name);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var bytes = await File.ReadAllBytesAsync(file);
            bytes[bytes.Length / 2] ^= 1;
            await File.WriteAllBytesAsync(file, bytes);
            return;
        }

        throw new InvalidOperationException($"No object {name}.");
    }

    private string FileOf(string store, string name) => Directory.EnumerateFiles(Plan.Stores[store].Path!, "*", SearchOption.AllDirectories)
        .Single(f => Path.GetFileName(f) == Path.GetFileName(name));

    public async Task DamageAsync(string store, SliceManifest slice)
    {
        var file = FileOf(store, slice.Object.Name);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
    }

    public void Lose(string store, SliceManifest slice)
    {
        File.Delete(FileOf(store, slice.Object.Name));
        File.Delete(FileOf(store, slice.Object.Name + ".json"));
    }

    /// <summary>Evidence as the workflow hands it over.</summary>
    public Task<IReadOnlyList<string>> KeepEvidenceAsync(RestoreRequest request, RestorePlan plan, bool replaced)
    {
        var now = DateTimeOffset.UtcNow;
        var steps = new[] { new StepTiming("cut over", now, now, 1, TimeSpan.Zero, replaced ? StepStates.Done : StepStates.Skipped, null) };
        return Restore.WriteEvidenceAsync(new RestoreEvidence(
            request, plan,
            new RestoreSummary(
                request.RunId, Verdict.Proven, plan.Database, 0, new RtoMeasure(default, default, default, default, default), new RpoMeasure(default, null), []),
            new RunState(request.RunId, "Restore", request.Asset, now, steps, null, [], [], 0, null, null, Verdict.Proven)));
    }

    /// <summary>A time before the backup, from which slices are to begin.</summary>
    public ClusterTime Before { get; set; }

    /// <summary>Says that the backup was verified where it lies, as a backup's run does: else it is no base.</summary>
    public Task MakeEligibleAsync(string store = "nas") => RecordAsync(store);

    private async Task RecordAsync(string store)
    {
        var found = await new BackupCatalog(Plan, Stores, TimeProvider.System).FindAsync(BackupId, CancellationToken.None);
        var records = new RecordWriter(Stores, Writer, TimeProvider.System);
        await records.WriteAsync(
            store,
            records.Create(RecordKinds.Verified, Asset.Name, BackupId, "run-verify", found.ManifestSha256) with
            {
                Level = Workflows.Verification.VerificationLevel.Integrity,
                Verdict = Verdict.Proven,
                Problems = [],
            },
            CancellationToken.None);
    }

    public Task<ClusterTime> NowAsync() => Marks.MajorityAsync(Client, CancellationToken.None);

    /// <summary>Writes what the source's oplog has after a time into slices of so many entries.</summary>
    public Task<IReadOnlyList<SliceManifest>> SliceAsync(ClusterTime from, int entriesEach = 100, ClusterTime? to = null, params string[] into) =>
        CreateSlices().WriteAsync(from, static _ => false, entriesEach, to, into.Length > 0 ? into : ["nas"]);

    public Task<IReadOnlyList<SliceManifest>> SliceAsync(ClusterTime from, Func<byte[], bool> leaveOut) => CreateSlices().WriteAsync(from, leaveOut, 100, null, "nas");

    private TestSlices CreateSlices() => new(Plan, Stores, Keys, Writer, Client, Source.DatabaseNamespace.DatabaseName);

    /// <summary>The steps up to the checks, in their order.</summary>
    public IReadOnlyList<Func<Task>> StepsBeforeCutOver(RestoreWork work) => work.Plan.Point is null ?
    [
        () => Restore.PrepareAsync(work), () => LoadAsync(work), () => Restore.ReplayAsync(work), () => Restore.BuildIndexesAsync(work), () => Restore.CheckAsync(work),
    ] :
    [
        () => Restore.PrepareAsync(work), () => LoadAsync(work), () => Restore.ReplayAsync(work), () => Restore.CheckBaseAsync(work), () => Restore.ReplayToPointAsync(work), () => Restore.BuildIndexesAsync(work), () => Restore.CheckAsync(work),
    ];

    public IReadOnlyList<Func<Task>> WritingSteps(RestoreWork work) =>
    [
        () => Restore.PrepareAsync(work), () => LoadAsync(work), () => Restore.ReplayAsync(work), () => Restore.BuildIndexesAsync(work), () => Restore.CutOverAsync(work),
    ];

    public RestoreActivities CreateActivities(Plan plan) => new(
        plan, Stores, Keys, Clusters, Writer,
        new EvidenceStore(plan, Stores, Writer, new AuditLog(plan, Stores, Writer, TimeProvider.System, Logger.None), TimeProvider.System, Logger.None),
        TimeProvider.System, Logger.None);

    /// <summary>A whole backup; <paramref name="meanwhile"/> writes after the ranges are read, so that it is in the oplog only.</summary>
    public async Task<string> BackUpAsync(Func<Task>? meanwhile = null, Func<Task>? beforeLanes = null)
    {
        var now = DateTimeOffset.UtcNow;
        BackupId = $"{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{Asset.Name}-{Guid.NewGuid().ToString("N")[..4]}";
        var backup = new BackupContext("run-backup", Asset.Name, BackupId, $"k-{BackupId}", database.Name, Asset.Stores[0], null, false, false, now);
        var until = new TaskCompletionSource<ClusterTime>(TaskCreationOptions.RunContinuationsAsynchronously);
        var dump = new DatabaseBackupActivities(Plan, Stores, Keys, Clusters, Writer, TimeProvider.System, Logger.None)
        {
            OplogUntil = (_, _) => Task.FromResult(until.Task.IsCompletedSuccessfully ? until.Task.Result : (ClusterTime?)null),
            RestoreInto = (_, _, _) => Task.FromResult<string?>(null),
        };
        var start = await dump.MarkStartAsync(backup);
        var plan = await dump.PlanRangesAsync(backup, start);
        var tail = Task.Run(() => dump.TailOplogAsync(new OplogTail(backup, start)));
        try
        {
            await (beforeLanes?.Invoke() ?? Task.CompletedTask);
            var lanes = await Lanes(0, plan.Lanes);
            await (meanwhile?.Invoke() ?? Task.CompletedTask);
            var changed = await dump.FindChangedAsync(backup, [.. lanes.SelectMany(l => l.Unreadable)]);
            if (changed.Names.Count > 0)
            {
                var again = await Lanes(1, 1);
                await dump.RefuseSecondChangeAsync(backup, [.. again.SelectMany(l => l.Unreadable)]);
                lanes = [.. lanes, .. again];
            }

            var end = await dump.MarkEndAsync(backup, lanes.Select(l => l.NewestOperationTime).Aggregate(start.Mark, ClusterTime.Max));
            until.SetResult(end.Mark);
            await tail;
            await dump.SealAsync(new SealWork(backup, start, end, changed.Names.Count > 0));
            return BackupId;
        }
        finally
        {
            until.TrySetResult(start.Mark);
            await tail.ContinueWith(static _ => { }, TaskScheduler.Default);
        }

        async Task<LaneResult[]> Lanes(int round, int count) => await Task.WhenAll(Enumerable.Range(0, count).Select(lane =>
            Task.Run(() => dump.DumpLaneAsync(new LaneWork(backup, lane, round, start.Mark) { Lanes = count }))));
    }

    public string NewTarget()
    {
        var target = $"restored_{Guid.NewGuid().ToString("N")[..8]}";
        targets.Add(target);
        return target;
    }

    public IMongoDatabase Target(string name) => server.Client.GetDatabase(name);

    public RestoreRequest CreateRequest(
        string? into, IReadOnlyList<string>? collections = null, bool drop = false, string? backup = null, string? store = null,
        RestorePurpose purpose = RestorePurpose.Recovery, RestorePoint? to = null, string? requestedBy = null, bool anyBackup = false)
    {
        var runId = $"{DateTimeOffset.UtcNow.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-restore-{Asset.Name}-{Guid.NewGuid().ToString("N")[..4]}";
        var request = new RestoreRequest(
            runId, Asset.Name, "queue", into is null || into == Asset.Database ? Asset.Name : $"{Asset.Cluster}/{into}", purpose, anyBackup ? null : backup ?? BackupId, to, collections, into, store,
            drop, NoSafetyBackup: false, Keys: null, RequestedBy: null);
        if (requestedBy is null)
            return request;
        using var key = PersonKey.Load(Plan, requestedBy, files.PersonKeyFile(requestedBy), null);
        return RequestSigner.Sign(key, Plan.Temporal.Namespace, request, DateTimeOffset.UtcNow);
    }

    /// <summary>Preflight, and what the workflow makes of it.</summary>
    public async Task<RestoreWork> StartAsync(RestoreRequest request, params string[] approvedBy)
    {
        var plan = await Restore.PreflightAsync(request);
        var ask = plan.Production
            ? await new ApprovalActivities(Plan, Writer, TimeProvider.System).PrepareAsync(AskRequest.Of("approval", request, plan))
            : null;
        var decisions = new List<Decision>();
        foreach (var person in ask is null ? [] : approvedBy)
        {
            using var key = PersonKey.Load(Plan, person, files.PersonKeyFile(person), null);
            decisions.Add(DecisionSigner.Sign(key, ask!, DecisionKind.Approved, "test", DateTimeOffset.UtcNow));
        }

        return new RestoreWork(request, plan, ask, decisions);
    }

    public async Task<LoadResult[]> LoadAsync(RestoreWork work) => await Task.WhenAll(
        Enumerable.Range(0, work.Plan.Lanes).Select(lane => TryAsync(() => Restore.LoadLaneAsync(new LoadWork(work, lane)))));

    public async Task<Finished> RunAsync(RestoreRequest request, params string[] approvedBy) =>
        await RunAsync(await StartAsync(request, approvedBy));

    /// <summary>All steps in order, whatever the checks say.</summary>
    public async Task<Finished> RunAsync(RestoreWork work)
    {
        await TryAsync(async () =>
        {
            await Restore.PrepareAsync(work);
            return true;
        });
        var loaded = await LoadAsync(work);
        var replay = await TryAsync(() => Restore.ReplayAsync(work));
        IReadOnlyList<Check> atBase = [];
        if (work.Plan.Point is not null)
        {
            atBase = await TryAsync(() => Restore.CheckBaseAsync(work));
            var exact = await TryAsync(() => Restore.ReplayToPointAsync(work));
            replay = exact with { Problems = [.. replay.Problems, .. exact.Problems] };
        }

        var indexes = await TryAsync(() => Restore.BuildIndexesAsync(work));
        var compared = await TryAsync(() => Restore.CheckAsync(work));
        var cutOver = await TryAsync(() => Restore.CutOverAsync(work));
        var cleaned = await TryAsync(() => Restore.CleanUpAsync(work, true));
        return new Finished(work.Plan, loaded, replay, indexes, compared, cutOver, cleaned) { AtBase = atBase };
    }

    private Task<T> TryAsync<T>(Func<Task<T>> step) => Retries is { } retries ? retries.RunAsync(step) : step();

    /// <summary>Runs a step whose worker is killed at its first heartbeat that fits: its token is cancelled, and its result lost.</summary>
    public static async Task KillAsync(Func<Task> step, Func<string, bool> at)
    {
        ActivityEnvironment? environment = null;
        environment = new ActivityEnvironment
        {
            Heartbeater = details =>
            {
                if (details is [Workflows.Runs.Progress progress] && at(progress.What))
                    environment!.Cancel(Temporalio.Activities.ActivityCancelReason.WorkerShutdown);
            },
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => environment.RunAsync(step));
    }

    /// <summary>Runs a step whose worker stops in the middle (SIGSTOP): at its first heartbeat that fits it stands still until it is woken.</summary>
    public static async Task<(Task Step, Action Wake)> StopAsync(Func<Task> step, Func<string, bool> at)
    {
        var stands = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var environment = new ActivityEnvironment
        {
            Heartbeater = details =>
            {
                if (details is [Workflows.Runs.Progress progress] && at(progress.What) && stands.TrySetResult())
                    wake.Task.Wait();
            },
        };
        var running = Task.Run(() => environment.RunAsync(step));
        await Task.WhenAny(stands.Task, running);
        return (running, () => wake.TrySetResult());
    }

    /// <summary>Everything that a database holds, so that two can be compared: names, options, indexes, and documents byte for byte.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> StateAsync(IMongoDatabase database)
    {
        var state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var collection in await TargetInventory.ListAsync(database, CancellationToken.None))
        {
            var text = $"{collection.Type} {CollectionSpecifications.Form(collection.Options, withExpiry: true)}";
            if (collection.Type != "view")
            {
                var indexes = await TargetInventory.IndexesAsync(database, collection.Name, CancellationToken.None);
                text += string.Concat(indexes.Select(i => CollectionSpecifications.IndexForm(i, withExpiry: true)).Order(StringComparer.Ordinal).Select(i => "\n" + i));
                using var cursor = await database.GetCollection<RawBsonDocument>(collection.Name).FindAsync(FilterDefinition<RawBsonDocument>.Empty);
                var documents = (await cursor.ToListAsync()).Select(d => Convert.ToHexString(d.ToBson())).ToList();
                var isCapped = collection.Options.GetValue("capped", false).ToBoolean();
                text += string.Concat((isCapped ? documents : [.. documents.Order(StringComparer.Ordinal)]).Select(d => "\n" + d));
            }

            state[collection.Name] = text;
        }

        return state;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var target in targets)
            await server.Client.DropDatabaseAsync(target);
        Clusters.Dispose();
        Keys.Dispose();
        Writer.Dispose();
        await Stores.DisposeAsync();
        await files.DisposeAsync();
        await database.DisposeAsync();
    }

    internal sealed record Finished(
        RestorePlan Plan, LoadResult[] Loaded, ReplayResult Replay, IReadOnlyList<Check> Indexes, CheckResult Compared, IReadOnlyList<Check> CutOver, CleanUpResult CleanUp)
    {
        public IReadOnlyList<Check> AtBase { get; init; } = [];

        public IReadOnlyList<Check> Checks =>
            [.. Loaded.SelectMany(l => l.Problems), .. AtBase, .. Replay.Problems, .. Indexes, .. Compared.Checks, .. CutOver];

        /// <param name="except">A collection that can't be proven.</param>
        public void AssertProven(string? except = null)
        {
            var bad = Checks.Where(c => c.Verdict != Verdict.Proven && c.Name != except).Select(c => $"{c.Name}: {c.Verdict} {c.Detail}").ToList();
            Assert.True(bad.Count == 0, string.Join('\n', bad));
            Assert.Empty(CleanUp.StillThere);
        }
    }
}
