using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>
/// A mounted directory (a NAS). An object is written aside as <c>.{name}.{random}.partial</c> (mode 0600), synced, hard-linked to its name
/// and unlinked: it is visible only whole, and a name that is taken stays as it is. No versions and no locks: the mount's own snapshots are
/// for that. Symbolic links are never followed below the store's folder.
/// </summary>
public sealed class DirectoryStore : IObjectStore, IInspectedStore
{
    private const UnixFileMode FileRights = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderRights = FileRights | UnixFileMode.UserExecute;
    private const string PartialSuffix = ".partial";

    private readonly string root;
    private readonly string prefix;

    /// <param name="path">The folder; it must be there: a store never makes its own root, since an unmounted NAS looks like a missing folder.</param>
    /// <param name="prefix">Before every object name; empty or ending in '/'.</param>
    public DirectoryStore(string name, string path, string prefix = "")
    {
        Name = name;
        root = Path.GetFullPath(path);
        this.prefix = prefix;
        ObjectNameRules.CheckPrefix(prefix);
    }

    public string Name { get; }

    /// <summary>For tests: a mount without hard links.</summary>
    internal Func<string, string, bool> Link { get; init; } = Posix.TryLink;

    public Task ProbeAsync(CancellationToken cancellation)
    {
        CheckRoot();
        return Task.CompletedTask;
    }

    public async Task<PutOutcome> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        await using var writer = new Writer(this, name);
        await writer.WriteAsync(content, cancellation);
        return await writer.CompleteAsync(cancellation);
    }

    public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellation) => Task.FromResult<IObjectWriter>(new Writer(this, name));

    public Task<Stream> OpenReadAsync(string name, long offset, long? length, string? version, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (length is { } asked)
            ArgumentOutOfRangeException.ThrowIfNegative(asked);
        var path = PathOf(name);
        if (version is not null || Look(path, name) is null)
            throw new ObjectMissingException(Name, name);
        try
        {
            var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                // A deleted object may still be read to its end by who has it open.
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
            });
            file.Position = Math.Min(offset, file.Length);
            return Task.FromResult<Stream>(new LimitedStream(file, Math.Min(length ?? long.MaxValue, file.Length - file.Position)));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ObjectMissingException(Name, name);
        }
        catch (UnauthorizedAccessException e)
        {
            throw Denied(e, path);
        }
    }

    public Task<StoredObject?> HeadAsync(string name, CancellationToken cancellation)
    {
        CheckRoot();
        return Task.FromResult(Look(PathOf(name), name) is { } file ? new StoredObject(name, file.Length, ModifiedAt(file)) : null);
    }

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ObjectNameRules.CheckPrefix(prefix);
        CheckRoot();
        await Task.CompletedTask;
        var whole = this.prefix + prefix;
        var slash = whole.LastIndexOf('/');
        var folder = slash < 0 ? root : Path.Combine(root, whole[..slash]);
        CheckNoLinks(folder, prefix);
        foreach (var file in Walk(folder, whole[..(slash + 1)], whole, cancellation))
            yield return file;
    }

    public async IAsyncEnumerable<ObjectVersion> ListVersionsAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var found in ListAsync(prefix, cancellation))
            yield return new ObjectVersion(found.Name, null, found.Size, found.ModifiedAt, IsDeleteMarker: false, IsCurrent: true);
    }

    public Task DeleteAsync(string name, CancellationToken cancellation)
    {
        CheckRoot();
        var path = PathOf(name);
        if (Look(path, name) is null)
            return Task.CompletedTask;
        try
        {
            File.Delete(path);
            RemoveEmptyFolders(Path.GetDirectoryName(path)!);
        }
        catch (DirectoryNotFoundException)
        {
            // Someone else deleted the last object of the folder, and the folder.
        }
        catch (UnauthorizedAccessException e)
        {
            throw Denied(e, path);
        }

        return Task.CompletedTask;
    }

    public Task<bool> RetainUntilAsync(string name, DateTimeOffset until, CancellationToken cancellation) => Task.FromResult(false);

    public Task<int> SweepUnfinishedAsync(string prefix, CancellationToken cancellation)
    {
        ObjectNameRules.CheckPrefix(prefix);
        CheckRoot();
        var whole = this.prefix + prefix;
        var slash = whole.LastIndexOf('/');
        var folder = slash < 0 ? root : Path.Combine(root, whole[..slash]);
        CheckNoLinks(folder, prefix);
        var swept = 0;
        if (!Directory.Exists(folder))
            return Task.FromResult(0);
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
            MatchType = MatchType.Simple,
            IgnoreInaccessible = false,
        };
        foreach (var partial in Directory.GetFiles(folder, $".*{PartialSuffix}", options))
        {
            cancellation.ThrowIfCancellationRequested();
            var target = Path.Combine(Path.GetDirectoryName(Path.GetRelativePath(root, partial)) ?? "", Path.GetFileName(partial)[1..]);
            if (!target.StartsWith(whole, StringComparison.Ordinal))
                continue;
            File.Delete(partial);
            swept++;
            RemoveEmptyFolders(Path.GetDirectoryName(partial)!);
        }

        return Task.FromResult(swept);
    }

    public async IAsyncEnumerable<StoreCheck> InspectAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await ProbeAsync(cancellation);
        var drive = new DriveInfo(root);
        var free = drive.AvailableFreeSpace;
        yield return new StoreCheck(
            "free space",
            free > StoreContract.ScarceSpace ? Verdict.Proven : Verdict.Failed,
            $"{free / (1024.0 * 1024 * 1024):0.0} GiB free of {drive.TotalSize / (1024.0 * 1024 * 1024):0.0} GiB ({drive.DriveFormat})");
        var mode = File.GetUnixFileMode(root);
        var open = mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        yield return new StoreCheck(
            "folder rights",
            open == UnixFileMode.None ? Verdict.Proven : Verdict.NotProven,
            open == UnixFileMode.None ? $"{mode}" : $"others can reach it ({open}): chmod 0700 is enough for the writer");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private string PathOf(string name)
    {
        ObjectNameRules.Check(name);
        var path = Path.Combine(root, prefix + name);
        CheckNoLinks(Path.GetDirectoryName(path)!, name);
        return path;
    }

    private static DateTimeOffset ModifiedAt(FileInfo file) => new(file.LastWriteTimeUtc);

    private void CheckRoot()
    {
        if (!Directory.Exists(root))
        {
            throw new RefusalException(
                ErrorKinds.Unreachable,
                $"The folder of store '{Name}' is not there.",
                root,
                "Is it mounted? A store's folder is never made by itself: make it once by hand (mode 0700).");
        }
    }

    /// <summary>A symbolic link below the root could lead a name anywhere.</summary>
    private void CheckNoLinks(string folder, string name)
    {
        for (var at = folder; at.Length > root.Length; at = Path.GetDirectoryName(at)!)
        {
            if (new DirectoryInfo(at).LinkTarget is not null)
                throw LinkFound(at, name);
        }
    }

    private RefusalException LinkFound(string path, string name) =>
        new(ErrorKinds.Integrity, $"Store '{Name}' has a symbolic link where '{name}' would be; links are never followed.", path, "Find out who put it there.");

    private RefusalException Denied(UnauthorizedAccessException e, string path) =>
        new(ErrorKinds.Unreachable, $"Store '{Name}' denies access: {e.Message}", path, $"The worker's user ({Environment.UserName}) must own the folder.", e);

    private FileInfo? Look(string path, string name)
    {
        CheckRoot();
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
            throw LinkFound(path, name);
        return file.Exists && !file.Attributes.HasFlag(FileAttributes.Directory) ? file : null;
    }

    /// <summary>Depth first, so that whole names come in ordinal order: a folder sorts as its name with the slash ('a-b' before 'a/b').</summary>
    private IEnumerable<StoredObject> Walk(string folder, string above, string wanted, CancellationToken cancellation)
    {
        List<(string Key, FileSystemInfo Entry)> entries;
        try
        {
            entries = [.. new DirectoryInfo(folder).EnumerateFileSystemInfos()
                .Where(e => e.Name[0] != '.' && e.LinkTarget is null)
                .Select(e => (above + e.Name + (e is DirectoryInfo ? "/" : ""), e))
                .Where(e => e.Item1.StartsWith(wanted, StringComparison.Ordinal) || (e.e is DirectoryInfo && wanted.StartsWith(e.Item1, StringComparison.Ordinal)))];
        }
        catch (DirectoryNotFoundException)
        {
            yield break;
        }
        catch (UnauthorizedAccessException e)
        {
            throw Denied(e, folder);
        }

        entries.Sort((a, b) => string.CompareOrdinal(a.Key, b.Key));
        foreach (var (key, entry) in entries)
        {
            cancellation.ThrowIfCancellationRequested();
            if (entry is DirectoryInfo)
            {
                foreach (var below in Walk(entry.FullName, key, wanted, cancellation))
                    yield return below;
            }
            else if (entry is FileInfo { Exists: true } file)
            {
                yield return new StoredObject(key[prefix.Length..], file.Length, ModifiedAt(file));
            }
        }
    }

    private void RemoveEmptyFolders(string folder)
    {
        for (var at = folder; at.Length > root.Length; at = Path.GetDirectoryName(at)!)
        {
            try
            {
                Directory.Delete(at);
            }
            catch (DirectoryNotFoundException)
            {
                // Removed by another deleter: its parent is still worth a try.
            }
            catch (IOException)
            {
                // Not empty, and so are all above.
                Posix.SyncFolder(at);
                return;
            }
        }
    }

    /// <summary>Makes the folder, each new level synced into the one above it.</summary>
    private void MakeFolder(string folder)
    {
        if (Directory.Exists(folder))
            return;
        var above = Path.GetDirectoryName(folder)!;
        if (above.Length >= root.Length)
            MakeFolder(above);
        Directory.CreateDirectory(folder, FolderRights);
        Posix.SyncFolder(above);
    }

    private sealed class Writer : IObjectWriter
    {
        private readonly DirectoryStore store;
        private readonly string name;
        private readonly string path;
        private string? partial;
        private FileStream? file;
        private long written;

        public Writer(DirectoryStore store, string name)
        {
            this.store = store;
            this.name = name;
            path = store.PathOf(name);
            store.CheckRoot();
            file = Begin();
        }

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
        {
            ObjectDisposedException.ThrowIf(file is null, this);
            await file.WriteAsync(bytes, cancellation);
            written += bytes.Length;
        }

        public async Task<PutOutcome> CompleteAsync(CancellationToken cancellation)
        {
            ObjectDisposedException.ThrowIf(file is null, this);
            cancellation.ThrowIfCancellationRequested();
            await Task.Run(() => file.Flush(flushToDisk: true), cancellation);
            if (file.Length != written)
                throw new IOException($"'{partial}' has {file.Length} bytes, {written} were written.");

            bool linked;
            try
            {
                linked = store.Link(partial!, path);
            }
            catch (HardLinkException e)
            {
                throw new RefusalException(
                    ErrorKinds.Unreachable,
                    $"Store '{store.Name}' can't be used: its mount makes no hard links, so an object can't be put without the risk of replacing one.",
                    store.root,
                    $"Use a file system with hard links (ext4, xfs, NFS), not FAT or a plain SMB share. The system said: {e.Message}.",
                    e);
            }

            await DisposeAsync();
            // Also when the name is taken: who adopts what is there may rely on it being on disk.
            Posix.SyncFolder(Path.GetDirectoryName(path)!);
            return linked ? PutOutcome.Created : PutOutcome.AlreadyThere;
        }

        public async ValueTask DisposeAsync()
        {
            if (file is null)
                return;
            await file.DisposeAsync();
            file = null;
            try
            {
                File.Delete(partial!);
                if (!File.Exists(path))
                    store.RemoveEmptyFolders(Path.GetDirectoryName(partial!)!);
            }
            catch (DirectoryNotFoundException)
            {
                // Swept by someone, folder and all.
            }
        }

        private FileStream Begin()
        {
            var folder = Path.GetDirectoryName(path)!;
            for (var attempt = 0; ; attempt++)
            {
                partial = Path.Combine(folder, $".{Path.GetFileName(path)}.{RandomNumberGenerator.GetHexString(12, lowercase: true)}{PartialSuffix}");
                try
                {
                    store.MakeFolder(folder);
                    return new FileStream(partial, new FileStreamOptions
                    {
                        Mode = FileMode.CreateNew,
                        Access = FileAccess.Write,
                        Share = FileShare.Read | FileShare.Delete,
                        BufferSize = 0,
                        Options = FileOptions.Asynchronous,
                        UnixCreateMode = FileRights,
                    });
                }
                catch (DirectoryNotFoundException) when (attempt < 8)
                {
                    // A deleter removed the folder between our two calls because it was empty.
                }
                catch (UnauthorizedAccessException e)
                {
                    throw store.Denied(e, folder);
                }
                catch (IOException e) when (File.Exists(folder))
                {
                    throw new IOException($"'{name}' can't be put: a part of its name is an object.", e);
                }
            }
        }
    }
}
