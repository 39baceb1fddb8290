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

    Task<KeyWrapping> WrapAsync(ReadOnlyMemory<byte> dataKey, KeyContext context, CancellationToken cancellation);

    /// <summary>Null where this wrapper can only wrap. Throws <see cref="RefusalException"/> (<c>unreachable</c>) for a KMS that does not
    /// answer, (<c>integrity</c>) for a wrapping that does not open.</summary>
    Task<byte[]> UnwrapAsync(KeyWrapping wrapping, KeyContext context, CancellationToken cancellation);
}

/// <summary>What a data key is bound to: nothing in it is secret (it is plain text in a KMS's log).</summary>
public sealed record KeyContext(string Asset, string KeyId, string Purpose);

/// <param name="Kind"><c>kms</c>, <c>local</c> or <c>recovery</c>.</param>
/// <param name="Key">The plan's name of the wrapping key.</param>
/// <param name="Reference">The KMS key's ARN, or the wrapping key's fingerprint.</param>
/// <param name="Ciphertext">Base64.</param>
public sealed record KeyWrapping(string Kind, string Key, string Reference, string Ciphertext);

/// <summary>An open data key: 32 bytes, zeroed on dispose, never used itself (every key is derived from it).</summary>
public sealed class DataKey(string id, byte[] bytes) : IDisposable
{
    public string Id { get; } = id;

    public ReadOnlySpan<byte> Bytes => bytes;

    public void Dispose() => System.Security.Cryptography.CryptographicOperations.ZeroMemory(bytes);

    public override string ToString() => $"data key {Id}";
}

/// <summary>What an encrypted object is bound to: it opens under no other name, asset or key.</summary>
public sealed record ObjectContext(string Asset, string KeyId, string ObjectName);
