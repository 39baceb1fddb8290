namespace LuxHedge.Worker.Sandbox.Servers;

/// <summary>An exclusive lock among processes that the kernel gives back when its holder ends, however it ends (<c>flock</c>).</summary>
public sealed class FileLock : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly FileStream stream;

    private FileLock(FileStream stream) => this.stream = stream;

    /// <summary>Waits until the lock is free.</summary>
    public static async Task<FileLock> AcquireAsync(string file, CancellationToken cancellation)
    {
        while (true)
        {
            if (TryAcquire(file) is { } taken)
            {
                return taken;
            }

            await Task.Delay(Poll, cancellation);
        }
    }

    /// <summary>Null when another process (or another holder in this one) has it.</summary>
    public static FileLock? TryAcquire(string file)
    {
        try
        {
            return new FileLock(new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException) when (File.Exists(file))
        {
            return null;
        }
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
