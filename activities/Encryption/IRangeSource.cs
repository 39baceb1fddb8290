namespace LuxHedge.Activities.Encryption;

/// <summary>The stored bytes of one object, wherever they lie.</summary>
public interface IRangeSource
{
    /// <summary>Bytes.</summary>
    long Length { get; }

    /// <summary>The bytes from <paramref name="offset"/> on, <paramref name="length"/> of them; a shorter stream means that the object
    /// is.</summary>
    Task<Stream> OpenAsync(long offset, long length, CancellationToken cancellation);
}

/// <summary>An object that is in memory already.</summary>
public sealed class MemorySource(ReadOnlyMemory<byte> bytes) : IRangeSource
{
    public long Length => bytes.Length;

    public Task<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        var slice = bytes.Slice((int)offset, (int)length);
        return Task.FromResult<Stream>(
            System.Runtime.InteropServices.MemoryMarshal.TryGetArray(slice, out var array)
                ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
                : new MemoryStream(slice.ToArray(), writable: false));
    }
}
