using System.Text;
using System.Text.Json;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>
/// A collection's <c>metadata.json</c>: canonical Extended JSON v2 in the order <c>options</c> (absent when empty), <c>indexes</c>,
/// <c>uuid</c> (absent when none), <c>collectionName</c>, <c>type</c>.
/// </summary>
/// <param name="Uuid">32 hex digits; null where there is none.</param>
/// <param name="Type"><c>collection</c>, <c>view</c> or <c>timeseries</c>.</param>
internal sealed record DumpMetadata(
    string Collection, string Type, string? Uuid, BsonDocument Options, IReadOnlyList<BsonDocument> Indexes)
{
    /// <summary>Larger than any that mongodump can write: 64 indexes and 16 MiB of options.</summary>
    public const int LargestText = 32 << 20;

    private static readonly string[] Types = ["collection", "view", "timeseries"];

    public static DumpMetadata Of(PlannedCollection collection) => new(
        collection.Name, collection.Type, collection.Uuid, ExtendedJson.Parse(collection.Options),
        [.. collection.Indexes.Select(ExtendedJson.Parse)]);

    public string ToJson()
    {
        var text = new StringBuilder("{");
        if (Options.ElementCount > 0)
        {
            text.Append("\"options\":").Append(Compact(Options)).Append(',');
        }

        text.Append("\"indexes\":[").AppendJoin(',', Indexes.Select(Compact)).Append(']');
        if (Uuid is not null)
        {
            text.Append(",\"uuid\":\"").Append(Uuid).Append('"');
        }

        return text.Append(",\"collectionName\":").Append(JsonSerializer.Serialize(Collection, LuxJson.Options))
            .Append(",\"type\":\"").Append(Type).Append("\"}").ToString();
    }

    /// <param name="fallbackName">The collection by the file's or the archive's name, for dumps of tools that do not say it.</param>
    /// <exception cref="FormatException">It is no such text.</exception>
    public static DumpMetadata Parse(string json, string? fallbackName)
    {
        var document = ExtendedJson.Parse(json, bareNumbers: true);
        var options = document.GetValue("options", new BsonDocument()) as BsonDocument ?? throw Malformed("options are no document");
        var indexes = document.GetValue("indexes", new BsonArray()) switch
        {
            BsonArray list when list.All(i => i is BsonDocument d && d.GetValue("key", null) is BsonDocument && d.GetValue("name", null) is BsonString) => list,
            BsonNull => [],
            _ => throw Malformed("indexes are no list of indexes with a name and a key"),
        };
        var name = document.GetValue("collectionName", fallbackName is null ? BsonNull.Value : fallbackName) is BsonString { Value.Length: > 0 } said
            ? said.Value
            : throw Malformed("it does not say which collection it is of");
        var type = document.GetValue("type", options.Contains("viewOn") ? "view" : options.Contains("timeseries") ? "timeseries" : "collection");
        if (type is not BsonString { Value: var word } || !Types.Contains(word, StringComparer.Ordinal))
        {
            throw Malformed($"its type is {type}");
        }

        return new DumpMetadata(name, word, UuidOf(document), options, [.. indexes.Select(i => i.AsBsonDocument)]);
    }

    private static string? UuidOf(BsonDocument document)
    {
        if (document.GetValue("uuid", BsonNull.Value) is BsonNull)
        {
            return null;
        }

        var uuid = document["uuid"] is BsonString { Value: var text } ? text.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant() : "";
        return uuid.Length == 32 && uuid.All(char.IsAsciiHexDigit) ? uuid : throw Malformed("its uuid is none");
    }

    // The driver writes blanks that mongodump does not; only outside texts.
    private static string Compact(BsonDocument document)
    {
        using var parsed = JsonDocument.Parse(ExtendedJson.Write(document), new JsonDocumentOptions { MaxDepth = 200 });
        return JsonSerializer.Serialize(parsed.RootElement, LuxJson.Options);
    }

    private static FormatException Malformed(string what) => new($"This is no metadata of a dump: {what}.");
}
