using System.Globalization;

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
        "backup", "backup-old-way", "restore",
    ];

    private const string Collection = "transactions";

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
        await using var benchmark = new DatabaseBenchmark(options, await BenchmarkSite.StartAsync(options.MongoDb));
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

    private string Size => Amount(options.Size);

    private BenchmarkChild Child => child ??= BenchmarkChild.Start(site.PlanPath);

    private Job Large(string kind) => new(kind) { Collections = [Collection], Documents = documents, Connections = BenchmarkSite.Lanes };

    private Task<BenchmarkRow?> RowAsync(string id) => id switch
    {
        "backup" => BackupAsync(),
        "backup-old-way" => OldWayAsync(),
        "restore" => RestoreAsync(),
        _ => throw new ArgumentException($"No row {id}."),
    };

    private async Task<BenchmarkRow?> BackupAsync()
    {
        await LoadLargeAsync();
        var (ours, theirs) = await AlternateAsync("backup", 3, () => RunAsync(Large("backup")), () => RunAsync(Large("drain")));
        return BenchmarkRow.Of(
            "backup", $"backup of {Size}: compressed, encrypted, hashed, uploaded, from the start mark to the signed manifest (s)",
            $"draining it raw over {BenchmarkSite.Lanes} connections", ours, theirs, 1.5);
    }

    private async Task<BenchmarkRow?> OldWayAsync()
    {
        await LoadLargeAsync();
        var (ours, theirs) = await AlternateAsync("backup-old-way", 2, () => RunAsync(Large("backup")), () => InFolderAsync(Large("old-way")));
        return BenchmarkRow.Of(
            "backup-old-way", $"backup of {Size} (s)", "the old script's way: dump to files, tar -czf, upload", ours, theirs, 0.25);
    }

    private async Task<BenchmarkRow?> RestoreAsync()
    {
        // A load is bound by the server: a quarter is as good, and gives time for more rounds.
        var part = Math.Max(1, documents / 4);
        await site.LoadAsync(BenchmarkSite.Part, Collection, part);
        await site.SettleAsync();
        var of = new Job("backup") { Asset = BenchmarkSite.Part, Collections = [Collection], Documents = part };
        var backup = await RunAsync(of);
        var workers = BenchmarkSite.Lanes * Activities.Database.Restore.LaneLoader.Workers;
        var (ours, theirs) = await AlternateAsync(
            "restore", 2, () => RunAsync(of with { Kind = "restore", Backup = backup.Backup }), () => RunAsync(of with { Kind = "insert", Connections = workers }));
        site.Wrote();
        return BenchmarkRow.Of(
            "restore", $"restore of {Amount(options.Size / 4)} to the last acknowledged insert, only the index of _id (s)",
            $"inserting the same raw documents from memory with {workers} workers", ours, theirs, 1.15);
    }

    private async Task LoadLargeAsync()
    {
        await site.LoadAsync(BenchmarkSite.Large, Collection, documents);
        await site.SettleAsync();
    }

    private async Task<JobResult> RunAsync(Job job)
    {
        var (own, servers) = (Child.Cpu, site.Cpu());
        var result = await Child.RunAsync(job with { Watched = site.Pids });
        var (ownAfter, after) = (Child.Cpu, site.Cpu());
        var rate = result.Bytes / 1e6 / result.Seconds;
        Progress.Say(
            $"  {job.Kind}: {result.Seconds:0.00} s, {rate:0} MB/s; processor seconds: worker {ownAfter - own:0.00}, " +
            $"database {after.MongoDb - servers.MongoDb:0.00}, store {after.S3 - servers.S3:0.00}" +
            (result.Stages.Count > 0 ? $" ({string.Join(", ", result.Stages)}); peak {result.Peak >> 20} MiB" : ""));
        return result;
    }

    private async Task<JobResult> InFolderAsync(Job job)
    {
        var folder = Directory.CreateDirectory(Path.Combine(site.Folder, $"files-{Guid.NewGuid():N}")).FullName;
        try
        {
            return await RunAsync(job with { Folder = folder });
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
