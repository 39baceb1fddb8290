using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Encryption;

/// <summary>The bytes of the encrypted container, as docs/format.md defines them; the only place that knows the header's layout.</summary>
internal static class ContainerFormat
{
    public const int SegmentBytes = 1 << 20;
    public const int TagBytes = 16;
    public const int StoredSegmentBytes = SegmentBytes + TagBytes;
    public const int NonceBytes = 12;
    public const int KeyBytes = 32;
    public const int MessageIdBytes = 32;
    public const byte Version = 1;

    /// <summary>HKDF-SHA256, HMAC-SHA256 header tag, AES-256-GCM in segments of 1 MiB.</summary>
    public const byte Suite = 1;

    private const int SuiteAt = 9;
    private const int LengthAt = 10;
    private const int MessageIdAt = 12;
    private const int CommitmentAt = MessageIdAt + MessageIdBytes;
    private const int ContextAt = CommitmentAt + KeyBytes;
    private const int HeaderTagBytes = 32;

    /// <summary>Three empty fields would give this length.</summary>
    private const int SmallestHeader = ContextAt + 3 * sizeof(uint) + HeaderTagBytes;

    /// <summary>Names are at most 512 bytes; more than this is no header of ours, and is not read.</summary>
    public const int LargestHeader = 4096;

    private static ReadOnlySpan<byte> Magic => "LUXHEDGE"u8;

    public static byte[] ContextBytes(ObjectContext context) =>
        new Fields().Text(context.Asset).Text(context.KeyId).Text(context.ObjectName).ToArray();

    public static int HeaderLength(ObjectContext context) => ContextAt + ContextBytes(context).Length + HeaderTagBytes;

    public static byte[] CreateHeader(DataKey key, ObjectContext context, ReadOnlySpan<byte> messageId, out AesGcm segments)
    {
        if (key.Id != context.KeyId)
        {
            throw new ArgumentException($"The context names key '{context.KeyId}', the key is '{key.Id}'.", nameof(context));
        }

        var bound = ContextBytes(context);
        var header = new byte[ContextAt + bound.Length + HeaderTagBytes];
        if (header.Length > LargestHeader)
        {
            throw new ArgumentException($"The names of {context.ObjectName} are too long for a header.", nameof(context));
        }

        Magic.CopyTo(header);
        header[Magic.Length] = Version;
        header[SuiteAt] = Suite;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(LengthAt), (ushort)header.Length);
        messageId.CopyTo(header.AsSpan(MessageIdAt));
        bound.CopyTo(header.AsSpan(ContextAt));

        using var keys = new DerivedKeys(key, messageId, bound);
        keys.Commitment.CopyTo(header.AsSpan(CommitmentAt));
        HMACSHA256.HashData(keys.Header, header.AsSpan(..^HeaderTagBytes), header.AsSpan(^HeaderTagBytes));
        segments = new AesGcm(keys.Segment, TagBytes);
        return header;
    }

    /// <summary>The length that a header says it has, from its first 12 bytes; throws where these are no header of ours.</summary>
    public static int ReadHeaderLength(ReadOnlySpan<byte> start, string objectName)
    {
        if (start.Length < MessageIdAt)
        {
            throw Damaged(objectName, $"is truncated: it ends after {start.Length} bytes, within its header");
        }

        if (!start[..Magic.Length].SequenceEqual(Magic))
        {
            throw Damaged(objectName, "is no encrypted object of LuxHedge: its first bytes were changed, or something else lies there");
        }

        if (start[Magic.Length] != Version || start[SuiteAt] != Suite)
        {
            throw Damaged(
                objectName,
                $"has version {start[Magic.Length]} and suite {start[SuiteAt]}; this program reads version {Version} with suite {Suite}");
        }

        var length = BinaryPrimitives.ReadUInt16LittleEndian(start[LengthAt..]);
        return length is >= SmallestHeader and <= LargestHeader
            ? length
            : throw Damaged(objectName, "has a damaged header: its length is impossible");
    }

    /// <summary>Checks a whole header against what is expected and answers the segments' cipher.</summary>
    public static AesGcm OpenHeader(ReadOnlySpan<byte> header, ObjectContext expected, DataKeys keys)
    {
        var name = expected.ObjectName;
        var bound = ContextBytes(expected);
        var stored = header[ContextAt..^HeaderTagBytes];
        if (!stored.SequenceEqual(bound))
        {
            throw Damaged(name, Foreign(stored, expected));
        }

        var messageId = header.Slice(MessageIdAt, MessageIdBytes);
        var candidates = keys.Of(expected.KeyId);
        foreach (var candidate in candidates)
        {
            using var derived = new DerivedKeys(candidate, messageId, bound);
            if (!CryptographicOperations.FixedTimeEquals(derived.Commitment, header.Slice(CommitmentAt, KeyBytes)))
            {
                continue;
            }

            Span<byte> tag = stackalloc byte[HeaderTagBytes];
            HMACSHA256.HashData(derived.Header, header[..^HeaderTagBytes], tag);
            return CryptographicOperations.FixedTimeEquals(tag, header[^HeaderTagBytes..])
                ? new AesGcm(derived.Segment, TagBytes)
                : throw Damaged(name, "has a damaged header: its tag does not verify");
        }

        throw Damaged(
            name,
            candidates.Count == 0
                ? $"is encrypted under key '{expected.KeyId}', which was not opened"
                : $"is not encrypted under the key '{expected.KeyId}' that was opened, or its header was changed: " +
                  "the key commitment differs");
    }

    /// <summary>Nonce of a segment: its number as 11 bytes big-endian, then 1 for the last segment and 0 for every other.</summary>
    public static void WriteNonce(Span<byte> nonce, long segment, bool last)
    {
        nonce[..3].Clear();
        BinaryPrimitives.WriteInt64BigEndian(nonce[3..11], segment);
        nonce[11] = last ? (byte)1 : (byte)0;
    }

    public static RefusalException Damaged(string objectName, string what, Exception? inner = null) =>
        new(
            ErrorKinds.Integrity,
            $"The object {objectName} {what}.",
            objectName,
            "Nothing of it was used. Read another store's copy, and verify the backup (luxhedge backups verify).",
            inner);

    private static string Foreign(ReadOnlySpan<byte> stored, ObjectContext expected)
    {
        var fields = new string[3];
        for (var i = 0; i < fields.Length; i++)
        {
            if (stored.Length < sizeof(uint) ||
                BinaryPrimitives.ReadUInt32LittleEndian(stored) is var length && length > stored.Length - sizeof(uint))
            {
                return "has a damaged header: the names in it can't be read";
            }

            fields[i] = Encoding.UTF8.GetString(stored.Slice(sizeof(uint), (int)length));
            stored = stored[(sizeof(uint) + (int)length)..];
        }

        return stored.Length > 0
            ? "has a damaged header: the names in it can't be read"
            : $"holds what was written as {fields[2]} of asset '{fields[0]}' under key '{fields[1]}' " +
              $"(expected: asset '{expected.Asset}', key '{expected.KeyId}'): it was swapped, renamed or changed";
    }

    /// <summary>What is derived for one object; zeroed on dispose.</summary>
    private sealed class DerivedKeys : IDisposable
    {
        private readonly byte[] _bytes = new byte[3 * KeyBytes];

        public DerivedKeys(DataKey key, ReadOnlySpan<byte> messageId, ReadOnlySpan<byte> context)
        {
            Span<byte> pseudoRandomKey = stackalloc byte[KeyBytes];
            HKDF.Extract(HashAlgorithmName.SHA256, key.Bytes, messageId, pseudoRandomKey);
            KeyDerivation.Expand(pseudoRandomKey, "segment"u8, context, _bytes.AsSpan(0, KeyBytes));
            KeyDerivation.Expand(pseudoRandomKey, "header"u8, context, _bytes.AsSpan(KeyBytes, KeyBytes));
            KeyDerivation.Expand(pseudoRandomKey, "commit"u8, context, _bytes.AsSpan(2 * KeyBytes, KeyBytes));
            CryptographicOperations.ZeroMemory(pseudoRandomKey);
        }

        public ReadOnlySpan<byte> Segment => _bytes.AsSpan(0, KeyBytes);
        public ReadOnlySpan<byte> Header => _bytes.AsSpan(KeyBytes, KeyBytes);
        public ReadOnlySpan<byte> Commitment => _bytes.AsSpan(2 * KeyBytes, KeyBytes);

        public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);
    }
}

/// <summary>HKDF-SHA256 with info = <c>luxhedge/1/</c> ‖ purpose ‖ 0 ‖ context. Every key that is ever used comes from here.</summary>
internal static class KeyDerivation
{
    private static ReadOnlySpan<byte> Prefix => "luxhedge/1/"u8;

    public static void Expand(ReadOnlySpan<byte> pseudoRandomKey, ReadOnlySpan<byte> purpose, ReadOnlySpan<byte> context, Span<byte> output)
    {
        var info = new byte[Prefix.Length + purpose.Length + 1 + context.Length];
        Prefix.CopyTo(info);
        purpose.CopyTo(info.AsSpan(Prefix.Length));
        context.CopyTo(info.AsSpan(Prefix.Length + purpose.Length + 1));
        HKDF.Expand(HashAlgorithmName.SHA256, pseudoRandomKey, output, info);
    }

    public static void Derive(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> purpose, ReadOnlySpan<byte> context, Span<byte> output)
    {
        Span<byte> pseudoRandomKey = stackalloc byte[ContainerFormat.KeyBytes];
        HKDF.Extract(HashAlgorithmName.SHA256, key, salt, pseudoRandomKey);
        Expand(pseudoRandomKey, purpose, context, output);
        CryptographicOperations.ZeroMemory(pseudoRandomKey);
    }
}
