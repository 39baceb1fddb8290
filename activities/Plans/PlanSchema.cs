using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LuxHedge.Activities.Plans;

/// <summary>
/// Writes <see cref="PlanShape"/> as a JSON schema (draft 7), which editors check and complete luxhedge.yaml with. It says what one field can
/// be; what joins fields (references, targets, quorums) only <c>luxhedge plan check</c> knows.
/// </summary>
internal static class PlanSchema
{
    /// <summary>The whole file's text, ending in a line feed.</summary>
    public static string Write() =>
        ShapeSchema.Write(PlanShape.Root, "The plan of LuxHedge Workflows", "Written from activities/Plans/PlanShape.cs; a test compares them.");
}

/// <summary>Any shape as a JSON schema.</summary>
internal static class ShapeSchema
{
    private static readonly JsonSerializerOptions Layout = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The whole file's text, ending in a line feed.</summary>
    public static string Write(Shape shape, string title, string description)
    {
        var definitions = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        var root = new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = title,
            ["description"] = description,
        };
        foreach (var (key, value) in Of(shape, definitions).ToList())
        {
            root[key] = value?.DeepClone();
        }

        root["definitions"] = new JsonObject(definitions.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value)));
        return root.ToJsonString(Layout) + "\n";
    }

    private static JsonObject Of(Shape shape, SortedDictionary<string, JsonObject> definitions)
    {
        if (shape.Name is null)
        {
            return Whole(shape, definitions);
        }

        if (!definitions.ContainsKey(shape.Name))
        {
            // Its place is taken first: a shape may stand inside itself.
            definitions[shape.Name] = [];
            definitions[shape.Name] = Whole(shape, definitions);
        }

        return new JsonObject { ["$ref"] = $"#/definitions/{shape.Name}" };
    }

    private static JsonObject Whole(Shape shape, SortedDictionary<string, JsonObject> definitions) => shape switch
    {
        ScalarShape scalar => (JsonObject)scalar.Schema.DeepClone(),
        ReferenceShape => new JsonObject { ["type"] = "string" },
        ListShape list => new JsonObject { ["type"] = "array", ["minItems"] = list.AtLeast, ["items"] = Of(list.Item, definitions) },
        MapShape map => Map(map, definitions),
        RecordShape record => Record(record, definitions),
        SameShape same => Of(same.Of(), definitions),
        AnyShape => [],
        VariantShape variant => new JsonObject
        {
            ["oneOf"] = new JsonArray([.. variant.Variants.Values.Select(v => (JsonNode)Of(v, definitions))]),
        },
        _ => throw new ArgumentOutOfRangeException(nameof(shape)),
    };

    private static JsonObject Map(MapShape map, SortedDictionary<string, JsonObject> definitions) => new()
    {
        ["type"] = "object",
        ["minProperties"] = map.AtLeast,
        ["patternProperties"] = new JsonObject { [KeyPattern(map.Keys)] = Of(map.Value, definitions) },
        ["additionalProperties"] = false,
    };

    /// <summary>Null: ids. A reference is to an id too.</summary>
    private static string KeyPattern(Shape? keys) =>
        keys is ScalarShape scalar && scalar.Schema["pattern"] is { } pattern ? pattern.GetValue<string>() : $"^{Scalars.IdPattern}$";

    private static JsonObject Record(RecordShape record, SortedDictionary<string, JsonObject> definitions)
    {
        var properties = new JsonObject();
        foreach (var field in record.Fields)
        {
            var schema = Of(field.Shape, definitions);
            // Beside a $ref draft 7 takes nothing, so the description goes around it.
            properties[field.Key] = schema.ContainsKey("$ref")
                ? new JsonObject { ["description"] = field.Description, ["allOf"] = new JsonArray(schema) }
                : WithDescription(schema, field.Description);
        }

        var result = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        if (record.Fields.Any(f => f.Required))
        {
            result["required"] = new JsonArray([.. record.Fields.Where(f => f.Required).Select(f => (JsonNode)f.Key)]);
        }

        if (record.OneOf.Count > 0)
        {
            result["oneOf"] = new JsonArray([.. record.OneOf.Select(key => (JsonNode)new JsonObject { ["required"] = new JsonArray(key) })]);
        }

        foreach (var (key, value) in record.MoreSchema?.Invoke() ?? [])
        {
            result[key] = value?.DeepClone();
        }

        return result;
    }

    private static JsonObject WithDescription(JsonObject schema, string description)
    {
        schema.Insert(0, "description", description);
        return schema;
    }
}
