using LuxHedge.Workflows.Restore;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>From one moment to another; nothing when the end is not after the beginning.</summary>
public readonly record struct Span(DateTimeOffset From, DateTimeOffset To);

/// <summary>
/// Splits the time of a run. Pure.
/// <para>
/// The clock runs from the declaration until the checks are green. Of that, clean-up of a nested runbook does not count at all; a moment in
/// which somebody was waited for and no step worked is waiting; the rest is the machine's. So total = machine + waiting, and a person who
/// decides while a step works costs nothing.
/// </para>
/// </summary>
public static class RunbookClock
{
    /// <param name="waiting">When people were waited for, in any order, overlapping or not.</param>
    /// <param name="working">When steps worked.</param>
    /// <param name="cleaning">When clean-up ran, the one after the clock stopped included.</param>
    public static RtoMeasure Measure(
        TimeSpan target, Span clock, IEnumerable<Span> waiting, IEnumerable<Span> working, IEnumerable<Span> cleaning)
    {
        var cleaned = Union(cleaning);
        var counted = Without([clock], cleaned);
        var total = Length(counted);
        var idle = Without(Without(Union(waiting), Union(working)), cleaned);
        var waited = Length(idle) - Length(Without(idle, Union([clock])));
        return new(target, total, total - waited, waited, Length(cleaned));
    }

    private static TimeSpan Length(IEnumerable<Span> spans) => spans.Aggregate(TimeSpan.Zero, (sum, s) => sum + (s.To - s.From));

    /// <summary>The same moments as spans that don't touch, in order.</summary>
    private static List<Span> Union(IEnumerable<Span> spans)
    {
        var union = new List<Span>();
        foreach (var span in spans.Where(s => s.To > s.From).OrderBy(s => s.From).ThenBy(s => s.To))
        {
            if (union.Count > 0 && span.From <= union[^1].To)
                union[^1] = union[^1] with { To = span.To > union[^1].To ? span.To : union[^1].To };
            else
                union.Add(span);
        }

        return union;
    }

    /// <summary>The moments of the one that are not of the other. Both as <see cref="Union"/> makes them.</summary>
    private static List<Span> Without(IReadOnlyList<Span> spans, IReadOnlyList<Span> holes)
    {
        var left = new List<Span>();
        foreach (var span in spans)
        {
            var from = span.From;
            foreach (var hole in holes.Where(h => h.To > span.From && h.From < span.To))
            {
                if (hole.From > from)
                    left.Add(new(from, hole.From));
                from = hole.To > from ? hole.To : from;
            }

            if (span.To > from)
                left.Add(new(from, span.To));
        }

        return left;
    }
}
