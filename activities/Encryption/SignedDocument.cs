using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// A signed object of a store: exactly two lines, each ending in LF. The first is JSON, the second the writer's name, a space, and the
/// base64 signature over the first line's bytes (docs/format.md, "Signed documents"). Any other byte is an error.
/// </summary>
public static class SignedDocument
{
    public static byte[] Write<T>(T value, WriterKey key)
    {
        if (value is ISignedContent content && content.Writer != key.Name)
        {
            throw new ArgumentException($"The document names the writer '{content.Writer}', the key is '{key.Name}'.", nameof(value));
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(value, LuxJson.Options);
        return [.. json, (byte)'\n', .. Encoding.ASCII.GetBytes($"{key.Name} {key.Sign(json)}\n")];
    }

    /// <summary>
    /// Reads and checks. Throws <see cref="RefusalException"/> (<c>integrity</c>) naming the object, and what is wrong with it.
    /// </summary>
    /// <param name="publicKeys">The plan's <c>writer.publicKeys</c>: only these may sign.</param>
    /// <param name="objectName">For errors: where the bytes came from.</param>
    /// <param name="check">What is wrong with the content, or null: asset and id inside must be those of the path.</param>
    public static Signed<T> Read<T>(
        ReadOnlySpan<byte> bytes, IReadOnlyDictionary<string, string> publicKeys, string objectName, Func<T, string?>? check = null)
    {
        var end = bytes.IndexOf((byte)'\n');
        if (end < 0)
        {
            throw Bad(objectName, "is truncated: its first line has no end");
        }

        var json = bytes[..end];
        var rest = bytes[(end + 1)..];
        if (rest.Length == 0 || rest.IndexOf((byte)'\n') != rest.Length - 1)
        {
            throw Bad(objectName, "is truncated or lengthened: it has not exactly two lines");
        }

        var line = Encoding.Latin1.GetString(rest[..^1]);
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0 || !WriterKey.IsName(line[..space]))
        {
            throw Bad(objectName, "has no writer's name and signature on its second line");
        }

        var writer = line[..space];
        if (!publicKeys.TryGetValue(writer, out var publicKey))
        {
            throw Bad(
                objectName,
                $"is signed by '{writer}', a writer that the plan does not have",
                $"If it is one of yours, add its public key to writer.publicKeys.{writer}; otherwise somebody planted the object.");
        }

        using (var key = EllipticSignature.PublicKey(publicKey, $"writer '{writer}'"))
        {
            if (!EllipticSignature.Verify(key, json, line[(space + 1)..]))
            {
                throw Bad(objectName, $"has a signature of '{writer}' that does not verify: it was changed or planted");
            }
        }

        T value;
        try
        {
            value = JsonSerializer.Deserialize<T>(json, LuxJson.Options) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw Bad(objectName, $"is signed, but is no {typeof(T).Name} that this program reads ({e.Message})", inner: e);
        }

        if (value is ISignedContent content && content.Writer != writer)
        {
            throw Bad(objectName, $"names the writer '{content.Writer}' but is signed by '{writer}'");
        }

        if (check?.Invoke(value) is { } problem)
        {
            throw Bad(objectName, $"is signed, but {problem}: it was moved or copied there");
        }

        return new Signed<T>(value, writer, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    private static RefusalException Bad(string objectName, string what, string? hint = null, Exception? inner = null) =>
        new(
            ErrorKinds.Integrity, $"The object {objectName} {what}.", objectName,
            hint ?? "It was not used. Other stores may hold it whole; versioned stores keep what lay there before.", inner);
}

/// <summary>What was read, who signed it, and the SHA-256 (lower-case hex) of all its bytes: the hash by which a manifest is
/// quoted.</summary>
public sealed record Signed<T>(T Value, string Writer, string Sha256);

/// <summary>A document that says inside who wrote it: the signature must be that writer's.</summary>
public interface ISignedContent
{
    string Writer { get; }
}
