using System.Buffers.Binary;
using System.Security.Cryptography;

namespace LuxHedge.Activities.Database;

/// <summary>
/// The sum modulo 2^256 of the SHA-256 of each document's BSON: the same whatever the order the documents come in, and, unlike an
/// exclusive or, not blind to a document that is there twice. Not thread-safe; partial sums add up.
/// <para>
/// A top-level <c>_id</c> is hashed as the first element wherever it stands: a server moves it there when it inserts a document, while a
/// time series gives it back behind the time and the meta field.
/// </para>
/// </summary>
public sealed class OrderFreeHash
{
    // Limbs of 64 bits, the least significant first.
    private ulong _a, _b, _c, _d;

    public long Documents { get; private set; }

    public void Add(ReadOnlySpan<byte> document)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (IdFirst(document))
            SHA256.HashData(document, hash);
        else
            HashWithIdFirst(document, hash);
        Add(
            BinaryPrimitives.ReadUInt64BigEndian(hash[24..]), BinaryPrimitives.ReadUInt64BigEndian(hash[16..]),
            BinaryPrimitives.ReadUInt64BigEndian(hash[8..]), BinaryPrimitives.ReadUInt64BigEndian(hash));
        Documents++;
    }

    public void Add(OrderFreeHash other)
    {
        Add(other._a, other._b, other._c, other._d);
        Documents += other.Documents;
    }

    /// <summary>64 lower-case hex digits, big-endian.</summary>
    public override string ToString() => $"{_d:x16}{_c:x16}{_b:x16}{_a:x16}";

    // int32 length, type byte, "_id", zero
    private static bool IdFirst(ReadOnlySpan<byte> document) => document.Length > 8 && document[5..9].SequenceEqual("_id\0"u8);

    private static void HashWithIdFirst(ReadOnlySpan<byte> document, Span<byte> hash)
    {
        var id = new BsonFields(document).Find("_id"u8);
        if (!id.IsThere)
        {
            SHA256.HashData(document, hash);
            return;
        }

        var start = id.Offset - "?_id\0"u8.Length;
        var end = id.Offset + id.Value.Length;
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sum.AppendData(document[..4]);
        sum.AppendData(document[start..end]);
        sum.AppendData(document[4..start]);
        sum.AppendData(document[end..]);
        sum.GetHashAndReset(hash);
    }

    private void Add(ulong a, ulong b, ulong c, ulong d)
    {
        UInt128 sum = (UInt128)_a + a;
        _a = (ulong)sum;
        sum = (UInt128)_b + b + (sum >> 64);
        _b = (ulong)sum;
        sum = (UInt128)_c + c + (sum >> 64);
        _c = (ulong)sum;
        _d = unchecked(_d + d + (ulong)(sum >> 64));
    }
}
