namespace LuxHedge.Activities.Stores;

/// <summary>The body of one answer, and which version of the object it is of.</summary>
/// <param name="Length">Bytes it says it has.</param>
/// <param name="Owner">Disposed with it.</param>
internal sealed record OpenedBody(Stream Body, long Length, string? Version, string? Etag, IDisposable Owner);

/// <summary>Which version a read began with: it goes on with no other.</summary>
internal sealed record PinnedVersion(string? Version, string? Etag);

/// <summary>
/// Reads an object to the end of its range, over as many requests as it takes: a body that breaks off, ends early or stands still is
/// opened again at the byte it stopped at, in the same version.
/// </summary>
/// <param name="open">Opens the range from an offset; null: nothing is left there.</param>
internal sealed class ResumingStream(
    Func<long, PinnedVersion?, CancellationToken, Task<OpenedBody?>> open, long offset, TimeSpan stallTimeout) : Stream
{
    /// <summary>A link this bad is worse than another store, or a later attempt.</summary>
    private const int MaxFailuresInARow = 5;

    private long done;
    private long? total;
    private OpenedBody? body;
    private PinnedVersion? pin;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => total ?? 0;

    public override long Position
    {
        get => done;
        set => throw new NotSupportedException();
    }

    /// <summary>Opens the first body, so that a missing object is told before the first read.</summary>
    public async Task OpenAsync(CancellationToken cancellation)
    {
        body = await open(offset + done, pin, cancellation);
        if (pin is not null && body is null)
            throw new IOException("The object became shorter while it was read.");
        pin ??= new PinnedVersion(body?.Version, body?.Etag);
        total ??= body?.Length ?? 0;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (done >= total || buffer.Length == 0)
            return 0;
        for (var failures = 0; ; failures++)
        {
            try
            {
                if (body is null)
                    await OpenAsync(cancellationToken);
                using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                stall.CancelAfter(stallTimeout);
                var read = await body!.Body.ReadAsync(buffer[..(int)Math.Min(buffer.Length, total!.Value - done)], stall.Token);
                if (read == 0)
                    throw new EndOfStreamException($"The answer ended {total.Value - done} bytes early.");
                done += read;
                return read;
            }
            catch (Exception e) when (
                !cancellationToken.IsCancellationRequested && failures < MaxFailuresInARow && e is IOException and not ObjectMissingException or HttpRequestException or OperationCanceledException)
            {
                CloseBody();
                await Task.Delay(TimeSpan.FromMilliseconds(100 << failures), cancellationToken);
            }
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            CloseBody();
        base.Dispose(disposing);
    }

    private void CloseBody()
    {
        body?.Owner.Dispose();
        body = null;
    }
}
