using System.Buffers.Binary;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>Whether bytes of unknown origin are one whole, well-formed BSON document, all the way down.</summary>
internal static class BsonCheck
{
    /// <summary>A server takes 16 MiB, and writes a little more inside its oplog.</summary>
    public const int LargestDocument = (16 << 20) + (16 << 10);

    /// <summary>A server takes 100 levels; its oplog's entries wrap a document in a few more.</summary>
    private const int Deepest = 120;

    /// <exception cref="InvalidDataException">It is not.</exception>
    public static void Validate(ReadOnlySpan<byte> document) => Validate(document, 0);

    private static void Validate(ReadOnlySpan<byte> document, int depth)
    {
        if (depth > Deepest)
        {
            throw new InvalidDataException($"A document is nested deeper than {Deepest} levels.");
        }

        foreach (var field in new BsonFields(document))
        {
            switch (field.Type)
            {
                case BsonType.Document or BsonType.Array:
                    Validate(field.Value, depth + 1);
                    break;
                case BsonType.String or BsonType.JavaScript or BsonType.Symbol when field.Value.Length < 5 || field.Value[^1] != 0:
                    throw new InvalidDataException("A text of a document does not end where it says.");
                case BsonType.Boolean when field.Value[0] > 1:
                    throw new InvalidDataException($"A truth value of a document is {field.Value[0]}.");
                case BsonType.JavaScriptWithScope:
                    // int32 total, int32 length of the code, the code with its zero, the scope
                    var code = field.Value.Length < 14 ? 0 : BinaryPrimitives.ReadInt32LittleEndian(field.Value[4..]);
                    if (code < 1 || 8 + (long)code + 5 > field.Value.Length)
                    {
                        throw new InvalidDataException("Code with its scope does not end where it says.");
                    }

                    Validate(field.Value[(8 + code)..], depth + 1);
                    break;
                default:
                    break;
            }
        }
    }
}
