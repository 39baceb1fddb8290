using System.Security.Cryptography;
using ZstdSharp;

namespace LuxHedge.Activities.Database;

/// <summary>Turns raw bytes into a chunk's frame, in one buffer that is used again. Not thread-safe.</summary>
internal sealed class ChunkCompressor(int level, int largestRaw) : IDisposable
{
    private readonly Compressor _compressor = new(level);
    private readonly byte[] _frame = GC.AllocateUninitializedArray<byte>(Compressor.GetCompressBound(largestRaw));

    /// <summary>The frame is valid until the next call.</summary>
    public (ReadOnlyMemory<byte> Frame, string Sha256) Compress(ReadOnlySpan<byte> raw)
    {
        var length = _compressor.Wrap(raw, _frame);
        return (_frame.AsMemory(0, length), Convert.ToHexStringLower(SHA256.HashData(raw)));
    }

    public void Dispose() => _compressor.Dispose();
}
