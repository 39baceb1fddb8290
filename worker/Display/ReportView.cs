using LuxHedge.Activities.Evidence;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>A run's evidence on a terminal: what is wrong first, then the clock, the steps and who decided.</summary>
public static class ReportView
{
    public static void Write(IAnsiConsole console, RunReport report)
    {
        console.MarkupLine($"{Words.Markup(report.Verdict)}  [bold]{Words.Plain(report.Title)}[/]");
        console.MarkupLine($"{Words.Plain(report.What)}");
        console.MarkupLine($"[grey]{Words.Plain(report.RunId)}, {Amounts.Time(report.StartedAt)} to {Amounts.Time(report.EndedAt)}[/]");
        console.MarkupLine(Words.Plain(report.Sentence));
        foreach (var finding in report.Findings)
            console.MarkupLine($"  {Words.Markup(finding.Verdict)}  [bold]{Words.Plain(finding.What)}[/]: {Words.Plain(finding.Detail)}");
        Clock(console, report);
        if (report.Steps.Count > 0)
            console.Write(Steps(report));
        foreach (var ask in report.Asks)
            Ask(console, ask);
        foreach (var refused in report.Refused)
            console.MarkupLine($"[grey]refused[/]  {Words.Plain(refused.Person)} on {Words.Plain(refused.Step)}: {Words.Plain(refused.Why)}");
        foreach (var act in report.Interventions)
            console.MarkupLine($"[yellow]{Words.Plain(act.Kind)}[/]  {Words.Plain(act.Step ?? "the run")} by {Words.Plain(act.Person)} at {Amounts.Time(act.At)}: {Words.Plain(act.Reason)}");
        foreach (var note in report.Notes)
            console.MarkupLine($"[yellow]note[/]  {Words.Plain(note)}");
    }

    private static void Clock(IAnsiConsole console, RunReport report)
    {
        var proven = report.Verdict == Verdict.Proven;
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        grid.AddRow(
            "RTO", Against(report.Rto.Total, report.Rto.Target, proven),
            $"{Amounts.Span(report.Rto.Total)} of {Amounts.Span(report.Rto.Target)} allowed: machine {Amounts.Span(report.Rto.Machine)}, "
            + $"waiting on people {Amounts.Span(report.Rto.Waiting)}; clean-up {Amounts.Span(report.Rto.Cleanup)} apart");
        grid.AddRow(
            "RPO", report.Rpo.Measured is { } lost ? Against(lost, report.Rpo.Target, proven) : Words.Markup(Verdict.NotProven),
            report.Rpo.Measured is { } measured
                ? $"{Amounts.Span(measured)} lost, {Amounts.Span(report.Rpo.Target)} allowed"
                : $"could not be measured; {Amounts.Span(report.Rpo.Target)} allowed");
        foreach (var tier in report.Tiers)
        {
            grid.AddRow(
                $"tier {Words.Plain(tier.Tier)}", Words.Markup(tier.Verdict),
                $"back within {Amounts.Span(tier.Rto.Target)}, losing at most {Amounts.Span(tier.Rpo.Target)}");
        }

        console.Write(grid);
    }

    private static Table Steps(RunReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("step"), new TableColumn("state").NoWrap(), new TableColumn("began").NoWrap(), new TableColumn("took").NoWrap(),
            new TableColumn("waited").NoWrap(), new TableColumn(""));
        foreach (var step in report.Steps)
        {
            table.AddRow(
                Words.Plain(new string(' ', Math.Min(step.Depth, 4) * 2) + step.Id),
                step.State == StepStates.Failed ? "[red bold]failed[/]"
                    : step.Verdict != Verdict.Proven ? Words.Markup(step.Verdict)
                    : Words.Plain(step.State),
                $"{step.StartedAt.UtcDateTime:HH:mm:ss}",
                Amounts.Span(step.EndedAt - step.StartedAt),
                step.Waiting > TimeSpan.Zero ? Amounts.Span(step.Waiting) : "",
                Words.Plain(string.Join("; ", [.. step.Detail is { } detail ? new[] { detail } : [], .. step.Interventions])));
        }

        return table;
    }

    private static void Ask(IAnsiConsole console, ReportAsk ask)
    {
        console.MarkupLine($"[bold]{Words.Plain(ask.Ask.Step)}[/]: {Words.Plain(ask.Word)}{(ask.Ask.Title.Length > 0 ? $", {Words.Plain(ask.Ask.Title)}" : "")}");
        foreach (var problem in ask.Problems)
            console.MarkupLine($"  [red bold]does not verify[/]  {Words.Plain(problem)}");
        foreach (var d in ask.Decisions)
        {
            var verified = d.Problem is null ? "[green]verified[/]" : $"[red bold]does not verify[/] {Words.Plain(d.Problem)}";
            var glass = d.Decision.BreakGlass ? " [red bold]break-glass[/]" : "";
            console.MarkupLine(
                $"  {(d.Decision.Kind == DecisionKind.Approved ? d.Word : "[red]denied[/]")}{glass} by [bold]{Words.Plain(d.Decision.Person)}[/] at {Amounts.Time(d.Decision.At)}: "
                + $"{Words.Plain(d.Decision.Reason)} [grey]({Words.Plain(d.Key)})[/] {verified}");
        }
    }

    /// <summary>Within the target is green only where the whole is Proven.</summary>
    private static string Against(TimeSpan measured, TimeSpan target, bool proven) =>
        measured > target ? "[red bold]missed[/]" : proven ? "[green]met[/]" : "[grey]within[/]";
}
