using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>Runs under way, or why they are not known.</summary>
public sealed record OpenRuns(IReadOnlyList<RunRow> Runs, string? Unknown);

/// <summary>The one screen that answers whether everything can be got back.</summary>
public static class StatusView
{
    public static void Write(IAnsiConsole console, StatusDocument status, Plan plan, OpenRuns open)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("asset"),
            new TableColumn("verdict").NoWrap(),
            new TableColumn("newest verified"),
            new TableColumn("age").NoWrap().RightAligned(),
            new TableColumn("lost now (RPO)").NoWrap().RightAligned());
        foreach (var asset in status.Assets)
        {
            table.AddRow(
                Words.Plain(asset.Asset),
                Words.Markup(asset.Verdict),
                Words.Plain(asset.NewestVerified ?? "none"),
                asset.Age is { } age ? Amounts.Span(age) : "–",
                asset.Rpo is { } rpo ? Rpo(rpo, plan.Assets[asset.Asset].Rpo) : "[red]everything[/]");
        }

        console.Write(table);
        foreach (var asset in status.Assets.Where(a => a.Problems.Count > 0))
        {
            console.MarkupLine($"[bold]{Words.Plain(asset.Asset)}[/]");
            foreach (var problem in asset.Problems)
            {
                console.MarkupLine($"  {(asset.Verdict == Verdict.Failed ? "[red]•[/]" : "[yellow]•[/]")} {Words.Plain(problem)}");
            }
        }

        foreach (var late in status.Overdue)
        {
            console.MarkupLine($"[red]overdue[/]  {late.What} {Words.Plain(late.Name)}: due {Amounts.Time(late.Due, "never")}, last done {Amounts.Time(late.Last, "never")}");
        }

        foreach (var run in open.Runs)
        {
            var waiting = run.WaitingFor is { } w ? $", [yellow]waiting for {Words.Plain(RunTexts.Waiting(w))}[/]" : "";
            console.MarkupLine($"[blue]under way[/]  {Words.Plain(CommandFailures.What(run.Workflow, run.Asset))}: {Words.Plain(run.RunId)}{waiting}");
        }

        if (open.Unknown is { } why)
        {
            console.MarkupLine($"[yellow]unknown[/]  what is under way: {Words.Plain(why)}");
        }

        console.MarkupLine($"{Words.Markup(status.Verdict)}  all in all");
    }

    private static string Rpo(TimeSpan rpo, TimeSpan target) =>
        rpo > target ? $"[red]{Amounts.Span(rpo)}[/] of {Amounts.Span(target)}" : $"{Amounts.Span(rpo)} of {Amounts.Span(target)}";
}
