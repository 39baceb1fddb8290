using System.IO.Compression;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// One reading of a dump, its gzip layers undone on the way, and none of them without end: deflate makes up to 1032 bytes of one, so that some MiB are
/// hundreds of GB of valid documents, and a layer within a layer multiplies that. What comes out of all layers together is held against what was
/// read of the outermost so far: neither bytes that lie unread behind them nor a second layer allows more.
/// Whether bytes are gzipped is told by themselves: <c>oplog.bson</c> of a gzipped dump keeps its name.
/// </summary>
/// <param name="unpacksTo">So many bytes may come out of however few.</param>
internal sealed class Unpacking(long unpacksTo)
{
    /// <summary>Documents compress to a tenth or so, and rarely to a thirtieth: their ids alone differ.</summary>
    public const int MostTimes = 100;

    /// <summary>Unless a person says more. Small dumps of documents that are all alike do exceed <see cref="MostTimes"/>, and fill no store.</summary>
    public const long StandardBytes = 1L << 30;

    /// <summary>More than a document with those that are read beside it: who wants so much at once keeps it, as a tar's reader does an extended
    /// header, of which a few KB can be made to say that they are a gigabyte.</summary>
    private const int MostAtOnce = 64 << 20;

    private const int BufferBytes = 1 << 20;

    /// <summary>A quarter of a second of unpacking.</summary>
    private const long ToldBytes = 64 << 20;

    private long _packed;
    private long _unpacked;
    private long _told;
    private bool _within;

    /// <summary>What of a compressed container is being read, for a person.</summary>
    public string? Entry { get; set; }

    /// <summary>Told how many bytes have come out so far, after each <see cref="ToldBytes"/>.</summary>
    public Action<long>? Passed { get; init; }

    public static async Task<bool> IsGzipAsync(string path, CancellationToken cancellation)
    {
        var magic = new byte[2];
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        return await file.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancellation) == 2 && IsGzip(magic);
    }

    /// <summary>The whole dump: an archive or a tar.</summary>
    public Stream Open(string path, bool compressed)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, FileOptions.SequentialScan);
        if (!compressed)
        {
            return file;
        }

        _within = true;
        return Unpack(new CountedStream(file, bytes => _packed += bytes), path);
    }

    /// <summary>One file of a dump: the stream itself, or what it decompresses to.</summary>
    /// <param name="where">What the stream is, for a person.</param>
    /// <exception cref="RefusalException">While the stream is read, <c>integrity</c>: more comes out than of any dump.</exception>
    public async Task<Stream> OpenAsync(Stream stream, string where, CancellationToken cancellation)
    {
        var magic = new byte[2];
        var read = await stream.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancellation);
        var whole = new PrefixedStream(magic.AsMemory(0, read), stream);
        return read < 2 || !IsGzip(magic) ? whole
            // What lies in a compressed container was counted when that was read.
            : Unpack(_within ? whole : new CountedStream(whole, bytes => _packed += bytes), where);
    }

    private CountedStream Unpack(Stream compressed, string where)
    {
        var at = 0L;
        return new CountedStream(new GZipStream(compressed, CompressionMode.Decompress), bytes =>
        {
            at += bytes;
            _unpacked += bytes;
            if (_unpacked - _told >= ToldBytes)
            {
                _told = _unpacked;
                Passed?.Invoke(_unpacked);
            }

            if (_unpacked > unpacksTo && _unpacked / MostTimes > _packed)
            {
                throw TooMuch(where, at);
            }
        });
    }

    private RefusalException TooMuch(string where, long at) => new(
        ErrorKinds.Integrity,
        $"This dump can't be imported: at byte {at} of what {where} unpacks to{(Entry is null ? "" : $" (from its entry '{Entry}' on)")}, the dump's "
        + $"{_packed} compressed bytes have become {_unpacked}, which is more than {MostTimes} times as many: no database's documents are so much alike.",
        $"{where}, byte {at}",
        "Nothing of it was kept. Where you know that it is a real dump, say how far it may unpack: --unpacks-to 100GiB.");

    private static bool IsGzip(ReadOnlySpan<byte> magic) => magic is [0x1f, 0x8b];

    /// <summary>Tells of the bytes that are read through it.</summary>
    private sealed class CountedStream(Stream inner, Action<int> passed) : ForwardStream
    {
        public override int Read(Span<byte> buffer)
        {
            RefuseMuch(buffer.Length);
            var read = inner.Read(buffer);
            passed(read);
            return read;
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            RefuseMuch(buffer.Length);
            var read = await inner.ReadAsync(buffer, cancellationToken);
            passed(read);
            return read;
        }

        private static void RefuseMuch(int bytes)
        {
            if (bytes > MostAtOnce)
            {
                throw new InvalidDataException($"something in it says that it is {bytes} bytes long, and would have to be kept whole");
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>A stream whose first bytes were read already.</summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : ForwardStream
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

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

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _prefix.IsEmpty ? rest.ReadAsync(buffer, cancellationToken) : ValueTask.FromResult(Read(buffer.Span));

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                rest.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>Read only, and only onwards.</summary>
    private abstract class ForwardStream : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public abstract override int Read(Span<byte> buffer);

        public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
