using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>mongodump's directory: <c>{database}/{collection}.bson</c> with its metadata, <c>oplog.bson</c> and <c>prelude.json</c>.</summary>
internal sealed class DirectoryDumpWriter(DumpPlace place, bool gzip) : IDumpWriter
{
    private string _database = "";
    private string? _collection;
    private Stream? _open;
    private Stream? _oplog;

    public async Task BeginAsync(
        string database, string serverVersion, IReadOnlyList<DumpedCollection> collections, CancellationToken cancellation)
    {
        _database = database;
        var prelude = JsonSerializer.Serialize(new { ServerVersion = serverVersion, ToolVersion = DumpTool.Version });
        await WriteTextAsync(DumpNames.Prelude, prelude, cancellation);
        foreach (var collection in collections)
        {
            await WriteTextAsync(
                Path.Combine(database, DumpNames.Escape(collection.Metadata.Collection) + DumpNames.Metadata), collection.Metadata.ToJson(), cancellation);
        }
    }

    public async Task WriteAsync(string collection, ReadOnlyMemory<byte> documents, CancellationToken cancellation)
    {
        if (_collection != collection)
        {
            await CloseAsync();
            _open = Create(Path.Combine(_database, DumpNames.Escape(collection) + DumpNames.Documents), named: true);
            _collection = collection;
        }

        await _open!.WriteAsync(documents, cancellation);
    }

    public async Task EndAsync(string collection, CancellationToken cancellation)
    {
        await WriteAsync(collection, ReadOnlyMemory<byte>.Empty, cancellation); // an empty one has its file too
        await CloseAsync();
    }

    public async Task WriteOplogAsync(ReadOnlyMemory<byte> entries, CancellationToken cancellation)
    {
        // The tools look for this name whether its content is compressed or not.
        _oplog ??= Create(DumpNames.Oplog, named: false);
        await _oplog.WriteAsync(entries, cancellation);
    }

    public async Task<IReadOnlyDictionary<string, long>> CompleteAsync(CancellationToken cancellation)
    {
        await CloseAsync();
        if (_oplog is { } oplog)
        {
            _oplog = null;
            await oplog.DisposeAsync();
        }

        return place.Keep();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        if (_oplog is { } oplog)
        {
            await oplog.DisposeAsync();
        }

        place.Dispose();
    }

    private async Task WriteTextAsync(string relative, string text, CancellationToken cancellation)
    {
        await using var file = Create(relative, named: true);
        await file.WriteAsync(Encoding.UTF8.GetBytes(text), cancellation);
    }

    private Stream Create(string relative, bool named)
    {
        var name = gzip && named ? relative + DumpNames.Gzip : relative;
        var file = place.Create(name);
        return gzip ? new GZipStream(file, CompressionLevel.Fastest) : file;
    }

    private async Task CloseAsync()
    {
        _collection = null;
        if (_open is { } open)
        {
            _open = null;
            await open.DisposeAsync();
        }
    }
}

/// <summary>What a dump says of the program that made it: the tools refuse one whose versions are none.</summary>
internal static class DumpTool
{
    public const string Version = "100.18.0";

    /// <summary><c>x.y.z</c> of what a server calls itself, which the tools parse.</summary>
    public static string ServerVersion(string reported)
    {
        var parts = reported.Split('-', '+', ' ')[0].Split('.');
        var numbers = parts.TakeWhile(p => p.Length is > 0 and < 6 && p.All(char.IsAsciiDigit)).Take(3).ToList();
        while (numbers.Count < 3)
        {
            numbers.Add("0");
        }

        return string.Join('.', numbers);
    }
}
