using System.IO.Compression;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>Whether bytes are gzipped is told by themselves: <c>oplog.bson</c> of a gzipped dump keeps its name.</summary>
internal static class GzipSniff
{
    private const int BufferBytes = 1 << 20;

    public static async Task<bool> IsAsync(string path, CancellationToken cancellation)
    {
        var magic = new byte[2];
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        return await file.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancellation) == 2 && Is(magic);
    }

    public static Stream Open(string path, bool compressed)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, FileOptions.SequentialScan);
        return compressed ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

    /// <summary>The stream itself, or what it decompresses to.</summary>
    public static async Task<Stream> OpenAsync(Stream stream, CancellationToken cancellation)
    {
        var magic = new byte[2];
        var read = await stream.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancellation);
        var whole = new PrefixedStream(magic.AsMemory(0, read), stream);
        return read == 2 && Is(magic) ? new GZipStream(whole, CompressionMode.Decompress) : whole;
    }

    private static bool Is(ReadOnlySpan<byte> magic) => magic is [0x1f, 0x8b];

    /// <summary>A stream whose first bytes were read already.</summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            if (_prefix.IsEmpty)
            {
                return rest.Read(buffer);
            }

            var length = Math.Min(buffer.Length, _prefix.Length);
            _prefix.Span[..length].CopyTo(buffer);
            _prefix = _prefix[length..];
            return length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _prefix.IsEmpty ? rest.ReadAsync(buffer, cancellationToken) : ValueTask.FromResult(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                rest.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
