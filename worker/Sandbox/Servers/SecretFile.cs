using System.Text;

namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>Files that only their owner reads: made with mode 0600, so that there is no moment at which others could.</summary>
public static class SecretFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static void Write(string file, string content) => Write(file, Encoding.UTF8.GetBytes(content));

    public static void Write(string file, ReadOnlySpan<byte> content)
    {
        using var stream = new FileStream(file, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnly,
        });
        // An existing file keeps its mode when it is opened.
        File.SetUnixFileMode(stream.SafeFileHandle, OwnerOnly);
        stream.Write(content);
    }

    /// <summary>Written aside and renamed: whoever reads it sees all of it or nothing.</summary>
    public static void WriteAtomically(string file, string content)
    {
        var aside = $"{file}.partial";
        Write(aside, content);
        File.Move(aside, file, overwrite: true);
    }
}
