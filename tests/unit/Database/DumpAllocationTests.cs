using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database;

public sealed class DumpAllocationTests
{
    /// <summary>What a lane does with a document, and nothing else: its place in the batch is found, and its bytes are copied.</summary>
    [Fact]
    public void A_batch_is_walked_and_copied_without_an_allocation_for_a_document()
    {
        var documents = Enumerable.Range(0, 10_000).Select(i => new BsonDocument { { "_id", i }, { "text", new string('x', i % 100) } });
        var reply = new BsonDocument("b", new BsonArray(documents)).ToBson();
        var chunk = new byte[reply.Length];
        Walk(reply, chunk);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var copied = Walk(reply, chunk);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(10_000, new BsonSequence(chunk.AsMemory(0, copied)).Count());
        Assert.InRange(allocated, 0, 1_000); // The batch itself.
    }

    [Fact]
    public void A_chunk_is_compressed_and_hashed_in_memory_that_is_used_again()
    {
        var raw = new byte[1 << 20];
        new Random(1).NextBytes(raw.AsSpan(0, 1 << 18));
        using var compressor = new ChunkCompressor(1, raw.Length);
        compressor.Compress(raw);

        var before = GC.GetAllocatedBytesForCurrentThread();
        compressor.Compress(raw);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000);
    }

    private static int Walk(byte[] reply, byte[] chunk)
    {
        // {b: [...]}: the array begins after the length, its type and its name.
        using var batch = new RawBatch(new RawBsonDocument(RawBson.Empty), null, new ArraySegment<byte>(reply, 7, reply.Length - 8), default);
        var used = 0;
        foreach (var document in batch)
        {
            document.Span.CopyTo(chunk.AsSpan(used));
            used += document.Length;
        }

        return used;
    }
}
