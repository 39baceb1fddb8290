using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Evidence;

/// <summary>The JSON schema of evidence (docs/evidence.schema.json), made of the records that are written: of the first line of an
/// <c>evidence.json</c>.</summary>
public static class EvidenceSchema
{
    public static string Write()
    {
        var definitions = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var type in new[] { typeof(StoredRunEvidence), typeof(StoredRestoreEvidence) })
            LuxJson.Options.GetJsonSchemaAsNode(type, new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = (c, s) => Known(c, s, definitions) });
        Fix(definitions[nameof(StoredRunEvidence)], StoredRunEvidence.RunbookKind);
        Fix(definitions[nameof(StoredRestoreEvidence)], "restore");
        var schema = new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "Evidence of a run, as LuxHedge signs it",
            ["description"] = "The first line of runs/{runId}/evidence.json. The second is the writer's name and signature (docs/format.md, Signed documents).",
            ["oneOf"] = new JsonArray(Reference(nameof(StoredRunEvidence)), Reference(nameof(StoredRestoreEvidence))),
            ["definitions"] = new JsonObject(definitions.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))),
        };
        return schema.ToJsonString(LuxJson.Indented) + "\n";
    }

    private static void Fix(JsonObject definition, string kind)
    {
        var properties = definition["properties"]!.AsObject();
        properties["format"] = Only(StoredRunEvidence.FormatName);
        properties["kind"] = Only(kind);
    }

    /// <summary>Our records are defined once and referred to, since runbooks nest; what our own converters write, the exporter can't see.</summary>
    private static JsonNode Known(JsonSchemaExporterContext context, JsonNode schema, SortedDictionary<string, JsonObject> definitions)
    {
        var declared = context.TypeInfo.Type;
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        if (type == typeof(DateTimeOffset) || type == typeof(TimeSpan))
        {
            return new JsonObject
            {
                ["type"] = declared == type ? "string" : new JsonArray("string", "null"),
                ["format"] = type == typeof(TimeSpan) ? "duration" : "date-time",
            };
        }

        if (type == typeof(RestorePoint))
            return new JsonObject { ["type"] = context.PropertyInfo?.IsGetNullable == true ? new JsonArray("string", "null") : "string" };

        if (context.TypeInfo.Kind == JsonTypeInfoKind.Object && type.Namespace?.StartsWith("LuxHedge.", StringComparison.Ordinal) == true)
        {
            var nullable = schema["type"] is JsonArray || context.PropertyInfo?.IsGetNullable == true;
            if (schema["properties"] is not null && !definitions.ContainsKey(type.Name))
            {
                var definition = schema.DeepClone().AsObject();
                definition["type"] = "object";
                definition["additionalProperties"] = false;
                definitions[type.Name] = definition;
            }

            return nullable ? new JsonObject { ["anyOf"] = new JsonArray(Reference(type.Name), new JsonObject { ["type"] = "null" }) } : Reference(type.Name);
        }

        // A list that was seen further up, by its path there.
        if (context.TypeInfo is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element } && schema is JsonObject { } seen && seen.ContainsKey("$ref"))
        {
            return new JsonObject
            {
                ["type"] = context.PropertyInfo?.IsGetNullable == true ? new JsonArray("array", "null") : "array",
                ["items"] = Reference(element.Name),
            };
        }

        if (schema is JsonObject words && words["enum"] is JsonArray { } known && !words.ContainsKey("type"))
            words["type"] = known.Any(w => w is null) ? new JsonArray("string", "null") : "string";

        // Any value: written as an empty schema, which every validator reads.
        return schema is JsonValue ? new JsonObject() : schema;
    }

    private static JsonObject Only(string word) => new() { ["type"] = "string", ["enum"] = new JsonArray(word) };

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/definitions/{name}" };
}
