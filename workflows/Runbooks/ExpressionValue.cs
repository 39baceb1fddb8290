using System.Globalization;
using System.Text.Json;

namespace LuxHedge.Workflows.Runbooks;

internal enum ValueKind
{
    Nothing,
    Flag,
    Number,
    Text,
    Duration,
    Time,

    /// <summary>A list or an object of JSON.</summary>
    Tree,
}

/// <summary>
/// A value while an expression is evaluated. JSON has no durations and no times, so a text in exactly their ISO 8601 form is one when it is
/// compared, and is written in that form again.
/// </summary>
internal readonly record struct ExpressionValue(ValueKind Kind, bool IsTrue, decimal Amount, string? Words, TimeSpan Span, DateTimeOffset Moment, JsonElement Tree)
{
    private static readonly JsonElement NullElement = JsonElement.Parse("null");

    private static readonly string[] TimeForms =
    [
        "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd'T'HH:mm'Z'", "yyyy-MM-dd'T'HH:mm:sszzz",
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz",
    ];

    public static ExpressionValue Nothing => default;

    public static ExpressionValue Of(bool flag) => default(ExpressionValue) with { Kind = ValueKind.Flag, IsTrue = flag };

    public static ExpressionValue Of(decimal number) => default(ExpressionValue) with { Kind = ValueKind.Number, Amount = number };

    public static ExpressionValue Of(string text) => default(ExpressionValue) with { Kind = ValueKind.Text, Words = text };

    public static ExpressionValue Of(TimeSpan span) => default(ExpressionValue) with { Kind = ValueKind.Duration, Span = span };

    public static ExpressionValue Of(DateTimeOffset moment) => default(ExpressionValue) with { Kind = ValueKind.Time, Moment = moment };

    /// <summary>Null where a number is beyond what is counted with here.</summary>
    public static ExpressionValue? Of(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => Of(json.ValueKind == JsonValueKind.True),
        JsonValueKind.Number => json.TryGetDecimal(out var number) ? Of(number) : null,
        JsonValueKind.String => Of(json.GetString()!),
        JsonValueKind.Null or JsonValueKind.Undefined => Nothing,
        _ => default(ExpressionValue) with { Kind = ValueKind.Tree, Tree = json },
    };

    public static JsonElement ToJson(ExpressionValue value) => value.Kind switch
    {
        ValueKind.Flag => JsonSerializer.SerializeToElement(value.IsTrue),
        ValueKind.Number => JsonSerializer.SerializeToElement(value.Amount),
        ValueKind.Tree => value.Tree,
        ValueKind.Nothing => NullElement,
        _ => JsonSerializer.SerializeToElement(value.AsText(), LuxJson.Options),
    };

    /// <summary>For comparing: a text in the form of a time or a duration is one.</summary>
    public ExpressionValue Typed() => this switch
    {
        { Kind: ValueKind.Text } when Durations.TryParseIso(Words, out var span) => Of(span),
        { Kind: ValueKind.Text } when TryTime(Words, out var moment) => Of(moment),
        _ => this,
    };

    public static bool TryTime(string? text, out DateTimeOffset moment)
    {
        moment = default;
        return text is { Length: >= 17 and <= 40 } && char.IsAsciiDigit(text[0]) && text[10] == 'T'
            && DateTimeOffset.TryParseExact(
                text, TimeForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out moment);
    }

    /// <summary>Inside a larger text.</summary>
    public string AsText() => Kind switch
    {
        ValueKind.Nothing => "nothing",
        ValueKind.Flag => IsTrue ? "true" : "false",
        ValueKind.Number => Amount.ToString(CultureInfo.InvariantCulture),
        ValueKind.Text => Words!,
        ValueKind.Duration => Durations.ToIso(Span),
        ValueKind.Time => Moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
        _ when Tree.ValueKind == JsonValueKind.Array => string.Join(", ", Tree.EnumerateArray().Select(i => Of(i) is { } item ? item.AsText() : i.GetRawText())),
        _ => Tree.GetRawText(),
    };

    /// <summary>For messages.</summary>
    public string What => Kind switch
    {
        ValueKind.Nothing => "nothing",
        ValueKind.Flag => "true or false",
        ValueKind.Number => "a number",
        ValueKind.Text => "a text",
        ValueKind.Duration => "a duration",
        ValueKind.Time => "a time",
        _ => Tree.ValueKind == JsonValueKind.Array ? "a list" : "an object",
    };
}
