using LuxHedge.Activities.Plans;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>A plan that is good: what runs of it now, what is later work, and what is worth a look.</summary>
public static class PlanView
{
    public static void Write(IAnsiConsole console, PlanReport report)
    {
        foreach (var asset in report.Assets)
        {
            console.MarkupLine(
                $"[bold]{Words.Plain(asset.Asset)}[/] [grey]({Words.Plain(asset.Kind)})[/]  to {Words.Plain(Words.List(asset.Stores))}; "
                + $"RTO {Amounts.Span(asset.Rto)}, RPO {Amounts.Span(asset.Rpo)}{(asset.RunsNow ? "" : "  [yellow]can't be run yet[/]")}");
            foreach (var later in asset.Later)
            {
                console.MarkupLine($"    [grey]later[/]  {Words.Plain(later)}");
            }
        }

        foreach (var later in report.Later)
        {
            console.MarkupLine($"[grey]later[/]  {Words.Plain(later)}");
        }

        foreach (var warning in report.Warnings)
        {
            console.MarkupLine($"[yellow]warning[/]  {(warning.Where is { } at ? Words.Plain(at) + ": " : "")}{Words.Plain(warning.Message)}");
        }

        console.MarkupLine($"{Words.Plain(report.Plan)} is good: {Words.Many(report.Assets.Count, "asset")}, {Words.Many(report.Warnings.Count, "warning")}.");
    }
}
