using System.Formats.Tar;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>The files of a dump, as often as they are asked for: those of a folder, or of a tar.</summary>
internal interface IDumpFiles
{
    /// <summary>One reading of them, in an order of their own. A file's stream is valid until the next.</summary>
    /// <exception cref="RefusalException"><c>integrity</c>: a link, a device, a name that leads elsewhere.</exception>
    IAsyncEnumerable<DumpFile> ReadAsync(CancellationToken cancellation);
}

/// <param name="Name">Relative, its parts joined by '/'; every one a plain name.</param>
/// <param name="OpenAsync">Its content, decompressed where it is gzipped. Once only.</param>
internal sealed record DumpFile(string Name, DateTimeOffset Modified, Func<CancellationToken, Task<Stream>> OpenAsync);

internal sealed class DirectoryFiles(string folder, long unpacksTo) : IDumpFiles
{
    public async IAsyncEnumerable<DumpFile> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var unpacking = new Unpacking(unpacksTo);
        foreach (var file in Walk(new DirectoryInfo(folder), ""))
        {
            cancellation.ThrowIfCancellationRequested();
            await using var content = new FileStream(
                file.Info.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
            yield return new DumpFile(
                file.Name, new DateTimeOffset(file.Info.LastWriteTimeUtc), token => unpacking.OpenAsync(content, $"{folder}: {file.Name}", token));
        }
    }

    private IEnumerable<(string Name, FileInfo Info)> Walk(DirectoryInfo at, string prefix)
    {
        foreach (var entry in at.EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            var name = prefix + entry.Name;
            if (entry.LinkTarget is not null || entry.Attributes.HasFlag(FileAttributes.ReparsePoint) || entry.Attributes.HasFlag(FileAttributes.Device))
            {
                throw DumpSource.Refused(Path.Combine(folder, name), $"'{name}' is a link or a device, not a file of a dump");
            }

            if (entry is DirectoryInfo inner)
            {
                foreach (var file in Walk(inner, name + "/"))
                {
                    yield return file;
                }
            }
            else if (entry is FileInfo file)
            {
                yield return (name, file);
            }
        }
    }
}

internal sealed class TarFiles(string path, bool compressed, long unpacksTo) : IDumpFiles
{
    /// <summary>More than any database has collections; an archive of empty entries must not go on for ever.</summary>
    private const int MostEntries = 2_000_000;

    private bool _looked;

    public async IAsyncEnumerable<DumpFile> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        // To see the names of a compressed tar is to unpack all of it, before anything else can tell of progress.
        var unpacking = new Unpacking(unpacksTo)
        {
            Passed = _looked ? null : bytes => Beat.Report($"look through {Path.GetFileName(path)}", bytes, 0, "bytes"),
        };
        _looked = true;
        await using var stream = unpacking.Open(path, compressed);
        await using var tar = new TarReader(stream);
        var count = 0;
        while (await NextAsync(tar, count, cancellation) is { } entry)
        {
            if (++count > MostEntries)
            {
                throw DumpSource.Refused(path, $"it has more than {MostEntries} entries");
            }

            if (entry.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes)
            {
                Plain(entry.Name);
                continue;
            }

            var name = unpacking.Entry = Plain(entry.Name);
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile))
            {
                throw DumpSource.Refused($"{path}, entry {name}", $"its entry '{name}' is a link or a device, not a file of a dump");
            }

            var content = entry.DataStream ?? Stream.Null;
            yield return new DumpFile(name, entry.ModificationTime, token => unpacking.OpenAsync(content, $"{path}: {name}", token));
        }

        // The reader stops at the tar's end mark; what a cut compressed file lacks is behind it.
        await DrainAsync(stream, count, cancellation);
    }

    private async Task<TarEntry?> NextAsync(TarReader tar, int count, CancellationToken cancellation)
    {
        try
        {
            return await tar.GetNextEntryAsync(copyData: false, cancellation);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or InvalidOperationException)
        {
            throw DumpSource.Refused($"{path}, after {count} entries", $"the tar is damaged after {count} entries ({e.Message})", e);
        }
    }

    private async Task DrainAsync(Stream stream, int count, CancellationToken cancellation)
    {
        try
        {
            await stream.CopyToAsync(Stream.Null, cancellation);
        }
        catch (InvalidDataException e)
        {
            throw DumpSource.Refused($"{path}, after {count} entries", $"it is damaged behind its {count} entries ({e.Message})", e);
        }
    }

    private string Plain(string name)
    {
        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".").ToList();
        return name.StartsWith('/') || name.Contains('\\', StringComparison.Ordinal) || name.Any(char.IsControl) || parts.Contains("..")
            ? throw DumpSource.Refused($"{path}, entry {name}", $"its entry '{name}' leads out of the dump")
            : string.Join('/', parts);
    }
}
