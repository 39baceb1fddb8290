using System.Buffers.Binary;
using System.IO.Compression;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>mongodump's archive (format 0.1): one stream of blocks, each collection closed with the CRC of its documents.</summary>
internal sealed class ArchiveDumpWriter(DumpPlace place, bool gzip) : IDumpWriter
{
    private Stream? _out;
    private string _database = "";
    private string? _collection;
    private Crc64Xz _crc;
    private bool _oplog;

    public async Task BeginAsync(
        string database, string serverVersion, IReadOnlyList<DumpedCollection> collections, CancellationToken cancellation)
    {
        _database = database;
        Stream file = place.Create("");
        _out = gzip ? new GZipStream(file, CompressionLevel.Fastest) : new BufferedStream(file, 1 << 20);
        await _out.WriteAsync(ArchiveFormat.Magic.ToArray(), cancellation);
        await WriteAsync(
            new BsonDocument
            {
                { "concurrent_collections", 1 },
                { "version", ArchiveFormat.Version },
                { "server_version", serverVersion },
                { "tool_version", DumpTool.Version },
            },
            cancellation);
        foreach (var collection in collections)
        {
            await WriteAsync(
                new BsonDocument
                {
                    { "db", database },
                    { "collection", collection.Source ?? collection.Metadata.Collection },
                    { "metadata", collection.Metadata.ToJson() },
                    { "size", 0 },
                    { "type", collection.Metadata.Type },
                },
                cancellation);
        }

        await EndBlockAsync(cancellation);

        // Views have no documents, and still must be seen to end.
        foreach (var view in collections.Where(c => c.Source is null))
        {
            await EndAsync(view.Metadata.Collection, cancellation);
        }
    }

    public async Task WriteAsync(string collection, ReadOnlyMemory<byte> documents, CancellationToken cancellation)
    {
        if (_collection != collection)
        {
            _collection = collection;
            _crc = default;
        }

        if (documents.Length > 0)
        {
            _crc.Add(documents.Span);
            await WriteAsync(ArchiveFormat.Block(_database, collection, eof: false, crc: 0), cancellation);
            await _out!.WriteAsync(documents, cancellation);
            await EndBlockAsync(cancellation);
        }
    }

    public async Task EndAsync(string collection, CancellationToken cancellation)
    {
        var crc = _collection == collection ? _crc.Value : 0;
        _collection = null;
        await WriteAsync(ArchiveFormat.Block(_database, collection, eof: true, unchecked((long)crc)), cancellation);
        await EndBlockAsync(cancellation);
    }

    public async Task WriteOplogAsync(ReadOnlyMemory<byte> entries, CancellationToken cancellation)
    {
        if (!_oplog)
        {
            _oplog = true;
            _crc = default;
        }

        if (entries.Length > 0)
        {
            _crc.Add(entries.Span);
            await WriteAsync(ArchiveFormat.Block("", ArchiveFormat.Oplog, eof: false, crc: 0), cancellation);
            await _out!.WriteAsync(entries, cancellation);
            await EndBlockAsync(cancellation);
        }
    }

    public async Task<IReadOnlyDictionary<string, long>> CompleteAsync(CancellationToken cancellation)
    {
        if (_oplog)
        {
            await WriteAsync(ArchiveFormat.Block("", ArchiveFormat.Oplog, eof: true, unchecked((long)_crc.Value)), cancellation);
            await EndBlockAsync(cancellation);
        }

        var file = _out!;
        _out = null;
        await file.DisposeAsync();
        return place.Keep();
    }

    public async ValueTask DisposeAsync()
    {
        if (_out is { } file)
        {
            await file.DisposeAsync();
        }

        place.Dispose();
    }

    private async Task WriteAsync(BsonDocument document, CancellationToken cancellation) =>
        await _out!.WriteAsync(document.ToBson(), cancellation);

    private async Task EndBlockAsync(CancellationToken cancellation) => await _out!.WriteAsync(ArchiveFormat.Terminator.ToArray(), cancellation);
}

/// <summary>Bytes and field names of archives, as mongo-tools 100.18 reads them: unknown header fields are refused there.</summary>
internal static class ArchiveFormat
{
    public const string Version = "0.1";
    public const string Oplog = "oplog";

    public static ReadOnlySpan<byte> Magic => [0x6d, 0xe2, 0x99, 0x81];

    public static ReadOnlySpan<byte> Terminator => [0xff, 0xff, 0xff, 0xff];

    public static BsonDocument Block(string database, string collection, bool eof, long crc) =>
        new() { { "db", database }, { "collection", collection }, { "EOF", eof }, { "CRC", crc } };

    public static bool IsTerminator(ReadOnlySpan<byte> length) => BinaryPrimitives.ReadUInt32LittleEndian(length) == uint.MaxValue;
}
