using System.Runtime.CompilerServices;
using LuxHedge.Activities.Stores;

namespace LuxHedge.Activities.Runbooks;

/// <summary>
/// A store as it would be with one object planted: under that object's name it shows another, which lies in the drill's own folder of the same
/// store. Everything else is the store's own, and nothing can be written through it: the real backup is never touched.
/// </summary>
internal sealed class PlantedStore(IObjectStore inner, string name, string planted) : IObjectStore
{
    public string Name => inner.Name;

    public Task ProbeAsync(CancellationToken cancellation) => inner.ProbeAsync(cancellation);

    public Task<Stream> OpenReadAsync(string name, long offset, long? length, string? version, CancellationToken cancellation) =>
        inner.OpenReadAsync(Under(name), offset, length, version, cancellation);

    public async Task<StoredObject?> HeadAsync(string name, CancellationToken cancellation) =>
        await inner.HeadAsync(Under(name), cancellation) is { } found ? found with { Name = name } : null;

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var stored in inner.ListAsync(prefix, cancellation))
            yield return stored.Name == name && await inner.HeadAsync(planted, cancellation) is { } other ? other with { Name = name } : stored;
    }

    public async IAsyncEnumerable<ObjectVersion> ListVersionsAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var shown = false;
        await foreach (var version in inner.ListVersionsAsync(prefix, cancellation))
        {
            if (version.Name != name)
            {
                yield return version;
            }
            else if (!shown)
            {
                shown = true;
                foreach (var other in await inner.VersionsOfAsync(planted, cancellation))
                    yield return other with { Name = name };
            }
        }
    }

    public Task<PutOutcome> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) => throw ReadOnly();

    public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellation) => throw ReadOnly();

    public Task DeleteAsync(string name, CancellationToken cancellation) => throw ReadOnly();

    public Task<bool> RetainUntilAsync(string name, DateTimeOffset until, CancellationToken cancellation) => throw ReadOnly();

    public Task<int> SweepUnfinishedAsync(string prefix, CancellationToken cancellation) => throw ReadOnly();

    /// <summary>The store beneath is its owner's.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static NotSupportedException ReadOnly() => new("A negative control only reads.");

    private string Under(string asked) => asked == name ? planted : asked;
}
