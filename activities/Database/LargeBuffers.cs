using System.Buffers;
using System.Collections.Concurrent;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Buffers of a whole chunk, used again by whoever comes next. The shared pool rounds 16 MiB and a little up to 32, and keeps one for every
/// thread that has ever given one back: with chunks that grows into hundreds of megabytes which the collector doesn't see.
/// </summary>
internal static class LargeBuffers
{
    /// <summary>More of a size than that are left to the collector when they come back.</summary>
    private const int Kept = 16;

    /// <summary>A chunk raw, and what compressing it may at most make of it.</summary>
    private static readonly int[] Sizes = [18 << 20];

    private static readonly ConcurrentQueue<byte[]>[] Free = [new()];

    /// <summary>At least so long.</summary>
    public static byte[] Rent(int length)
    {
        if (length <= 1 << 20)
        {
            return ArrayPool<byte>.Shared.Rent(length);
        }

        var size = Array.FindIndex(Sizes, s => s >= length);
        return size < 0 ? GC.AllocateUninitializedArray<byte>(length)
            : Free[size].TryDequeue(out var buffer) ? buffer
            : GC.AllocateUninitializedArray<byte>(Sizes[size]);
    }

    public static void Return(byte[] buffer)
    {
        var size = Array.IndexOf(Sizes, buffer.Length);
        if (size < 0)
        {
            if (buffer.Length <= 2 << 20)
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
        else if (Free[size].Count < Kept)
        {
            Free[size].Enqueue(buffer);
        }
    }
}
