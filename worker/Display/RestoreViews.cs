using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>How a restore came out: every check, and both clocks against their targets.</summary>
public static class RestoreViews
{
    public static void Summary(IAnsiConsole console, RestoreSummary summary)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("check"), new TableColumn("verdict").NoWrap(), new TableColumn("detail"));
        foreach (var check in summary.Checks)
        {
            table.AddRow(Words.Plain(check.Name), Words.Markup(check.Verdict), Words.Plain(check.Detail));
        }

        if (summary.Checks.Count > 0)
        {
            console.Write(table);
        }

        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        grid.AddRow(
            "RTO",
            Against(summary.Rto.Total, summary.Rto.Target, summary.Verdict == Verdict.Proven),
            $"{Amounts.Span(summary.Rto.Total)} of {Amounts.Span(summary.Rto.Target)} allowed: machine {Amounts.Span(summary.Rto.Machine)}, "
            + $"waiting on people {Amounts.Span(summary.Rto.Waiting)}; clean-up {Amounts.Span(summary.Rto.Cleanup)} apart");
        grid.AddRow(
            "RPO",
            summary.Rpo.Measured is { } lost ? Against(lost, summary.Rpo.Target, summary.Verdict == Verdict.Proven) : Words.Markup(Verdict.NotProven),
            summary.Rpo.Measured is { } measured
                ? $"{Amounts.Span(measured)} lost, {Amounts.Span(summary.Rpo.Target)} allowed"
                : $"could not be measured; {Amounts.Span(summary.Rpo.Target)} allowed");
        console.Write(grid);

        foreach (var note in summary.Notes)
        {
            console.MarkupLine($"[yellow]note[/]  {Words.Plain(note)}");
        }

        if (summary.SafetyBackup is { } safety)
        {
            console.MarkupLine($"What was overwritten is kept as backup [bold]{Words.Plain(safety)}[/]");
        }

        foreach (var evidence in summary.Evidence)
        {
            console.MarkupLine($"[grey]evidence[/]  {Words.Plain(evidence)}");
        }

        console.MarkupLine($"{Words.Markup(summary.Verdict)}  {Sentence(summary)}");
        if (summary.Error is { } error)
        {
            ErrorView.Write(console, error);
        }
    }

    private static string At(RestoreSummary summary) =>
        summary.Point is { Slices: > 0 } point ? $" and {Words.Many(point.Slices, "slice")} after it, as it was at {Amounts.Time(point.Time)}" : "";

    private static string Sentence(RestoreSummary summary)
    {
        var target = Words.Plain(summary.Target);
        return summary.Ended switch
        {
            "Denied" => $"The approval was denied; {target} is as it was.",
            "Expired" => $"The approval was not given in time; {target} is as it was.",
            "NotApproved" => $"Refused at the last door: the decisions do not allow it; {target} is as it was.",
            "Cancelled" => $"Cancelled through Temporal: {target} was not cut over. The checks above say what was left.",
            "Aborted" => $"Aborted: {target} was not cut over. The checks above say what was left.",
            _ => summary.Verdict switch
            {
                Verdict.Proven => $"{target} is back: {Amounts.Count(summary.Documents)} documents from backup {Words.Plain(summary.Backup)}{At(summary)}.",
                Verdict.Failed => $"{target} did not come back as it was: see the checks above.",
                _ => $"{target}: {Amounts.Count(summary.Documents)} documents restored, but not everything could be checked.",
            },
        };
    }

    /// <summary>Within the target is green only where the whole is Proven: an aborted restore that was quick has met nothing.</summary>
    private static string Against(TimeSpan measured, TimeSpan target, bool proven) =>
        measured > target ? "[red bold]missed[/]" : proven ? "[green]met[/]" : "[grey]within[/]";
}
