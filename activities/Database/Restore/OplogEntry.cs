using System.Buffers.Binary;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>An oplog entry, or one operation inside an <c>applyOps</c>, read from its raw BSON.</summary>
/// <param name="Time">For an operation inside an <c>applyOps</c>: the time of the entry that made it visible.</param>
/// <param name="Operation"><c>i</c>, <c>u</c>, <c>d</c>, <c>c</c>, <c>n</c> or another.</param>
/// <param name="Collection">UUID as 32 hex digits; null where the server wrote none.</param>
/// <param name="Session"><c>lsid</c> and <c>txnNumber</c> as one text; null outside of a session.</param>
/// <param name="Previous">The entry before in the same chain; null where there is none.</param>
internal sealed record OplogEntry(
    ClusterTime Time,
    string Operation,
    string Namespace,
    string? Collection,
    ReadOnlyMemory<byte> Object,
    ReadOnlyMemory<byte> Object2,
    string? Session,
    ClusterTime? Previous,
    int MultiOperationType,
    DateTimeOffset? Wall)
{
    public string Database => Namespace.IndexOf('.') is var dot and >= 0 ? Namespace[..dot] : Namespace;

    public string CollectionName => Namespace.IndexOf('.') is var dot and >= 0 ? Namespace[(dot + 1)..] : "";

    public static OplogEntry Read(ReadOnlyMemory<byte> bson, ClusterTime? time = null)
    {
        var (ts, operation, ns, collection) = (default(ClusterTime), "", "", (string?)null);
        ReadOnlyMemory<byte> o = RawBson.Empty, o2 = RawBson.Empty;
        string? lsid = null;
        long? transaction = null;
        ClusterTime? previous = null;
        var multiple = 0;
        DateTimeOffset? wall = null;
        foreach (var field in new RawBson.Walk(bson))
        {
            switch (field.NameText)
            {
                case "ts": ts = ToTime(field) ?? throw new FormatException("An oplog entry's ts is no timestamp."); break;
                case "op": operation = RawBson.ToText(field) ?? ""; break;
                case "ns": ns = RawBson.ToText(field) ?? ""; break;
                case "ui": collection = ToUuid(field); break;
                case "o": o = RawBson.ToDocument(field) ?? o; break;
                case "o2": o2 = RawBson.ToDocument(field) ?? o2; break;
                case "lsid": lsid = Convert.ToHexString(field.Value.Span); break;
                case "txnNumber": transaction = RawBson.ToInt64(field); break;
                case "prevOpTime": previous = RawBson.ToDocument(field) is { } p ? ToTime(RawBson.Find(p, "ts")) : null; break;
                case "multiOpType": multiple = (int)(RawBson.ToInt64(field) ?? 0); break;
                case "wall":
                    wall = field.Type == RawBson.Date
                        ? DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(field.Value.Span)) : null;
                    break;
                default: break;
            }
        }

        return new OplogEntry(
            time ?? ts, operation, ns, collection, o, o2, lsid is null ? null : $"{lsid}/{transaction}",
            previous is { Seconds: 0 } ? null : previous, multiple, wall);
    }

    public static ClusterTime? ToTime(RawElement? field) => field is { Type: RawBson.Timestamp } f
        ? new ClusterTime(BinaryPrimitives.ReadUInt32LittleEndian(f.Value.Span[4..]), BinaryPrimitives.ReadUInt32LittleEndian(f.Value.Span))
        : null;

    /// <summary>32 hex digits of a BSON binary of 16 bytes.</summary>
    public static string? ToUuid(RawElement? field) =>
        field is { Type: RawBson.Binary, Value.Length: 21 } f ? Convert.ToHexStringLower(f.Value.Span[5..]) : null;
}
