using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// A dump of unknown origin, read as a stream in bounded memory: mongodump's directory or archive, either of them gzipped, or a tar of a
/// directory. Everything wrong is a <see cref="RefusalException"/> of kind <c>integrity</c> that says where.
/// </summary>
internal abstract class DumpSource
{
    /// <summary>For a person: what kind of dump this is.</summary>
    public abstract string Kind { get; }

    /// <summary>When it was made, by the names and times in it; null where nothing says.</summary>
    public abstract DateTimeOffset? Created { get; }

    /// <summary>Databases that it holds, without the server's own.</summary>
    public abstract IReadOnlyList<string> Databases { get; }

    public abstract string? ServerVersion { get; }

    /// <summary>Everything of one database, in whatever order the dump has it; the oplog, of every database, too.</summary>
    public abstract IAsyncEnumerable<DumpItem> ReadAsync(string database, CancellationToken cancellation);

    /// <summary>Within the limit that no dump meets.</summary>
    public static Task<DumpSource> OpenAsync(string path, CancellationToken cancellation) => OpenAsync(path, Unpacking.StandardBytes, cancellation);

    /// <param name="unpacksTo">How far it may be decompressed from however few bytes: see <see cref="Unpacking"/>.</param>
    /// <exception cref="RefusalException"><c>usage</c> for a path that is nothing; <c>integrity</c> for one that is no dump.</exception>
    public static async Task<DumpSource> OpenAsync(string path, long unpacksTo, CancellationToken cancellation)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            return await FileDumpSource.OpenAsync(new DirectoryFiles(full, unpacksTo), "mongodump directory", full, cancellation);
        }

        if (!File.Exists(full))
        {
            throw new RefusalException(ErrorKinds.Usage, $"There is nothing at {full}.", full, "The path is one of the worker's machine.");
        }

        try
        {
            var compressed = await Unpacking.IsGzipAsync(full, cancellation);
            var head = new byte[512];
            await using (var stream = new Unpacking(unpacksTo).Open(full, compressed))
            {
                var read = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellation);
                head = head[..read];
            }

            if (head.AsSpan().StartsWith(ArchiveFormat.Magic))
            {
                return await ArchiveDumpSource.OpenAsync(full, compressed, unpacksTo, cancellation);
            }

            if (head.Length == 512 && head.AsSpan(257, 5).SequenceEqual("ustar"u8))
            {
                return await FileDumpSource.OpenAsync(new TarFiles(full, compressed, unpacksTo), "tar of a mongodump directory", full, cancellation);
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw Refused(full, e.Message, e);
        }

        throw Refused(full, "it is neither a mongodump directory, nor an archive, nor a tar of one, gzipped or not");
    }

    /// <summary>It has the users and roles of a whole server, which are none of a database's data.</summary>
    public virtual bool HasAccounts => false;

    /// <summary>Names that are the server's business, not a database's.</summary>
    protected static bool IsServers(string database) => database is "admin" or "config" or "local" or "";

    public static RefusalException Refused(string where, string why, Exception? inner = null) => new(
        ErrorKinds.Integrity, $"This dump can't be imported: {why.TrimEnd('.')}.", where,
        "Nothing of it was kept. Take it from where it was made again, or leave out what is wrong.", inner);
}

/// <summary>One piece of a dump.</summary>
/// <param name="Collection">As the dump names it: <c>system.buckets.X</c> for a time series' buckets. For the oplog empty.</param>
internal abstract record DumpItem(string Collection)
{
    public sealed record Described(string Collection, DumpMetadata Metadata) : DumpItem(Collection);

    /// <param name="Bytes">Whole, checked documents; valid until the next item.</param>
    public sealed record Documents(string Collection, ReadOnlyMemory<byte> Bytes) : DumpItem(Collection);

    /// <summary>The collection is there, though it may have no documents.</summary>
    public sealed record Began(string Collection) : DumpItem(Collection);

    /// <param name="Bytes">Whole, checked oplog entries; valid until the next item.</param>
    public sealed record Oplog(ReadOnlyMemory<byte> Bytes) : DumpItem("");
}
