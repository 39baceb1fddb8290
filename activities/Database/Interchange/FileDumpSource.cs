using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>mongodump's directory, on disk or in a tar, whatever folders it lies in.</summary>
internal sealed partial class FileDumpSource : DumpSource
{
    private readonly IDumpFiles _files;
    private readonly string _place;
    private readonly string _root;
    private readonly IReadOnlyDictionary<string, IReadOnlyList<Member>> _members;

    private FileDumpSource(
        IDumpFiles files, string kind, string place, string root, IReadOnlyDictionary<string, IReadOnlyList<Member>> members,
        DateTimeOffset? created, string? serverVersion)
    {
        _files = files;
        _place = place;
        _root = root;
        _members = members;
        Kind = kind;
        Created = created;
        ServerVersion = serverVersion;
    }

    public override string Kind { get; }

    public override DateTimeOffset? Created { get; }

    public override string? ServerVersion { get; }

    public override IReadOnlyList<string> Databases => [.. _members.Keys.Where(d => !IsServers(d)).Order(StringComparer.Ordinal)];

    public override bool HasAccounts =>
        _members.Any(d => d.Value.Any(m => DumpNames.IsAccounts(d.Key, DumpNames.Unescape(m.Escaped))));

    /// <summary>Reads the names once: what is there, and that nothing of it is a link or leads elsewhere.</summary>
    public static async Task<FileDumpSource> OpenAsync(IDumpFiles files, string kind, string place, CancellationToken cancellation)
    {
        var found = new List<(string Root, Member Member)>();
        string? version = null;
        DateTimeOffset? newest = null;
        await foreach (var file in files.ReadAsync(cancellation))
        {
            if (Member.Of(file.Name) is { } member)
            {
                found.Add((member.Root, member));
                newest = newest is null || file.Modified > newest ? file.Modified : newest;
            }
            else if (Path.GetFileName(file.Name) is DumpNames.Prelude or DumpNames.Prelude + DumpNames.Gzip)
            {
                version = await VersionAsync(file, cancellation);
            }
        }

        var roots = found.Select(f => f.Root).Distinct(StringComparer.Ordinal).ToList();
        if (roots.Count != 1)
        {
            throw Refused(place, roots.Count == 0
                ? "it has no collection (no …/DATABASE/COLLECTION.bson or .metadata.json)"
                : $"it holds several dumps: {string.Join(", ", roots.Take(5).Select(r => $"'{r}'"))}");
        }

        foreach (var twice in found.GroupBy(f => (f.Member.Database, f.Member.Escaped, f.Member.IsMetadata)).Where(g => g.Count() > 1))
        {
            throw Refused(place, $"it has '{twice.Key.Database}/{twice.Key.Escaped}' twice");
        }

        var members = found.GroupBy(f => f.Member.Database, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => (IReadOnlyList<Member>)[.. g.Select(f => f.Member)], StringComparer.Ordinal);
        return new FileDumpSource(files, kind, place, roots[0], members, Stamp($"{Path.GetFileName(place)}/{roots[0]}") ?? newest, version);
    }

    public override async IAsyncEnumerable<DumpItem> ReadAsync(string database, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var names = Names(database);
        await foreach (var file in _files.ReadAsync(cancellation))
        {
            var where = $"{_place}: {file.Name}";
            if (Member.Of(file.Name) is { } member)
            {
                if (member.Database != database)
                {
                    continue;
                }

                await using var content = await file.OpenAsync(cancellation);
                if (member.IsMetadata)
                {
                    yield return new DumpItem.Described(
                        SourceOf(database, member.Escaped), await MetadataAsync(content, member, where, cancellation));
                    continue;
                }

                var collection = SourceOf(database, member.Escaped);
                yield return new DumpItem.Began(collection);
                var documents = new DocumentStream(content, where);
                while (await documents.NextAsync(untilTerminator: false, cancellation) is { IsEmpty: false } batch)
                {
                    yield return new DumpItem.Documents(collection, batch);
                }
            }
            else if (IsOplog(file.Name))
            {
                await using var content = await file.OpenAsync(cancellation);
                var entries = new DocumentStream(content, where);
                while (await entries.NextAsync(untilTerminator: false, cancellation) is { IsEmpty: false } batch)
                {
                    yield return new DumpItem.Oplog(batch);
                }
            }
        }

        string SourceOf(string db, string escaped) => names.GetValueOrDefault(escaped)
            ?? DumpNames.Unescape(escaped)
            ?? throw Refused($"{_place}: {db}/{escaped}", $"the name of '{escaped}' was cut, and its metadata is not there to say the rest");
    }

    /// <summary>Collections by their file's name, where that was cut: the metadata says the whole name. Only those files are read here.</summary>
    private Dictionary<string, string> Names(string database)
    {
        var cut = _members.GetValueOrDefault(database, []).Where(m => DumpNames.Unescape(m.Escaped) is null).ToList();
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        if (cut.Count == 0)
        {
            return names;
        }

        // Read synchronously through a second pass: rare, and small.
        foreach (var (escaped, name) in CutNamesAsync(database).ToBlockingEnumerable())
        {
            names[escaped] = name;
        }

        return names;
    }

    private async IAsyncEnumerable<(string Escaped, string Name)> CutNamesAsync(string database)
    {
        await foreach (var file in _files.ReadAsync(CancellationToken.None))
        {
            if (Member.Of(file.Name) is { IsMetadata: true } member && member.Database == database && DumpNames.Unescape(member.Escaped) is null)
            {
                await using var content = await file.OpenAsync(CancellationToken.None);
                var metadata = await MetadataAsync(content, member, $"{_place}: {file.Name}", CancellationToken.None);
                yield return (member.Escaped, metadata.Collection);
            }
        }
    }

    private static async Task<DumpMetadata> MetadataAsync(Stream content, Member member, string where, CancellationToken cancellation)
    {
        try
        {
            var text = await TextAsync(content, DumpMetadata.LargestText, cancellation);
            return DumpMetadata.Parse(text, DumpNames.Unescape(member.Escaped));
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or EndOfStreamException or DecoderFallbackException)
        {
            throw Refused(where, $"{where}: {e.Message}", e);
        }
    }

    private static async Task<string> TextAsync(Stream content, int largest, CancellationToken cancellation)
    {
        using var whole = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (await content.ReadAsync(buffer, cancellation) is > 0 and var read)
        {
            whole.Write(buffer, 0, read);
            if (whole.Length > largest)
            {
                throw new InvalidDataException($"it is larger than {largest >> 20} MiB");
            }
        }

        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(whole.GetBuffer(), 0, (int)whole.Length);
    }

    private static async Task<string?> VersionAsync(DumpFile file, CancellationToken cancellation)
    {
        try
        {
            await using var content = await file.OpenAsync(cancellation);
            using var prelude = JsonDocument.Parse(await TextAsync(content, 1 << 16, cancellation));
            return prelude.RootElement.TryGetProperty(nameof(ServerVersion), out var v) && v.ValueKind == JsonValueKind.String ? v.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException or DecoderFallbackException)
        {
            return null; // only told on
        }
    }

    private bool IsOplog(string name)
    {
        var oplog = _root.Length == 0 ? DumpNames.Oplog : $"{_root}/{DumpNames.Oplog}";
        return name == oplog || name == oplog + DumpNames.Gzip;
    }

    /// <summary>As the old script stamped folders and files: <c>20250101_020000</c>, UTC.</summary>
    private static DateTimeOffset? Stamp(string name) =>
        StampPattern().Matches(name).Select(m => DateTimeOffset.TryParseExact(
            m.Value, "yyyyMMdd_HHmmss", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : (DateTimeOffset?)null)
            .FirstOrDefault(t => t is not null);

    [GeneratedRegex("(?<![0-9])[0-9]{8}_[0-9]{6}(?![0-9])", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex StampPattern();

    /// <summary>A collection's documents or metadata.</summary>
    /// <param name="Root">The folder that the database's folder lies in.</param>
    private sealed record Member(string Root, string Database, string Escaped, bool IsMetadata)
    {
        public static Member? Of(string name)
        {
            var parts = name.Split('/');
            var file = parts[^1];
            file = file.EndsWith(DumpNames.Gzip, StringComparison.Ordinal) ? file[..^DumpNames.Gzip.Length] : file;
            var metadata = file.EndsWith(DumpNames.Metadata, StringComparison.Ordinal);
            if (!metadata && (!file.EndsWith(DumpNames.Documents, StringComparison.Ordinal) || file == DumpNames.Oplog))
            {
                return null;
            }

            var escaped = file[..^(metadata ? DumpNames.Metadata : DumpNames.Documents).Length];
            return escaped.Length == 0 ? null : new Member(
                parts.Length > 2 ? string.Join('/', parts[..^2]) : "", parts.Length > 1 ? parts[^2] : "", escaped, metadata);
        }
    }
}
