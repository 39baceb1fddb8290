using System.Buffers;
using System.Security.Cryptography;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// Reads one encrypted object. Plaintext leaves only after the segment that holds it has verified; whatever is wrong is a
/// <see cref="RefusalException"/> of kind <c>integrity</c> that names the object. Not thread-safe: each lane has its own.
/// </summary>
public sealed class ContainerReader : IDisposable
{
    private readonly IRangeSource _source;
    private readonly SegmentCipher _cipher;
    private readonly int _headerLength;
    private readonly long _count;
    private readonly byte[] _stored = ArrayPool<byte>.Shared.Rent(ContainerFormat.StoredSegmentBytes);
    private readonly byte[] _plain = ArrayPool<byte>.Shared.Rent(ContainerFormat.SegmentBytes);
    private long _inPlain = -1;
    private bool _endProved;
    private bool _disposed;

    private ContainerReader(IRangeSource source, SegmentCipher cipher, int headerLength)
    {
        _source = source;
        _cipher = cipher;
        _headerLength = headerLength;
        var body = source.Length - headerLength;
        _count = (body + ContainerFormat.StoredSegmentBytes - 1) / ContainerFormat.StoredSegmentBytes;
        PlainLength = body - _count * ContainerFormat.TagBytes;

        var lastLength = body - (_count - 1) * ContainerFormat.StoredSegmentBytes;
        if (_count == 0 || lastLength < ContainerFormat.TagBytes || (lastLength == ContainerFormat.TagBytes && _count > 1))
        {
            throw ContainerFormat.Damaged(cipher.ObjectName, $"is truncated or lengthened: no object ends after {source.Length} bytes");
        }
    }

    /// <summary>Plaintext bytes, by the stored size. Proved only when the last segment has verified: by reading it, or by
    /// <see cref="ProveLengthAsync"/>.</summary>
    public long PlainLength { get; }

    /// <summary>Reads and checks the header alone (one ranged read). Nothing is fetched twice afterwards: reads of neighbouring ranges
    /// share the segment between them.</summary>
    /// <param name="expected">What the object must be bound to; another asset, key id or name in the header is refused.</param>
    /// <param name="keys">Live as long as this call; the caller disposes them.</param>
    public static async Task<ContainerReader> OpenAsync(
        IRangeSource source, ObjectContext expected, DataKeys keys, CancellationToken cancellation)
    {
        var name = expected.ObjectName;
        var header = new byte[ContainerFormat.HeaderLength(expected)];
        var got = await ReadSomeAsync(source, header, 0, cancellation);
        var length = ContainerFormat.ReadHeaderLength(header.AsSpan(0, got), name);
        if (length != header.Length)
        {
            // Not the header that these names have: read it whole, to be able to say whose it is.
            got = Math.Min(got, length);
            Array.Resize(ref header, length);
            got += await ReadSomeAsync(source, header.AsMemory(got), got, cancellation);
        }

        if (got < length)
        {
            throw ContainerFormat.Damaged(name, $"is truncated: it ends after {got} bytes, within its header");
        }

        var cipher = new SegmentCipher(ContainerFormat.OpenHeader(header, expected, keys), name);
        try
        {
            return new ContainerReader(source, cipher, length);
        }
        catch
        {
            cipher.Dispose();
            throw;
        }
    }

    public static Task<ContainerReader> OpenAsync(
        IRangeSource source, ObjectContext expected, DataKey key, CancellationToken cancellation) =>
        OpenAsync(source, expected, DataKeys.Borrow(key), cancellation);

    /// <summary>
    /// Fills <paramref name="buffer"/> with the plaintext from <paramref name="offset"/> on, in one ranged read of the segments that hold
    /// it. A range beyond the end is <c>integrity</c>: offsets come from stored tables.
    /// </summary>
    public async ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (offset < 0 || offset + buffer.Length > PlainLength || offset + buffer.Length < 0)
        {
            throw ContainerFormat.Damaged(
                _cipher.ObjectName,
                $"has {PlainLength} bytes; {buffer.Length} bytes from {offset} were looked for, by a table that does not fit it");
        }

        var segment = offset / ContainerFormat.SegmentBytes;
        var skip = (int)(offset % ContainerFormat.SegmentBytes);
        if (segment == _inPlain)
        {
            var taken = Math.Min(buffer.Length, SegmentLength(segment) - skip);
            _plain.AsSpan(skip, taken).CopyTo(buffer.Span);
            buffer = buffer[taken..];
            (segment, skip) = (segment + 1, 0);
        }

        if (buffer.Length == 0)
        {
            return;
        }

        var lastSegment = segment + (skip + buffer.Length - 1) / ContainerFormat.SegmentBytes;
        var start = segment * ContainerFormat.StoredSegmentBytes;
        var end = lastSegment * ContainerFormat.StoredSegmentBytes + SegmentLength(lastSegment) + ContainerFormat.TagBytes;
        await using var stored = await _source.OpenAsync(_headerLength + start, end - start, cancellation);
        for (; segment <= lastSegment; segment++)
        {
            var length = SegmentLength(segment);
            await FillAsync(stored, _stored.AsMemory(0, length + ContainerFormat.TagBytes), cancellation);
            if (skip == 0 && buffer.Length >= length)
            {
                Decrypt(segment, length, buffer.Span[..length]);
                buffer = buffer[length..];
                continue;
            }

            _inPlain = -1;
            Decrypt(segment, length, _plain.AsSpan(0, length));
            _inPlain = segment;
            var taken = Math.Min(buffer.Length, length - skip);
            _plain.AsSpan(skip, taken).CopyTo(buffer.Span);
            buffer = buffer[taken..];
            skip = 0;
        }
    }

    /// <summary>Verifies the last segment, and with it that nothing was cut off or added at the end.</summary>
    public async ValueTask ProveLengthAsync(CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var last = _count - 1;
        if (_endProved)
        {
            return;
        }

        var length = SegmentLength(last);
        var stored = _stored.AsMemory(0, length + ContainerFormat.TagBytes);
        await using (var stream = await _source.OpenAsync(
            _headerLength + last * ContainerFormat.StoredSegmentBytes, stored.Length, cancellation))
        {
            await FillAsync(stream, stored, cancellation);
        }

        _inPlain = -1;
        Decrypt(last, length, _plain.AsSpan(0, length));
        _inPlain = last;
    }

    /// <summary>All plaintext in order, in one ranged read; its end proves the object's. The stream throws as this reader does, and lives
    /// on its own; the reader is not used meanwhile.</summary>
    public async Task<Stream> OpenStreamAsync(CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var stored = await _source.OpenAsync(_headerLength, _source.Length - _headerLength, cancellation);
        return new ContainerStream(stored, _cipher, ownsCipher: false);
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _cipher.Dispose();
        CryptographicOperations.ZeroMemory(_plain);
        ArrayPool<byte>.Shared.Return(_plain);
        ArrayPool<byte>.Shared.Return(_stored);
    }

    private int SegmentLength(long segment) =>
        segment == _count - 1 ? (int)(PlainLength - segment * ContainerFormat.SegmentBytes) : ContainerFormat.SegmentBytes;

    private void Decrypt(long segment, int length, Span<byte> plain)
    {
        var last = segment == _count - 1;
        _cipher.Decrypt(segment, last, _stored.AsSpan(0, length + ContainerFormat.TagBytes), plain);
        _endProved |= last;
    }

    private async ValueTask FillAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellation)
    {
        if (await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation) < buffer.Length)
        {
            throw ContainerFormat.Damaged(_cipher.ObjectName, "is truncated: the store gave fewer bytes than it has by its size");
        }
    }

    private static async ValueTask<int> ReadSomeAsync(IRangeSource source, Memory<byte> buffer, long offset, CancellationToken cancellation)
    {
        var length = (int)Math.Min(buffer.Length, source.Length - offset);
        if (length <= 0)
        {
            return 0;
        }

        await using var stream = await source.OpenAsync(offset, length, cancellation);
        return await stream.ReadAtLeastAsync(buffer[..length], length, throwOnEndOfStream: false, cancellation);
    }
}

/// <summary>The cipher of one object's segments.</summary>
internal sealed class SegmentCipher(AesGcm segments, string objectName) : IDisposable
{
    public string ObjectName { get; } = objectName;

    /// <param name="stored">Ciphertext, then tag.</param>
    /// <param name="plain">Left zeroed when the segment does not verify.</param>
    public void Decrypt(long segment, bool last, ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        try
        {
            Open(segment, last, stored, plain);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw ContainerFormat.Damaged(ObjectName, Diagnose(segment, last, stored, plain), e);
        }
    }

    public void Dispose() => segments.Dispose();

    private void Open(long segment, bool last, ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        Span<byte> nonce = stackalloc byte[ContainerFormat.NonceBytes];
        ContainerFormat.WriteNonce(nonce, segment, last);
        segments.Decrypt(nonce, stored[..^ContainerFormat.TagBytes], stored[^ContainerFormat.TagBytes..], plain);
    }

    /// <summary>A segment that opens with the other final flag is whole: it is the end that was moved.</summary>
    private string Diagnose(long segment, bool last, ReadOnlySpan<byte> stored, Span<byte> plain)
    {
        try
        {
            Open(segment, !last, stored, plain);
            return last
                ? $"is truncated: it ends after segment {segment}, which is not its last"
                : $"is lengthened: bytes follow its last segment, number {segment}";
        }
        catch (AuthenticationTagMismatchException)
        {
            return $"does not verify in segment {segment} (from plaintext byte {segment * ContainerFormat.SegmentBytes}): " +
                   "the bytes there were changed or moved" + (last ? ", or its end was cut off or added to" : "");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }
}
