using System.Diagnostics;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Worker.Sandbox.Servers;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Benchmarks.Database;

/// <summary>
/// The servers of a benchmark, found and started as the sandbox's are, their data, and the plan that its children read. Everything lies in one
/// temporary folder that goes at the end; in a server that was given, only databases named <c>luxhedge_benchmark…</c> are made and dropped.
/// </summary>
internal sealed class BenchmarkSite : IAsyncDisposable
{
    /// <summary>Assets, and the databases of the same names behind them.</summary>
    public const string Large = "luxhedge_benchmark";
    public const string Small = "luxhedge_benchmark_small";
    public const string Part = "luxhedge_benchmark_part";

    /// <summary>Two: as many as the cores that the figures are given for.</summary>
    public const int Lanes = 2;

    /// <summary>Of <see cref="Part"/>, so that two workers have enough to share.</summary>
    public const int PartLanes = 4;

    /// <summary>
    /// SecantusDB answers a look at the last seconds of its oplog by building all of it in memory, so a backup right after gigabytes were loaded
    /// measures that. Longer than any backup looks back.
    /// </summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(12);

    private readonly SandboxMongoDb? mongoDb;
    private readonly SandboxS3 s3;
    private readonly HashSet<string> loaded = [];
    private DateTimeOffset written;

    private BenchmarkSite(string folder, SandboxMongoDb? mongoDb, string connection, SandboxS3 s3, string plan)
    {
        (Folder, this.mongoDb, Connection, this.s3, PlanPath) = (folder, mongoDb, connection, s3, plan);
        Client = SandboxMongoDb.CreateClient(connection);
    }

    public string Folder { get; }

    public string Connection { get; }

    public string PlanPath { get; }

    public IMongoClient Client { get; }

    public long RangeBytes { get; private init; }

    /// <summary>What runs there, for people.</summary>
    public string Software => $"{mongoDb?.Software ?? "the given server"} and {s3.Software}";

    public SandboxS3 S3 => s3;

    /// <summary>Of the servers that it started.</summary>
    public IReadOnlyList<int> Pids => [.. new[] { mongoDb?.Process?.Pid, s3.Process?.Pid }.OfType<int>()];

    /// <summary>Processor seconds that each server has used so far: on a machine with other work they tell more than the clock.</summary>
    public (double MongoDb, double S3) Cpu() => (ProcessFacts.CpuOf(mongoDb?.Process?.Pid), ProcessFacts.CpuOf(s3.Process?.Pid));

    /// <param name="given">A connection string; null: a server of the benchmark's own.</param>
    /// <param name="rangeBytes">Of the plan: so small that every lane has ranges, however small the collection.</param>
    public static async Task<BenchmarkSite> StartAsync(string? given, long rangeBytes)
    {
        var folder = Directory.CreateTempSubdirectory("luxhedge-benchmark-").FullName;
        var finder = ServerFinder.ForThisProgram(Progress.Say);
        SandboxMongoDb? database = null;
        SandboxS3? store = null;
        try
        {
            // The oplog of a load is as large as the load, and SecantusDB walks all of it for every question about a time.
            database = given is null
                ? await SandboxMongoDb.StartAsync(finder, folder, new MongoDbOptions(OplogEntries: 2_000, CacheMegabytes: 1024)) : null;
            store = await SandboxS3.StartAsync(finder, folder, SandboxPlan.Bucket);
            var connection = given ?? database!.ConnectionString;
            var plan = PlanOf("127.0.0.1:1", connection, store, rangeBytes).Write(Path.Combine(folder, "plan"));
            return new BenchmarkSite(folder, database, connection, store, plan) { RangeBytes = rangeBytes };
        }
        catch
        {
            if (store is not null)
            {
                await store.DisposeAsync();
            }

            if (database is not null)
            {
                await database.DisposeAsync();
            }

            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    public static SandboxPlan PlanOf(string temporal, string connection, SandboxS3 s3, long rangeBytes) =>
        new(temporal, connection,
        [
            .. ((string[])[Large, Small]).Select(name => new SandboxAsset(name, name) { Lanes = Lanes, RangeSize = Units(rangeBytes) }),
            new SandboxAsset(Part, Part) { Lanes = PartLanes, RangeSize = Units(Math.Max(1L << 20, rangeBytes / (2 * PartLanes))) },
        ])
        {
            S3 = s3,
            Nas = null,
            TaskQueue = "benchmark",
        };

    public IMongoDatabase Database(string name) => Client.GetDatabase(name);

    /// <summary>Documents of those numbers, where they aren't there yet.</summary>
    public async Task LoadAsync(string database, string collection, int documents, int first = 0)
    {
        if (!loaded.Add($"{database}.{collection}"))
        {
            return;
        }

        await DropOnceAsync(database);
        var clock = Stopwatch.StartNew();
        var into = Database(database).GetCollection<RawBsonDocument>(collection, new MongoCollectionSettings { AssignIdOnInsert = false });
        long bytes = 0;
        var blocks = Enumerable.Range(0, (documents + SampleDocuments.BlockDocuments - 1) / SampleDocuments.BlockDocuments);
        await Parallel.ForEachAsync(blocks, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (block, cancellation) =>
        {
            var from = first + (block * SampleDocuments.BlockDocuments);
            var made = SampleDocuments.Make(from, Math.Min(first + documents, from + SampleDocuments.BlockDocuments));
            await into.InsertManyAsync(made.Select(d => new RawBsonDocument(d)), new InsertManyOptions { IsOrdered = false }, cancellation);
            Interlocked.Add(ref bytes, made.Sum(d => (long)d.Length));
        });
        written = DateTimeOffset.UtcNow;
        Progress.Say($"loaded {database}.{collection}: {documents} documents, {bytes / 1048576.0:0} MiB in {clock.Elapsed.TotalSeconds:0} s");
    }

    /// <summary>Collections 0 to <paramref name="count"/> of a few documents each.</summary>
    public async Task LoadManyAsync(string database, int count, int documents)
    {
        if (!loaded.Add(database))
        {
            return;
        }

        await DropOnceAsync(database);
        var clock = Stopwatch.StartNew();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, cancellation) =>
        {
            var into = Database(database).GetCollection<RawBsonDocument>($"small{i:D4}", new MongoCollectionSettings { AssignIdOnInsert = false });
            await into.InsertManyAsync(SampleDocuments.Make(i * documents, (i + 1) * documents).Select(d => new RawBsonDocument(d)), new InsertManyOptions { IsOrdered = false }, cancellation);
        });
        written = DateTimeOffset.UtcNow;
        Progress.Say($"loaded {count} collections of {documents} documents in {clock.Elapsed.TotalSeconds:0} s");
    }

    /// <summary>Somebody has written much: what reads the oplog waits a while.</summary>
    public void Wrote() => written = DateTimeOffset.UtcNow;

    public async Task SettleAsync()
    {
        var left = written + Quiet - DateTimeOffset.UtcNow;
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (mongoDb is null or { Given: true })
        {
            foreach (var name in await SandboxMongoDb.ListDatabasesAsync(Client, CancellationToken.None))
            {
                if (name.StartsWith(Large, StringComparison.Ordinal))
                {
                    await Client.DropDatabaseAsync(name);
                }
            }
        }

        Client.Dispose();
        await s3.DisposeAsync();
        if (mongoDb is not null)
        {
            await mongoDb.DisposeAsync();
        }

        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (IOException)
        {
            // A server that is still ending has a file open: the system's clean-up of its temporary folder takes the rest.
        }
    }

    /// <summary>What an earlier benchmark left in a given server.</summary>
    private async Task DropOnceAsync(string database)
    {
        if (loaded.Add($"{database} (dropped)"))
        {
            await Client.DropDatabaseAsync(database);
        }
    }

    private static string Units(long bytes) => $"{bytes >> 20}MiB";
}

/// <summary>Lines for people on stderr, with the time since the start.</summary>
internal static class Progress
{
    private static readonly Stopwatch Clock = Stopwatch.StartNew();

    public static void Say(string what) => Console.Error.WriteLine($"[{Clock.Elapsed.TotalSeconds,6:0.0} s] {what}");
}
