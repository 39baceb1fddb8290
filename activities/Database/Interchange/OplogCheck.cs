using System.Text;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// Whether a document of unknown origin is an oplog entry as servers write them, as far as it is read here. <c>{op: "c", o: {applyOps: 5}}</c> is
/// good BSON, and no entry; what has a field twice is read by one program as this and by another as that.
/// </summary>
internal static class OplogCheck
{
    /// <param name="entry">Passed by <see cref="BsonCheck"/>.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static void Validate(ReadOnlySpan<byte> entry) => Validate(entry, isInner: false);

    private static void Validate(ReadOnlySpan<byte> entry, bool isInner)
    {
        BsonField op = default, ns = default, o = default, o2 = default;
        foreach (var field in new BsonFields(entry))
        {
            if (field.Is("op"u8))
            {
                op = Once(op, field);
            }
            else if (field.Is("ns"u8))
            {
                ns = Once(ns, field);
            }
            else if (field.Is("o"u8))
            {
                o = Once(o, field);
            }
            else if (field.Is("o2"u8))
            {
                o2 = Once(o2, field);
            }
        }

        if (op.Type != BsonType.String || ns.Type != BsonType.String)
        {
            throw new InvalidDataException("It does not say in words what it does, and where (op, ns).");
        }

        switch (op.AsString())
        {
            case "c" when o.Type == BsonType.Document:
                ValidateOperations(o.AsDocument(), isInner);
                break;
            case "i" or "d" or "u" or "c" when o.Type != BsonType.Document:
            case "u" when o2.Type != BsonType.Document:
                throw new InvalidDataException("It does not say what it does to what (o, o2).");
            default:
                break; // what is of no document is passed by whoever replays, or refused there
        }
    }

    private static void ValidateOperations(BsonFields command, bool isInner)
    {
        BsonField operations = default;
        foreach (var field in command)
        {
            operations = field.Is("applyOps"u8) ? Once(operations, field) : operations;
        }

        if (!operations.IsThere)
        {
            return;
        }

        if (operations.Type != BsonType.Array || isInner)
        {
            throw new InvalidDataException(isInner ? "Its applyOps has another in it." : "Its applyOps is no list of operations.");
        }

        foreach (var operation in operations.AsDocument())
        {
            if (operation.Type != BsonType.Document)
            {
                throw new InvalidDataException("An operation of its applyOps is no document.");
            }

            Validate(operation.Value, isInner: true);
        }
    }

    private static BsonField Once(BsonField before, BsonField field) => before.IsThere
        ? throw new InvalidDataException($"It has the field '{Encoding.UTF8.GetString(field.Name)}' twice.")
        : field;
}
