using System.Buffers.Binary;
using System.Text;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Walks the elements of one raw BSON document (or array) without decoding it. Malformed bytes are an <see cref="InvalidDataException"/>.
/// </summary>
/// <example><c>foreach (var field in new BsonFields(document)) if (field.Is("ns"u8)) …</c></example>
public readonly ref struct BsonFields(ReadOnlySpan<byte> document)
{
    private readonly ReadOnlySpan<byte> _document = document;

    public Enumerator GetEnumerator() => new(_document);

    /// <summary>The first element of that name; its <see cref="BsonField.Type"/> is <see cref="BsonType.EndOfDocument"/> when there is none.</summary>
    public BsonField Find(ReadOnlySpan<byte> name)
    {
        foreach (var field in this)
        {
            if (field.Is(name))
            {
                return field;
            }
        }

        return default;
    }

    public ref struct Enumerator
    {
        private readonly ReadOnlySpan<byte> _document;
        private int _next;

        internal Enumerator(ReadOnlySpan<byte> document)
        {
            if (document.Length < 5 || BinaryPrimitives.ReadInt32LittleEndian(document) != document.Length || document[^1] != 0)
            {
                throw new InvalidDataException($"These {document.Length} bytes are no BSON document.");
            }

            _document = document;
            _next = 4;
            Current = default;
        }

        public BsonField Current { get; private set; }

        public bool MoveNext()
        {
            var type = (BsonType)_document[_next];
            if (type == BsonType.EndOfDocument)
            {
                return _next == _document.Length - 1 ? false : throw Malformed();
            }

            var rest = _document[(_next + 1)..];
            var name = rest.IndexOf((byte)0);
            if (name < 0)
            {
                throw Malformed();
            }

            var value = rest[(name + 1)..];
            var length = ValueLength(type, value);
            if (length < 0 || length >= value.Length)
            {
                throw Malformed();
            }

            Current = new BsonField(type, rest[..name], value[..length], _next + 1 + name + 1);
            _next += 1 + name + 1 + length;
            return true;
        }

        private static InvalidDataException Malformed() => new("A BSON document has an element that does not end within it.");

        private static int ValueLength(BsonType type, ReadOnlySpan<byte> value) => type switch
        {
            BsonType.Double or BsonType.DateTime or BsonType.Timestamp or BsonType.Int64 => 8,
            BsonType.String or BsonType.JavaScript or BsonType.Symbol => 4 + Int(value),
            BsonType.Document or BsonType.Array or BsonType.JavaScriptWithScope => Int(value),
            BsonType.Binary => 5 + Int(value),
            BsonType.Undefined or BsonType.Null or BsonType.MinKey or BsonType.MaxKey => 0,
            BsonType.ObjectId => 12,
            BsonType.Boolean => 1,
            BsonType.RegularExpression => RegularExpression(value),
            (BsonType)0x0c => 4 + Int(value) + 12, // DBPointer, which old data still has
            BsonType.Int32 => 4,
            BsonType.Decimal128 => 16,
            _ => throw new InvalidDataException($"A BSON document has an element of an unknown type 0x{(byte)type:x2}."),
        };

        private static int Int(ReadOnlySpan<byte> value) =>
            value.Length >= 4 && BinaryPrimitives.ReadInt32LittleEndian(value) is >= 0 and var length && length <= value.Length ? length : throw Malformed();

        private static int RegularExpression(ReadOnlySpan<byte> value)
        {
            var pattern = value.IndexOf((byte)0);
            var options = pattern < 0 ? -1 : value[(pattern + 1)..].IndexOf((byte)0);
            return options < 0 ? -1 : pattern + 1 + options + 1;
        }
    }
}

/// <summary>One element. Spans point into the document.</summary>
/// <param name="name">UTF-8, without the zero.</param>
/// <param name="offset">Where the value begins in its document.</param>
public readonly ref struct BsonField(BsonType type, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int offset)
{
    public BsonType Type { get; } = type;
    public ReadOnlySpan<byte> Name { get; } = name;

    /// <summary>The value's bytes as they stand in BSON.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    public int Offset { get; } = offset;

    public bool IsThere => Type != BsonType.EndOfDocument;

    public bool Is(ReadOnlySpan<byte> name) => Name.SequenceEqual(name);

    public BsonFields AsDocument() => Type is BsonType.Document or BsonType.Array
        ? new BsonFields(Value)
        : throw new InvalidDataException($"The field '{Encoding.UTF8.GetString(Name)}' is no document.");

    /// <summary>A string's UTF-8 bytes; empty for any other type.</summary>
    public ReadOnlySpan<byte> AsUtf8() => Type == BsonType.String && Value.Length > 4 ? Value[4..^1] : default;

    public string AsString() => Encoding.UTF8.GetString(AsUtf8());

    public long AsInt64() => Type switch
    {
        BsonType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(Value),
        BsonType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(Value),
        BsonType.Double => (long)BinaryPrimitives.ReadDoubleLittleEndian(Value),
        _ => throw new InvalidDataException($"The field '{Encoding.UTF8.GetString(Name)}' is no number."),
    };

    public bool AsBoolean() => Type == BsonType.Boolean && Value[0] != 0;

    /// <summary>A timestamp; default for any other type.</summary>
    public ClusterTime AsClusterTime() => Type == BsonType.Timestamp
        ? new ClusterTime(BinaryPrimitives.ReadUInt32LittleEndian(Value[4..]), BinaryPrimitives.ReadUInt32LittleEndian(Value))
        : default;

    /// <summary>32 hex digits of a UUID (binary subtype 4, or 3 from old servers); null for anything else.</summary>
    public string? AsUuid() => Type == BsonType.Binary && Value.Length == 21 && Value[4] is 3 or 4 ? Convert.ToHexStringLower(Value[5..]) : null;
}
