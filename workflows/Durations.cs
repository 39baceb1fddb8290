using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Xml;

namespace LuxHedge.Workflows;

/// <summary>Durations as people write them in plans, runbooks and commands (<c>1h30m</c>); on the wire they are ISO 8601.</summary>
public static class Durations
{
    private const string Units = "wdhms";
    private const int MostDigits = 6;

    /// <summary><c>2h</c>, <c>90m</c>, <c>1d</c>, <c>1h30m</c>: largest unit first, each once. Weeks have 7 days, days 24 hours. <c>0</c>
    /// needs no unit.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (text is "0")
            return true;
        if (string.IsNullOrEmpty(text))
            return false;
        var nextUnit = 0;
        for (var i = 0; i < text.Length;)
        {
            var digits = 0;
            while (i + digits < text.Length && char.IsAsciiDigit(text[i + digits]))
                digits++;
            if (digits is 0 or > MostDigits || i + digits == text.Length)
                return false;
            var unit = Units.IndexOf(text[i + digits], StringComparison.Ordinal);
            if (unit < nextUnit)
                return false;
            duration += Of(text[i + digits]) * int.Parse(text.AsSpan(i, digits), CultureInfo.InvariantCulture);
            nextUnit = unit + 1;
            i += digits + 1;
        }

        return true;
    }

    /// <summary>As people write it, or ISO 8601 (<c>PT1H30M</c>) without years and months, which have no length.</summary>
    public static bool TryParseAny([NotNullWhen(true)] string? text, out TimeSpan duration) => TryParse(text, out duration) || TryParseIso(text, out duration);

    public static bool TryParseIso([NotNullWhen(true)] string? text, out TimeSpan duration)
    {
        duration = default;
        if (text is not (['P', ..] or ['-', 'P', ..]) || text.Length > 40 || text.Contains('Y', StringComparison.Ordinal)
            || text.AsSpan(0, Math.Max(0, text.IndexOf('T', StringComparison.Ordinal))).Contains('M')
            || (!text.Contains('T', StringComparison.Ordinal) && text.Contains('M', StringComparison.Ordinal)))
            return false;
        try
        {
            duration = XmlConvert.ToTimeSpan(text);
            return true;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return false;
        }
    }

    public static string ToIso(TimeSpan duration) => XmlConvert.ToString(duration);

    /// <summary>As people write it: 90 minutes is <c>1h30m</c>. Parts of a second are left out.</summary>
    public static string Write(TimeSpan duration)
    {
        var parts = new (long Count, char Unit)[]
        {
            ((long)duration.TotalDays, 'd'), (duration.Hours, 'h'), (duration.Minutes, 'm'), (duration.Seconds, 's'),
        };
        var text = string.Concat(parts.Where(p => p.Count != 0).Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Count}{p.Unit}")));
        return text.Length == 0 ? "0" : text;
    }

    private static TimeSpan Of(char unit) => unit switch
    {
        's' => TimeSpan.FromSeconds(1),
        'm' => TimeSpan.FromMinutes(1),
        'h' => TimeSpan.FromHours(1),
        'd' => TimeSpan.FromDays(1),
        _ => TimeSpan.FromDays(7),
    };
}
