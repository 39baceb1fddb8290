using CsCheck;
using LuxHedge.Activities.Database;
using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Bson.IO;

namespace LuxHedge.Tests.Unit.Database;

public sealed class DumpAllocationTests
{
    /// <summary>What a lane does with a document: its place in the batch is found, and its bytes are copied.</summary>
    [Fact]
    public void A_batch_is_walked_and_copied_without_an_allocation_for_a_document()
    {
        var documents = Enumerable.Range(0, 10_000).Select(i => new BsonDocument { { "_id", i }, { "text", new string('x', i % 100) } });
        var reply = ReplyOf(documents);
        var chunk = new byte[reply.Length];
        Walk(InPieces(reply, 1 << 16), chunk);
        var again = InPieces(reply, 1 << 16);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var copied = Walk(again, chunk);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(10_000, new BsonSequence(chunk.AsMemory(0, copied)).Count());
        Assert.InRange(allocated, 0, 5_000); // The batch itself.
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

    [Fact]
    public void Documents_are_found_whole_wherever_the_drivers_pieces_of_memory_end()
    {
        Gen.Select(Gen.Byte.Array[0, 300].Array[0, 40], Gen.Int[1, 700]).Sample((contents, piece) =>
        {
            var documents = contents.Select((c, i) => new BsonDocument { { "_id", i }, { "content", new BsonBinaryData(c) } }).ToList();

            using var batch = RawBatch.Of(InPieces(ReplyOf(documents), piece));

            var found = new List<string>();
            foreach (var document in batch)
            {
                found.Add(Convert.ToHexString(document.Span));
            }

            Assert.Equal(documents.Select(d => Convert.ToHexString(d.ToBson())), found);
            Assert.Equal(documents.Count == 0, batch.IsEmpty);
            Assert.Equal(77, batch.CursorId);
            Assert.Equal(new ClusterTime(5, 6), batch.OperationTime);
        });
    }

    [Theory]
    [InlineData(7)]
    [InlineData(10_000)]
    public void A_batch_whose_elements_are_no_documents_or_do_not_end_within_it_is_refused(int piece)
    {
        var numbers = new BsonDocument("cursor", new BsonDocument("firstBatch", new BsonArray { 1, 2 })).ToBson();
        var longer = ReplyOf([new BsonDocument("_id", 1)]);
        longer[longer.AsSpan().IndexOf("\x030\0"u8) + 3] = 100;

        Assert.All([numbers, longer], reply => Assert.Throws<InvalidDataException>(() =>
        {
            using var batch = RawBatch.Of(InPieces(reply, piece));
            foreach (var _ in batch)
            {
            }
        }));
        Assert.Throws<InvalidDataException>(() => RawBatch.Of(InPieces(new BsonDocument("ok", 1).ToBson(), piece)));
    }

    private static byte[] ReplyOf(IEnumerable<BsonDocument> documents) => new BsonDocument
    {
        { "cursor", new BsonDocument { { "firstBatch", new BsonArray(documents) }, { "id", 77L }, { "ns", "a.b" } } },
        { "ok", 1 },
        { "operationTime", new BsonTimestamp(5, 6) },
    }.ToBson();

    /// <summary>As the driver holds what it has received.</summary>
    private static RawBsonDocument InPieces(byte[] reply, int piece)
    {
        var pieces = reply.Chunk(piece).Select(p => (IBsonChunk)new ByteArrayChunk(p)).ToList();
        return new RawBsonDocument(pieces.Count == 1
            ? new SingleChunkBuffer(pieces[0], reply.Length, isReadOnly: true)
            : new MultiChunkBuffer(pieces, reply.Length, isReadOnly: true));
    }

    private static int Walk(RawBsonDocument reply, byte[] chunk)
    {
        using var batch = RawBatch.Of(reply);
        var filling = new LaneDump.Filling { Buffer = chunk };
        foreach (var document in batch)
        {
            filling.Append(document.Span);
        }

        return filling.Used;
    }
}
