using System.Globalization;
using System.Text.Json;

namespace LuxHedge.Activities.Plans;

/// <summary>YAML values as JSON, for the schema and for whoever reads the plan as data: plain integers and truth values are such, the rest is text.</summary>
internal static class YamlJson
{
    public static JsonElement Convert(YamlValue value)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            Write(json, value);
        }

        return JsonElement.Parse(buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter json, YamlValue value)
    {
        switch (value)
        {
            case YamlMapping mapping:
                json.WriteStartObject();
                foreach (var entry in mapping.Entries)
                {
                    json.WritePropertyName(entry.Key);
                    Write(json, entry.Value);
                }

                json.WriteEndObject();
                break;
            case YamlList list:
                json.WriteStartArray();
                foreach (var item in list.Items)
                {
                    Write(json, item);
                }

                json.WriteEndArray();
                break;
            case YamlScalar { IsNothing: true }:
                json.WriteNullValue();
                break;
            case YamlScalar { Plain: true, Text: "true" or "false" } flag:
                json.WriteBooleanValue(flag.Text == "true");
                break;
            case YamlScalar { Plain: true } number when IsInteger(number.Text, out var integer):
                json.WriteNumberValue(integer);
                break;
            case YamlScalar text:
                json.WriteStringValue(text.Text);
                break;
        }
    }

    internal static bool IsInteger(string text, out long integer) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out integer)
        && integer.ToString(CultureInfo.InvariantCulture) == text;
}
