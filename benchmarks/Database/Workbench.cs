using System.Diagnostics;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;
using Serilog.Core;

namespace LuxHedge.Benchmarks.Database;

/// <summary>What the child does: the real activities in the workflows' order, and what they are measured against.</summary>
internal sealed partial class Workbench : IAsyncDisposable
{
    private readonly Plan plan;
    private readonly StoreSet stores;
    private readonly WriterKey writer;
    private readonly KeyRing keys;
    private readonly ClusterConnections clusters;

    public Workbench(Plan plan)
    {
        this.plan = plan;
        stores = new StoreSet(plan);
        writer = WriterKey.Load(plan.Writer);
        keys = new KeyRing(plan, stores, writer);
        clusters = new ClusterConnections(plan);
    }

    public Task<JobResult> RunAsync(Job job) => job.Kind switch
    {
        "drain" => DrainAsync(job),
        "backup" => BackUpAsync(job),
        "old-way" => OldWayAsync(job),
        "restore" => RestoreAsync(job),
        "insert" => InsertAsync(job),
        "replay" => ReplayAsync(job),
        "one-by-one" => OneByOneAsync(job),
        "pack-and-upload" => PackAndUploadAsync(job),
        _ => throw new ArgumentException($"No job {job.Kind}."),
    };

    public async ValueTask DisposeAsync()
    {
        clusters.Dispose();
        keys.Dispose();
        writer.Dispose();
        await stores.DisposeAsync();
    }

    private AssetPlan AssetOf(Job job) => plan.Assets[job.Asset];

    private IMongoDatabase DatabaseOf(Job job) => clusters.Of(AssetOf(job)).GetDatabase(AssetOf(job).Database!);

    private static JobResult Result(double seconds, long bytes, params Stage[] stages) => new(seconds, bytes, 0, stages);

    // Draining.

    /// <summary>Reads raw batches over so many connections and does nothing with them.</summary>
    private async Task<JobResult> DrainAsync(Job job)
    {
        var clock = Stopwatch.StartNew();
        var bytes = await DrainAsync(job, static (_, batch) => ValueTask.FromResult(LengthOf(batch)));
        return Result(clock.Elapsed.TotalSeconds, bytes);
    }

    private static long LengthOf(RawBatch batch)
    {
        // Bytes are counted by the last document's place only: nothing is looked at on the way.
        return batch.Bytes;
    }

    /// <summary>One collection is cut into as many ranges as there are connections; several are shared out.</summary>
    private async Task<long> DrainAsync(Job job, Func<int, RawBatch, ValueTask<long>> take)
    {
        var database = DatabaseOf(job);
        var finds = job.Collections is [{ } only] && job.Documents > 0
            ? [.. Enumerable.Range(0, job.Connections).Select(i => new List<BsonDocument> { Range(only, i) })]
            : Enumerable.Range(0, job.Connections).Select(_ => new List<BsonDocument>()).ToList();
        if (job.Documents == 0)
        {
            var names = job.Collections ?? await (await database.ListCollectionNamesAsync()).ToListAsync();
            foreach (var (i, name) in names.Index())
            {
                finds[i % finds.Count].Add(new BsonDocument { { "find", name }, { "batchSize", RawCursor.BatchDocuments } });
            }
        }

        var drained = await Task.WhenAll(finds.Select((own, connection) => Task.Run(async () =>
        {
            long bytes = 0;
            using var session = await RawCursor.StartSessionAsync(database.Client, CancellationToken.None);
            foreach (var find in own)
            {
                await using var cursor = await RawCursor.OpenAsync(database, session, find, CancellationToken.None);
                while (await cursor.NextAsync(CancellationToken.None) is { } batch)
                {
                    using (batch)
                    {
                        bytes += await take(connection, batch);
                    }
                }
            }

            return bytes;
        })));
        return drained.Sum();

        BsonDocument Range(string name, int part)
        {
            var find = new BsonDocument { { "find", name }, { "batchSize", RawCursor.BatchDocuments } };
            var bounds = new BsonDocument();
            if (part > 0)
            {
                bounds.Add("$gte", BoundAt(part));
            }

            if (part < job.Connections - 1)
            {
                bounds.Add("$lt", BoundAt(part + 1));
            }

            if (bounds.ElementCount > 0)
            {
                find.Add("filter", new BsonDocument("_id", bounds));
            }

            return find;
        }

        ObjectId BoundAt(int part) => new(SampleDocuments.Id((int)((long)job.Documents * part / job.Connections)));
    }

    // Backups.

    /// <summary>
    /// The steps of the workflow DatabaseBackup from the start mark to the signed manifest, in its order, without Temporal in between. The time
    /// that counts is that of the lanes, from their first question to their last pack in the store, while the oplog is tailed: what a drain, or a
    /// dump and its upload, does too. What else makes a backup one that can be trusted (marks, planning, the end of the tail, witness and reading
    /// every byte back) is in the stages.
    /// </summary>
    private async Task<JobResult> BackUpAsync(Job job)
    {
        var asset = AssetOf(job);
        var now = DateTimeOffset.UtcNow;
        var id = $"{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{asset.Name}-{Guid.NewGuid().ToString("N")[..4]}";
        var backup = new BackupContext("run-benchmark", asset.Name, id, $"k-{id}", asset.Database!, asset.Stores[0], job.Collections, false, false, now);
        var until = new TaskCompletionSource<ClusterTime>(TaskCreationOptions.RunContinuationsAsynchronously);
        var activities = new DatabaseBackupActivities(plan, stores, keys, clusters, writer, TimeProvider.System, Logger.None)
        {
            OplogUntil = (_, _) => Task.FromResult(until.Task.IsCompletedSuccessfully ? until.Task.Result : (ClusterTime?)null),
            RestoreInto = (_, _, _) => Task.FromResult<string?>(null),
        };
        var stages = new Stages(job.Watched);
        var start = await stages.RunAsync("mark", () => activities.MarkStartAsync(backup));
        var ranges = await stages.RunAsync("plan", () => activities.PlanRangesAsync(backup, start));
        var tail = Task.Run(() => activities.TailOplogAsync(new OplogTail(backup, start)));
        try
        {
            var count = Math.Max(1, Math.Min(ranges.Lanes, ranges.Ranges));
            var lanes = await stages.RunAsync("lanes", () => Task.WhenAll(Enumerable.Range(0, count).Select(lane => Task.Run(() =>
                activities.DumpLaneAsync(new LaneWork(backup, lane, 0, start.Mark) { Lanes = count })))));
            var changed = await stages.RunAsync(
                "find changed", () => activities.FindChangedAsync(backup, [.. lanes.SelectMany(l => l.Unreadable)]));
            if (changed.Names.Count > 0)
            {
                throw new InvalidOperationException($"Somebody changes the benchmark's collections: {string.Join(", ", changed.Names)}.");
            }

            var newest = lanes.Select(l => l.NewestOperationTime).Aggregate(start.Mark, ClusterTime.Max);
            var end = await stages.RunAsync("mark end", () => activities.MarkEndAsync(backup, newest));
            until.SetResult(end.Mark);
            await stages.RunAsync("end of the tail", () => tail);
            await stages.RunAsync("seal", () => activities.SealAsync(new SealWork(backup, start, end, false)));
            return Result(stages.All.First(s => s.Name == "lanes").Seconds, lanes.Sum(l => l.RawBytes), [.. stages.All]) with { Backup = id };
        }
        finally
        {
            until.TrySetResult(start.Mark);
            await tail.ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>The old script's way without its mongodump: a dump in files, then <c>tar -czf</c>, then the upload.</summary>
    private async Task<JobResult> OldWayAsync(Job job)
    {
        var folder = Path.Combine(job.Folder!, "dump", DatabaseOf(job).DatabaseNamespace.DatabaseName);
        Directory.CreateDirectory(folder);
        var stages = new Stages(job.Watched);
        var bytes = await stages.RunAsync("dump to files", async () =>
        {
            var files = Enumerable.Range(0, job.Connections).Select(i => File.Create(Path.Combine(folder, $"{job.Collections![0]}.{i}.bson"), 1 << 20)).ToList();
            try
            {
                return await DrainAsync(job, (connection, batch) =>
                {
                    foreach (var document in batch)
                    {
                        files[connection].Write(document.Span);
                    }

                    return ValueTask.FromResult((long)batch.Bytes);
                });
            }
            finally
            {
                files.ForEach(f => f.Dispose());
            }
        });
        await PackAndUploadAsync(job, stages);
        return Result(stages.Total, bytes, [.. stages.All]);
    }

    /// <summary>What the old script does with a dump that mongodump has written.</summary>
    private async Task<JobResult> PackAndUploadAsync(Job job)
    {
        var stages = new Stages(job.Watched);
        await PackAndUploadAsync(job, stages);
        return Result(stages.Total, 0, [.. stages.All]);
    }

    private async Task PackAndUploadAsync(Job job, Stages stages)
    {
        var archive = Path.Combine(job.Folder!, "mongodb_backup.tar.gz");
        await stages.RunAsync("tar -czf", async () =>
        {
            using var tar = Process.Start(new ProcessStartInfo("tar", ["-czf", archive, "-C", job.Folder!, "dump"]))!;
            await tar.WaitForExitAsync();
            return tar.ExitCode == 0 ? true : throw new InvalidOperationException($"tar ended with {tar.ExitCode}.");
        });
        await stages.RunAsync("upload", async () =>
        {
            var store = stores[AssetOf(job).Stores[0]];
            await using var upload = await store.CreateAsync($"old-way/{Guid.NewGuid():N}", CancellationToken.None);
            await using var file = File.OpenRead(archive);
            var buffer = new byte[1 << 20];
            while (await file.ReadAsync(buffer) is > 0 and var read)
            {
                await upload.WriteAsync(buffer.AsMemory(0, read), CancellationToken.None);
            }

            return await upload.CompleteAsync(CancellationToken.None);
        });
    }

    // Restores.

    /// <summary>From the first request to the last acknowledged insert; what is made before (preflight, empty collections) is not in it.</summary>
    private async Task<JobResult> RestoreAsync(Job job)
    {
        var asset = AssetOf(job);
        var activities = new RestoreActivities(
            plan, stores, keys, clusters, writer,
            new EvidenceStore(plan, stores, writer, new AuditLog(plan, stores, writer, TimeProvider.System, Logger.None), TimeProvider.System, Logger.None),
            TimeProvider.System, Logger.None);
        var into = $"luxhedge_benchmark_restored_{Guid.NewGuid().ToString("N")[..6]}";
        var request = new RestoreRequest(
            $"{DateTimeOffset.UtcNow.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-restore-{asset.Name}-{Guid.NewGuid().ToString("N")[..4]}", asset.Name, "queue",
            $"{asset.Cluster}/{into}", RestorePurpose.Recovery, job.Backup, null, null, into, null, Drop: false, NoSafetyBackup: false, Keys: null, RequestedBy: null);
        var work = new RestoreWork(request, await activities.PreflightAsync(request), null, []);
        try
        {
            await activities.PrepareAsync(work);
            var stages = new Stages(job.Watched);
            var loaded = await stages.RunAsync("load", () => Task.WhenAll(
                Enumerable.Range(0, work.Plan.Lanes).Select(lane => Task.Run(() => activities.LoadLaneAsync(new LoadWork(work, lane))))));
            return loaded.SelectMany(l => l.Problems).FirstOrDefault() is { } problem
                ? throw new InvalidOperationException($"{problem.Name}: {problem.Detail}")
                : Result(stages.Total, loaded.Sum(l => l.RawBytes), [.. stages.All]);
        }
        finally
        {
            await activities.CleanUpAsync(work, false);
            await clusters.Of(asset).DropDatabaseAsync(into);
        }
    }

    /// <summary>The same documents from memory, by as many workers as a restore of it has.</summary>
    private async Task<JobResult> InsertAsync(Job job)
    {
        var documents = new List<RawBsonDocument>();
        await DrainAsync(job with { Connections = 1 }, (_, batch) =>
        {
            foreach (var document in batch)
            {
                documents.Add(new RawBsonDocument(document.ToArray()));
            }

            return ValueTask.FromResult(0L);
        });
        var client = clusters.Of(AssetOf(job));
        var into = client.GetDatabase($"luxhedge_benchmark_plain_{Guid.NewGuid().ToString("N")[..6]}");
        await into.CreateCollectionAsync("plain");
        var collection = into.GetCollection<RawBsonDocument>(
            "plain", new MongoCollectionSettings { AssignIdOnInsert = false, WriteConcern = WriteConcern.WMajority });
        try
        {
            var stages = new Stages(job.Watched);
            await stages.RunAsync("insert", async () =>
            {
                await Parallel.ForEachAsync(
                    documents.Chunk(4_000), new ParallelOptions { MaxDegreeOfParallelism = job.Connections },
                    async (batch, cancellation) => await collection.InsertManyAsync(batch, new InsertManyOptions { IsOrdered = false }, cancellation));
                return true;
            });
            return Result(stages.Total, documents.Sum(d => (long)d.Slice.Length), [.. stages.All]);
        }
        finally
        {
            documents.ForEach(d => d.Dispose());
            await client.DropDatabaseAsync(into.DatabaseNamespace.DatabaseName);
        }
    }

    /// <summary>Stages one after another and how long each took.</summary>
    private sealed class Stages(IReadOnlyList<int> watched)
    {
        private readonly List<Stage> stages = [];

        public IReadOnlyList<Stage> All => stages;

        public double Total => stages.Sum(s => s.Seconds);

        public async Task<T> RunAsync<T>(string name, Func<Task<T>> stage)
        {
            var clock = Stopwatch.StartNew();
            var before = Cpu();
            var result = await stage();
            stages.Add(new Stage(name, Math.Round(clock.Elapsed.TotalSeconds, 3), [.. Cpu().Zip(before, (a, b) => Math.Round(a - b, 2))]));
            return result;
        }

        private List<double> Cpu() => [ProcessFacts.CpuOf(Environment.ProcessId), .. watched.Select(p => ProcessFacts.CpuOf(p))];
    }
}
