using System.Security.Cryptography;

namespace LuxHedge.Activities.Encryption;

/// <summary>Whole objects at once, and objects that come as a stream of stored bytes.</summary>
public static class Container
{
    /// <summary>Stored size of an object with that many plaintext bytes.</summary>
    public static long StoredLength(ObjectContext context, long plainLength)
    {
        var segments = Math.Max(1, (plainLength + ContainerFormat.SegmentBytes - 1) / ContainerFormat.SegmentBytes);
        return ContainerFormat.HeaderLength(context) + plainLength + segments * ContainerFormat.TagBytes;
    }

    /// <summary>For small objects: ranges, index. The stored bytes.</summary>
    public static byte[] EncryptWhole(DataKey key, ObjectContext context, ReadOnlySpan<byte> plain) =>
        EncryptWhole(key, context, plain, RandomNumberGenerator.GetBytes(ContainerFormat.MessageIdBytes));

    internal static byte[] EncryptWhole(DataKey key, ObjectContext context, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> messageId)
    {
        var stored = new byte[StoredLength(context, plain.Length)];
        var header = ContainerFormat.CreateHeader(key, context, messageId, out var segments);
        header.CopyTo(stored, 0);
        using (segments)
        {
            Span<byte> nonce = stackalloc byte[ContainerFormat.NonceBytes];
            var output = stored.AsSpan(header.Length);
            for (var segment = 0L; output.Length > 0; segment++)
            {
                var piece = plain[..Math.Min(plain.Length, ContainerFormat.SegmentBytes)];
                plain = plain[piece.Length..];
                ContainerFormat.WriteNonce(nonce, segment, last: plain.Length == 0);
                segments.Encrypt(nonce, piece, output[..piece.Length], output.Slice(piece.Length, ContainerFormat.TagBytes));
                output = output[(piece.Length + ContainerFormat.TagBytes)..];
            }
        }

        return stored;
    }

    /// <summary>The plaintext, all of it verified. Throws <see cref="RefusalException"/> (<c>integrity</c>).</summary>
    public static byte[] DecryptWhole(ReadOnlySpan<byte> stored, ObjectContext expected, DataKeys keys)
    {
        var name = expected.ObjectName;
        var headerLength = ContainerFormat.ReadHeaderLength(stored, name);
        if (stored.Length < headerLength)
        {
            throw ContainerFormat.Damaged(name, $"is truncated: it ends after {stored.Length} bytes, within its header");
        }

        using var cipher = new SegmentCipher(ContainerFormat.OpenHeader(stored[..headerLength], expected, keys), name);
        var body = stored[headerLength..];
        var count = (body.Length + ContainerFormat.StoredSegmentBytes - 1) / ContainerFormat.StoredSegmentBytes;
        var lastLength = body.Length - (count - 1) * ContainerFormat.StoredSegmentBytes;
        if (count == 0 || lastLength < ContainerFormat.TagBytes || (lastLength == ContainerFormat.TagBytes && count > 1))
        {
            throw ContainerFormat.Damaged(name, $"is truncated or lengthened: no object ends after {stored.Length} bytes");
        }

        var plain = new byte[body.Length - count * ContainerFormat.TagBytes];
        var output = plain.AsSpan();
        for (var segment = 0; segment < count; segment++)
        {
            var length = segment == count - 1 ? lastLength : ContainerFormat.StoredSegmentBytes;
            cipher.Decrypt(segment, segment == count - 1, body[..length], output[..(length - ContainerFormat.TagBytes)]);
            body = body[length..];
            output = output[(length - ContainerFormat.TagBytes)..];
        }

        return plain;
    }

    public static byte[] DecryptWhole(ReadOnlySpan<byte> stored, ObjectContext expected, DataKey key) =>
        DecryptWhole(stored, expected, DataKeys.Borrow(key));

    /// <summary>
    /// The plaintext of an object whose stored bytes come in order and are read once (so that their SHA-256 can be taken on the way). The
    /// end of the stream is answered only when everything has verified. Disposing it disposes <paramref name="stored"/>.
    /// </summary>
    public static async Task<Stream> OpenStreamAsync(Stream stored, ObjectContext expected, DataKeys keys, CancellationToken cancellation)
    {
        var name = expected.ObjectName;
        var header = new byte[ContainerFormat.HeaderLength(expected)];
        var got = await stored.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellation);
        var length = ContainerFormat.ReadHeaderLength(header.AsSpan(0, got), name);
        if (length > header.Length)
        {
            Array.Resize(ref header, length);
            got += await stored.ReadAtLeastAsync(header.AsMemory(got), length - got, throwOnEndOfStream: false, cancellation);
        }

        if (got < length)
        {
            throw ContainerFormat.Damaged(name, $"is truncated: it ends after {got} bytes, within its header");
        }

        // A shorter header than these names have can only be another object's: OpenHeader refuses it.
        return new ContainerStream(
            stored, new SegmentCipher(ContainerFormat.OpenHeader(header.AsSpan(0, length), expected, keys), name), ownsCipher: true);
    }
}
