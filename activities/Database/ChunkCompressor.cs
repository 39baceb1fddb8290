using System.Security.Cryptography;
using ZstdSharp;

namespace LuxHedge.Activities.Database;

/// <summary>Turns raw bytes into a chunk's frame, in one buffer that is used again. Not thread-safe.</summary>
/// <param name="usualRaw">Room is made for that many at once; for more when they come.</param>
internal sealed class ChunkCompressor(int level, int usualRaw) : IDisposable
{
    private readonly Compressor _compressor = new(level);
    private byte[] _frame = LargeBuffers.Rent(Compressor.GetCompressBound(usualRaw));
    private bool _disposed;

    /// <summary>The frame is valid until the next call.</summary>
    public (ReadOnlyMemory<byte> Frame, string Sha256) Compress(ReadOnlySpan<byte> raw)
    {
        if (_frame.Length < Compressor.GetCompressBound(raw.Length))
        {
            LargeBuffers.Return(_frame);
            _frame = LargeBuffers.Rent(Compressor.GetCompressBound(raw.Length));
        }

        var length = _compressor.Wrap(raw, _frame);
        return (_frame.AsMemory(0, length), Convert.ToHexStringLower(SHA256.HashData(raw)));
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _compressor.Dispose();
        LargeBuffers.Return(_frame);
    }
}
