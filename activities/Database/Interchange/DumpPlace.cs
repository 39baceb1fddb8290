using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// Where exported data lands: written beside under a name of its own, readable by this user only, and renamed as the last thing. What is there
/// already is never touched.
/// </summary>
internal sealed class DumpPlace : IDisposable
{
    private const UnixFileMode OwnerFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const string ArchiveName = "dump.archive";

    private readonly string _final;
    private readonly string _aside;
    private readonly bool _folder;
    private bool _done;

    private DumpPlace(string final, bool folder)
    {
        _final = final;
        _folder = folder;
        _aside = $"{final}.unfinished-{Path.GetRandomFileName()[..8]}";
    }

    /// <summary>The final folder or file.</summary>
    public string Final => _final;

    /// <summary>Where to write until <see cref="Complete"/>.</summary>
    public string Aside => _aside;

    /// <exception cref="RefusalException"><c>usage</c>: there is something already, or the place can't be made.</exception>
    public static DumpPlace Folder(string path) => Open(path, folder: true);

    public static DumpPlace File(string path) => Open(path, folder: false);

    /// <summary>Of an archive the file itself, or, where the path is a folder (there already, or written with a '/' at its end), one in it
    /// named <c>dump.archive</c>.</summary>
    public static DumpPlace Of(string path, bool archive) => !archive ? Folder(path)
        : Directory.Exists(path) || Path.EndsInDirectorySeparator(path) ? File(Path.Combine(path, ArchiveName)) : File(path);

    public FileStream Create(string relative)
    {
        var path = _folder ? Path.Combine(_aside, relative) : _aside;
        if (_folder)
        {
            MakeFolder(Path.GetDirectoryName(path)!);
        }

        return new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 1 << 20,
            UnixCreateMode = OperatingSystem.IsWindows() ? null : OwnerFile,
        });
    }

    public void Complete()
    {
        if (_folder)
        {
            if (Directory.Exists(_final))
            {
                Directory.Delete(_final); // an empty one that was there; fails when something came meanwhile
            }

            Directory.Move(_aside, _final);
        }
        else
        {
            System.IO.File.Move(_aside, _final, overwrite: false);
        }

        _done = true;
    }

    public void Dispose()
    {
        if (_done)
        {
            return;
        }

        try
        {
            if (_folder && Directory.Exists(_aside))
            {
                Directory.Delete(_aside, recursive: true);
            }
            else if (!_folder)
            {
                System.IO.File.Delete(_aside);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Its name says what it is, and nobody else can read it.
        }
    }

    private static DumpPlace Open(string path, bool folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (System.IO.File.Exists(full) || (Directory.Exists(full) && (!folder || Directory.EnumerateFileSystemEntries(full).Any())))
        {
            throw new RefusalException(ErrorKinds.Usage, $"{full} is there already, and nothing is written over.", full, "Name a new place.");
        }

        try
        {
            MakeFolder(Path.GetDirectoryName(full) is { Length: > 0 } parent ? parent : "/");
            var place = new DumpPlace(full, folder);
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
