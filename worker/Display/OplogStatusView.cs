using System.Text;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows.Oplog;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>Capture and its windows: as times, and as a bar in which a gap is seen without colours.</summary>
public static class OplogStatusView
{
    private const int BarCells = 60;

    /// <summary>The bar goes back so long, or to the beginning of the oldest window where that is later.</summary>
    private static readonly TimeSpan Shown = TimeSpan.FromDays(1);

    public static void Write(IAnsiConsole console, IReadOnlyList<OplogStatus> all, Plan plan, DateTimeOffset now)
    {
        foreach (var asset in all)
        {
            var capture = asset.Capture;
            var target = plan.Assets[asset.Asset].Rpo;
            console.MarkupLine($"[bold]{Words.Plain(asset.Asset)}[/]  {State(capture)}{(capture.Since is { } since ? $" since {Amounts.Time(since)}" : "")}");
            if (capture.Why is { } why)
            {
                console.MarkupLine($"  {Words.Plain(why)}");
            }

            console.MarkupLine($"  {Words.Many(capture.Slices, "slice")}, the newest up to {Amounts.Time(capture.Newest, "–")}{(capture.Lag is { } lag ? $", {Amounts.Span(lag)} ago" : "")}");
            console.MarkupLine(
                asset.Rpo is { } rpo
                    ? $"  lost now: {(rpo > target ? $"[red]{Amounts.Span(rpo)}[/]" : Amounts.Span(rpo))} of {Amounts.Span(target)}; newest canary {Amounts.Time(asset.NewestCanary, "none")}"
                    : "  lost now: [red]everything[/]");
            if (asset.Windows.Count == 0)
            {
                console.MarkupLine("  [yellow]no point in time can be reached[/]: there is no eligible backup");
            }

            foreach (var window in asset.Windows)
            {
                console.MarkupLine(window.From == window.To
                    ? $"  {Amounts.Time(window.From)}  only (backup {Words.Plain(window.Base)})"
                    : $"  {Amounts.Time(window.From)}  to  {Amounts.Time(window.To)}  from {Words.Plain(window.Base)}");
                if (window.CheckedFrom is { } checkedFrom)
                {
                    console.MarkupLine($"    [grey]before {Amounts.Time(checkedFrom)} by the names of its slices; --all reads every manifest[/]");
                }
            }

            foreach (var gap in asset.Gaps)
            {
                console.MarkupLine($"  [red]gap[/]  {Amounts.Time(gap.After)} to {Amounts.Time(gap.Until)}: {Words.Plain(gap.Why)}");
            }

            foreach (var problem in asset.Problems)
            {
                console.MarkupLine($"  [yellow]•[/] {Words.Plain(problem)}");
            }

            if (Bar(asset.Windows, now) is var (from, bar))
            {
                console.MarkupLine($"  {from.UtcDateTime:MM-dd HH:mm} [blue]{bar}[/] now   █ any moment can be had, · it can not");
            }

            console.WriteLine();
        }
    }

    /// <summary>Null where there is nothing to show.</summary>
    internal static (DateTimeOffset From, string Cells)? Bar(IReadOnlyList<WindowStatus> windows, DateTimeOffset now)
    {
        var spans = windows.Where(w => w.From < w.To).ToList();
        if (spans.Count == 0)
        {
            return null;
        }

        var oldest = spans.Min(w => w.From);
        var from = oldest > now - Shown ? oldest : now - Shown;
        if (from >= now)
        {
            return null;
        }

        var cell = (now - from) / BarCells;
        var cells = new StringBuilder(BarCells);
        for (var i = 0; i < BarCells; i++)
        {
            // A cell is full only when all of it can be had: no gap is too short to be seen.
            var (begin, end) = (from + i * cell, from + (i + 1) * cell);
            cells.Append(spans.Exists(w => w.From <= begin && end <= w.To + cell / 2) ? '█' : '·');
        }

        return (from, cells.ToString());
    }

    private static string State(CaptureStatus capture) => capture.State switch
    {
        CaptureStates.Running => "[blue]running[/]",
        CaptureStates.Gap => "[red]gap[/]",
        CaptureStates.Waiting => "[yellow]waiting[/]",
        CaptureStates.Stopped => "[yellow]stopped[/]",
        var other => $"[yellow]{Words.Plain(other)}[/]",
    };
}
