using System.Globalization;
using CsCheck;
using LuxHedge.Activities.Plans;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class RecurrenceTests
{
    private static readonly TimeZoneInfo[] Zones =
    [
        .. new[] { "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Santiago" }
            .Select(TimeZoneInfo.FindSystemTimeZoneById),
    ];

    private static readonly Gen<TimeOnly> Times = Gen.Int[0, 24 * 60 - 1].Select(m => TimeOnly.MinValue.AddMinutes(m));

    private static readonly Gen<Recurrence> Recurrences = Gen.OneOf(
        Times.Select(Recurrence.Daily),
        Gen.Select(Gen.Int[0, 6], Times).Select((d, t) => Recurrence.Weekly((DayOfWeek)d, t)),
        Gen.Select(Gen.Int[1, 28], Times).Select(Recurrence.Monthly),
        Gen.Select(Gen.Int[1, 28], Times).Select(Recurrence.Quarterly),
        Gen.Select(Gen.Int[1, 12], Gen.Int[1, 28], Times).Select(Recurrence.Yearly),
        Gen.Int[1, 10_000].Select(m => Recurrence.Each(TimeSpan.FromMinutes(m))));

    private static readonly Gen<DateTimeOffset> Moments =
        Gen.Long[new DateTimeOffset(2023, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds(), new DateTimeOffset(2029, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds()]
            .Select(DateTimeOffset.FromUnixTimeSeconds);

    /// <summary>The naive model: look at every minute, and at what a clock on the wall shows then.</summary>
    [Fact]
    public void Its_next_time_is_the_first_minute_whose_clock_on_the_wall_says_so() =>
        Gen.Select(Times, Moments, Gen.Int[0, Zones.Length - 1]).Sample(
            (at, moment, zone) =>
            {
                var daily = Recurrence.Daily(at);
                var model = WallClock(daily, moment, Zones[zone]);
                Assert.Equal(model, daily.After(moment, Zones[zone]));
            },
            iter: 200);

    [Fact]
    public void Nothing_lies_between_a_moment_and_its_next_time_and_the_next_time_is_one_of_its_own() =>
        Gen.Select(Recurrences, Moments, Gen.Int[0, Zones.Length - 1]).Sample(
            (recurrence, moment, zone) =>
            {
                var next = recurrence.After(moment, Zones[zone])!.Value;
                Assert.True(next > moment);
                Assert.Equal(next, recurrence.AtOrBefore(next, Zones[zone]));
                // The one before the next is at or before the moment.
                Assert.True(recurrence.AtOrBefore(next.AddTicks(-1), Zones[zone]) <= moment);
                Assert.Equal(recurrence.AtOrBefore(moment, Zones[zone]), recurrence.AtOrBefore(next.AddTicks(-1), Zones[zone]));
            },
            iter: 2_000);

    [Fact]
    public void A_day_matches_by_weekday_month_and_day_and_each_of_its_days_comes_once() =>
        Gen.Select(Recurrences.Where(r => r.Every is null), Moments, Gen.Int[0, Zones.Length - 1]).Sample(
            (recurrence, moment, index) =>
            {
                var zone = Zones[index];
                var times = recurrence.Between(moment, moment.AddDays(800), zone).ToList();
                var local = times.Select(t => TimeZoneInfo.ConvertTime(t, zone)).ToList();
                Assert.All(local, t => Assert.Equal(recurrence.At, TimeOnly.FromTimeSpan(t.TimeOfDay)));
                Assert.All(local, t => Assert.True(recurrence.Weekdays.Count == 0 || recurrence.Weekdays.Contains(t.DayOfWeek)));
                Assert.All(local, t => Assert.True(recurrence.Months.Count == 0 || recurrence.Months.Contains(t.Month)));
                Assert.All(local, t => Assert.True(recurrence.Days.Count == 0 || recurrence.Days.Contains(t.Day)));
                Assert.Equal(local.Count, local.DistinctBy(t => t.Date).Count());
            },
            iter: 200);

    [Theory]
    [InlineData("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z")] // 29 March has no 02:30
    [InlineData("Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z")] // 25 October has two: the first
    [InlineData("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    public void A_time_that_the_clocks_jump_over_is_skipped_and_one_that_comes_twice_is_the_first(string zone, string after, string expected) =>
        Assert.Equal(
            DateTimeOffset.Parse(expected, CultureInfo.InvariantCulture),
            Recurrence.Daily(new(2, 30)).After(DateTimeOffset.Parse(after, CultureInfo.InvariantCulture), TimeZoneInfo.FindSystemTimeZoneById(zone)));

    [Fact]
    public void A_time_that_the_clocks_jump_over_is_told_with_its_day()
    {
        var berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
        var now = new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(new DateOnly(2027, 3, 28), Recurrence.Daily(new(2, 30)).NextSkipped(now, berlin));
        Assert.Null(Recurrence.Daily(new(3, 0)).NextSkipped(now, berlin));
        Assert.Null(Recurrence.Weekly(DayOfWeek.Monday, new(2, 30)).NextSkipped(now, berlin));
        Assert.Null(Recurrence.Daily(new(2, 30)).NextSkipped(now, TimeZoneInfo.Utc));
    }

    [Fact]
    public void The_29_February_of_a_leap_year_is_a_day_like_any_other_of_daily_and_weekly()
    {
        var feb28 = new DateTimeOffset(2028, 2, 28, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(new DateTimeOffset(2028, 2, 29, 2, 0, 0, TimeSpan.Zero), Recurrence.Daily(new(2, 0)).After(feb28, TimeZoneInfo.Utc));
        Assert.Equal(new DateTimeOffset(2028, 2, 29, 2, 0, 0, TimeSpan.Zero), Recurrence.Weekly(DayOfWeek.Tuesday, new(2, 0)).After(feb28, TimeZoneInfo.Utc));
    }

    private static DateTimeOffset? WallClock(Recurrence daily, DateTimeOffset after, TimeZoneInfo zone)
    {
        var minute = DateTimeOffset.FromUnixTimeSeconds(after.ToUnixTimeSeconds() / 60 * 60);
        for (; minute < after.AddDays(4); minute = minute.AddMinutes(1))
        {
            var wall = TimeZoneInfo.ConvertTime(minute, zone).DateTime;
            var second = zone.IsAmbiguousTime(wall) && zone.GetUtcOffset(minute) != zone.GetAmbiguousTimeOffsets(wall).Max();
            if (TimeOnly.FromDateTime(wall) == daily.At && minute > after && !second)
                return minute;
        }

        return null;
    }
}
