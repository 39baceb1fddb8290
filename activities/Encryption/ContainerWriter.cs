using System.Buffers;
using System.Security.Cryptography;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// Writes one encrypted object. Plaintext goes in by <see cref="WriteAsync"/> in pieces of any size; stored bytes come out in order through
/// <c>output</c>, a segment at a time, in a buffer that is used again once its call has ended. Memory: two buffers of 1 MiB. Nothing is
/// readable before <see cref="CompleteAsync"/> has written the last segment. Not thread-safe; a failed output ends it.
/// </summary>
public sealed class ContainerWriter : IDisposable
{
    private readonly Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> _output;
    private readonly AesGcm _segments;
    private readonly byte[] _header;
    private readonly byte[] _plain = ArrayPool<byte>.Shared.Rent(ContainerFormat.SegmentBytes);
    private readonly byte[] _stored = ArrayPool<byte>.Shared.Rent(ContainerFormat.StoredSegmentBytes);
    private int _held;
    private long _segment;
    private State _state;

    /// <param name="key">Lives on: the caller disposes it.</param>
    /// <param name="context">Its key id is that of the key.</param>
    public ContainerWriter(DataKey key, ObjectContext context, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> output)
        : this(key, context, output, RandomNumberGenerator.GetBytes(ContainerFormat.MessageIdBytes))
    {
    }

    /// <summary>For test vectors only: a message id used twice under one data key would use its nonces twice.</summary>
    internal ContainerWriter(
        DataKey key, ObjectContext context, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> output, ReadOnlySpan<byte> messageId)
    {
        _output = output;
        _header = ContainerFormat.CreateHeader(key, context, messageId, out _segments);
    }

    private enum State
    {
        Fresh,
        Open,
        Broken,
        Complete,
        Disposed,
    }

    /// <summary>Plaintext bytes written so far: where the next one will lie.</summary>
    public long PlainPosition { get; private set; }

    /// <summary>Bytes given to the output so far; after <see cref="CompleteAsync"/> the object's size.</summary>
    public long StoredPosition { get; private set; }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        Begin();
        while (bytes.Length > 0)
        {
            // A full segment is held back until another byte comes: only then is it known not to be the last.
            if (_held == ContainerFormat.SegmentBytes)
            {
                await PutSegmentAsync(_plain.AsMemory(0, _held), last: false, cancellation);
                _held = 0;
            }

            if (_held == 0 && bytes.Length > ContainerFormat.SegmentBytes)
            {
                await PutSegmentAsync(bytes[..ContainerFormat.SegmentBytes], last: false, cancellation);
                PlainPosition += ContainerFormat.SegmentBytes;
                bytes = bytes[ContainerFormat.SegmentBytes..];
                continue;
            }

            var taken = Math.Min(bytes.Length, ContainerFormat.SegmentBytes - _held);
            bytes.Span[..taken].CopyTo(_plain.AsSpan(_held));
            _held += taken;
            PlainPosition += taken;
            bytes = bytes[taken..];
        }

        _state = State.Open;
    }

    /// <summary>Writes the last segment: even an object of no bytes has one.</summary>
    public async ValueTask CompleteAsync(CancellationToken cancellation)
    {
        Begin();
        await PutSegmentAsync(_plain.AsMemory(0, _held), last: true, cancellation);
        _state = State.Complete;
    }

    public void Dispose()
    {
        if (_state == State.Disposed)
        {
            return;
        }

        _state = State.Disposed;
        _segments.Dispose();
        CryptographicOperations.ZeroMemory(_plain);
        ArrayPool<byte>.Shared.Return(_plain);
        ArrayPool<byte>.Shared.Return(_stored);
    }

    /// <summary>Broken until the call has come through: after a failed output nobody knows what has arrived.</summary>
    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_state == State.Disposed, this);
        if (_state is State.Broken or State.Complete)
        {
            throw new InvalidOperationException(
                _state == State.Complete ? "The object is complete." : "An earlier write of this object failed.");
        }

        _state = State.Broken;
    }

    private async ValueTask PutSegmentAsync(ReadOnlyMemory<byte> plain, bool last, CancellationToken cancellation)
    {
        if (StoredPosition == 0)
        {
            await _output(_header, cancellation);
            StoredPosition = _header.Length;
        }

        Encrypt(plain.Span, last);
        _segment++;
        var length = plain.Length + ContainerFormat.TagBytes;
        await _output(_stored.AsMemory(0, length), cancellation);
        StoredPosition += length;
    }

    private void Encrypt(ReadOnlySpan<byte> plain, bool last)
    {
        Span<byte> nonce = stackalloc byte[ContainerFormat.NonceBytes];
        ContainerFormat.WriteNonce(nonce, _segment, last);
        _segments.Encrypt(nonce, plain, _stored.AsSpan(0, plain.Length), _stored.AsSpan(plain.Length, ContainerFormat.TagBytes));
    }
}
