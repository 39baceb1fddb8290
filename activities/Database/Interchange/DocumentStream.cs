using System.Buffers.Binary;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// Takes whole BSON documents off a stream of unknown origin, each checked all the way down, in one buffer that is used again. What is wrong is
/// refused with the place, the byte and the document's number.
/// </summary>
/// <param name="where">What the stream is, for a person: a file's name.</param>
internal sealed class DocumentStream(Stream stream, string where)
{
    /// <summary>Handed out together, unless one document alone is larger.</summary>
    private const int BatchBytes = 4 << 20;

    private byte[] _buffer = new byte[BatchBytes];
    private int _start;
    private int _end;

    /// <summary>Bytes taken so far.</summary>
    public long Position { get; private set; }

    public long Documents { get; private set; }

    /// <summary>The last <see cref="OneAsync"/> found the terminator, not the stream's end.</summary>
    public bool Terminated { get; private set; }

    /// <summary>As many whole documents as are there, up to some MiB; empty at the end. Valid until the next call.</summary>
    /// <param name="untilTerminator">The documents of an archive's block: they end with FFFFFFFF, which is taken too.</param>
    public async Task<ReadOnlyMemory<byte>> NextAsync(bool untilTerminator, CancellationToken cancellation)
    {
        if (!untilTerminator && !await HasAsync(1, cancellation))
        {
            return default;
        }

        var taken = 0;
        while (true)
        {
            if (taken > 0 && _end - _start - taken < 4)
            {
                return Take(taken, 0);
            }

            if (!await HasAsync(taken + 4, cancellation))
            {
                throw Truncated();
            }

            var head = _buffer.AsSpan(_start + taken, 4);
            if (untilTerminator && ArchiveFormat.IsTerminator(head))
            {
                if (taken > 0)
                {
                    return Take(taken, 0); // the next call sees the terminator first
                }

                Take(0, 4);
                return default;
            }

            var length = BinaryPrimitives.ReadInt32LittleEndian(head);
            if (length is < 5 or > BsonCheck.LargestDocument)
            {
                throw Refused($"a document there says that it is {length} bytes long");
            }

            if (taken > 0 && _end - _start < taken + length)
            {
                return Take(taken, 0);
            }

            if (!await HasAsync(taken + length, cancellation))
            {
                throw Truncated();
            }

            try
            {
                BsonCheck.Validate(_buffer.AsSpan(_start + taken, length));
            }
            catch (InvalidDataException e)
            {
                throw Refused(e.Message, e);
            }

            taken += length;
            Documents++;
            if (taken >= BatchBytes || (!untilTerminator && _end == _start + taken))
            {
                return Take(taken, 0);
            }
        }
    }

    /// <summary>The one document that must stand here; null: the stream ends, or the terminator stood here and was taken.</summary>
    public async Task<byte[]?> OneAsync(int largest, CancellationToken cancellation)
    {
        Terminated = false;
        if (!await HasAsync(1, cancellation))
        {
            return null;
        }

        if (!await HasAsync(4, cancellation))
        {
            throw Truncated();
        }

        var head = _buffer.AsSpan(_start, 4);
        if (ArchiveFormat.IsTerminator(head))
        {
            Terminated = true;
            Take(0, 4);
            return null;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(head);
        if (length < 5 || length > largest)
        {
            throw Refused($"a document there says that it is {length} bytes long");
        }

        if (!await HasAsync(length, cancellation))
        {
            throw Truncated();
        }

        var document = Take(length, 0).ToArray();
        try
        {
            BsonCheck.Validate(document);
        }
        catch (InvalidDataException e)
        {
            throw Refused(e.Message, e);
        }

        return document;
    }

    public async Task<bool> IsAtEndAsync(CancellationToken cancellation) => !await HasAsync(1, cancellation);

    public RefusalException Refused(string why, Exception? inner = null) =>
        DumpSource.Refused($"{where}, byte {Position}", $"{where} is damaged at byte {Position} (after {Documents} documents): {why}", inner);

    private RefusalException Truncated() => Refused("it ends in the middle of a document");

    private ReadOnlyMemory<byte> Take(int length, int more)
    {
        var taken = _buffer.AsMemory(_start, length);
        _start += length + more;
        Position += length + more;
        return taken;
    }

    /// <summary>Whether so many bytes lie in the buffer, after reading what it takes. Moves them to its front where they don't fit.</summary>
    private async ValueTask<bool> HasAsync(int count, CancellationToken cancellation)
    {
        if (_end - _start >= count)
        {
            return true;
        }

        if (_start + count > _buffer.Length)
        {
            var target = count <= _buffer.Length ? _buffer : new byte[Math.Max(count, _buffer.Length * 2)];
            _buffer.AsSpan(_start, _end - _start).CopyTo(target);
            _buffer = target;
            _end -= _start;
            _start = 0;
        }

        try
        {
            while (_end - _start < count)
            {
                var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation);
                if (read == 0)
                {
                    return false;
                }

                _end += read;
            }
        }
        catch (InvalidDataException e)
        {
            throw Refused($"it can't be decompressed ({e.Message})", e);
        }
        catch (EndOfStreamException e)
        {
            throw Refused("it ends too early", e);
        }

        return true;
    }
}
