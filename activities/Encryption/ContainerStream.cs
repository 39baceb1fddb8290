using System.Buffers;
using System.Security.Cryptography;

namespace LuxHedge.Activities.Encryption;

/// <summary>Plaintext of an object in order, each stored byte read once. End of stream is answered only after the last segment
/// verified.</summary>
internal sealed class ContainerStream(Stream stored, SegmentCipher cipher, bool ownsCipher) : Stream
{
    // One byte more than a segment: whether it comes tells whether the segment is the last.
    private readonly byte[] _stored = ArrayPool<byte>.Shared.Rent(ContainerFormat.StoredSegmentBytes + 1);
    private readonly byte[] _plain = ArrayPool<byte>.Shared.Rent(ContainerFormat.SegmentBytes);
    private long _segment;
    private int _ahead;
    private int _position;
    private int _length;
    private bool _ended;
    private bool _disposed;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (buffer.Length == 0)
        {
            return 0;
        }

        if (_position == _length && !_ended)
        {
            await NextAsync(cancellationToken);
        }

        var taken = Math.Min(buffer.Length, _length - _position);
        _plain.AsSpan(_position, taken).CopyTo(buffer.Span);
        _position += taken;
        return taken;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Read it asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            stored.Dispose();
            if (ownsCipher)
            {
                cipher.Dispose();
            }

            CryptographicOperations.ZeroMemory(_plain);
            ArrayPool<byte>.Shared.Return(_plain);
            ArrayPool<byte>.Shared.Return(_stored);
        }

        base.Dispose(disposing);
    }

    private async ValueTask NextAsync(CancellationToken cancellation)
    {
        _position = _length = 0;
        var wanted = ContainerFormat.StoredSegmentBytes + 1;
        var have = _ahead + await stored.ReadAtLeastAsync(
            _stored.AsMemory(_ahead, wanted - _ahead), wanted - _ahead, throwOnEndOfStream: false, cancellation);
        var last = have < wanted;
        var length = last ? have : ContainerFormat.StoredSegmentBytes;
        if (length < ContainerFormat.TagBytes || (length == ContainerFormat.TagBytes && _segment > 0))
        {
            throw ContainerFormat.Damaged(
                cipher.ObjectName, $"is truncated or lengthened: {length} bytes are where segment {_segment} should be");
        }

        cipher.Decrypt(_segment, last, _stored.AsSpan(0, length), _plain.AsSpan(0, length - ContainerFormat.TagBytes));
        _segment++;
        _length = length - ContainerFormat.TagBytes;
        _ended = last;
        if (!last)
        {
            _stored[0] = _stored[length];
            _ahead = 1;
        }
    }
}
