namespace LuxHedge.Activities.Encryption;

/// <summary>
/// Wraps data keys: AWS KMS, a local key file, or (wrap only) a recovery key's public half. A wrapped key opens only with the context it
/// was wrapped with.
/// </summary>
public interface IKeyWrapper
{
    /// <summary>The plan's name of the key.</summary>
    string Name { get; }

    /// <summary><c>kms</c>, <c>local</c> or <c>recovery</c>.</summary>
    string Kind { get; }

    /// <summary>False for a recovery key: only its offline private half opens.</summary>
    bool CanUnwrap { get; }

    /// <summary>A new random data key and its first wrapping. (A writer's rights at a KMS are to generate and to decrypt, not to encrypt.)
    /// The caller owns the bytes.</summary>
    Task<(byte[] DataKey, KeyWrapping Wrapping)> GenerateAsync(KeyContext context, CancellationToken cancellation);

    Task<KeyWrapping> WrapAsync(ReadOnlyMemory<byte> dataKey, KeyContext context, CancellationToken cancellation);

    /// <summary>32 bytes, which the caller owns and zeroes. Throws <see cref="RefusalException"/> (<c>unreachable</c>) for a KMS that does
    /// not answer or refuses the caller, (<c>integrity</c>) for a wrapping that does not open.</summary>
    Task<byte[]> UnwrapAsync(KeyWrapping wrapping, KeyContext context, CancellationToken cancellation);
}

/// <summary>What a data key is bound to: nothing in it is secret (it is plain text in a KMS's log).</summary>
public sealed record KeyContext(string Asset, string KeyId, string Purpose)
{
    internal byte[] ToFields() => new Fields().Text(Asset).Text(KeyId).Text(Purpose).ToArray();
}

/// <param name="Kind"><c>kms</c>, <c>local</c> or <c>recovery</c>.</param>
/// <param name="Key">The plan's name of the wrapping key.</param>
/// <param name="Reference">The KMS key's ARN, or the wrapping key's fingerprint.</param>
/// <param name="Ciphertext">Base64.</param>
public sealed record KeyWrapping(string Kind, string Key, string Reference, string Ciphertext);

/// <summary>An open data key: 32 bytes, zeroed on dispose, never used itself (every key is derived from it).</summary>
/// <remarks>Takes the bytes over: the caller keeps no copy.</remarks>
public sealed class DataKey : IDisposable
{
    public const int Length = 32;

    private readonly byte[] _bytes;
    private bool _disposed;

    public DataKey(string id, byte[] bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Length, nameof(bytes));
        Id = id;
        _bytes = bytes;
    }

    public string Id { get; }

    public ReadOnlySpan<byte> Bytes
    {
        get
        {
            // A zeroed key would encrypt as well as any other.
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _bytes;
        }
    }

    public void Dispose()
    {
        _disposed = true;
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(_bytes);
    }

    public override string ToString() => $"data key {Id}";
}

/// <summary>What an encrypted object is bound to: it opens under no other name, asset or key.</summary>
public sealed record ObjectContext(string Asset, string KeyId, string ObjectName);
