using System.Runtime.CompilerServices;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>mongodump's archive: its prelude says what is in it, its blocks may be of any collection in any order, and each collection ends
/// with the CRC of its documents.</summary>
internal sealed class ArchiveDumpSource : DumpSource
{
    /// <summary>A header, or one collection's metadata.</summary>
    private const int LargestHeader = DumpMetadata.LargestText;

    /// <summary>All of it is kept: room for some hundred thousand collections, which no server holds.</summary>
    private const long LargestHead = 64L << 20;

    private static readonly string[] HeaderFields = ["db", "collection", "EOF", "CRC"];

    private readonly string _path;
    private readonly bool _compressed;
    private readonly long _unpacksTo;
    private readonly IReadOnlyList<Described> _prelude;

    private ArchiveDumpSource(string path, bool compressed, long unpacksTo, string? serverVersion, IReadOnlyList<Described> prelude)
    {
        _path = path;
        _compressed = compressed;
        _unpacksTo = unpacksTo;
        _prelude = prelude;
        ServerVersion = serverVersion;
        Created = new DateTimeOffset(File.GetLastWriteTimeUtc(path));
    }

    public override string Kind => "mongodump archive";

    public override DateTimeOffset? Created { get; }

    public override string? ServerVersion { get; }

    public override bool HasAccounts => _prelude.Any(p => DumpNames.IsAccounts(p.Database, p.Collection));

    public override IReadOnlyList<string> Databases =>
        [.. _prelude.Select(p => p.Database).Where(d => !IsServers(d)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public static async Task<ArchiveDumpSource> OpenAsync(string path, bool compressed, long unpacksTo, CancellationToken cancellation)
    {
        await using var stream = new Unpacking(unpacksTo).Open(path, compressed);
        var (version, prelude) = await PreludeAsync(stream, path, cancellation);
        return new ArchiveDumpSource(path, compressed, unpacksTo, version, prelude.Described);
    }

    public override async IAsyncEnumerable<DumpItem> ReadAsync(string database, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var stream = new Unpacking(_unpacksTo).Open(_path, _compressed);
        var (_, prelude) = await PreludeAsync(stream, _path, cancellation);
        foreach (var described in prelude.Described.Where(d => d.Database == database))
        {
            yield return new DumpItem.Described(described.Collection, described.Metadata);
            if (described.Metadata.Type != "view")
            {
                yield return new DumpItem.Began(described.Collection);
            }
        }

        var documents = prelude.Rest;
        var sums = new Dictionary<(string, string), Crc64Xz>();
        var ended = new HashSet<(string, string)>();
        while (await documents.OneAsync(LargestHeader, cancellation) is { } bytes)
        {
            var (db, collection, eof, crc) = Header(documents, bytes);
            var key = (db, collection);
            if (!(db.Length == 0 && collection == ArchiveFormat.Oplog) && !prelude.Names.Contains(key))
            {
                throw documents.Refused($"a block is of '{db}.{collection}', which the archive's head does not name");
            }

            if (ended.Contains(key))
            {
                throw documents.Refused($"'{db}.{collection}' goes on after its end");
            }

            var sum = sums.GetValueOrDefault(key);
            while (await documents.NextAsync(untilTerminator: true, cancellation) is { IsEmpty: false } batch)
            {
                if (eof)
                {
                    throw documents.Refused($"the end of '{db}.{collection}' has documents");
                }

                sum.Add(batch.Span);
                if (db == database)
                {
                    yield return new DumpItem.Documents(collection, batch);
                }
                else if (db.Length == 0)
                {
                    yield return new DumpItem.Oplog(batch);
                }
            }

            sums[key] = sum;
            if (eof)
            {
                ended.Add(key);
                if (sum.Value != unchecked((ulong)crc))
                {
                    throw documents.Refused($"the documents of '{db}.{collection}' have the CRC {sum.Value:x16}, and it says {crc:x16}");
                }
            }
        }

        if (documents.Terminated || !await documents.IsAtEndAsync(cancellation))
        {
            throw documents.Refused("a block has no header");
        }

        var open = prelude.Described.Select(d => (d.Database, d.Collection)).Concat(sums.Keys).Where(k => !ended.Contains(k)).ToList();
        if (open.Count > 0)
        {
            throw documents.Refused($"it ends before the end of {string.Join(", ", open.Take(5).Select(o => $"'{o.Item1}.{o.Item2}'"))}");
        }
    }

    private static async Task<(string? ServerVersion, Prelude Prelude)> PreludeAsync(Stream stream, string path, CancellationToken cancellation)
    {
        var magic = new byte[ArchiveFormat.Magic.Length];
        await stream.ReadExactlyAsync(magic, cancellation);
        var documents = new DocumentStream(stream, path);
        var head = Document(documents, await documents.OneAsync(LargestHeader, cancellation) ?? throw documents.Refused("it has no head"));
        if (head.GetValue("version", "") != ArchiveFormat.Version)
        {
            throw documents.Refused($"its format is {head.GetValue("version", "none")}, not {ArchiveFormat.Version}");
        }

        var described = new List<Described>();
        var names = new HashSet<(string, string)>();
        while (await documents.OneAsync(LargestHeader, cancellation) is { } bytes)
        {
            var document = Document(documents, bytes);
            var (db, collection) = (document.GetValue("db", "").ToString()!, document.GetValue("collection", "").ToString()!);
            if (collection.Length == 0 || !names.Add((db, collection)))
            {
                throw documents.Refused($"its head names '{db}.{collection}' twice, or nothing");
            }

            if (documents.Position > LargestHead)
            {
                throw documents.Refused($"its head is larger than {LargestHead >> 20} MiB");
            }

            try
            {
                var text = document.GetValue("metadata", "") is BsonString { Value.Length: > 0 } said ? said.Value : "{}";
                var name = collection.StartsWith(DumpNames.BucketsPrefix, StringComparison.Ordinal)
                    ? collection[DumpNames.BucketsPrefix.Length..] : collection;
                described.Add(new Described(db, collection, DumpMetadata.Parse(text, name)));
            }
            catch (FormatException e)
            {
                throw documents.Refused($"the metadata of '{db}.{collection}': {e.Message}", e);
            }
        }

        if (!documents.Terminated)
        {
            throw documents.Refused("it ends in its head");
        }

        return (head.GetValue("server_version", BsonNull.Value) is BsonString { Value: var version } ? version : null,
            new Prelude(described, names, documents));
    }

    private static (string Database, string Collection, bool Eof, long Crc) Header(DocumentStream documents, byte[] bytes)
    {
        var header = Document(documents, bytes);
        return header.Names.All(n => HeaderFields.Contains(n, StringComparer.Ordinal))
            && header.GetValue("db", BsonNull.Value) is BsonString { Value: var db }
            && header.GetValue("collection", BsonNull.Value) is BsonString { Value: var collection }
            && header.GetValue("EOF", BsonNull.Value) is BsonBoolean { Value: var eof }
            && header.GetValue("CRC", BsonNull.Value) is BsonInt64 { Value: var crc }
            ? (db, collection, eof, crc)
            : throw documents.Refused("a block's header is none");
    }

    private static BsonDocument Document(DocumentStream documents, byte[] bytes)
    {
        try
        {
            return BsonSerializer.Deserialize<BsonDocument>(bytes);
        }
        catch (Exception e) when (e is BsonException or FormatException or InvalidOperationException or ArgumentException)
        {
            // A field twice, text that is no UTF-8: good bytes, and nothing that a tool writes.
            throw documents.Refused($"its own header can't be read ({e.Message})", e);
        }
    }

    private sealed record Described(string Database, string Collection, DumpMetadata Metadata);

    private sealed record Prelude(IReadOnlyList<Described> Described, HashSet<(string, string)> Names, DocumentStream Rest);
}
