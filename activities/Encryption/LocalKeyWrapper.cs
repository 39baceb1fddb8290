using System.Security.Cryptography;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// Wraps data keys under a key in a file: the embedded default where there is no KMS. The file has two lines, <c>luxhedge-local-key/1</c>
/// and base64 of 32 random bytes, and mode 0600. It is read on use, never kept.
/// </summary>
/// <param name="name">The plan's name of the key.</param>
/// <param name="path">Of the key file.</param>
public sealed class LocalKeyWrapper(string name, string path) : IKeyWrapper
{
    private const string Header = "luxhedge-local-key/1";
    private const int SaltBytes = 32;

    public string Name { get; } = name;
    public string Kind => "local";
    public bool CanUnwrap => true;

    /// <summary>Makes the key file, mode 0600. Throws <see cref="RefusalException"/> (<c>usage</c>) where it exists.</summary>
    public static void CreateFile(string path)
    {
        var key = RandomNumberGenerator.GetBytes(DataKey.Length);
        PrivateFile.Create(path, $"{Header}\n{Convert.ToBase64String(key)}\n");
        CryptographicOperations.ZeroMemory(key);
    }

    public async Task<(byte[] DataKey, KeyWrapping Wrapping)> GenerateAsync(KeyContext context, CancellationToken cancellation)
    {
        var dataKey = RandomNumberGenerator.GetBytes(DataKey.Length);
        return (dataKey, await WrapAsync(dataKey, context, cancellation));
    }

    public Task<KeyWrapping> WrapAsync(ReadOnlyMemory<byte> dataKey, KeyContext context, CancellationToken cancellation) =>
        Task.FromResult(Wrap(dataKey.Span, context, RandomNumberGenerator.GetBytes(SaltBytes)));

    public Task<byte[]> UnwrapAsync(KeyWrapping wrapping, KeyContext context, CancellationToken cancellation)
    {
        var key = ReadKey();
        var wrapKey = new byte[ContainerFormat.KeyBytes];
        try
        {
            if (wrapping.Reference != Fingerprint(key))
            {
                throw new RefusalException(
                    ErrorKinds.Integrity,
                    $"The wrapping was made with another key file ({wrapping.Reference}) than '{Name}' has now ({Fingerprint(key)}).",
                    path,
                    "Bring the former key file back, or use a recovery key (--recovery-key FILE).");
            }

            if (!EllipticSignature.TryDecode(wrapping.Ciphertext, out var bytes) ||
                bytes.Length != SaltBytes + DataKey.Length + ContainerFormat.TagBytes)
            {
                throw Unopened();
            }

            KeyDerivation.Derive(key, bytes.AsSpan(0, SaltBytes), "wrap"u8, context.ToFields(), wrapKey);
            return Task.FromResult(SingleUse.Decrypt(wrapKey, bytes.AsSpan(SaltBytes)) ?? throw Unopened());
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(wrapKey);
        }

        RefusalException Unopened() => new(
            ErrorKinds.Integrity,
            $"The wrapping under '{Name}' does not open for key '{context.KeyId}' of asset '{context.Asset}': " +
            "it was changed, or made for another key.",
            path);
    }

    /// <summary>With a given salt: for test vectors.</summary>
    internal KeyWrapping Wrap(ReadOnlySpan<byte> dataKey, KeyContext context, ReadOnlySpan<byte> salt)
    {
        var key = ReadKey();
        var wrapKey = new byte[ContainerFormat.KeyBytes];
        try
        {
            KeyDerivation.Derive(key, salt, "wrap"u8, context.ToFields(), wrapKey);
            return new KeyWrapping(Kind, Name, Fingerprint(key), Convert.ToBase64String([.. salt, .. SingleUse.Encrypt(wrapKey, dataKey)]));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(wrapKey);
        }
    }

    private static string Fingerprint(ReadOnlySpan<byte> key)
    {
        Span<byte> fingerprint = stackalloc byte[8];
        KeyDerivation.Derive(key, [], "fingerprint"u8, [], fingerprint);
        return $"local:{Convert.ToHexStringLower(fingerprint)}";
    }

    private byte[] ReadKey()
    {
        var lines = PrivateFile.Read(path, $"the key '{Name}'").Split('\n');
        return lines is [Header, var text, ""] && EllipticSignature.TryDecode(text, out var key) && key.Length == DataKey.Length
            ? key
            : throw new RefusalException(
                ErrorKinds.Plan, $"The file of the key '{Name}' is not two lines: {Header}, and base64 of 32 bytes.", path,
                "Bring back the file as it was made; another key does not open what this one wrapped.");
    }
}

/// <summary>AES-256-GCM with a zero nonce: every key that comes here is derived for one message and used once.</summary>
internal static class SingleUse
{
    /// <summary>Ciphertext, then tag.</summary>
    public static byte[] Encrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> plain)
    {
        var output = new byte[plain.Length + ContainerFormat.TagBytes];
        using var cipher = new AesGcm(key, ContainerFormat.TagBytes);
        cipher.Encrypt(
            stackalloc byte[ContainerFormat.NonceBytes], plain, output.AsSpan(0, plain.Length), output.AsSpan(plain.Length));
        return output;
    }

    /// <summary>Null when it does not verify.</summary>
    public static byte[]? Decrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> stored)
    {
        var plain = new byte[stored.Length - ContainerFormat.TagBytes];
        using var cipher = new AesGcm(key, ContainerFormat.TagBytes);
        try
        {
            cipher.Decrypt(
                stackalloc byte[ContainerFormat.NonceBytes],
                stored[..^ContainerFormat.TagBytes],
                stored[^ContainerFormat.TagBytes..],
                plain);
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
