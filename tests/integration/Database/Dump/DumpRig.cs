using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Verification;
using MongoDB.Bson;
using MongoDB.Driver;
using Serilog.Core;

namespace LuxHedge.Tests.Integration.Database.Dump;

/// <summary>Runs the steps of a backup as the workflow does, without Temporal, so that a test can step in between them.</summary>
internal sealed class DumpRig : IAsyncDisposable
{
    private readonly TestPlan _files;
    private readonly TestDatabase _database;
    private readonly MongoServer _server;
    private readonly string _runId = $"run-{Guid.NewGuid():N}"[..12];
    private TaskCompletionSource<ClusterTime> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private DumpRig(MongoServer server, TestDatabase database, TestPlan files, Plan plan)
    {
        (_server, _database, _files, Plan) = (server, database, files, plan);
        Stores = new StoreSet(plan);
        Writer = WriterKey.Load(plan.Writer);
        Keys = new KeyRing(plan, Stores, Writer);
        Clusters = new ClusterConnections(plan);
        Activities = CreateActivities();
        Backup = NewContext();
    }

    public Plan Plan { get; }

    public AssetPlan Asset => Plan.Assets[SandboxPlan.Asset];

    public StoreSet Stores { get; }

    public KeyRing Keys { get; }

    public WriterKey Writer { get; }

    public ClusterConnections Clusters { get; }

    public IMongoDatabase Source => _database.Database;

    public IMongoClient Client => _server.Client;

    public bool IsMongod => _server.IsMongod;

    public DatabaseBackupActivities Activities { get; set; }

    public BackupContext Backup { get; private set; }

    /// <summary>How often steps were tried again, as Temporal does it; null: they are not.</summary>
    public Retries? Retries { get; set; }

    public IObjectStore Store => Stores[Asset.Stores[0]];

    public static async Task<DumpRig> CreateAsync(
        MongoServer? server = null, Func<SandboxPlan, SandboxPlan>? change = null, Func<AssetPlan, AssetPlan>? asset = null)
    {
        server ??= await MongoServer.SharedAsync();
        var database = server.CreateDatabase("dump");
        var files = TestPlan.Create(p => (change ?? (x => x))(p with { MongoDb = server.ConnectionString }), database.Name);
        var changed = (asset ?? (a => a))(files.Plan.Assets[SandboxPlan.Asset]);
        var plan = files.Plan with { Assets = new Dictionary<string, AssetPlan> { [SandboxPlan.Asset] = changed } };
        return new DumpRig(server, database, files, plan);
    }

    public DatabaseBackupActivities CreateActivities(Func<int, Task>? rangeRead = null, string? restoreInto = null, TimeProvider? time = null) =>
        new(Plan, Stores, Keys, Clusters, Writer, time ?? TimeProvider.System, Logger.None)
        {
            OplogUntil = (_, _) => Task.FromResult(_end.Task.IsCompletedSuccessfully ? _end.Task.Result : (ClusterTime?)null),
            RestoreInto = (_, _, _) => Task.FromResult(restoreInto),
            RangeRead = rangeRead,
        };

    /// <summary>A new backup, of named collections if told.</summary>
    public BackupContext NewContext(IReadOnlyList<string>? only = null)
    {
        var now = DateTimeOffset.UtcNow;
        var id = $"{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{Asset.Name}-{Guid.NewGuid().ToString("N")[..4]}";
        _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        return Backup = new BackupContext(_runId, Asset.Name, id, $"k-{id}", _database.Name, Asset.Stores[0], only, false, false, now);
    }

    /// <summary>All steps. What a test does meanwhile runs at the named moments.</summary>
    public async Task<Finished> RunAsync(
        Func<Task>? afterPlan = null, Func<Task>? afterLanes = null, Func<Task>? afterAgain = null, Func<Task>? beforeEnd = null, Func<Task>? afterEnd = null)
    {
        var start = await TryAsync(() => Activities.MarkStartAsync(Backup));
        var plan = await TryAsync(() => Activities.PlanRangesAsync(Backup, start));
        var tail = Task.Run(() => TryAsync(() => Activities.TailOplogAsync(new OplogTail(Backup, start))));
        try
        {
            await Call(afterPlan);
            var lanes = await LanesAsync(start, 0, plan.Lanes);
            await Call(afterLanes);
            var changed = await TryAsync(() => Activities.FindChangedAsync(Backup, [.. lanes.SelectMany(l => l.Unreadable)]));
            IReadOnlyList<LaneResult> again = [];
            if (changed.Names.Count > 0)
            {
                again = await LanesAsync(start, 1, Math.Max(1, Math.Min(plan.Lanes, changed.Ranges)));
                await Call(afterAgain);
                await Activities.RefuseSecondChangeAsync(Backup, [.. again.SelectMany(l => l.Unreadable)]);
            }

            await Call(beforeEnd);
            var newest = lanes.Concat(again).Select(l => l.NewestOperationTime).Aggregate(start.Mark, ClusterTime.Max);
            var end = await TryAsync(() => Activities.MarkEndAsync(Backup, newest));
            _end.SetResult(end.Mark);
            var oplog = await tail;
            await Call(afterEnd);
            var work = new SealWork(Backup, start, end, changed.Names.Count > 0);
            return new Finished(start, plan, lanes, changed, oplog, end, work, await TryAsync(() => Activities.SealAsync(work)));
        }
        finally
        {
            // A test that expects a failure leaves no tail behind.
            _end.TrySetResult(start.Mark);
            await tail.ContinueWith(static _ => { }, TaskScheduler.Default);
        }

        static Task Call(Func<Task>? what) => what?.Invoke() ?? Task.CompletedTask;
    }

    public async Task<IReadOnlyList<LaneResult>> LanesAsync(StartMark start, int round, int lanes) =>
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(lane => Task.Run(() =>
            TryAsync(() => Activities.DumpLaneAsync(new LaneWork(Backup, lane, round, start.Mark) { Lanes = lanes })))));

    private Task<T> TryAsync<T>(Func<Task<T>> step) => Retries is { } retries ? retries.RunAsync(step) : step();

    public void SetEnd(ClusterTime end) => _end.TrySetResult(end);

    public Task<BackupReader> OpenAsync() => BackupReader.OpenAsync(
        [Store], Asset.Name, Backup.BackupId, Plan.Writer.PublicKeys,
        (manifest, token) => Keys.OpenAsync(Asset.Name, manifest.KeyIds[0], [Store.Name], null, token), CancellationToken.None);

    /// <summary>What integrity verification says of the backup: an independent look at every byte.</summary>
    public Task<StoreVerification> VerifyAsync() => new VerificationActivities(Plan, Stores, Keys, Writer, TimeProvider.System)
        .VerifyCopyAsync(Asset.Name, Backup.BackupId, Store.Name, VerificationLevel.Integrity);

    /// <summary>Verifies it and writes the record that makes it eligible.</summary>
    public async Task RecordVerifiedAsync()
    {
        var verification = new VerificationActivities(Plan, Stores, Keys, Writer, TimeProvider.System);
        await verification.RecordAsync(
            new VerificationRequest(_runId, Asset.Name, "q", Backup.BackupId, null, VerificationLevel.Integrity), VerificationLevel.Integrity, await VerifyAsync());
    }

    public async Task<IReadOnlyList<string>> ObjectsAsync()
    {
        var names = new List<string>();
        await foreach (var found in Store.ListAsync(ObjectNames.Backup(Asset.Name, Backup.BackupId), CancellationToken.None))
        {
            names.Add(found.Name);
        }

        return names;
    }

    /// <summary>The source's collections as they are now, as <see cref="ReplayedBackup"/> tells those of the backup.</summary>
    public async Task<IReadOnlyDictionary<string, string>> SourceStateAsync(params string[] without)
    {
        var state = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var listing = await CollectionListing.ReadAsync(Source, null, ListingDetail.Indexes, CancellationToken.None);
        foreach (var collection in listing.Collections.Where(c => c.Type != "view" && !without.Contains(c.Name) && c.Name != Marks.CanaryCollection))
        {
            var documents = new ReplayedCollection(collection.Name);
            using var cursor = await Source.GetCollection<RawBsonDocument>(collection.Name).FindAsync(FilterDefinition<RawBsonDocument>.Empty);
            foreach (var document in await cursor.ToListAsync())
            {
                documents.Put(document.ToBson());
            }

            state[collection.Name] = documents.ToString();
        }

        return state;
    }

    public async ValueTask DisposeAsync()
    {
        Clusters.Dispose();
        Keys.Dispose();
        Writer.Dispose();
        await Stores.DisposeAsync();
        await _files.DisposeAsync();
        await _database.DisposeAsync();
    }

    internal sealed record Finished(
        StartMark Start, RangePlan Plan, IReadOnlyList<LaneResult> Lanes, ChangedCollections Changed, OplogTailResult Oplog, EndMark End, SealWork Work,
        SealResult Seal);
}
