using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Plans;

/// <summary>How the plan writes durations, sizes, shares and times of day. A bare number is none of them, but for <c>0</c> of a duration.</summary>
public static partial class Units
{
    public const string DurationForm = "90s, 15m, 2h, 1d, 5w or 1h30m";
    public const string PeriodForm = "30d, 12w or 7y";
    public const string SizeForm = "64MiB, 512KiB or 2GiB";
    public const string ShareForm = "20%";
    public const string TimeForm = "\"02:00\"";

    // Without anchors: JSON Schema ends a pattern with $, which .NET would let stand before a last line feed.
    internal const string DurationPattern = "(0|([0-9]{1,6}w)?([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?)";
    internal const string PeriodPattern = "[1-9][0-9]{0,4}(d|w|y)";
    internal const string SizePattern = "[1-9][0-9]{0,9}(B|KiB|MiB|GiB|TiB)";
    internal const string SharePattern = "[0-9]{1,3}(\\.[0-9]{1,2})?%";
    internal const string TimePattern = "([01][0-9]|2[0-3]):[0-5][0-9]";

    /// <summary><c>2h</c>, <c>90m</c>, <c>1d</c>, <c>1h30m</c>: largest unit first, each once. Weeks have 7 days, days 24 hours.</summary>
    public static bool TryDuration(string text, out TimeSpan duration) => Durations.TryParse(text, out duration);

    /// <summary><c>30d</c>, <c>12w</c>, <c>7y</c>: how long something is kept. A year counts 365 days.</summary>
    public static bool TryPeriod(string text, out TimeSpan period)
    {
        period = default;
        if (!PeriodExpression().IsMatch(text))
        {
            return false;
        }

        period = Unit(text[^1]) * long.Parse(text.AsSpan(..^1), CultureInfo.InvariantCulture);
        return true;
    }

    /// <summary><c>64MiB</c>: bytes by powers of 1024.</summary>
    public static bool TrySize(string text, out long bytes)
    {
        bytes = 0;
        if (!SizeExpression().IsMatch(text))
        {
            return false;
        }

        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var shift = text[digits] switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        var count = long.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        if (count > long.MaxValue >> shift)
        {
            return false;
        }

        bytes = count << shift;
        return true;
    }

    /// <summary><c>20%</c> as 0.2. At most 100 %.</summary>
    public static bool TryShare(string text, out double share)
    {
        share = 0;
        if (!ShareExpression().IsMatch(text))
        {
            return false;
        }

        share = double.Parse(text.AsSpan(..^1), CultureInfo.InvariantCulture) / 100;
        return share <= 1;
    }

    /// <summary><c>02:00</c>, 24 hours, in the plan's time zone.</summary>
    public static bool TryTime(string text, out TimeOnly time) =>
        TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out time);

    /// <summary>A duration as the plan writes it: 90 minutes is <c>1h30m</c>.</summary>
    public static string Write(TimeSpan duration) => Durations.Write(duration);

    private static TimeSpan Unit(char unit) => unit switch
    {
        'd' => TimeSpan.FromDays(1),
        'w' => TimeSpan.FromDays(7),
        'y' => TimeSpan.FromDays(365),
        _ => throw new ArgumentOutOfRangeException(nameof(unit)),
    };

    [GeneratedRegex("^" + PeriodPattern + "\\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex PeriodExpression();

    [GeneratedRegex("^" + SizePattern + "\\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex SizeExpression();

    [GeneratedRegex("^" + SharePattern + "\\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex ShareExpression();
}
