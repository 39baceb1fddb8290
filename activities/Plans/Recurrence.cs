using System.Globalization;
using System.Text.Json;

namespace LuxHedge.Activities.Plans;

/// <summary>
/// A <c>schedule</c> entry of the plan as times: on days at a time of day in the plan's zone, or again and again. It means what Temporal's
/// calendars mean (a test asks the server), so that what is due can be told without it. A time that the clocks jump over is skipped; where
/// they jump by less than an hour and the hour stays, it is that much later. A time that comes twice is the first of the two; only in that
/// night does Temporal do otherwise, by the zone (once, twice, or an hour off), which nothing that is due hangs on.
/// </summary>
/// <param name="Months">1 to 12; empty: every month.</param>
/// <param name="Days">Of the month; empty: every day.</param>
/// <param name="Weekdays">Empty: every day.</param>
/// <param name="Every">Set: nothing else counts but this, from start to start, aligned to 1970-01-01T00:00Z.</param>
/// <param name="Longest">The longest time between two of its times, clocks that jump left aside.</param>
public sealed record Recurrence(
    IReadOnlyList<int> Months, IReadOnlyList<int> Days, IReadOnlyList<DayOfWeek> Weekdays, TimeOnly At, TimeSpan? Every, TimeSpan Longest)
{
    private static readonly int[] QuarterMonths = [1, 4, 7, 10];

    /// <summary>Long enough for a 29 February over a century that has none.</summary>
    private const int FurthestDays = 8 * 366 + 1;

    /// <summary>As the plan has it, for people: <c>weekly sunday 04:00</c>.</summary>
    public required string Text { get; init; }

    public static Recurrence Daily(TimeOnly at) => new([], [], [], at, null, TimeSpan.FromDays(1)) { Text = $"daily {at:HH:mm}" };

    public static Recurrence Weekly(DayOfWeek day, TimeOnly at) =>
        new([], [], [day], at, null, TimeSpan.FromDays(7)) { Text = $"weekly {day.ToString().ToLowerInvariant()} {at:HH:mm}" };

    public static Recurrence Monthly(int day, TimeOnly at) =>
        new([], [day], [], at, null, TimeSpan.FromDays(31)) { Text = $"monthly {Number(day)} {at:HH:mm}" };

    public static Recurrence Quarterly(int day, TimeOnly at) =>
        new(QuarterMonths, [day], [], at, null, TimeSpan.FromDays(92)) { Text = $"quarterly {Number(day)} {at:HH:mm}" };

    public static Recurrence Yearly(int month, int day, TimeOnly at) =>
        new([month], [day], [], at, null, TimeSpan.FromDays(366)) { Text = $"yearly {month:00}-{day:00} {at:HH:mm}" };

    public static Recurrence Each(TimeSpan every) => new([], [], [], default, every, every) { Text = $"every {Units.Write(every)}" };

    /// <summary>Null: it runs on an event.</summary>
    public static Recurrence? OfDrill(Plan plan, string drill) =>
        Read(plan.Document.GetProperty("drills").GetProperty(drill).GetProperty("schedule"));

    /// <summary>Null: it runs on an event, or the plan says nothing.</summary>
    /// <param name="entry"><c>backup</c> or <c>verify</c>.</param>
    public static Recurrence? OfAsset(Plan plan, string asset, string entry) =>
        plan.Document.GetProperty("assets").GetProperty(asset).TryGetProperty("schedule", out var schedule)
        && schedule.TryGetProperty(entry, out var when) ? Read(when) : null;

    /// <param name="when">A checked <c>when</c> of <see cref="Plan.Document"/>. Null for one that runs on an event.</param>
    public static Recurrence? Read(JsonElement when)
    {
        var at = Word(when, "at") is { } time ? TimeOnly.ParseExact(time, "HH:mm", CultureInfo.InvariantCulture) : default;
        if (Word(when, "every") is { } every)
            return Units.TryDuration(every, out var span) ? Each(span) : null;
        if (Word(when, "daily") is { } daily)
            return Daily(TimeOnly.ParseExact(daily, "HH:mm", CultureInfo.InvariantCulture));
        if (Word(when, "weekly") is { } weekday)
            return Weekly(Enum.Parse<DayOfWeek>(weekday, ignoreCase: true), at);
        if (Word(when, "monthly") is { } monthly)
            return Monthly(int.Parse(monthly, CultureInfo.InvariantCulture), at);
        if (Word(when, "quarterly") is { } quarterly)
            return Quarterly(int.Parse(quarterly, CultureInfo.InvariantCulture), at);
        return Word(when, "yearly") is { } yearly
            ? Yearly(int.Parse(yearly[..2], CultureInfo.InvariantCulture), int.Parse(yearly[3..], CultureInfo.InvariantCulture), at)
            : null;
    }

    /// <summary>The first of its times after that moment. Null: there is none in eight years.</summary>
    public DateTimeOffset? After(DateTimeOffset moment, TimeZoneInfo zone)
    {
        if (Every is { } every)
            return Aligned(moment, every) + every;
        var first = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(moment, zone).DateTime);
        for (var days = 0; days <= FurthestDays; days++)
        {
            if (On(first.AddDays(days), zone) is { } time && time > moment)
                return time;
        }

        return null;
    }

    /// <summary>The last of its times at or before that moment. Null: there is none in eight years.</summary>
    public DateTimeOffset? AtOrBefore(DateTimeOffset moment, TimeZoneInfo zone)
    {
        if (Every is { } every)
            return Aligned(moment, every);
        var last = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(moment, zone).DateTime);
        for (var days = 0; days <= FurthestDays; days++)
        {
            if (On(last.AddDays(-days), zone) is { } time && time <= moment)
                return time;
        }

        return null;
    }

    /// <summary>All of its times from (without) one moment to (with) another.</summary>
    public IEnumerable<DateTimeOffset> Between(DateTimeOffset from, DateTimeOffset to, TimeZoneInfo zone)
    {
        for (var time = After(from, zone); time <= to; time = After(time.Value, zone))
            yield return time.Value;
    }

    /// <summary>The next day of two years on which the clocks jump over its time, so that nothing starts; null: none.</summary>
    public DateOnly? NextSkipped(DateTimeOffset now, TimeZoneInfo zone)
    {
        if (Every is not null || !zone.SupportsDaylightSavingTime)
            return null;
        var first = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, zone).DateTime);
        return Enumerable.Range(0, 731).Select(first.AddDays)
            .Where(d => Matches(d) && On(d, zone) is null)
            .Select(d => (DateOnly?)d).FirstOrDefault();
    }

    private static DateTimeOffset Aligned(DateTimeOffset moment, TimeSpan every)
    {
        var since = (moment - DateTimeOffset.UnixEpoch).Ticks;
        return DateTimeOffset.UnixEpoch + TimeSpan.FromTicks(since - since % every.Ticks);
    }

    private bool Matches(DateOnly day) =>
        (Months.Count == 0 || Months.Contains(day.Month)) && (Days.Count == 0 || Days.Contains(day.Day))
        && (Weekdays.Count == 0 || Weekdays.Contains(day.DayOfWeek));

    private DateTimeOffset? On(DateOnly day, TimeZoneInfo zone)
    {
        if (!Matches(day))
            return null;
        var local = day.ToDateTime(At);
        if (zone.IsAmbiguousTime(local))
            return new DateTimeOffset(local, zone.GetAmbiguousTimeOffsets(local).Max()).ToUniversalTime();
        if (!zone.IsInvalidTime(local))
            return new DateTimeOffset(local, zone.GetUtcOffset(local)).ToUniversalTime();
        var moved = new DateTimeOffset(local, zone.GetUtcOffset(local.AddHours(-3))).ToUniversalTime();
        return TimeZoneInfo.ConvertTime(moved, zone).Hour == At.Hour ? moved : null;
    }

    private static string? Word(JsonElement when, string field) => when.TryGetProperty(field, out var value) ? value.ToString() : null;

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
