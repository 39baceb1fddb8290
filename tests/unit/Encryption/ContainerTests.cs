using LuxHedge.Activities.Encryption;

namespace LuxHedge.Tests.Unit.Encryption;

public sealed class ContainerTests
{
    private const int Segment = 1 << 20;
    private static readonly ObjectContext Context = new("luxhedge_production", "k-1", "luxhedge_production/backups/b/packs/0-0-ab");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Segment - 1)]
    [InlineData(Segment)]
    [InlineData(Segment + 1)]
    [InlineData(3 * Segment)]
    public async Task What_is_written_comes_back_by_every_way_of_reading(int length)
    {
        using var key = CreateKey();
        var plain = CreatePlain(length);
        var stored = await WriteAsync(key, plain, pieces: 700_001);

        Assert.Equal(Container.StoredLength(Context, length), stored.Length);
        Assert.Equal(plain, Container.DecryptWhole(stored, Context, key));

        using var reader = await ContainerReader.OpenAsync(new MemorySource(stored), Context, key, default);
        Assert.Equal(length, reader.PlainLength);
        var read = new byte[length];
        await reader.ReadAsync(0, read, default);
        Assert.Equal(plain, read);
        await reader.ProveLengthAsync(default);

        await using var stream = await reader.OpenStreamAsync(default);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        Assert.Equal(plain, copy.ToArray());
    }

    private static DataKey CreateKey() => new("k-1", [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    private static byte[] CreatePlain(int length)
    {
        var plain = new byte[length];
        new Random(length).NextBytes(plain);
        return plain;
    }

    private static async Task<byte[]> WriteAsync(DataKey key, byte[] plain, int pieces)
    {
        var output = new MemoryStream();
        using var writer = new ContainerWriter(key, Context, output.WriteAsync);
        foreach (var piece in plain.Chunk(pieces))
        {
            await writer.WriteAsync(piece, default);
        }

        Assert.Equal(plain.Length, writer.PlainPosition);
        await writer.CompleteAsync(default);
        Assert.Equal(output.Length, writer.StoredPosition);
        return output.ToArray();
    }
}
