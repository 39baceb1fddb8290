using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;

namespace LuxHedge.Activities.Database;

/// <summary>One version of a stored object, read by ranges.</summary>
public sealed class StoreSource(IObjectStore store, string name, long length, string? version) : IRangeSource
{
    public long Length { get; } = length;

    public Task<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        store.OpenReadAsync(name, offset, length, version, cancellation);
}
