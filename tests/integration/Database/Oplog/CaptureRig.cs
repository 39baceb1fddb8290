using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Oplog;
using MongoDB.Bson;
using MongoDB.Driver;
using Serilog.Core;

namespace LuxHedge.Tests.Integration.Database.Oplog;

/// <summary>Cuts slices of a real server's oplog as the workflow does, into two stores in memory, without Temporal.</summary>
internal sealed class CaptureRig : IAsyncDisposable
{
    public const string Asset = SandboxPlan.Asset;

    private readonly TestDatabase _database;
    private readonly TestPlan _files;
    private readonly ClusterConnections _clusters;

    private CaptureRig(MongoServer server, TestDatabase database, TestPlan files)
    {
        (_database, _files) = (database, files);
        var asset = files.Plan.Assets[Asset] with { Stores = ["s3", "nas"], Capture = new CapturePlan(TimeSpan.FromSeconds(1), null) };
        Plan = files.Plan with { Assets = new Dictionary<string, AssetPlan> { [Asset] = asset } };
        Stores = new StoreSet(S3, Nas);
        Writer = WriterKey.Load(Plan.Writer);
        Keys = new KeyRing(Plan, Stores, Writer);
        _clusters = new ClusterConnections(Plan);
        Server = server;
        Capture = Create();
    }

    public MongoServer Server { get; }

    public Plan Plan { get; }

    public MemoryStore S3 { get; } = new("s3");

    public MemoryStore Nas { get; } = new("nas");

    public StoreSet Stores { get; }

    public WriterKey Writer { get; }

    public KeyRing Keys { get; }

    public IMongoDatabase Source => _database.Database;

    public OplogActivities Capture { get; }

    public static async Task<CaptureRig> CreateAsync(MongoServer? server = null)
    {
        server ??= await MongoServer.SharedAsync();
        var database = server.CreateDatabase("capture");
        return new CaptureRig(server, database, TestPlan.Create(p => p with { MongoDb = server.ConnectionString }, database.Name));
    }

    public OplogActivities Create(
        StoreSet? stores = null, long mostBytes = SliceCapture.SliceBytes, Func<CancellationToken, Task<(ClusterTime Majority, ClusterTime Newest)>>? lastWrite = null,
        Func<Task>? read = null, TimeProvider? clock = null) =>
        new(Plan, stores ?? Stores, Keys, _clusters, Writer, clock ?? TimeProvider.System, Logger.None) { MostBytes = mostBytes, LastWrite = lastWrite, Read = read };

    public async Task InsertAsync(int from, int count, string collection = "cars") =>
        await Source.GetCollection<BsonDocument>(collection).InsertManyAsync(
            Enumerable.Range(from, count).Select(i => new BsonDocument { { "_id", i }, { "text", new string('x', 200) } }));

    public Task<SliceCut> CutAsync(CapturePosition from, double seconds = 1, OplogActivities? by = null, params string[] stores) =>
        (by ?? Capture).CutSliceAsync(new SliceWork("run-1", Asset, from, TimeSpan.FromSeconds(seconds), stores.Length > 0 ? stores : ["s3", "nas"]));

    /// <summary>Until what is written now is so old that a server of any kind shows it in order.</summary>
    public async Task SettleAsync()
    {
        if (Server.IsMongod)
            return;
        var written = await Marks.MajorityAsync(Server.Client, CancellationToken.None);
        while ((await Marks.MajorityAsync(Server.Client, CancellationToken.None)).Seconds < written.Seconds + 3)
            await Task.Delay(100);
    }

    /// <summary>Cuts until everything that is in the oplog now is in slices.</summary>
    public async Task<(List<SealedSlice> Slices, CapturePosition End)> CatchUpAsync(CapturePosition from, OplogActivities? by = null)
    {
        var target = await Marks.MajorityAsync(Server.Client, CancellationToken.None);
        var slices = new List<SealedSlice>();
        var more = false;
        while (true)
        {
            // As capture itself does: more that is there is not waited for.
            var cut = await CutAsync(from, more ? 0 : 0.5, by);
            Assert.Null(cut.Gap);
            if (cut.Slice is { } slice)
                slices.Add(slice);
            (from, more) = (cut.Next, cut is { Slice: not null, CaughtUp: null });
            if (cut.CaughtUp >= target)
                return (slices, from);
        }
    }

    public Task<SliceView> ListAsync() => new SliceCatalog(Plan, Stores).ListAsync(Asset);

    /// <summary>Entries of the database after one time, up to another, as slices have them, in hex; links are left out.</summary>
    public async Task<List<string>> ReadAsync(ClusterTime after, ClusterTime to)
    {
        var view = await ListAsync();
        var entries = new List<string>();
        using var keys = new SliceKeys(Keys);
        foreach (var manifest in view.Chains().Covering(after, to) ?? throw new InvalidOperationException($"No chain leads from {after} to {to}."))
        {
            using var reader = await SliceReader.OpenAsync(Stores, view.Find(manifest).Copies, keys, CancellationToken.None);
            await foreach (var part in reader.ReadOplogAsync(CancellationToken.None))
            {
                using (part)
                {
                    foreach (var entry in part.Entries)
                    {
                        if (OplogEntries.LinkHashOf(entry.Span) is null && OplogEntries.TimeOf(entry.Span) is var at && after < at && at <= to)
                            entries.Add(Convert.ToHexStringLower(entry.Span));
                    }
                }
            }
        }

        return entries;
    }

    /// <summary>The same as the server has them.</summary>
    public async Task<List<string>> ServersAsync(ClusterTime after, ClusterTime to)
    {
        var kept = new OplogEntries(_database.Name);
        using var cursor = await Server.Client.GetDatabase("local").GetCollection<RawBsonDocument>("oplog.rs").FindAsync(
            new BsonDocument("ts", new BsonDocument { { "$gt", after.ToBson() }, { "$lte", to.ToBson() } }));
        return [.. (await cursor.ToListAsync()).Select(e => e.ToBson()).Where(e => kept.IsKept(e)).Select(Convert.ToHexStringLower)];
    }

    public async ValueTask DisposeAsync()
    {
        _clusters.Dispose();
        Keys.Dispose();
        Writer.Dispose();
        await _files.DisposeAsync();
        await _database.DisposeAsync();
    }
}
