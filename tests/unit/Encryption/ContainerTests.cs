using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Encryption;

public sealed class ContainerTests
{
    private const int Segment = 1 << 20;

    /// <summary>Lengths around every segment boundary, where the mistakes are.</summary>
    private static readonly Gen<int> Lengths = Gen.OneOf(
        Gen.Int[0, 100],
        Gen.Select(Gen.Int[1, 3], Gen.Int[-20, 20], (segments, around) => segments * Segment + around),
        Gen.Int[0, 3 * Segment]);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Segment - 1)]
    [InlineData(Segment)]
    [InlineData(Segment + 1)]
    [InlineData(3 * Segment)]
    public async Task What_is_written_comes_back_by_every_way_of_reading(int length)
    {
        var plain = Containers.CreatePlain(length);
        var stored = await Containers.WriteAsync(plain, pieces: 700_001);

        Assert.Equal(Container.StoredLength(Containers.Context, length), stored.Length);
        foreach (var read in Containers.WaysToRead)
        {
            Assert.Equal(plain, await read(stored, Containers.Context, Containers.CreateKey()));
        }
    }

    [Fact]
    public async Task Any_bytes_written_in_any_pieces_come_back_from_any_ranges()
    {
        await Gen.Select(Lengths, Gen.Int[1, 2 * Segment], Gen.Int[1, 2 * Segment]).SampleAsync(
            async (length, pieces, ranges) =>
            {
                var plain = Containers.CreatePlain(length);
                var stored = await Containers.WriteAsync(plain, Math.Max(pieces, length / 50));
                var source = new CountingSource(stored);
                using var key = Containers.CreateKey();
                using var reader = await ContainerReader.OpenAsync(source, Containers.Context, key, default);

                var read = new byte[length];
                var step = Math.Max(ranges, length / 50);
                for (var offset = 0; offset < length; offset += step)
                {
                    await reader.ReadAsync(offset, read.AsMemory(offset, Math.Min(step, length - offset)), default);
                }

                await reader.ProveLengthAsync(default);
                Assert.Equal(plain, read);
                Assert.Equal(length, reader.PlainLength);
                Assert.Equal(stored.Length, source.Fetched);
            },
            iter: 60);
    }

    [Fact]
    public async Task A_range_fetches_only_the_segments_that_hold_it()
    {
        var plain = Containers.CreatePlain(10 * Segment);
        var source = new CountingSource(await Containers.WriteAsync(plain, Segment));
        using var key = Containers.CreateKey();
        using var reader = await ContainerReader.OpenAsync(source, Containers.Context, key, default);
        var header = source.Fetched;

        var read = new byte[100];
        await reader.ReadAsync(4 * Segment - 50, read, default);

        Assert.Equal(plain[(4 * Segment - 50)..(4 * Segment + 50)], read);
        Assert.Equal(2 * (Segment + 16), source.Fetched - header);
        Assert.Equal(2, source.Requests);
    }

    [Fact]
    public async Task A_stream_reads_each_stored_byte_once_in_two_requests()
    {
        var plain = Containers.CreatePlain(3 * Segment + 5);
        var source = new CountingSource(await Containers.WriteAsync(plain, Segment));
        using var key = Containers.CreateKey();
        using var reader = await ContainerReader.OpenAsync(source, Containers.Context, key, default);

        await using var stream = await reader.OpenStreamAsync(default);
        Assert.Equal(plain, await Containers.ReadAllAsync(stream));

        Assert.Equal(source.Length, source.Fetched);
        Assert.Equal(2, source.Requests);
    }

    [Fact]
    public async Task A_range_beyond_the_end_is_an_error_of_the_table_that_names_it()
    {
        using var key = Containers.CreateKey();
        using var reader = await ContainerReader.OpenAsync(
            new MemorySource(await Containers.WriteAsync(Containers.CreatePlain(10), 10)), Containers.Context, key, default);

        var error = await Assert.ThrowsAsync<RefusalException>(async () => await reader.ReadAsync(5, new byte[6], default));

        Assert.Equal(ErrorKinds.Integrity, error.Report.Kind);
        await reader.ReadAsync(10, Memory<byte>.Empty, default);
    }

    [Fact]
    public async Task Two_objects_of_the_same_bytes_have_nothing_in_common()
    {
        var plain = Containers.CreatePlain(100);
        var header = Containers.HeaderLength;

        var one = await Containers.WriteAsync(plain, 100);
        var other = await Containers.WriteAsync(plain, 100);

        Assert.NotEqual(one[12..76], other[12..76]);
        Assert.NotEqual(one[header..], other[header..]);
    }

    [Fact]
    public async Task Any_of_several_candidates_may_be_the_key()
    {
        var stored = await Containers.WriteAsync(Containers.CreatePlain(10), 10);
        using var keys = new DataKeys(new DataKey(Containers.Context.KeyId, new byte[32]), Containers.CreateKey());

        Assert.Equal(Containers.CreatePlain(10), Container.DecryptWhole(stored, Containers.Context, keys));
    }

    [Fact]
    public async Task Writing_allocates_nothing_that_grows_with_the_data()
    {
        using var key = Containers.CreateKey();
        using var writer = new ContainerWriter(key, Containers.Context, (_, _) => ValueTask.CompletedTask);
        var piece = Containers.CreatePlain(Segment);
        await writer.WriteAsync(piece, default);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 64; i++)
        {
            await writer.WriteAsync(piece, default);
        }

        // A build without optimisation makes its state machines on the heap: some hundred bytes a call, not a buffer.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 2048);
    }

    [Fact]
    public async Task A_writer_whose_output_failed_or_that_is_complete_takes_no_more()
    {
        using var key = Containers.CreateKey();
        var output = new MemoryStream();
        using var complete = new ContainerWriter(key, Containers.Context, output.WriteAsync);
        await complete.CompleteAsync(default);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await complete.WriteAsync(new byte[1], default));

        using var broken = new ContainerWriter(key, Containers.Context, (_, _) => throw new IOException("disk full"));
        await Assert.ThrowsAsync<IOException>(async () => await broken.WriteAsync(new byte[Segment + 1], default));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await broken.CompleteAsync(default));
    }

    [Fact]
    public void A_disposed_key_is_zeroed_and_encrypts_nothing_more()
    {
        byte[] bytes = [.. Enumerable.Repeat((byte)7, 32)];
        var key = new DataKey("k", bytes);

        key.Dispose();

        Assert.All(bytes, b => Assert.Equal(0, b));
        Assert.Throws<ObjectDisposedException>(() => Container.EncryptWhole(key, new ObjectContext("a", "k", "o"), []));
    }
}
