using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Benchmarks.Database;
using MongoDB.Bson;
using MongoDB.Bson.IO;

namespace LuxHedge.Benchmarks;

/// <summary>Each stage of a dump by itself, over one chunk of 16 MiB of the sample, and the fold of a replay over ten thousand entries.</summary>
[MemoryDiagnoser]
public class StageBenchmarks : IDisposable
{
    private const int Entries = 10_000;

    private readonly byte[] chunk = new byte[LaneDump.ChunkBytes];
    private byte[][] reply = [];
    private byte[] frame = [];
    private ChunkCompressor compressor = null!;
    private DataKey key = null!;
    private readonly List<DocumentOperation> operations = [];
    private List<ReadOnlyMemory<byte>> documents = [];

    public static void Run() => BenchmarkRunner.Run<StageBenchmarks>(
        DefaultConfig.Instance.AddJob(BenchmarkDotNet.Jobs.Job.ShortRun.WithToolchain(new InProcessEmitToolchain(TimeSpan.FromMinutes(5), logOutput: false))));

    [GlobalSetup]
    public async Task PrepareAsync()
    {
        var made = SampleDocuments.Make(0, 2 * LaneDump.ChunkBytes / 1_000);
        var batch = new BsonArray(made.Take(LaneDump.ChunkBytes / 1_200).Select(d => new RawBsonDocument(d)));
        reply = [.. new BsonDocument("cursor", new BsonDocument("nextBatch", batch)).ToBson().Chunk(1 << 16)];
        var used = 0;
        foreach (var document in made)
        {
            if (used + document.Length > chunk.Length)
            {
                break;
            }

            document.CopyTo(chunk, used);
            used += document.Length;
        }

        compressor = new ChunkCompressor(1, chunk.Length);
        frame = compressor.Compress(chunk.AsSpan(0, used)).Frame.ToArray();
        key = new DataKey("k", RandomNumberGenerator.GetBytes(32));

        await foreach (var (bson, _) in new SampleOplog(1_000, Entries).ReadAsync(CancellationToken.None))
        {
            var entry = OplogEntry.Read(bson);
            var id = RawBson.Find(entry.Operation == "u" ? entry.Object2 : entry.Object, "_id")!.Value;
            operations.Add(new DocumentOperation(entry.Operation[0], id, entry.Object, entry.Time, Exact: false));
        }

        documents = [.. Enumerable.Range(0, 1_000).Select(i => (ReadOnlyMemory<byte>)SampleOplog.Document(i))];
    }

    [GlobalCleanup]
    public void Dispose()
    {
        compressor.Dispose();
        key.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Walks a batch as it comes from the wire, in the driver's pieces, and copies each document into the chunk.</summary>
    [Benchmark]
    public int Split()
    {
        using var batch = RawBatch.Of(new RawBsonDocument(new MultiChunkBuffer(reply.Select(p => new ByteArrayChunk(p)), null, isReadOnly: true)));
        var filling = new LaneDump.Filling { Buffer = chunk };
        foreach (var document in batch)
        {
            filling.Append(document.Span);
        }

        return filling.Used;
    }

    [Benchmark]
    public int Compress() => compressor.Compress(chunk).Frame.Length;

    [Benchmark]
    public byte[] Hash() => SHA256.HashData(chunk);

    /// <summary>The compressed chunk into a container, as a pack takes it.</summary>
    [Benchmark]
    public async Task<long> EncryptAsync()
    {
        using var container = new ContainerWriter(key, new ObjectContext("asset", "k", "o"), static (_, _) => ValueTask.CompletedTask);
        await container.WriteAsync(frame, CancellationToken.None);
        await container.CompleteAsync(CancellationToken.None);
        return container.StoredPosition;
    }

    [Benchmark]
    public int Fold()
    {
        var window = new FoldingWindow();
        var collection = new ReplayedCollection(SampleOplog.Uuid, "accounts", ReplayedCollection.Collection, [], [], "beside");
        foreach (var operation in operations)
        {
            window.Add(collection, operation);
        }

        return window.Collections.Sum(c => c.Resolve(documents, static _ => { }).Puts.Count);
    }
}
