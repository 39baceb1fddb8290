using System.Buffers;
using System.Collections.Concurrent;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Buffers of a whole batch or chunk, used again by whoever comes next. The shared pool rounds 16 MiB and a little up to 32, and keeps one for every
/// thread that has ever given one back: with batches that grows into hundreds of megabytes which the collector doesn't see.
/// </summary>
internal static class LargeBuffers
{
    /// <summary>A chunk, a batch of the server's 16 MB with the numbers of its documents, and the reply around it.</summary>
    private const int Size = 18 << 20;

    /// <summary>More than that at once are taken from the collector, and left to it.</summary>
    private const int Kept = 16;

    private static readonly ConcurrentQueue<byte[]> Free = new();

    /// <summary>At least so long.</summary>
    public static byte[] Rent(int length) =>
        length <= Size / 16 ? ArrayPool<byte>.Shared.Rent(length)
        : length > Size ? GC.AllocateUninitializedArray<byte>(length)
        : Free.TryDequeue(out var buffer) ? buffer
        : GC.AllocateUninitializedArray<byte>(Size);

    public static void Return(byte[] buffer)
    {
        if (buffer.Length == Size)
        {
            if (Free.Count < Kept)
            {
                Free.Enqueue(buffer);
            }
        }
        else if (buffer.Length < Size)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
