using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// The run as a picture: one bar a step by the clock, waiting on people hatched, what failed in red, clean-up paler, nested steps indented; lines
/// where the clock stopped and where the target lies. Plain SVG without scripts; colours are the page's.
/// </summary>
internal static class Timeline
{
    private const double Width = 1000;
    private const double Labels = 310;
    private const double Row = 22;
    private const double Bar = 13;
    private const double Top = 34;
    private const double Right = 92;
    private const int LongestLabel = 48;

    /// <summary>Between two lines of the grid: about eight of them fit.</summary>
    private static readonly TimeSpan[] Grid =
    [
        .. new[] { 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30 }.Select(TimeSpan.FromSeconds),
        .. new[] { 1.0, 2, 5, 10, 15, 30 }.Select(TimeSpan.FromMinutes),
        .. new[] { 1.0, 2, 3, 6, 12 }.Select(TimeSpan.FromHours),
        .. new[] { 1.0, 2, 7, 14, 30, 90, 365 }.Select(TimeSpan.FromDays),
    ];

    public static Html Draw(RunReport report)
    {
        var end = report.Steps.Select(s => s.EndedAt).Append(report.ClockStopped).Append(report.EndedAt).Max();
        var total = Max(end - report.StartedAt, TimeSpan.FromMilliseconds(100));
        var height = Top + (report.Steps.Count * Row) + 8;
        double X(DateTimeOffset at) => Labels + (Math.Clamp((at - report.StartedAt) / total, 0, 1) * (Width - Labels - Right));

        var svg = new Html();
        svg.Add($"""<svg class="timeline" viewBox="0 0 {Width} {height}" role="img" aria-label="Timeline: {report.Steps.Count} steps in {ReportWords.Span(total)}">""");
        svg.Raw("""
            <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="hatch-back"/><rect width="2.5" height="6" class="hatch-line"/></pattern></defs>

            """);
        var step = Array.Find(Grid, g => total / g <= 8) is { } fits && fits > TimeSpan.Zero ? fits : total;
        for (var at = TimeSpan.Zero; at <= total; at += step)
        {
            var x = X(report.StartedAt + at);
            svg.Add($"""<line class="grid" x1="{x}" y1="{Top - 8}" x2="{x}" y2="{height}"/><text class="tick" x="{x}" y="{Top - 13}">{Elapsed(at)}</text>""").Raw("\n");
        }

        for (var i = 0; i < report.Steps.Count; i++)
            DrawStep(svg, report.Steps[i], Top + (i * Row), X, report.StartedAt);
        if (report.Rto.Target > TimeSpan.Zero && report.Rto.Target <= total)
            Mark(svg, "limit", X(report.StartedAt + report.Rto.Target), height, "target");
        Mark(svg, report.Verdict == Verdict.Proven ? "stop" : "stop unproven", X(report.ClockStopped), height, "clock stops");
        return svg.Raw("</svg>\n");
    }

    private static void DrawStep(Html svg, ReportStep step, double y, Func<DateTimeOffset, double> x, DateTimeOffset from)
    {
        var (begin, end) = (x(step.StartedAt), x(step.EndedAt));
        var width = Math.Max(end - begin, 2);
        var took = step.EndedAt - step.StartedAt;
        var waiting = took > TimeSpan.Zero ? Math.Clamp(step.Waiting / took, 0, 1) * width : 0;
        var indent = Math.Min(step.Depth, 4) * 14;
        var label = step.Title.Length > 0 ? step.Title : step.Id.Split('/')[^1];
        svg.Add($"""<g class="row {ClassOf(step)}"><title>{Told(step, from)}</title><text class="label" x="{indent}" y="{y + Bar - 2.5}">{Shortened(label, LongestLabel - (indent / 7))}</text>""");
        if (step.State == StepStates.Skipped)
        {
            svg.Add($"""<text class="note" x="{begin + 4}" y="{y + Bar - 2.5}">skipped</text></g>""").Raw("\n");
            return;
        }

        // Nobody wrote down when within a step people were waited for: a failed step waits at its end, an approval all along.
        if (width - waiting > 0.01)
            svg.Add($"""<rect class="bar" x="{begin}" y="{y}" width="{width - waiting}" height="{Bar}" rx="2"/>""");
        if (waiting > 0)
            svg.Add($"""<rect class="bar waiting" x="{begin + width - waiting}" y="{y}" width="{waiting}" height="{Bar}" rx="2"/>""");
        var text = $"{ReportWords.Span(took)}{(step.State == StepStates.Failed ? " ✘" : "")}";
        svg.Add($"""<text class="note" x="{begin + width + 5}" y="{y + Bar - 2.5}">{text}</text></g>""").Raw("\n");
    }

    private static void Mark(Html svg, string kind, double x, double height, string text) => svg.Add(
        $"""<line class="{kind}" x1="{x}" y1="10" x2="{x}" y2="{height}"/><text class="mark {kind}" x="{x + (x > Width / 2 ? -4 : 4)}" y="9" text-anchor="{(x > Width / 2 ? "end" : "start")}">{text}</text>""").Raw("\n");

    private static string ClassOf(ReportStep step) => string.Join(' ', new[]
    {
        step.State, step.CleanUp ? "clean-up" : null, step.State != StepStates.Failed && step.Verdict == Verdict.Failed ? "failed" : null,
        step.Verdict == Verdict.NotProven ? "unproven" : null,
    }.OfType<string>());

    private static string Told(ReportStep step, DateTimeOffset from) =>
        $"{step.Id}: {step.State}, after {ReportWords.Span(step.StartedAt - from)}, took {ReportWords.Span(step.EndedAt - step.StartedAt)}" +
        (step.Waiting > TimeSpan.Zero ? $", of which waiting on people {ReportWords.Span(step.Waiting)}" : "");

    private static string Elapsed(TimeSpan at) => at == TimeSpan.Zero ? "0" : ReportWords.Span(at);

    private static string Shortened(string text, int longest) => text.Length <= longest ? text : text[..(longest - 1)] + "…";

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
