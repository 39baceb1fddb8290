using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Runbooks;

namespace LuxHedge.Worker.Display;

/// <summary>How a point in time is told before it is brought back.</summary>
internal static class PointWords
{
    public static string Of(PointChoice point) =>
        point.Chain.Count == 0 ? $"{PointChoice.Text(point.Until)}, the backup's own end mark"
            : $"[bold]{PointChoice.Text(point.Until)}[/], by {Words.Many(point.Chain.Count, "slice")} ({Amounts.Bytes(point.Chain.Sum(s => s.RawBytes))}) after the backup";

    /// <summary>How old what comes back is, and what of the time before it would be lost.</summary>
    public static string Loss(PlannedBackup chosen, DateTimeOffset now) =>
        $"of {Amounts.Span(now - chosen.Moment)} ago; " + Rpo(chosen.Loss);

    public static string Rpo(TimeSpan? loss) => loss is { } known
        ? $"RPO at most {Amounts.Span(known)}, by the newest canary of its slices"
        : "RPO not known before: its slices tell of no canary";
}
