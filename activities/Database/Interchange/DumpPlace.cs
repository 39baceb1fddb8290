using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// Where exported data lands: written beside under a name of its own, readable by this user only, and put under its final name by
/// <see cref="Put"/> as the last thing. What is there already is never touched. An attempt that dies leaves its own name behind, which says what
/// it is and of which run; <see cref="Clear"/> removes it.
/// </summary>
internal sealed class DumpPlace : IDisposable
{
    private const UnixFileMode OwnerFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const string ArchiveName = "dump.archive";

    private readonly string _final;
    private readonly string _aside;
    private readonly bool _folder;
    private readonly List<string> _created = [];
    private bool _kept;

    private DumpPlace(string final, string runId, bool folder)
    {
        _final = final;
        _folder = folder;
        _aside = $"{AsidePrefix(final, runId)}{Path.GetRandomFileName()[..8]}";
    }

    /// <summary>The final folder or file.</summary>
    public string Final => _final;

    /// <summary>Where everything lies until <see cref="Put"/>.</summary>
    public string Aside => _aside;

    /// <exception cref="RefusalException"><c>usage</c>: there is something already, or the place can't be made.</exception>
    public static DumpPlace Folder(string path, string runId) => Open(path, runId, folder: true);

    public static DumpPlace File(string path, string runId) => Open(path, runId, folder: false);

    /// <summary>Of an archive the file itself, or, where the path is a folder (there already, or written with a '/' at its end), one in it
    /// named <c>dump.archive</c>.</summary>
    public static DumpPlace Of(string path, bool archive, string runId) =>
        archive ? File(FinalOf(path, archive), runId) : Folder(path, runId);

    /// <summary>
    /// Gives what one attempt wrote its final name. Run again after it was done it changes nothing, and refuses when what stands there is not
    /// exactly that.
    /// </summary>
    /// <param name="files">Names relative to the place and sizes, as <see cref="Keep"/> answered them.</param>
    public static void Put(string aside, string final, IReadOnlyDictionary<string, long> files)
    {
        if (!Directory.Exists(aside) && !System.IO.File.Exists(aside))
        {
            if (Holds(final, files))
            {
                return;
            }

            throw new RefusalException(
                ErrorKinds.Usage, $"What was exported is gone from {aside} before it got its name.", final, "Export again, and find out who removed it.");
        }

        if (!Holds(aside, files))
        {
            throw new RefusalException(ErrorKinds.Integrity, $"{aside} is not what was written there.", aside, "Export again, and find out who changed it.");
        }

        if (!Directory.Exists(aside))
        {
            System.IO.File.Move(aside, final, overwrite: false);
            return;
        }

        if (Directory.Exists(final))
        {
            Directory.Delete(final); // an empty one that was there; fails when something came meanwhile
        }

        Directory.Move(aside, final);
    }

    /// <summary>Removes what attempts of this run left aside; answers what it could not remove.</summary>
    public static IReadOnlyList<string> Clear(string path, bool archive, string runId)
    {
        var prefix = AsidePrefix(FinalOf(path, archive), runId);
        var (parent, name) = (Path.GetDirectoryName(prefix)!, Path.GetFileName(prefix));
        if (!Directory.Exists(parent))
        {
            return [];
        }

        var left = new List<string>();
        foreach (var entry in Directory.EnumerateFileSystemEntries(parent).Where(e => Path.GetFileName(e).StartsWith(name, StringComparison.Ordinal)))
        {
            if (!Remove(entry))
            {
                left.Add(entry);
            }
        }

        return left;
    }

    public FileStream Create(string relative)
    {
        var path = PathOf(_aside, relative);
        if (_folder)
        {
            MakeFolder(Path.GetDirectoryName(path)!);
        }

        _created.Add(relative);
        return new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 1 << 20,
            UnixCreateMode = OperatingSystem.IsWindows() ? null : OwnerFile,
        });
    }

    /// <summary>Every file is whole and closed: disposing leaves them. Answers their names and sizes.</summary>
    public IReadOnlyDictionary<string, long> Keep()
    {
        var files = _created.ToDictionary(f => f, f => new FileInfo(PathOf(_aside, f)).Length, StringComparer.Ordinal);
        _kept = true;
        return files;
    }

    public void Dispose()
    {
        if (!_kept)
        {
            Remove(_aside);
        }
    }

    private static string AsidePrefix(string final, string runId) => $"{final}.unfinished-{runId}-";

    private static string FinalOf(string path, bool archive) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(
        archive && (Directory.Exists(path) || Path.EndsInDirectorySeparator(path)) ? Path.Combine(path, ArchiveName) : path));

    /// <summary>An archive is one file, whose relative name is empty.</summary>
    private static string PathOf(string place, string relative) => relative.Length == 0 ? place : Path.Combine(place, relative);

    private static bool Holds(string place, IReadOnlyDictionary<string, long> files) =>
        files.All(f => new FileInfo(PathOf(place, f.Key)) is { Exists: true } file && file.Length == f.Value)
        && (!Directory.Exists(place) || Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories).Count() == files.Count);

    /// <summary>False where it could not: its name says what it is, and nobody else can read it.</summary>
    private static bool Remove(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
            else
            {
                System.IO.File.Delete(path);
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static DumpPlace Open(string path, string runId, bool folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (System.IO.File.Exists(full) || (Directory.Exists(full) && (!folder || Directory.EnumerateFileSystemEntries(full).Any())))
        {
            throw new RefusalException(ErrorKinds.Usage, $"{full} is there already, and nothing is written over.", full, "Name a new place.");
        }

        try
        {
            MakeFolder(Path.GetDirectoryName(full) is { Length: > 0 } parent ? parent : "/");
            var place = new DumpPlace(full, runId, folder);
            if (folder)
            {
                MakeFolder(place.Aside);
            }

            return place;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(ErrorKinds.Usage, $"{full} can't be made: {e.Message}", full, "Name a place that this user may write to.", e);
        }
    }

    private static void MakeFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                Directory.CreateDirectory(path, OwnerFolder);
            }
        }
    }
}
