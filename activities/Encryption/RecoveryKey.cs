using System.Security.Cryptography;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// Wraps every data key again for a recovery key's public half (RSA-OAEP with SHA-256), so that losing the KMS loses no backup. What is
/// encrypted is the data key and the SHA-256 of its context (OAEP labels are not to be had everywhere): a wrapping moved to another key's
/// object does not open.
/// </summary>
public sealed class RecoveryKeyWrapper(RecoveryKeyPlan plan) : IKeyWrapper
{
    public string Name => plan.Name;
    public string Kind => RecoveryKey.Kind;
    public bool CanUnwrap => false;

    public async Task<(byte[] DataKey, KeyWrapping Wrapping)> GenerateAsync(KeyContext context, CancellationToken cancellation)
    {
        var dataKey = RandomNumberGenerator.GetBytes(DataKey.Length);
        return (dataKey, await WrapAsync(dataKey, context, cancellation));
    }

    public Task<KeyWrapping> WrapAsync(ReadOnlyMemory<byte> dataKey, KeyContext context, CancellationToken cancellation)
    {
        using var key = ReadPublicKey();
        byte[] payload = [.. dataKey.Span, .. SHA256.HashData(context.ToFields())];
        try
        {
            var ciphertext = key.Encrypt(payload, RSAEncryptionPadding.OaepSHA256);
            return Task.FromResult(new KeyWrapping(Kind, Name, RecoveryKey.Fingerprint(key), Convert.ToBase64String(ciphertext)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(payload);
        }
    }

    public Task<byte[]> UnwrapAsync(KeyWrapping wrapping, KeyContext context, CancellationToken cancellation) =>
        throw new RefusalException(
            ErrorKinds.Unreachable, $"The recovery key '{Name}' opens only with its private half, which is kept offline.",
            wrapping.Reference,
            "Give it with --recovery-key FILE.");

    private RSA ReadPublicKey()
    {
        var key = RSA.Create();
        try
        {
            if (EllipticSignature.TryDecode(plan.PublicKey, out var info))
            {
                key.ImportSubjectPublicKeyInfo(info, out var read);
                if (read == info.Length && key.KeySize >= RecoveryKey.SmallestBits)
                {
                    return key;
                }
            }
        }
        catch (Exception e) when (PemKey.IsNoKey(e))
        {
            // Told below, like every other text that is no key.
        }

        key.Dispose();
        throw new RefusalException(
            ErrorKinds.Plan,
            $"The public key of the recovery key '{Name}' is no base64 SubjectPublicKeyInfo of an RSA key " +
            $"of at least {RecoveryKey.SmallestBits} bits.",
            $"recoveryKeys.{Name}.publicKey");
    }
}

/// <summary>A recovery key's private half, on an operator's machine: opens data keys where the KMS is lost.</summary>
public sealed class RecoveryKey : IDisposable
{
    internal const string Kind = "recovery";
    public const int SmallestBits = 3072;

    private readonly RSA _key;
    private readonly string _where;

    private RecoveryKey(RSA key, string where)
    {
        _key = key;
        _where = where;
        Reference = Fingerprint(key);
    }

    /// <summary>Fingerprint of the public half, as wrappings name it: <c>sha256:</c> and hex.</summary>
    public string Reference { get; }

    /// <summary>Base64 SubjectPublicKeyInfo, for the plan.</summary>
    public string PublicKey => Convert.ToBase64String(_key.ExportSubjectPublicKeyInfo());

    /// <summary>Makes a key and its file (PKCS#8 PEM, under the passphrase unless that is null), mode 0600.</summary>
    public static RecoveryKey Create(string path, string? passphrase, int bits = 4096)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, SmallestBits);
        var key = RSA.Create(bits);
        try
        {
            PrivateFile.Create(path, PemKey.Export(key, passphrase));
            return new RecoveryKey(key, path);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads a PEM: PKCS#8 (encrypted or not) or PKCS#1. Its mode is not judged: in an emergency it comes from a stick that has none.
    /// Throws <see cref="RefusalException"/> (<c>usage</c>).
    /// </summary>
    public static RecoveryKey Load(string path, string? passphrase)
    {
        string pem;
        try
        {
            pem = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"The recovery key can't be read: {e.Message}", path, "Check the path and who may read it.", e);
        }

        var key = RSA.Create();
        try
        {
            PemKey.Import(key, pem, passphrase, path, "recovery key");
            return new RecoveryKey(key, path);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>The data key; the caller owns and zeroes it. Throws <see cref="RefusalException"/> (<c>integrity</c>).</summary>
    public byte[] Unwrap(KeyWrapping wrapping, KeyContext context)
    {
        if (wrapping.Kind != Kind || wrapping.Reference != Reference)
        {
            throw Unopened($"it is wrapped for {wrapping.Kind} key '{wrapping.Key}' ({wrapping.Reference}), this key is {Reference}");
        }

        byte[]? payload = null;
        try
        {
            payload = EllipticSignature.TryDecode(wrapping.Ciphertext, out var ciphertext)
                ? _key.Decrypt(ciphertext, RSAEncryptionPadding.OaepSHA256)
                : throw Unopened("the wrapping is no base64");
            return payload.Length == DataKey.Length + SHA256.HashSizeInBytes &&
                   CryptographicOperations.FixedTimeEquals(payload.AsSpan(DataKey.Length), SHA256.HashData(context.ToFields()))
                ? payload[..DataKey.Length]
                : throw Unopened("the wrapping was made for another key, asset or purpose");
        }
        catch (CryptographicException e)
        {
            throw Unopened("the wrapping was changed", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(payload);
        }

        RefusalException Unopened(string why, Exception? inner = null) =>
            new(
                ErrorKinds.Integrity, $"The recovery key does not open key '{context.KeyId}' of asset '{context.Asset}': {why}.", _where,
                inner: inner);
    }

    public void Dispose() => _key.Dispose();

    internal static string Fingerprint(RSA key) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))}";
}

/// <summary>Private keys in PEM files, under a passphrase or not.</summary>
public static class PemKey
{
    /// <summary>PBKDF2 as OWASP advises it (2023): 600,000 rounds of SHA-256.</summary>
    internal static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 600_000);

    /// <summary>Whether to ask for a passphrase.</summary>
    public static bool IsEncrypted(string pem) => pem.Contains("-----BEGIN ENCRYPTED PRIVATE KEY-----", StringComparison.Ordinal);

    /// <summary>What importing throws for bytes that are no key; a curve that nobody has is PlatformNotSupported.</summary>
    internal static bool IsNoKey(Exception e) => e is ArgumentException or CryptographicException or PlatformNotSupportedException;

    /// <summary>PKCS#8, under the passphrase unless that is null.</summary>
    internal static string Export(AsymmetricAlgorithm key, string? passphrase) =>
        (passphrase is null ? key.ExportPkcs8PrivateKeyPem() : key.ExportEncryptedPkcs8PrivateKeyPem(passphrase, Encryption)) + "\n";

    /// <summary>Throws <see cref="RefusalException"/> (<c>usage</c>) that tells a missing passphrase from a wrong one and from what is no
    /// key.</summary>
    internal static void Import(AsymmetricAlgorithm key, string pem, string? passphrase, string where, string what)
    {
        var encrypted = IsEncrypted(pem);
        if (encrypted && passphrase is null)
        {
            throw new RefusalException(ErrorKinds.Usage, $"The {what} is under a passphrase.", where, "Type it, on a terminal.");
        }

        try
        {
            if (encrypted)
            {
                key.ImportFromEncryptedPem(pem, passphrase);
            }
            else
            {
                key.ImportFromPem(pem);
            }
        }
        catch (Exception e) when (IsNoKey(e))
        {
            // The exception's own text is left out: it could quote the file.
            throw new RefusalException(
                ErrorKinds.Usage,
                encrypted
                    ? $"The {what} does not open: the passphrase is wrong, or the file damaged."
                    : $"The {what} is no private key in PEM.",
                where);
        }
    }
}
