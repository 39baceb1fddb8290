using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace LuxHedge.Activities.Encryption;

/// <summary>
/// The one encoding of whatever is hashed, signed or bound to a key (docs/format.md, "Fields"): each field is its length as u32 LE and its
/// bytes, so that no two lists of fields give the same bytes. Null is the length <c>ffffffff</c> and nothing else; a list is its count,
/// then its items.
/// </summary>
internal sealed class Fields
{
    // Lone surrogates would all become U+FFFD, and two different texts the same bytes: refuse them.
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ArrayBufferWriter<byte> _bytes = new();

    public Fields Text(string? value)
    {
        if (value is null)
        {
            Number(uint.MaxValue);
            return this;
        }

        var length = Utf8.GetByteCount(value);
        Number((uint)length);
        Utf8.GetBytes(value, _bytes.GetSpan(length));
        _bytes.Advance(length);
        return this;
    }

    /// <summary>In ordinal order: what a list of names means does not depend on who listed them.</summary>
    public Fields Names(IEnumerable<string>? names)
    {
        if (names is null)
        {
            Number(uint.MaxValue);
            return this;
        }

        string[] sorted = [.. names.Order(StringComparer.Ordinal)];
        Number((uint)sorted.Length);
        foreach (var name in sorted)
        {
            Text(name);
        }

        return this;
    }

    /// <summary>In their own order, which is part of what they mean.</summary>
    public Fields Items<T>(IReadOnlyCollection<T> items, Action<Fields, T> write)
    {
        Number((uint)items.Count);
        foreach (var item in items)
        {
            write(this, item);
        }

        return this;
    }

    public Fields Flag(bool value) => Text(value ? "true" : "false");

    /// <summary>UTC with milliseconds, as in stored JSON; anything finer is not part of it.</summary>
    public Fields Time(DateTimeOffset? value) =>
        Text(value?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));

    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <summary>Lower-case hex.</summary>
    public string Sha256() => Convert.ToHexStringLower(SHA256.HashData(_bytes.WrittenSpan));

    private void Number(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.GetSpan(sizeof(uint)), value);
        _bytes.Advance(sizeof(uint));
    }
}
