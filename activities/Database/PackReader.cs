using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Reads one pack: its table, its chunks by place, or all of it in order. What does not fit is a <see cref="RefusalException"/> of kind
/// <c>integrity</c> that names the pack. Not thread-safe.
/// </summary>
public sealed class PackReader : IDisposable
{
    private readonly ContainerReader _container;
    private PackTable? _table;

    private PackReader(ContainerReader container, string name)
    {
        _container = container;
        Name = name;
    }

    /// <summary>The pack's whole object name.</summary>
    public string Name { get; }

    /// <summary>Reads the header only: for chunks whose places are known from the index.</summary>
    /// <param name="keys">Live as long as this call.</param>
    public static async Task<PackReader> OpenAsync(IRangeSource source, ObjectContext expected, DataKeys keys, CancellationToken cancellation) =>
        new(await ContainerReader.OpenAsync(source, expected, keys, cancellation), expected.ObjectName);

    public static Task<PackReader> OpenAsync(IRangeSource source, ObjectContext expected, DataKey key, CancellationToken cancellation) =>
        OpenAsync(source, expected, DataKeys.Borrow(key), cancellation);

    /// <summary>The table at the pack's end; reading it proves the pack's length.</summary>
    public async Task<PackTable> ReadTableAsync(CancellationToken cancellation)
    {
        if (_table is not null)
        {
            return _table;
        }

        var footer = new byte[PackFormat.FooterBytes];
        if (_container.PlainLength < footer.Length)
        {
            throw Damaged("is too short for a pack");
        }

        await _container.ReadAsync(_container.PlainLength - footer.Length, footer, cancellation);
        var (offset, length) = PackFormat.ReadFooter(footer, _container.PlainLength) ?? throw Damaged("does not end as a pack does");
        var frame = new byte[length];
        await _container.ReadAsync(offset, frame, cancellation);
        return _table = CheckTable(Frames.DecompressJson<PackTable>(frame, Name), offset);
    }

    /// <summary>One chunk, decompressed and checked against its hash. The caller disposes it.</summary>
    public async Task<RawChunk> ReadChunkAsync(PackChunk chunk, CancellationToken cancellation)
    {
        PackFormat.Check(chunk, Name);
        var frame = LargeBuffers.Rent(chunk.Length);
        try
        {
            await _container.ReadAsync(chunk.Offset, frame.AsMemory(0, chunk.Length), cancellation);
            return PackFormat.Open(chunk, frame.AsSpan(0, chunk.Length), Name);
        }
        finally
        {
            LargeBuffers.Return(frame);
        }
    }

    /// <summary>
    /// Every chunk of a pack whose stored bytes come in order and are read once. The table stands at the end, so the chunks must be known from
    /// the index; the pack's own table must then say the same of each. Ends when everything has verified.
    /// </summary>
    /// <param name="stored">The object's stored bytes; disposed at the end.</param>
    /// <param name="chunks">Those that the index has in this pack, in any order.</param>
    public static async IAsyncEnumerable<RawChunk> ReadAllAsync(
        Stream stored, ObjectContext expected, DataKeys keys, IEnumerable<PackChunk> chunks,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var name = expected.ObjectName;
        await using var plain = await Container.OpenStreamAsync(stored, expected, keys, cancellation);
        long position = 0;
        var known = chunks.OrderBy(c => c.Offset).ToList();
        foreach (var chunk in known)
        {
            PackFormat.Check(chunk, name);
            if (chunk.Offset < position)
            {
                throw PackFormat.Damaged(name, $"has chunks that overlap at byte {chunk.Offset}, says the index");
            }

            await SkipAsync(plain, chunk.Offset - position, name, cancellation);
            var frame = LargeBuffers.Rent(chunk.Length);
            RawChunk opened;
            try
            {
                await FillAsync(plain, frame.AsMemory(0, chunk.Length), name, cancellation);
                opened = PackFormat.Open(chunk, frame.AsSpan(0, chunk.Length), name);
            }
            finally
            {
                LargeBuffers.Return(frame);
            }

            position = chunk.Offset + chunk.Length;
            yield return opened;
        }

        // What is left: chunks of ranges that another attempt finished, the table, the footer.
        using var tail = new TailBuffer();
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            while (await plain.ReadAsync(buffer, cancellation) is > 0 and var read)
            {
                tail.Append(buffer.AsSpan(0, read));
                position += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        var (offset, length) = PackFormat.ReadFooter(tail.Last(PackFormat.FooterBytes), position) ?? throw PackFormat.Damaged(name, "does not end as a pack does");
        var table = PackFormat.CheckTable(
            Frames.DecompressJson<PackTable>(tail.Before(PackFormat.FooterBytes, length) ?? throw PackFormat.Damaged(name, "has a table that overlaps its chunks"), name),
            offset, name);
        if (known.Except(table.Chunks).FirstOrDefault() is { } foreign)
        {
            throw PackFormat.Damaged(name, $"has no chunk {foreign.Part} of range {foreign.Range} in its own table, though the index says so");
        }
    }

    public void Dispose() => _container.Dispose();

    private static async Task SkipAsync(Stream stream, long count, string name, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            while (count > 0)
            {
                var length = (int)Math.Min(count, buffer.Length);
                await FillAsync(stream, buffer.AsMemory(0, length), name, cancellation);
                count -= length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task FillAsync(Stream stream, Memory<byte> buffer, string name, CancellationToken cancellation)
    {
        if (await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation) < buffer.Length)
        {
            throw PackFormat.Damaged(name, "ends before the last chunk that the index has in it");
        }
    }

    private PackTable CheckTable(PackTable table, long tableOffset) => PackFormat.CheckTable(table, tableOffset, Name);

    private RefusalException Damaged(string what) => PackFormat.Damaged(Name, what);

    /// <summary>Keeps the end of a stream: a pack's table and footer.</summary>
    private sealed class TailBuffer : IDisposable
    {
        private readonly MemoryStream _bytes = new();

        public void Dispose() => _bytes.Dispose();

        public void Append(ReadOnlySpan<byte> bytes)
        {
            _bytes.Write(bytes);
            if (_bytes.Length > 2 * PackFormat.MaxTableBytes)
            {
                var kept = _bytes.GetBuffer().AsSpan((int)_bytes.Length - PackFormat.MaxTableBytes, PackFormat.MaxTableBytes).ToArray();
                _bytes.SetLength(0);
                _bytes.Write(kept);
            }
        }

        public ReadOnlySpan<byte> Last(int count) => _bytes.Length < count ? default : _bytes.GetBuffer().AsSpan((int)_bytes.Length - count, count);

        public byte[]? Before(int footer, int length) =>
            _bytes.Length < (long)footer + length ? null : _bytes.GetBuffer().AsSpan((int)_bytes.Length - footer - length, length).ToArray();
    }
}

/// <summary>The bytes of packs: docs/format.md, "Packs".</summary>
internal static class PackFormat
{
    public const int FooterBytes = 24;

    /// <summary>A pack of 256 MiB has a few dozen chunks of a hundred bytes each; the smallest possible chunks fill no more than this.</summary>
    public const int MaxTableBytes = 16 << 20;

    private static ReadOnlySpan<byte> Magic => "LUXPACK1"u8;

    public static byte[] WriteFooter(long offset, int length)
    {
        var footer = new byte[FooterBytes];
        BinaryPrimitives.WriteInt64LittleEndian(footer, offset);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(8), length);
        Magic.CopyTo(footer.AsSpan(16));
        return footer;
    }

    /// <summary>Where the table lies; null for bytes that are no footer, or one that does not fit the pack's length.</summary>
    public static (long Offset, int Length)? ReadFooter(ReadOnlySpan<byte> footer, long packLength)
    {
        if (footer.Length != FooterBytes || !footer[16..].SequenceEqual(Magic))
        {
            return null;
        }

        var offset = BinaryPrimitives.ReadInt64LittleEndian(footer);
        var length = BinaryPrimitives.ReadInt64LittleEndian(footer[8..]);
        return offset >= 0 && length is > 0 and <= MaxTableBytes && offset == packLength - FooterBytes - length ? (offset, (int)length) : null;
    }

    public static PackTable CheckTable(PackTable table, long tableOffset, string name)
    {
        if (table.Format != PackTable.FormatName)
        {
            throw Damaged(name, $"has a table of the format '{table.Format}'");
        }

        long end = 0;
        foreach (var chunk in table.Chunks)
        {
            Check(chunk, name);
            if (chunk.Offset < end || chunk.Offset + chunk.Length > tableOffset)
            {
                throw Damaged(name, $"has a table whose chunks overlap or lie outside it, at byte {chunk.Offset}");
            }

            end = chunk.Offset + chunk.Length;
        }

        return table;
    }

    /// <summary>Before memory is made for it.</summary>
    public static void Check(PackChunk chunk, string name)
    {
        if (chunk.RawLength is < 0 or > PackChunk.MaxRawLength || chunk.Length is <= 0 or > PackChunk.MaxRawLength + (1 << 20) || chunk.Offset < 0 || chunk.Documents < 0)
        {
            throw Damaged(name, $"has a chunk of impossible size (range {chunk.Range}, part {chunk.Part})");
        }
    }

    public static RawChunk Open(PackChunk chunk, ReadOnlySpan<byte> frame, string name)
    {
        var raw = LargeBuffers.Rent(chunk.RawLength);
        try
        {
            Frames.Decompress(frame, raw.AsSpan(0, chunk.RawLength));
            if (Convert.ToHexStringLower(SHA256.HashData(raw.AsSpan(0, chunk.RawLength))) != chunk.Sha256)
            {
                throw Damaged(name, $"has other bytes than were hashed in part {chunk.Part} of range {chunk.Range}");
            }
        }
        catch (InvalidDataException e)
        {
            LargeBuffers.Return(raw);
            throw Damaged(name, $"can't be decompressed in part {chunk.Part} of range {chunk.Range}", e);
        }
        catch
        {
            LargeBuffers.Return(raw);
            throw;
        }

        return new RawChunk(chunk, raw);
    }

    public static RefusalException Damaged(string name, string what, Exception? inner = null) => new(
        ErrorKinds.Integrity, $"The object {name} {what}.", name, "It was not used. Other stores may hold it whole.", inner);
}

/// <summary>One decompressed chunk in pooled memory: its documents are valid until it is disposed.</summary>
public sealed class RawChunk : IDisposable
{
    private byte[]? _raw;

    internal RawChunk(PackChunk chunk, byte[] raw)
    {
        Chunk = chunk;
        _raw = raw;
    }

    public PackChunk Chunk { get; }

    /// <summary>Concatenated BSON documents.</summary>
    public ReadOnlyMemory<byte> Bytes => (_raw ?? throw new ObjectDisposedException(nameof(RawChunk))).AsMemory(0, Chunk.RawLength);

    public BsonSequence Documents => new(Bytes);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _raw, null) is { } raw)
        {
            LargeBuffers.Return(raw);
        }
    }
}
