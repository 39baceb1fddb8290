using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>An <c>_id</c> for a person to read and search by: relaxed Extended JSON, cut where it is long.</summary>
internal static class IdText
{
    private const int MostCharacters = 200;

    private static readonly JsonWriterSettings Settings = new() { OutputMode = JsonOutputMode.RelaxedExtendedJson };

    public static string Of(BsonValue id)
    {
        var text = id.ToJson(Settings);
        return text.Length <= MostCharacters ? text : text[..MostCharacters] + "…";
    }

    public static string Of(RawElement id)
    {
        try
        {
            return Of(BsonSerializer.Deserialize<BsonDocument>(RawBson.Build([id.Named("_id"u8.ToArray())]))[0]);
        }
        catch (Exception e) when (e is FormatException or BsonException)
        {
            return $"0x{Convert.ToHexStringLower(id.Value.Span[..Math.Min(64, id.Value.Length)])}"; // A type the driver has no value for.
        }
    }
}
