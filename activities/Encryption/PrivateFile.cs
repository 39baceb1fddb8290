using System.Text;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Encryption;

/// <summary>Files with a secret: mode 0600 from their first byte on, never overwritten, and refused when others may read them.</summary>
public static class PrivateFile
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Throws <see cref="RefusalException"/> (<c>usage</c>) where the file exists.</summary>
    public static void Create(string path, string content)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { Length: > 0 } folder && !Directory.Exists(folder))
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, Owner | UnixFileMode.UserExecute);
            }
        }

        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Owner;
        }

        try
        {
            using var file = new FileStream(path, options);
            file.Write(Encoding.UTF8.GetBytes(content));
            file.Flush(flushToDisk: true);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new RefusalException(
                ErrorKinds.Usage, "The key file exists already; a key is never overwritten.", path,
                "Move it away first, or name another file.", e);
        }
    }

    /// <summary>The text of the file. Throws <see cref="RefusalException"/> (<c>plan</c>) where it can't be read, or its group or others
    /// have any right to it.</summary>
    public static string Read(string path, string what)
    {
        try
        {
            if (!OperatingSystem.IsWindows() &&
                (File.GetUnixFileMode(path) & ~(Owner | UnixFileMode.UserExecute)) is var loose && loose != UnixFileMode.None)
            {
                throw new RefusalException(
                    ErrorKinds.Plan, $"The file of {what} is open to others than its owner ({loose}).", path, $"chmod 600 {path}");
            }

            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(
                ErrorKinds.Plan, $"The file of {what} can't be read: {e.Message}", path, "Check the path and who may read it.", e);
        }
    }
}
