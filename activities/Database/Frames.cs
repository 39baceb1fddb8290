using System.Collections.Concurrent;
using System.Text.Json;
using LuxHedge.Workflows;
using ZstdSharp;

namespace LuxHedge.Activities.Database;

/// <summary>zstd frames of chunks and of the JSON objects beside them. Thread-safe: contexts are large, and kept for the next call.</summary>
public static class Frames
{
    private static readonly ConcurrentBag<Decompressor> Decompressors = [];

    /// <summary>Level of JSON objects: small and rarely written.</summary>
    private const int JsonLevel = 9;

    /// <summary>Ranges, tables and indexes of 10 million chunks stay below this; a forged one must not fill the memory.</summary>
    private const int MaxJson = 1 << 30;

    /// <summary>Fills <paramref name="raw"/> exactly. Throws <see cref="InvalidDataException"/>.</summary>
    public static void Decompress(ReadOnlySpan<byte> frame, Span<byte> raw)
    {
        if (!Decompressors.TryTake(out var decompressor))
        {
            decompressor = new Decompressor();
        }

        try
        {
            if (!decompressor.TryUnwrap(frame, raw, out var written) || written != raw.Length)
            {
                throw new InvalidDataException($"A zstd frame does not hold the {raw.Length} bytes that it should.");
            }
        }
        catch (ZstdException e)
        {
            throw new InvalidDataException($"A zstd frame can't be read: {e.Message}.", e);
        }
        finally
        {
            Decompressors.Add(decompressor);
        }
    }

    public static byte[] CompressJson<T>(T value)
    {
        using var compressor = new Compressor(JsonLevel);
        return compressor.Wrap(JsonSerializer.SerializeToUtf8Bytes(value, LuxJson.Options)).ToArray();
    }

    /// <summary>Throws <see cref="RefusalException"/> (<c>integrity</c>) naming the object.</summary>
    public static T DecompressJson<T>(ReadOnlySpan<byte> frame, string objectName)
    {
        try
        {
            using var decompressor = new Decompressor();
            return JsonSerializer.Deserialize<T>(decompressor.Unwrap(frame, MaxJson), LuxJson.Options) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is ZstdException or JsonException)
        {
            throw new RefusalException(
                ErrorKinds.Integrity, $"The object {objectName} is no {typeof(T).Name} that this program reads ({e.Message}).", objectName,
                "It was not used. Other stores may hold it whole.", e);
        }
    }
}
