using System.Security.Cryptography;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// A data key that an operator opened with a recovery key travels through Temporal wrapped to the writer's public key: an ephemeral P-256
/// key agreement, HKDF-SHA256, AES-256-GCM, bound to the asset and key id (docs/format.md, "Handed keys").
/// </summary>
public static class HandedKeys
{
    private const byte Version = 1;

    /// <summary>A P-256 SubjectPublicKeyInfo.</summary>
    private const int PublicKeyBytes = 91;

    /// <param name="writerPublicKey">Base64 SubjectPublicKeyInfo of the worker's writer, from the plan.</param>
    public static HandedKey Wrap(DataKey key, string asset, string writerPublicKey)
    {
        using var recipient = ECDiffieHellman.Create();
        using (var checkedKey = EllipticSignature.PublicKey(writerPublicKey, "the writer"))
        {
            recipient.ImportParameters(checkedKey.ExportParameters(false));
        }

        using var ephemeral = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var sender = ephemeral.ExportSubjectPublicKeyInfo();
        var shared = ephemeral.DeriveRawSecretAgreement(recipient.PublicKey);
        var wrapKey = Derive(shared, sender, recipient.ExportSubjectPublicKeyInfo(), asset, key.Id);
        try
        {
            return new HandedKey(key.Id, Convert.ToBase64String([Version, .. sender, .. SingleUse.Encrypt(wrapKey, key.Bytes)]));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(wrapKey);
        }
    }

    /// <summary>Throws <see cref="RefusalException"/> (<c>integrity</c>) for one that was not wrapped for this writer, asset and key
    /// id.</summary>
    public static DataKey Open(HandedKey handed, string asset, WriterKey writer)
    {
        if (!EllipticSignature.TryDecode(handed.Wrapped, out var bytes) ||
            bytes.Length != 1 + PublicKeyBytes + DataKey.Length + ContainerFormat.TagBytes ||
            bytes[0] != Version)
        {
            throw Unopened();
        }

        var sender = bytes.AsSpan(1, PublicKeyBytes);
        using var ephemeral = ECDiffieHellman.Create();
        byte[] shared;
        try
        {
            ephemeral.ImportSubjectPublicKeyInfo(sender, out _);
            if (!EllipticSignature.IsP256(ephemeral.ExportParameters(false)))
            {
                throw Unopened();
            }

            shared = writer.Agree(ephemeral.PublicKey);
        }
        catch (Exception e) when (PemKey.IsNoKey(e))
        {
            throw Unopened();
        }

        var wrapKey = Derive(shared, sender, Convert.FromBase64String(writer.PublicKey), asset, handed.KeyId);
        try
        {
            return new DataKey(handed.KeyId, SingleUse.Decrypt(wrapKey, bytes.AsSpan(1 + PublicKeyBytes)) ?? throw Unopened());
        }
        finally
        {
            CryptographicOperations.ZeroMemory(wrapKey);
        }

        RefusalException Unopened() => new(
            ErrorKinds.Integrity,
            $"The handed data key '{handed.KeyId}' does not open: it was not wrapped for the writer '{writer.Name}' and asset '{asset}'.",
            handed.KeyId,
            "The command that hands a key over and the worker that takes it must have the same plan.");
    }

    private static byte[] Derive(byte[] shared, ReadOnlySpan<byte> sender, ReadOnlySpan<byte> recipient, string asset, string keyId)
    {
        var wrapKey = new byte[ContainerFormat.KeyBytes];
        KeyDerivation.Derive(shared, [.. sender, .. recipient], "handed"u8, new Fields().Text(asset).Text(keyId).Bytes, wrapKey);
        CryptographicOperations.ZeroMemory(shared);
        return wrapKey;
    }
}
