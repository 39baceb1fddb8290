using System.Buffers.Text;
using System.Numerics;
using System.Security.Cryptography;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// ECDSA P-256 with SHA-256, as base64 of the 64 bytes r ‖ s (IEEE P1363), s in the lower half of the order: of the two signatures that
/// anyone can make out of one, only one is valid, so that a signed document can't be changed in any byte.
/// </summary>
internal static class EllipticSignature
{
    private const int Bytes = 64;

    private static readonly BigInteger Order = BigInteger.Parse(
        "0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
        System.Globalization.NumberStyles.AllowHexSpecifier,
        System.Globalization.CultureInfo.InvariantCulture);

    private static readonly BigInteger HalfOrder = Order >> 1;

    public static string Sign(ECDsa key, ReadOnlySpan<byte> data)
    {
        Span<byte> signature = stackalloc byte[Bytes];
        key.SignData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        var half = signature[(Bytes / 2)..];
        var s = new BigInteger(half, isUnsigned: true, isBigEndian: true);
        if (s > HalfOrder)
        {
            half.Clear();
            s = Order - s;
            s.TryWriteBytes(half[(half.Length - s.GetByteCount(isUnsigned: true))..], out _, isUnsigned: true, isBigEndian: true);
        }

        return Convert.ToBase64String(signature);
    }

    /// <summary>False for whatever is not exactly one valid signature in its one spelling.</summary>
    public static bool Verify(ECDsa key, ReadOnlySpan<byte> data, string signature) =>
        TryDecode(signature, out var bytes) &&
        bytes.Length == Bytes &&
        new BigInteger(bytes.AsSpan(Bytes / 2), isUnsigned: true, isBigEndian: true) <= HalfOrder &&
        key.VerifyData(data, bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    /// <summary>Base64 that encodes to itself again: no white space, no other padding bits.</summary>
    public static bool TryDecode(string text, out byte[] bytes)
    {
        bytes = [];
        if (!Base64.IsValid(text, out var length))
        {
            return false;
        }

        var decoded = new byte[length];
        if (!Convert.TryFromBase64String(text, decoded, out _) || Convert.ToBase64String(decoded) != text)
        {
            return false;
        }

        bytes = decoded;
        return true;
    }

    /// <summary>From base64 SubjectPublicKeyInfo. Throws <see cref="RefusalException"/> (<c>plan</c>) for anything but a P-256
    /// key.</summary>
    public static ECDsa PublicKey(string base64, string owner)
    {
        var key = ECDsa.Create();
        try
        {
            if (TryDecode(base64, out var info))
            {
                key.ImportSubjectPublicKeyInfo(info, out var read);
                if (read == info.Length && IsP256(key.ExportParameters(false)))
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
            Workflows.ErrorKinds.Plan, $"The public key of {owner} is no base64 SubjectPublicKeyInfo of a P-256 key.", owner,
            "Copy it again from where it was made.");
    }

    public static bool IsP256(ECParameters parameters) =>
        parameters.Curve.IsNamed &&
        (parameters.Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value ||
         parameters.Curve.Oid.FriendlyName == ECCurve.NamedCurves.nistP256.Oid.FriendlyName);
}
