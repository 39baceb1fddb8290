using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>Values of the <see cref="InputTypes"/>: read from what a person writes, and checked once they are JSON. Pure; whether the plan knows
/// the name of an asset or a person is asked elsewhere.</summary>
public static partial class InputValues
{
    /// <summary>Texts of a command line or a plan are short; a runbook's are bounded by its file.</summary>
    public const int MaxText = 4_000;

    /// <summary>What a person wrote, as JSON: durations and times in ISO 8601, a list split at its commas.</summary>
    /// <param name="why">Follows what was written: "is no duration; write …".</param>
    public static bool TryRead(string type, string text, out JsonElement value, out string why)
    {
        value = default;
        why = text.Length > MaxText ? $"is longer than {MaxText} characters" : "";
        object? read = null;
        switch (type)
        {
            case var _ when why.Length > 0:
                break;
            case InputTypes.Number:
                if (decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                    read = number;
                else
                    why = "is no number";
                break;
            case InputTypes.Flag:
                if (text is "true" or "false")
                    read = text == "true";
                else
                    why = "must be true or false";
                break;
            case InputTypes.Duration:
                if (Durations.TryParseAny(text, out var duration))
                    read = duration;
                else
                    why = "is no duration; write 90s, 15m, 2h, 1d or 1h30m";
                break;
            case InputTypes.Time:
                if (ExpressionValue.TryTime(text, out var time))
                    read = time;
                else
                    why = "is no time; write 2026-11-23T08:15:00Z";
                break;
            case InputTypes.List:
                read = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                break;
            case InputTypes.Object:
                why = "can't be written here: it is what a step answers";
                break;
            default:
                why = WhyNoWord(type, text) ?? "";
                read = text;
                break;
        }

        if (why.Length > 0)
            return false;
        value = JsonSerializer.SerializeToElement(read, LuxJson.Options);
        return true;
    }

    /// <summary>Why a value is not of a type, to follow its name; null: it is. Nothing is of every type: it was not given.</summary>
    public static string? WhyNot(string type, JsonElement value) => (type, value.ValueKind) switch
    {
        (_, JsonValueKind.Null or JsonValueKind.Undefined) => null,
        (InputTypes.Number, JsonValueKind.Number) => null,
        (InputTypes.Flag, JsonValueKind.True or JsonValueKind.False) => null,
        (InputTypes.List, JsonValueKind.Array) => null,
        (InputTypes.Object, _) => null, // anything: the action judges it
        (InputTypes.Number or InputTypes.Flag or InputTypes.List, _) => $"must be a {type}",
        (InputTypes.Duration, JsonValueKind.String) => Durations.TryParseIso(value.GetString(), out _) ? null : "must be a duration",
        (InputTypes.Time, JsonValueKind.String) => ExpressionValue.TryTime(value.GetString(), out _) ? null : "must be a time",
        (_, JsonValueKind.String) => WhyNoWord(type, value.GetString()!),
        _ => $"must be a {type}",
    };

    /// <summary>What a step or a run is given, each value in the form of its type: a text that holds a duration or time as people write it becomes
    /// one. Throws a failure that names the first that does not fit.</summary>
    /// <param name="types">By name; what has none here is left as it is.</param>
    public static JsonElement Fit(string name, JsonElement value, IReadOnlyDictionary<string, string> types)
    {
        if (!types.TryGetValue(name, out var type))
            return value;
        if (type is InputTypes.Duration or InputTypes.Time && value.ValueKind == JsonValueKind.String && TryRead(type, value.GetString()!, out var read, out _))
            return read;
        return WhyNot(type, value) is { } why
            ? throw Failures.ToFailure(new(ErrorKinds.Usage, $"'{name}' {why}.", name))
            : value;
    }

    /// <summary>What a text must look like to be the name of something; the plan says whether it is one.</summary>
    private static string? WhyNoWord(string type, string text) => type switch
    {
        InputTypes.Target => TargetExpression().IsMatch(text) ? null : "is no target; write production or CLUSTER/DATABASE",
        InputTypes.Asset or InputTypes.Store or InputTypes.Person => NameExpression().IsMatch(text) ? null : $"is no id of a {type}",
        InputTypes.Moment => RestorePoint.TryParse(text, out _) ? null : $"is no moment; write {RestorePoint.Forms}",
        InputTypes.Backup => BackupExpression().IsMatch(text) ? null : "is no id of a backup; write one, or latest",
        _ => null,
    };

    [GeneratedRegex(@"^(production|[a-z0-9][a-z0-9_-]{0,62}/[^/\\. ""$*<>:|?\x00-\x1f]{1,63})\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex TargetExpression();

    [GeneratedRegex(@"^[a-z0-9][a-z0-9_-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NameExpression();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_-]{0,150}\z", RegexOptions.CultureInvariant)]
    private static partial Regex BackupExpression();
}
