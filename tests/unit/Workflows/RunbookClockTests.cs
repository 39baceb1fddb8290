using CsCheck;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class RunbookClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    /// <summary>Spans of whole minutes in two hours, in any order, overlapping, empty or upside down.</summary>
    private static readonly Gen<Span[]> Spans = Gen.Select(Gen.Int[0, 120], Gen.Int[0, 120], (from, to) => Between(from, to)).Array[0, 12];

    [Fact]
    public void A_person_who_decides_while_a_step_works_costs_nothing()
    {
        var rto = Measure(Between(0, 60), waiting: [Between(10, 30)], working: [Between(0, 20)], cleaning: []);

        Assert.Equal((60, 50, 10, 0), Minutes(rto));
    }

    [Fact]
    public void Clean_up_of_a_nested_runbook_is_not_on_the_clock()
    {
        var rto = Measure(Between(0, 60), waiting: [Between(50, 55)], working: [Between(0, 20)], cleaning: [Between(20, 30), Between(60, 70)]);

        Assert.Equal((50, 45, 5, 20), Minutes(rto));
    }

    [Fact]
    public void Waiting_outside_the_clock_does_not_count()
    {
        var rto = Measure(Between(10, 20), waiting: [Between(0, 12), Between(18, 40)], working: [], cleaning: []);

        Assert.Equal((10, 6, 4, 0), Minutes(rto));
    }

    /// <summary>Minute by minute, as one would count by hand.</summary>
    [Fact]
    public void Every_minute_of_any_run_is_counted_once_and_for_the_right_side() =>
        Gen.Select(Spans, Spans, Spans, Gen.Int[0, 60], Gen.Int[60, 120]).Sample((waiting, working, cleaning, from, to) =>
        {
            var rto = Measure(Between(from, to), waiting, working, cleaning);
            bool In(Span[] spans, int minute) => spans.Any(s => s.From <= At(minute) && s.To >= At(minute + 1));
            var counted = Enumerable.Range(from, to - from).Where(m => !In(cleaning, m)).ToList();
            var waited = counted.Count(m => In(waiting, m) && !In(working, m));

            Assert.Equal((counted.Count, counted.Count - waited, waited, Enumerable.Range(0, 120).Count(m => In(cleaning, m))), Minutes(rto));
            Assert.Equal(rto.Total, rto.Machine + rto.Waiting);
        }, iter: 2_000);

    [Fact]
    public void The_order_in_which_things_happened_to_be_written_down_does_not_matter() =>
        Gen.Select(Spans, Spans, Spans).Sample((waiting, working, cleaning) => Assert.Equal(
            Measure(Between(0, 120), waiting, working, cleaning),
            Measure(Between(0, 120), [.. waiting.Reverse()], [.. working.Reverse()], [.. cleaning.Reverse()])), iter: 500);

    private static RtoMeasure Measure(Span clock, Span[] waiting, Span[] working, Span[] cleaning) =>
        RunbookClock.Measure(TimeSpan.Zero, clock, waiting, working, cleaning);

    private static (int Total, int Machine, int Waiting, int Cleanup) Minutes(RtoMeasure rto) =>
        ((int)rto.Total.TotalMinutes, (int)rto.Machine.TotalMinutes, (int)rto.Waiting.TotalMinutes, (int)rto.Cleanup.TotalMinutes);

    private static Span Between(int from, int to) => new(At(from), At(to));

    private static DateTimeOffset At(int minute) => Start + TimeSpan.FromMinutes(minute);
}
