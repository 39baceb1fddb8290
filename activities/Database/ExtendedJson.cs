using System.Globalization;
using System.Text.Json;
using MongoDB.Bson;
using MongoDB.Bson.IO;

namespace LuxHedge.Activities.Database;

/// <summary>
/// Canonical Extended JSON v2, as options, indexes and bounds are stored. Reading is strict: the driver's own reader also takes older notations
/// and would turn a validator's <c>{"$regex": "^a"}</c>, which is an operator, into a regular expression.
/// </summary>
public static class ExtendedJson
{
    private static readonly JsonWriterSettings Canonical = new() { OutputMode = JsonOutputMode.CanonicalExtendedJson, Indent = false };

    public static string Write(BsonDocument document) => document.ToJson(Canonical);

    /// <exception cref="FormatException">It is no canonical Extended JSON v2 of a document.</exception>
    public static BsonDocument Parse(string json) => Parse(json, bareNumbers: false);

    /// <param name="bareNumbers">As older tools wrote them: 32 bits where they fit, else 64, else a double.</param>
    /// <exception cref="FormatException">It is no canonical Extended JSON v2 of a document.</exception>
    public static BsonDocument Parse(string json, bool bareNumbers)
    {
        try
        {
            using var parsed = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 200 });
            return parsed.RootElement.ValueKind == JsonValueKind.Object
                ? ToDocument(parsed.RootElement, bareNumbers)
                : throw new FormatException("Extended JSON of a document begins with a brace.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or OverflowException or KeyNotFoundException)
        {
            throw new FormatException($"This is no canonical Extended JSON: {e.Message}", e);
        }
    }

    private static BsonDocument ToDocument(JsonElement json, bool bareNumbers) =>
        new BsonDocument(allowDuplicateNames: true).AddRange(
            json.EnumerateObject().Select(p => new BsonElement(p.Name, ToValue(p.Value, bareNumbers))));

    private static BsonValue ToValue(JsonElement json, bool bareNumbers) => json.ValueKind switch
    {
        JsonValueKind.Null => BsonNull.Value,
        JsonValueKind.True => BsonBoolean.True,
        JsonValueKind.False => BsonBoolean.False,
        JsonValueKind.String => new BsonString(json.GetString()!),
        JsonValueKind.Array => new BsonArray(json.EnumerateArray().Select(v => ToValue(v, bareNumbers))),
        JsonValueKind.Object => Wrapped(json, bareNumbers) ?? ToDocument(json, bareNumbers),
        JsonValueKind.Number when bareNumbers => json.TryGetInt32(out var small) ? new BsonInt32(small)
            : json.TryGetInt64(out var large) ? new BsonInt64(large) : new BsonDouble(json.GetDouble()),
        _ => throw new FormatException("Canonical Extended JSON has no bare numbers."),
    };

    /// <summary>The value that an object of exactly these keys stands for; null: a document.</summary>
    private static BsonValue? Wrapped(JsonElement json, bool bareNumbers)
    {
        using var properties = json.EnumerateObject();
        if (!properties.MoveNext() || properties.Current.Name is not ['$', ..])
        {
            return null;
        }

        var (name, value) = (properties.Current.Name, properties.Current.Value);
        JsonElement? scope = null;
        if (properties.MoveNext())
        {
            if (name != "$code" || properties.Current.Name != "$scope" || value.ValueKind != JsonValueKind.String)
            {
                return null;
            }

            scope = properties.Current.Value;
            if (properties.MoveNext())
            {
                return null;
            }
        }

        return (name, value.ValueKind) switch
        {
            ("$numberInt", JsonValueKind.String) => new BsonInt32(int.Parse(value.GetString()!, CultureInfo.InvariantCulture)),
            ("$numberLong", JsonValueKind.String) => new BsonInt64(long.Parse(value.GetString()!, CultureInfo.InvariantCulture)),
            ("$numberDouble", JsonValueKind.String) => new BsonDouble(Double(value.GetString()!)),
            ("$numberDecimal", JsonValueKind.String) => new BsonDecimal128(Decimal128.Parse(value.GetString()!)),
            ("$oid", JsonValueKind.String) => new BsonObjectId(ObjectId.Parse(value.GetString()!)),
            ("$symbol", JsonValueKind.String) => BsonSymbol.Create(value.GetString()!),
            ("$code", JsonValueKind.String) when scope is { } s => new BsonJavaScriptWithScope(value.GetString()!, ToDocument(s, bareNumbers)),
            ("$code", JsonValueKind.String) => new BsonJavaScript(value.GetString()!),
            ("$undefined", JsonValueKind.True) => BsonUndefined.Value,
            ("$minKey", JsonValueKind.Number) => BsonMinKey.Value,
            ("$maxKey", JsonValueKind.Number) => BsonMaxKey.Value,
            ("$date", JsonValueKind.Object) when Has(value, "$numberLong") =>
                new BsonDateTime(long.Parse(value.GetProperty("$numberLong").GetString()!, CultureInfo.InvariantCulture)),
            ("$timestamp", JsonValueKind.Object) when Has(value, "t", "i") =>
                new BsonTimestamp((int)value.GetProperty("t").GetUInt32(), (int)value.GetProperty("i").GetUInt32()),
            ("$binary", JsonValueKind.Object) when Has(value, "base64", "subType") => new BsonBinaryData(
                value.GetProperty("base64").GetBytesFromBase64(),
                (BsonBinarySubType)byte.Parse(value.GetProperty("subType").GetString()!, NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
            ("$regularExpression", JsonValueKind.Object) when Has(value, "pattern", "options") =>
                new BsonRegularExpression(value.GetProperty("pattern").GetString()!, value.GetProperty("options").GetString()!),
            _ => null,
        };
    }

    private static bool Has(JsonElement json, params ReadOnlySpan<string> names)
    {
        var count = 0;
        foreach (var property in json.EnumerateObject())
        {
            if (!names.Contains(property.Name))
            {
                return false;
            }

            count++;
        }

        return count == names.Length;
    }

    private static double Double(string text) => text switch
    {
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };
}
