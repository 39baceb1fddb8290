using System.Globalization;
using LuxHedge.Activities.Plans;

namespace LuxHedge.Benchmarks.Database;

/// <param name="Size">Raw bytes of the large collection.</param>
/// <param name="Only">Ids; empty: all.</param>
/// <param name="MongoDb">Connection string of a given server; null: one is started.</param>
internal sealed record DatabaseOptions(long Size, IReadOnlyList<string> Only, string? MongoDb);

/// <summary>The database engine side by side with what a user would run instead. Each row alternates: theirs, ours, theirs, ours.</summary>
internal sealed class DatabaseBenchmark : IAsyncDisposable
{
    public static readonly IReadOnlyList<string> Ids =
    [
        "backup", "backup-old-way", "backup-mongodump-gzip", "backup-mongodump", "small-collections", "two-workers", "memory", "restore",
        "restore-mongorestore", "replay",
    ];

    private const string Collection = "transactions";

    private const int SmallDocuments = 100;

    private const double MostMemory = 400e6;

    /// <summary>What the time of a backup is of.</summary>
    private const string InTheTime = "all lanes, compressed, encrypted, hashed and uploaded while the oplog is tailed";

    private readonly DatabaseOptions options;
    private readonly BenchmarkSite site;
    private readonly int documents;
    private BenchmarkChild? child;

    private DatabaseBenchmark(DatabaseOptions options, BenchmarkSite site)
    {
        (this.options, this.site) = (options, site);
        documents = SampleDocuments.CountFor(options.Size);
    }

    public static async Task<IReadOnlyList<BenchmarkRow>> MeasureAsync(DatabaseOptions options)
    {
        await using var benchmark = new DatabaseBenchmark(options, await BenchmarkSite.StartAsync(options.MongoDb, RangeBytesOf(options.Size)));
        Progress.Say($"on {benchmark.site.Software}, {Environment.ProcessorCount} processors");
        var rows = new List<BenchmarkRow>();
        foreach (var id in Ids.Where(id => options.Only.Count == 0 || options.Only.Contains(id)))
        {
            if (await benchmark.RowAsync(id) is { } row)
            {
                rows.Add(row);
                Progress.Say($"{id}: {row.Ours} against {row.Theirs}: {row.Ratio.ToString(CultureInfo.InvariantCulture)}, at most {row.Goal}: {(row.Met ? "met" : "NOT met")}");
            }
        }

        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        if (child is not null)
        {
            await child.DisposeAsync();
        }

        await site.DisposeAsync();
    }

    /// <summary>Twice as many ranges as lanes at least, and the default from 1 GiB on.</summary>
    private static long RangeBytesOf(long size) => Math.Clamp(size / (2 * BenchmarkSite.Lanes), 4L << 20, PlanBinder.DefaultRangeBytes);

    private string Size => Amount(options.Size);

    private BenchmarkChild Child => child ??= BenchmarkChild.Start(site.PlanPath);

    private Job Large(string kind) => new(kind) { Collections = [Collection], Documents = documents, Connections = BenchmarkSite.Lanes };

    private Task<BenchmarkRow?> RowAsync(string id) => id switch
    {
        "backup" => BackupAsync(),
        "backup-old-way" => OldWayAsync(),
        "backup-mongodump-gzip" => MongodumpAsync(id, gzip: true, 0.2),
        "backup-mongodump" => MongodumpAsync(id, gzip: false, 1),
        "small-collections" => SmallAsync(),
        "two-workers" => TwoWorkersAsync(),
        "memory" => MemoryAsync(),
        "restore" => RestoreAsync(),
        "restore-mongorestore" => MongorestoreAsync(),
        "replay" => ReplayAsync(),
        _ => throw new ArgumentException($"No row {id}."),
    };

    private async Task<BenchmarkRow?> BackupAsync()
    {
        await LoadLargeAsync();
        var (ours, theirs) = await AlternateAsync("backup", 3, () => RunAsync(Large("backup")), () => RunAsync(Large("drain")));
        return BenchmarkRow.Of(
            "backup", $"backup of {Size}: {InTheTime} (s)",
            $"draining it raw over {BenchmarkSite.Lanes} connections", ours, theirs, 1.5);
    }

    private async Task<BenchmarkRow?> OldWayAsync()
    {
        await LoadLargeAsync();
        var (ours, theirs) = await AlternateAsync("backup-old-way", 2, () => RunAsync(Large("backup")), () => InFolderAsync(OldWayAsync));
        return BenchmarkRow.Of(
            "backup-old-way", $"backup of {Size}: {InTheTime} (s)",
            $"the old script's way: {(Programs.Find("mongodump") is null ? "the raw drain written to files" : "mongodump")}, tar -czf, upload", ours, theirs, 0.25);
    }

    private async Task<JobResult> OldWayAsync(string folder)
    {
        if (Programs.Find("mongodump") is not { } mongodump)
        {
            return await RunAsync(Large("old-way") with { Folder = folder });
        }

        var dump = await Programs.RunAsync(
            mongodump, [$"--uri={site.Connection}", $"--db={BenchmarkSite.Large}", $"--collection={Collection}", $"--out={Path.Combine(folder, "dump")}", "--quiet"]);
        var rest = await RunAsync(Large("pack-and-upload") with { Folder = folder });
        return rest with { Seconds = dump.Seconds + rest.Seconds };
    }

    private async Task<BenchmarkRow?> RestoreAsync()
    {
        // A load is bound by the server: a quarter is as good, and gives time for more rounds.
        var of = await LoadQuarterAsync();
        var backup = await RunAsync(of);
        var workers = BenchmarkSite.Lanes * Activities.Database.Restore.LaneLoader.Workers;
        var (ours, theirs) = await AlternateAsync(
            "restore", 3, () => RunAsync(of with { Kind = "restore", Backup = backup.Backup }), () => RunAsync(of with { Kind = "insert", Connections = workers }));
        site.Wrote();
        return BenchmarkRow.Of(
            "restore", $"restore of {Amount(options.Size / 4)} to the last acknowledged insert, only the index of _id (s)",
            $"inserting the same raw documents from memory with {workers} workers", ours, theirs, 1.15);
    }

    private async Task<BenchmarkRow?> MongodumpAsync(string id, bool gzip, double goal)
    {
        if (Programs.Find("mongodump") is not { } mongodump)
        {
            Progress.Say($"{id}: left out, there is no mongodump on PATH");
            return null;
        }

        await LoadLargeAsync();
        var (ours, theirs) = await AlternateAsync(id, 2, () => RunAsync(Large("backup")), () => InFolderAsync(async folder =>
        {
            string[] arguments = [$"--uri={site.Connection}", $"--db={BenchmarkSite.Large}", $"--collection={Collection}", $"--out={folder}", "--quiet"];
            return await Programs.RunAsync(mongodump, gzip ? [.. arguments, "--gzip"] : arguments);
        }));
        return BenchmarkRow.Of(id, $"backup of {Size} (s)", gzip ? "mongodump --gzip to a local disk" : "mongodump to a local disk", ours, theirs, goal);
    }

    private async Task<BenchmarkRow?> MongorestoreAsync()
    {
        if (Programs.Find("mongorestore") is not { } mongorestore || Programs.Find("mongodump") is not { } mongodump)
        {
            Progress.Say("restore-mongorestore: left out, mongodump and mongorestore are not on PATH");
            return null;
        }

        var of = await LoadPartAsync();
        var backup = await RunAsync(of);
        var (ours, theirs) = await AlternateAsync("restore-mongorestore", 2, () => RunAsync(of with { Kind = "restore", Backup = backup.Backup }), () => InFolderAsync(async folder =>
        {
            await Programs.RunAsync(mongodump, [$"--uri={site.Connection}", $"--db={BenchmarkSite.Part}", $"--collection={Collection}", $"--out={folder}", "--quiet"]);
            var into = BenchmarkSite.Part + "_mongorestore";
            var result = await Programs.RunAsync(mongorestore,
                [$"--uri={site.Connection}", $"--nsFrom={BenchmarkSite.Part}.*", $"--nsTo={into}.*", "--quiet", folder]);
            await site.Client.DropDatabaseAsync(into);
            return result;
        }));
        site.Wrote();
        return BenchmarkRow.Of(
            "restore-mongorestore", $"restore of {Amount(options.Size / 4)} to the last acknowledged insert, only the index of _id (s)", "mongorestore with its defaults",
            ours, theirs, 0.8);
    }

    private async Task<BenchmarkRow?> SmallAsync()
    {
        // A share of the large collection's bytes, so that a smaller --size takes less time here too.
        var count = (int)Math.Clamp(2_000 * (options.Size / (double)(1L << 30)), 50, 2_000);
        await site.LoadManyAsync(BenchmarkSite.Small, count, SmallDocuments);
        await site.SettleAsync();
        var job = new Job("backup") { Asset = BenchmarkSite.Small, Connections = BenchmarkSite.Lanes };
        var (ours, theirs) = await AlternateAsync("small-collections", 3, () => RunAsync(job), () => RunAsync(job with { Kind = "drain" }));
        return BenchmarkRow.Of(
            "small-collections", $"backup of {count} collections of {SmallDocuments} documents: {InTheTime} (s)",
            $"draining them raw over {BenchmarkSite.Lanes} connections", ours, theirs, 2);
    }

    private async Task<BenchmarkRow?> TwoWorkersAsync()
    {
        await LoadPartAsync();
        await using var shared = await SharedWork.StartAsync(site);
        var (one, two) = (new List<double>(), new List<double>());
        var busy = true;
        for (var round = 1; round <= 3; round++)
        {
            foreach (var workers in new[] { 1, 2 })
            {
                // As many places together: only who takes them differs, and each of two has too few for all lanes and the tail.
                var running = Enumerable.Range(0, workers).Select(_ => shared.StartWorker(6 / workers)).ToList();
                try
                {
                    // What a fresh process compiles first is done on backups that are not counted: the same one, so that each worker has a lane of it,
                    // and once for each worker, since of two each does half.
                    for (var warm = 0; warm < workers; warm++)
                    {
                        await shared.BackUpAsync(BenchmarkSite.Part, [Collection]);
                    }

                    var backup = await shared.BackUpAsync(BenchmarkSite.Part, [Collection]);
                    Progress.Say(
                        $"two-workers, round {round} of 3: {workers} worker(s): {backup.Seconds:0.00} s, " +
                        $"{backup.Lanes.Count} lanes in {backup.Workers} process(es), {(backup.EveryLaneBusy ? "all busy at once" : "NOT all busy at once")}");
                    (workers == 1 ? one : two).Add(backup.Seconds);
                    busy &= backup.EveryLaneBusy && backup.Workers == workers && backup.Lanes.Count == BenchmarkSite.PartLanes;
                }
                finally
                {
                    foreach (var worker in running)
                    {
                        await worker.DisposeAsync();
                    }
                }
            }
        }

        var row = BenchmarkRow.Of(
            "two-workers", $"the lanes of the same backup of {Amount(options.Size / 4)} by 2 worker processes, {BenchmarkSite.PartLanes} lanes, each busy and done once (s)",
            "by 1 worker process", two.Min(), one.Min(), 1.05);
        return row with { Met = row.Met && busy };
    }

    private async Task<BenchmarkRow?> MemoryAsync()
    {
        await LoadLargeAsync();
        string[] all = [Collection, .. Enumerable.Range(2, 3).Select(i => $"{Collection}{i}")];
        foreach (var (i, more) in all.Skip(1).Index())
        {
            await site.LoadAsync(BenchmarkSite.Large, more, documents, documents * (i + 1));
        }

        await site.SettleAsync();
        await using var shared = await SharedWork.StartAsync(site);
        var (one, four) = (await PeakAsync(shared, [Collection]), await PeakAsync(shared, all));
        var row = BenchmarkRow.Of(
            "memory", $"most resident memory of a worker that backs up {Amount(4 * options.Size)} (bytes), under {MostMemory / 1_000_000} MB", $"of one that backs up {Size}", four, one, 1.1);
        return row with { Met = row.Met && one < MostMemory && four < MostMemory };
    }

    /// <summary>Of a fresh <c>luxhedge worker</c> with its own defaults that takes one backup, from the first question to the verification.</summary>
    private static async Task<double> PeakAsync(SharedWork shared, string[] collections)
    {
        await using var worker = shared.StartWorker();
        var backup = await shared.BackUpAsync(BenchmarkSite.Large, collections);
        var peak = ProcessFacts.PeakOf(worker.Pid);
        Progress.Say($"memory: {collections.Length} collection(s), lanes in {backup.Seconds:0.0} s: {peak >> 20} MiB ({string.Join(", ", backup.Steps.Select(s => $"{s.Step} {(s.EndedAt - s.StartedAt)?.TotalSeconds:0.0}"))})");
        return peak;
    }

    private async Task<BenchmarkRow?> ReplayAsync()
    {
        var entries = (int)Math.Max(20_000, 500_000 * Math.Min(1, options.Size / (double)(1L << 30)));
        var job = new Job("replay") { Documents = entries };
        var (ours, tenth) = await AlternateAsync("replay", 2, () => RunAsync(job), () => RunAsync(job with { Kind = "one-by-one", Documents = entries / 10 }));
        site.Wrote();
        return BenchmarkRow.Of(
            "replay", $"replay of {entries} oplog entries, 60 % updates over 50000 documents (s)", "a tenth of the same entries one command at a time, times ten",
            ours, 10 * tenth, 0.125);
    }

    private async Task<Job> LoadPartAsync()
    {
        var part = Math.Max(1, documents / 4);
        await site.LoadAsync(BenchmarkSite.Part, Collection, part);
        await site.SettleAsync();
        return new Job("backup") { Asset = BenchmarkSite.Part, Collections = [Collection], Documents = part };
    }

    /// <summary>As <see cref="LoadPartAsync"/>, with as many lanes as the large collection.</summary>
    private async Task<Job> LoadQuarterAsync()
    {
        var quarter = Math.Max(1, documents / 4);
        await site.LoadAsync(BenchmarkSite.Large, "quarter", quarter);
        await site.SettleAsync();
        return new Job("backup") { Collections = ["quarter"], Documents = quarter };
    }

    private async Task LoadLargeAsync()
    {
        await site.LoadAsync(BenchmarkSite.Large, Collection, documents);
        await site.SettleAsync();
    }

    private Task<JobResult> RunAsync(Job job) => RunAsync(Child, job);

    private async Task<JobResult> RunAsync(BenchmarkChild worker, Job job)
    {
        var (own, servers) = (worker.Cpu, site.Cpu());
        var result = await worker.RunAsync(job with { Watched = site.Pids });
        var (ownAfter, after) = (worker.Cpu, site.Cpu());
        var rate = result.Bytes / 1e6 / result.Seconds;
        Progress.Say(
            $"  {job.Kind}: {result.Seconds:0.00} s, {rate:0} MB/s; processor seconds: worker {ownAfter - own:0.00}, " +
            $"database {after.MongoDb - servers.MongoDb:0.00}, store {after.S3 - servers.S3:0.00}" +
            (result.Stages.Count > 0 ? $" ({string.Join(", ", result.Stages)}); peak {result.Peak >> 20} MiB" : ""));
        return result;
    }

    private async Task<JobResult> InFolderAsync(Func<string, Task<JobResult>> run)
    {
        var folder = Directory.CreateDirectory(Path.Combine(site.Folder, $"files-{Guid.NewGuid():N}")).FullName;
        try
        {
            return await run(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Both in turns, so that whatever else the machine does meets both; the median of each. A first round warms both and is not
    /// counted where there are others.</summary>
    private static async Task<(double Ours, double Theirs)> AlternateAsync(string id, int rounds, Func<Task<JobResult>> ours, Func<Task<JobResult>> theirs)
    {
        var (mine, other) = (new List<double>(), new List<double>());
        for (var round = 0; round <= rounds; round++)
        {
            Progress.Say($"{id}, {(round == 0 ? "to warm up" : $"round {round} of {rounds}")}");
            var (b, a) = ((await theirs()).Seconds, (await ours()).Seconds);
            if (round > 0)
            {
                mine.Add(a);
                other.Add(b);
            }
        }

        return (Median(mine), Median(other));
    }

    private static double Median(List<double> values)
    {
        var ordered = values.Order().ToList();
        return (ordered[(ordered.Count - 1) / 2] + ordered[ordered.Count / 2]) / 2;
    }

    private static string Amount(long bytes) => bytes >= 1 << 30 ? $"{bytes / (double)(1 << 30):0.##} GiB" : $"{bytes / (double)(1 << 20):0.##} MiB";
}
