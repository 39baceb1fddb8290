using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>One element of a BSON document, as the bytes it is made of.</summary>
/// <param name="Type">The BSON type byte.</param>
/// <param name="Name">UTF-8, without the final zero. Bytes, since a server may hold names that are no valid UTF-8.</param>
internal readonly record struct RawElement(byte Type, ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value)
{
    public string NameText => Encoding.UTF8.GetString(Name.Span);

    public bool Is(string name) => Name.Length == name.Length && Ascii.Equals(Name.Span, name);

    public bool IsDocument => Type == RawBson.Document;

    public bool IsArray => Type == RawBson.Array;

    public RawElement Named(ReadOnlyMemory<byte> name) => this with { Name = name };
}

/// <summary>
/// BSON walked and rebuilt as bytes. Replay changes documents that it must give back exactly as the source held them: decoding and
/// encoding would lose what a driver has no value for (DBPointer, invalid UTF-8, a field that is there twice).
/// The types and their sizes are those of https://bsonspec.org/spec.html.
/// </summary>
internal static class RawBson
{
    public const byte Double = 0x01;
    public const byte String = 0x02;
    public const byte Document = 0x03;
    public const byte Array = 0x04;
    public const byte Binary = 0x05;
    public const byte Boolean = 0x08;
    public const byte Date = 0x09;
    public const byte Null = 0x0A;
    public const byte Symbol = 0x0E;
    public const byte Int32 = 0x10;
    public const byte Timestamp = 0x11;
    public const byte Int64 = 0x12;
    public const byte Decimal = 0x13;

    /// <summary>How a server compares and stores: deeper is refused by it (its own limit is 180 for what clients send).</summary>
    private const int MaxDepth = 256;

    public static readonly byte[] Empty = [5, 0, 0, 0, 0];

    /// <summary>The elements of a document or array in order. Throws <see cref="FormatException"/> where lengths don't fit.</summary>
    public static List<RawElement> Elements(ReadOnlyMemory<byte> document)
    {
        var elements = new List<RawElement>();
        foreach (var element in new Walk(document))
            elements.Add(element);
        return elements;
    }

    /// <summary>The first element of that name.</summary>
    public static RawElement? Find(ReadOnlyMemory<byte> document, string name)
    {
        foreach (var element in new Walk(document))
        {
            if (element.Is(name))
                return element;
        }

        return null;
    }

    public static long? ToInt64(RawElement? element) => element switch
    {
        { Type: Int32 } e => BinaryPrimitives.ReadInt32LittleEndian(e.Value.Span),
        { Type: Int64 } e => BinaryPrimitives.ReadInt64LittleEndian(e.Value.Span),
        { Type: Double } e => (long)BinaryPrimitives.ReadDoubleLittleEndian(e.Value.Span),
        _ => null,
    };

    public static bool IsTrue(RawElement? element) => element switch
    {
        { Type: Boolean } e => e.Value.Span[0] != 0,
        { } e => ToInt64(e) is { } n && n != 0,
        _ => false,
    };

    public static string? ToText(RawElement? element) =>
        element is { Type: String or Symbol } e ? Encoding.UTF8.GetString(e.Value.Span[4..^1]) : null;

    // Not ": null": that would be converted from a null array to an empty memory.
    public static ReadOnlyMemory<byte>? ToDocument(RawElement? element) =>
        element is { Type: Document or Array } e ? e.Value : default(ReadOnlyMemory<byte>?);

    public static byte[] Build(IEnumerable<RawElement> elements)
    {
        var output = new MemoryStream();
        output.Write([0, 0, 0, 0]);
        foreach (var element in elements)
        {
            output.WriteByte(element.Type);
            output.Write(element.Name.Span);
            output.WriteByte(0);
            output.Write(element.Value.Span);
        }

        output.WriteByte(0);
        var bytes = output.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length);
        return bytes;
    }

    /// <summary>An array of the elements' values, numbered from 0.</summary>
    public static byte[] BuildArray(IReadOnlyList<RawElement> elements) =>
        Build(elements.Select((e, i) => e.Named(IndexName(i))));

    public static ReadOnlyMemory<byte> IndexName(int index) => Encoding.ASCII.GetBytes(index.ToString(CultureInfo.InvariantCulture));

    /// <summary>The length of a value of that type that begins at the start of <paramref name="rest"/>.</summary>
    public static int ValueLength(byte type, ReadOnlySpan<byte> rest)
    {
        var length = type switch
        {
            Double or Date or Timestamp or Int64 => 8,
            String or 0x0D or Symbol => 4L + ReadLength(rest),
            Document or Array or 0x0F => ReadLength(rest),
            Binary => 5L + ReadLength(rest),
            0x06 or Null or 0xFF or 0x7F => 0,
            0x07 => 12,
            Boolean => 1,
            0x0B => RegexLength(rest),
            0x0C => 4L + ReadLength(rest) + 12,
            Int32 => 4,
            Decimal => 16,
            _ => throw new FormatException($"BSON type 0x{type:x2} is not known."),
        };
        if (length > rest.Length)
            throw new FormatException("A BSON value reaches beyond its document.");
        return (int)length;
    }

    private static int ReadLength(ReadOnlySpan<byte> rest)
    {
        var length = rest.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(rest) : -1;
        return length >= 0 ? length : throw new FormatException("A BSON length is negative or cut off.");
    }

    private static int RegexLength(ReadOnlySpan<byte> rest)
    {
        var pattern = rest.IndexOf((byte)0);
        var options = pattern < 0 ? -1 : rest[(pattern + 1)..].IndexOf((byte)0);
        return options < 0 ? throw new FormatException("A BSON regular expression is cut off.") : pattern + 1 + options + 1;
    }

    /// <summary>Throws where the depth passes what any server holds, so that a planted document can't exhaust the stack.</summary>
    public static void CheckDepth(int depth)
    {
        if (depth > MaxDepth)
            throw new FormatException($"A document is nested deeper than {MaxDepth} levels.");
    }

    /// <summary>Allocation-free walk over a document's elements.</summary>
    public struct Walk
    {
        private readonly ReadOnlyMemory<byte> document;
        private int position;

        public Walk(ReadOnlyMemory<byte> document)
        {
            if (document.Length < 5 || BinaryPrimitives.ReadInt32LittleEndian(document.Span) != document.Length || document.Span[^1] != 0)
                throw new FormatException("A BSON document's length is not its own.");
            this.document = document;
            position = 4;
            Current = default;
        }

        public RawElement Current { get; private set; }

        public readonly Walk GetEnumerator() => this;

        public bool MoveNext()
        {
            if (position >= document.Length - 1)
                return false;
            var span = document.Span;
            var type = span[position];
            var name = span[(position + 1)..^1].IndexOf((byte)0);
            if (name < 0)
                throw new FormatException("A BSON field name is cut off.");
            var start = position + 1 + name + 1;
            var length = ValueLength(type, span[start..^1]);
            Current = new RawElement(type, document.Slice(position + 1, name), document.Slice(start, length));
            position = start + length;
            return true;
        }
    }
}
