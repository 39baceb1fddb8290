using System.Buffers;
using System.Collections.Concurrent;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Buffers of a whole chunk, used again by whoever comes next. The shared pool rounds 16 MiB and a little up to 32, and keeps one for every
/// thread that has ever given one back: with chunks that grows into hundreds of megabytes which the collector doesn't see.
/// </summary>
internal static class LargeBuffers
{
    /// <summary>More than that are left to the collector when they come back.</summary>
    private const int Kept = 16;

    /// <summary>A chunk raw, and what compressing it may at most make of it.</summary>
    private const int Size = 18 << 20;

    /// <summary>The one that came back last goes first: as few of them as possible ever get pages of memory.</summary>
    private static readonly ConcurrentStack<byte[]> Free = new();

    /// <summary>At least so long.</summary>
    public static byte[] Rent(int length)
    {
        if (length <= 1 << 20)
            return ArrayPool<byte>.Shared.Rent(length);
        return length <= Size && Free.TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(Math.Max(length, Size));
    }

    public static void Return(byte[] buffer)
    {
        if (buffer.Length <= 2 << 20)
            ArrayPool<byte>.Shared.Return(buffer);
        else if (buffer.Length == Size && Free.Count < Kept)
            Free.Push(buffer);
    }
}
