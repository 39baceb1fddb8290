using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Schedules;

/// <summary>One time that something was done.</summary>
/// <param name="Verdict">Null: it has not ended, or says none.</param>
public sealed record DoneRun(string RunId, DateTimeOffset At, Verdict? Verdict);

/// <summary>How something that is planned again and again stands.</summary>
/// <param name="Last">The newest time it was begun; null: never, as far as is known.</param>
/// <param name="Due">When it should be done (or should have been); null: nothing says so.</param>
/// <param name="Overdue">Null: it is not known.</param>
public sealed record DueState(DoneRun? Last, DateTimeOffset? Due, bool? Overdue);

/// <summary>What is due when, from what was done. No I/O.</summary>
public static class Dues
{
    /// <summary>Whatever takes long may: a tenth of its period, at least five minutes, at most a day, before it counts as overdue.</summary>
    public static TimeSpan Grace(TimeSpan period)
    {
        var tenth = period / 10;
        return tenth < TimeSpan.FromMinutes(5) ? TimeSpan.FromMinutes(5) : tenth > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : tenth;
    }

    /// <summary>
    /// The next planned time after the last one that counts: one that ended Proven or Failed. (NotProven has shown nothing, so it is still to be
    /// done.) What was never done was due at its last planned time: that the plan is young does not make anything recoverable.
    /// </summary>
    /// <param name="done">In any order.</param>
    /// <param name="since">Before it nothing could be done, so that what was never done is due at the first planned time after it. Null: it could
    /// always.</param>
    /// <param name="known">False: not everything could be read, so that what seems overdue may have been done.</param>
    public static DueState Of(Recurrence? when, IReadOnlyList<DoneRun> done, bool known, DateTimeOffset now, TimeZoneInfo zone, DateTimeOffset? since = null)
    {
        var last = done.MaxBy(r => r.At);
        if (when is null)
            return new(last, null, null);
        var counts = done.Where(r => r.Verdict is Verdict.Proven or Verdict.Failed).MaxBy(r => r.At);
        var start = counts?.At ?? since;
        var due = start is { } at ? when.After(at, zone) : when.AtOrBefore(now, zone);
        var overdue = start is null || now > due + Grace(when.Longest);
        return new(last, due, overdue && !known ? null : overdue);
    }

    /// <summary>The restore tests of an asset, whoever started them, from the records of its backups.</summary>
    public static IReadOnlyList<DoneRun> RestoreTests(CatalogView view) =>
    [
        .. view.Backups.SelectMany(b => b.RecordsOf(RecordKinds.Verified))
            .Where(r => r.Record.Level == VerificationLevel.Restore)
            .Select(r => new DoneRun(r.Record.RunId, r.Record.At, r.Record.Verdict)),
    ];
}
