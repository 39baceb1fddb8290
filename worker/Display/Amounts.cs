using System.Globalization;

namespace LuxHedge.Worker.Display;

/// <summary>Sizes, spans and times as people read them. Scripts read <c>--json</c>.</summary>
public static class Amounts
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary><c>0 B</c>, <c>1023 B</c>, <c>1.5 KiB</c>, <c>64 MiB</c>.</summary>
    public static string Bytes(double bytes)
    {
        var unit = 0;
        while (bytes >= 1024 && unit < Units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return unit == 0 || bytes >= 100 ? $"{bytes:0} {Units[unit]}" : $"{bytes:0.#} {Units[unit]}";
    }

    /// <summary><c>200,000</c>.</summary>
    public static string Count(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Two units at most, the way it is said aloud: <c>250 ms</c>, <c>4.2 s</c>, <c>3 min 5 s</c>, <c>2 h 10 min</c>, <c>9 d 4 h</c>.</summary>
    public static string Span(TimeSpan span)
    {
        if (span < TimeSpan.Zero)
        {
            return $"-{Span(-span)}";
        }

        if (span < TimeSpan.FromSeconds(1))
        {
            return span == TimeSpan.Zero ? "0 s" : $"{Math.Max(1, (int)span.TotalMilliseconds)} ms";
        }

        if (span < TimeSpan.FromSeconds(59.95))
        {
            return $"{span.TotalSeconds:0.#} s";
        }

        span = TimeSpan.FromSeconds(Math.Round(span.TotalSeconds));
        return span switch
        {
            { TotalHours: < 1 } => Two(span.Minutes, "min", span.Seconds, "s"),
            { TotalDays: < 1 } => Two(span.Hours, "h", span.Minutes, "min"),
            _ => Two((int)span.TotalDays, "d", span.Hours, "h"),
        };
    }

    /// <summary><c>2026-11-23 08:15:02 UTC</c>.</summary>
    public static string Time(DateTimeOffset time) => $"{time.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC";

    public static string Time(DateTimeOffset? time, string never) => time is { } t ? Time(t) : never;

    /// <summary>Units of a <see cref="LuxHedge.Workflows.Runs.Progress"/>: bytes are scaled, everything else is counted.</summary>
    public static string Of(double amount, string unit) =>
        unit is "bytes" or "byte" or "B" ? Bytes(amount) : $"{Count((long)amount)} {unit}";

    private static string Two(int large, string largeUnit, int small, string smallUnit) =>
        small == 0 ? $"{large} {largeUnit}" : $"{large} {largeUnit} {small} {smallUnit}";
}
