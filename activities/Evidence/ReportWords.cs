using System.Globalization;
using System.Text.Json;

namespace LuxHedge.Activities.Evidence;

/// <summary>Spans, times and numbers as a report says them: the same on every machine, since reports are compared byte by byte.</summary>
internal static class ReportWords
{
    /// <summary>Two units at most: <c>250 ms</c>, <c>4.2 s</c>, <c>3 min 5 s</c>, <c>2 h 10 min</c>, <c>9 d 4 h</c>.</summary>
    public static string Span(TimeSpan span)
    {
        if (span < TimeSpan.Zero)
            return "-" + Span(-span);
        if (span < TimeSpan.FromSeconds(1))
            return span == TimeSpan.Zero ? "0 s" : string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, (int)span.TotalMilliseconds)} ms");
        if (span < TimeSpan.FromSeconds(59.95))
            return string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.#} s");
        span = TimeSpan.FromSeconds(Math.Round(span.TotalSeconds));
        return span switch
        {
            { TotalHours: < 1 } => Two(span.Minutes, "min", span.Seconds, "s"),
            { TotalDays: < 1 } => Two(span.Hours, "h", span.Minutes, "min"),
            _ => Two((int)span.TotalDays, "d", span.Hours, "h"),
        };
    }

    /// <summary><c>2026-11-23 08:15:02 UTC</c>.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    /// <summary><c>08:15:02</c>.</summary>
    public static string Clock(DateTimeOffset time) => time.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    public static string Count(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    public static string Json(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() ?? "",
        JsonValueKind.Null or JsonValueKind.Undefined => "",
        _ => value.GetRawText(),
    };

    private static string Two(int large, string largeUnit, int small, string smallUnit) => small == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{large} {largeUnit}")
        : string.Create(CultureInfo.InvariantCulture, $"{large} {largeUnit} {small} {smallUnit}");
}
