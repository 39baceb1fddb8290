using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;

namespace LuxHedge.Activities.Catalog;

/// <summary>One version of a stored object, as a container's reader takes it.</summary>
/// <param name="length">Its size, from where it is recorded.</param>
/// <param name="version">Null: the current one.</param>
public sealed class StoredObjectSource(IObjectStore store, string name, long length, string? version) : IRangeSource
{
    public long Length => length;

    public Task<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        store.OpenReadAsync(name, offset, length, version, cancellation);
}
