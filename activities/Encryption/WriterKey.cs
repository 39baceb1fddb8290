using System.Security.Cryptography;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// The key that signs manifests, records and key objects: ECDSA P-256, PKCS#8 PEM. Its public half is in the plan, where operators also
/// wrap the data keys to that they hand to a worker (<see cref="HandedKeys"/>). Thread-safe.
/// </summary>
public sealed class WriterKey : IDisposable
{
    private readonly ECDsa _signing;
    private readonly Lock _lock = new();

    private WriterKey(string name, ECDsa signing)
    {
        Name = name;
        _signing = signing;
        PublicKey = Convert.ToBase64String(signing.ExportSubjectPublicKeyInfo());
    }

    public string Name { get; }

    /// <summary>Base64 SubjectPublicKeyInfo, as the plan has it.</summary>
    public string PublicKey { get; }

    /// <summary>Resolves the plan's private key and checks that it is the one whose public half the plan has. Throws
    /// <see cref="RefusalException"/> (<c>plan</c>).</summary>
    public static WriterKey Load(WriterPlan writer)
    {
        var reference = writer.PrivateKey ?? throw new RefusalException(
            ErrorKinds.Plan, $"The plan has no private key of the writer '{writer.Name}': this machine can only read.",
            "writer.privateKey");
        var key = FromPem(writer.Name, reference.Resolve());
        if (!writer.PublicKeys.TryGetValue(writer.Name, out var expected) || expected != key.PublicKey)
        {
            key.Dispose();
            throw new RefusalException(
                ErrorKinds.Plan,
                $"The private key of the writer '{writer.Name}' does not belong to the public key that the plan has under that name.",
                $"writer.publicKeys.{writer.Name}",
                $"Put the public half of {reference} there; other writers keep their own names.");
        }

        return key;
    }

    /// <summary>A new key; <see cref="ToPem"/> is what to keep.</summary>
    public static WriterKey Create(string name) => new(CheckName(name), ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <param name="pem">PKCS#8, not encrypted.</param>
    public static WriterKey FromPem(string name, string pem)
    {
        var signing = ECDsa.Create();
        try
        {
            signing.ImportFromPem(pem);
            if (EllipticSignature.IsP256(signing.ExportParameters(false)))
            {
                return new WriterKey(CheckName(name), signing);
            }
        }
        catch (Exception e) when (PemKey.IsNoKey(e))
        {
            // Told below; the exception's own text could quote the file.
        }

        signing.Dispose();
        throw new RefusalException(
            ErrorKinds.Plan, $"The private key of the writer '{name}' is no PKCS#8 PEM of a P-256 key.", "writer.privateKey",
            "Make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    }

    /// <summary>PKCS#8 PEM: a secret.</summary>
    public string ToPem()
    {
        lock (_lock)
        {
            return _signing.ExportPkcs8PrivateKeyPem() + "\n";
        }
    }

    /// <summary>Base64 of r ‖ s.</summary>
    internal string Sign(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            return EllipticSignature.Sign(_signing, data);
        }
    }

    /// <summary>The shared secret with another P-256 key; the caller zeroes it.</summary>
    internal byte[] Agree(ECDiffieHellmanPublicKey other)
    {
        using var agreement = ECDiffieHellman.Create();
        lock (_lock)
        {
            var parameters = _signing.ExportParameters(includePrivateParameters: true);
            agreement.ImportParameters(parameters);
            CryptographicOperations.ZeroMemory(parameters.D);
        }

        return agreement.DeriveRawSecretAgreement(other);
    }

    public void Dispose() => _signing.Dispose();

    public override string ToString() => $"writer {Name}";

    /// <summary>The name stands before the signature on the second line of every signed document.</summary>
    internal static bool IsName(string name) =>
        name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static string CheckName(string name) =>
        IsName(name)
            ? name
            : throw new RefusalException(
                ErrorKinds.Plan, $"'{name}' can't be a writer's name.", "writer.name",
                "Use 1 to 64 ASCII letters, digits, '-', '_' and '.'.");
}
