using LuxHedge.Activities.Encryption;

namespace LuxHedge.Tests.Unit.Encryption;

/// <summary>Objects to read, and every way of reading them.</summary>
internal static class Containers
{
    public delegate Task<byte[]> WayToRead(byte[] stored, ObjectContext expected, DataKey key);

    public static readonly ObjectContext Context = new("luxhedge_production", "k-1", "luxhedge_production/backups/b/packs/0-0-ab");

    public static int HeaderLength => 76 + 12 + Context.Asset.Length + Context.KeyId.Length + Context.ObjectName.Length + 32;

    /// <summary>At once, by ranges, as a stream over ranges, and as a stream of stored bytes.</summary>
    public static readonly IReadOnlyList<WayToRead> WaysToRead =
    [
        (stored, expected, key) => Task.FromResult(Container.DecryptWhole(stored, expected, key)),
        async (stored, expected, key) =>
        {
            using var reader = await ContainerReader.OpenAsync(new MemorySource(stored), expected, key, default);
            await reader.ProveLengthAsync(default);
            var plain = new byte[reader.PlainLength];
            await reader.ReadAsync(0, plain, default);
            return plain;
        },
        async (stored, expected, key) =>
        {
            using var reader = await ContainerReader.OpenAsync(new MemorySource(stored), expected, key, default);
            await using var stream = await reader.OpenStreamAsync(default);
            return await ReadAllAsync(stream);
        },
        async (stored, expected, key) =>
        {
            await using var stream = await Container.OpenStreamAsync(
                new MemoryStream(stored), expected, new DataKeys(new DataKey(key.Id, key.Bytes.ToArray())), default);
            return await ReadAllAsync(stream);
        },
    ];

    public static DataKey CreateKey(byte first = 0, string id = "k-1") => new(id, [.. Enumerable.Range(first, 32).Select(i => (byte)i)]);

    public static byte[] CreatePlain(int length)
    {
        var plain = new byte[length];
        new Random(length).NextBytes(plain);
        return plain;
    }

    public static async Task<byte[]> WriteAsync(byte[] plain, int pieces, ObjectContext? context = null)
    {
        using var key = CreateKey();
        var output = new MemoryStream();
        using var writer = new ContainerWriter(key, context ?? Context, output.WriteAsync);
        for (var offset = 0; offset < plain.Length; offset += pieces)
        {
            await writer.WriteAsync(plain.AsMemory(offset, Math.Min(pieces, plain.Length - offset)), default);
        }

        Assert.Equal(plain.Length, writer.PlainPosition);
        await writer.CompleteAsync(default);
        Assert.Equal(output.Length, writer.StoredPosition);
        return output.ToArray();
    }

    public static async Task<byte[]> ReadAllAsync(Stream stream)
    {
        var output = new MemoryStream();
        await stream.CopyToAsync(output, 100_003);
        return output.ToArray();
    }
}

/// <summary>Counts what is fetched.</summary>
internal sealed class CountingSource(byte[] bytes) : IRangeSource
{
    public long Length => bytes.Length;
    public long Fetched { get; private set; }
    public int Requests { get; private set; }

    public Task<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        Assert.InRange(offset + length, 0, bytes.Length);
        Fetched += length;
        Requests++;
        return Task.FromResult<Stream>(new MemoryStream(bytes, (int)offset, (int)length, writable: false));
    }
}
