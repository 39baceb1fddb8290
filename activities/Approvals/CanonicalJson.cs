using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// One spelling of JSON to hash, whoever wrote or carried it: properties in ordinal order of their names, no white space, texts escaped only
/// where JSON must, numbers as they were written (docs/format.md, "Canonical JSON"). Written by hand: what a library's writer escapes changes
/// with its version.
/// </summary>
internal static class CanonicalJson
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Lower-case hex.</summary>
    public static string Sha256(IReadOnlyDictionary<string, JsonElement> values)
    {
        var text = new StringBuilder();
        Write(text, values);
        return Hash(text);
    }

    /// <summary>Lower-case hex.</summary>
    public static string Sha256(JsonElement value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return Hash(text);
    }

    private static string Hash(StringBuilder text) => Convert.ToHexStringLower(SHA256.HashData(Utf8.GetBytes(text.ToString())));

    private static void Write(StringBuilder text, IEnumerable<KeyValuePair<string, JsonElement>> properties)
    {
        text.Append('{');
        var first = true;
        foreach (var (name, value) in properties.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            Separate(text, ref first);
            Write(text, name);
            text.Append(':');
            Write(text, value);
        }

        text.Append('}');
    }

    private static void Write(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                Write(text, value.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, p.Value)));
                break;
            case JsonValueKind.Array:
                text.Append('[');
                var first = true;
                foreach (var item in value.EnumerateArray())
                {
                    Separate(text, ref first);
                    Write(text, item);
                }

                text.Append(']');
                break;
            case JsonValueKind.String:
                Write(text, value.GetString()!);
                break;
            case JsonValueKind.Undefined:
                text.Append("null");
                break;
            default:
                text.Append(value.GetRawText());
                break;
        }
    }

    private static void Write(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append(@"\\"),
                '\n' => text.Append(@"\n"),
                '\r' => text.Append(@"\r"),
                '\t' => text.Append(@"\t"),
                '\b' => text.Append(@"\b"),
                '\f' => text.Append(@"\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        text.Append('"');
    }

    private static void Separate(StringBuilder text, ref bool first)
    {
        if (!first)
        {
            text.Append(',');
        }

        first = false;
    }
}
