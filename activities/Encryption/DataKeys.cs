namespace LuxHedge.Activities.Encryption;

/// <summary>
/// Open data keys for reading. Usually one; where key objects disagree, every one that opened, and an object's key commitment decides.
/// Disposing zeroes them.
/// </summary>
public sealed class DataKeys(params IReadOnlyList<DataKey> keys) : IDisposable
{
    private readonly bool _borrowed;

    private DataKeys(DataKey key)
        : this([key])
    {
        _borrowed = true;
    }

    /// <summary>What was found wrong on the way (a key object that does not verify, a wrapping that does not open), though a key was
    /// opened.</summary>
    public IReadOnlyList<Workflows.Problem> Problems { get; init; } = [];

    public IReadOnlyList<DataKey> Of(string keyId) => [.. keys.Where(k => k.Id == keyId)];

    public void Dispose()
    {
        if (_borrowed)
        {
            return;
        }

        foreach (var key in keys)
        {
            key.Dispose();
        }
    }

    /// <summary>A view of a key that its owner disposes.</summary>
    internal static DataKeys Borrow(DataKey key) => new(key);
}
