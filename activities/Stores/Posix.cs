using System.Runtime.InteropServices;

namespace LuxHedge.Activities.Stores;

/// <summary>The two calls that a durable put-if-absent in a folder needs and .NET does not have: hard links, and fsync of a folder.</summary>
internal static class Posix
{
    private const int Exists = 17;
    private const int NotThere = 2;

    /// <summary>False when the new name is taken. Unlike a rename it never replaces.</summary>
    public static bool TryLink(string existing, string name)
    {
        if (Link(existing, name) == 0)
            return true;
        var error = Marshal.GetLastPInvokeError();
        return error switch
        {
            Exists => false,
            NotThere => throw new DirectoryNotFoundException($"'{existing}' or the folder of '{name}' went away."),
            _ => throw new HardLinkException(Marshal.GetPInvokeErrorMessage(error)),
        };
    }

    /// <summary>A new name in a folder outlives a power cut only once the folder itself is on disk.</summary>
    public static void SyncFolder(string folder)
    {
        var descriptor = Open(folder, 0);
        if (descriptor < 0)
            throw new IOException($"'{folder}': {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        try
        {
            // Some network mounts refuse it for folders (EINVAL): their server syncs metadata itself.
            const int invalid = 22;
            if (FSync(descriptor) != 0 && Marshal.GetLastPInvokeError() is var error and not invalid)
                throw new IOException($"'{folder}' could not be synced to disk: {Marshal.GetPInvokeErrorMessage(error)}");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int FSync(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}

/// <summary>The mount has no hard links (or no right to make one).</summary>
internal sealed class HardLinkException(string message) : IOException(message);
