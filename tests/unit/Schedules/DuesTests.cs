using CsCheck;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Schedules;

public sealed class DuesTests
{
    private static readonly Recurrence Quarterly = Recurrence.Quarterly(15, new(9, 0));

    [Fact]
    public void What_was_done_is_due_at_its_next_time_and_overdue_a_day_later()
    {
        DoneRun[] done = [new("run", At("2026-10-15T09:00:05Z"), Verdict.Proven)];
        var state = Of(done, "2027-01-16T08:59:00Z");
        Assert.Equal(At("2027-01-15T09:00:00Z"), state.Due);
        Assert.False(state.Overdue);
        Assert.True(Of(done, "2027-01-16T09:01:00Z").Overdue);
    }

    [Fact]
    public void What_was_never_done_was_due_at_its_last_time_and_is_overdue()
    {
        var state = Of([], "2026-11-23T00:00:00Z");
        Assert.Null(state.Last);
        Assert.Equal(At("2026-10-15T09:00:00Z"), state.Due);
        Assert.True(state.Overdue);
    }

    [Fact]
    public void What_could_not_be_done_before_a_moment_is_due_at_the_first_time_after_it()
    {
        var state = Dues.Of(Quarterly, [], known: true, At("2026-11-23T00:00:00Z"), TimeZoneInfo.Utc, since: At("2026-11-20T00:00:00Z"));
        Assert.Equal(At("2027-01-15T09:00:00Z"), state.Due);
        Assert.False(state.Overdue);
    }

    [Fact]
    public void A_run_that_is_NotProven_is_shown_and_does_not_count_as_done()
    {
        DoneRun[] done = [new("good", At("2026-07-15T09:00:00Z"), Verdict.Proven), new("aborted", At("2026-10-15T09:00:00Z"), Verdict.NotProven)];
        var state = Of(done, "2026-11-23T00:00:00Z");
        Assert.Equal("aborted", state.Last!.RunId);
        Assert.Equal(At("2026-10-15T09:00:00Z"), state.Due);
        Assert.True(state.Overdue);
    }

    [Fact]
    public void A_drill_that_failed_was_done_and_its_failure_is_another_trouble() =>
        Assert.False(Of([new("failed", At("2026-10-15T09:00:00Z"), Verdict.Failed)], "2026-11-23T00:00:00Z").Overdue);

    [Fact]
    public void What_seems_overdue_is_unknown_where_a_store_could_not_be_read_and_what_is_seen_done_is_not()
    {
        Assert.Null(Dues.Of(Quarterly, [], known: false, At("2026-11-23T00:00:00Z"), TimeZoneInfo.Utc).Overdue);
        DoneRun[] done = [new("run", At("2026-10-15T09:00:05Z"), Verdict.Proven)];
        Assert.False(Dues.Of(Quarterly, done, known: false, At("2026-11-23T00:00:00Z"), TimeZoneInfo.Utc).Overdue);
    }

    [Fact]
    public void One_done_at_every_planned_time_is_never_overdue_and_one_missed_always_is_before_the_time_after_it() =>
        Gen.Select(Gen.Int[1, 28], Gen.Int[0, 1439], Gen.Int[1, 40], Gen.Int[0, 100_000]).Sample((day, minute, runs, later) =>
        {
            var when = Recurrence.Monthly(day, TimeOnly.MinValue.AddMinutes(minute));
            var times = when.Between(At("2024-01-01T00:00:00Z"), At("2030-01-01T00:00:00Z"), TimeZoneInfo.Utc).Take(runs + 2).ToList();
            IReadOnlyList<DoneRun> done = [.. times.Take(runs).Select((t, i) => new DoneRun($"{i}", t.AddSeconds(3), Verdict.Proven))];
            var (last, missed, after) = (times[runs - 1], times[runs], times[runs + 1]);
            Assert.Equal(missed, Dues.Of(when, done, true, last.AddHours(1), TimeZoneInfo.Utc).Due);
            var between = last + (missed - last) * (later / 100_001.0);
            Assert.False(Dues.Of(when, done, true, between, TimeZoneInfo.Utc).Overdue);
            var afterwards = missed + Dues.Grace(when.Longest) + TimeSpan.FromSeconds(1);
            Assert.True(afterwards < after);
            Assert.True(Dues.Of(when, done, true, afterwards, TimeZoneInfo.Utc).Overdue);
        });

    private static DueState Of(IReadOnlyList<DoneRun> done, string now) => Dues.Of(Quarterly, done, known: true, At(now), TimeZoneInfo.Utc);

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture);
}
