using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows.Runbooks;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>Runbooks as people read them.</summary>
public static class RunbookViews
{
    public static void Checked(IAnsiConsole console, IReadOnlyList<CheckedRunbook> runbooks, bool withoutPlan)
    {
        foreach (var runbook in runbooks)
        {
            console.MarkupLine(
                $"[bold]{Words.Plain(runbook.Runbook)}[/] version {runbook.Version}  {Words.Plain(runbook.Title)}  [grey]{Words.Many(runbook.Steps, "step")}[/]");
        }

        if (withoutPlan)
        {
            console.MarkupLine("[yellow]There is no plan here: names of people, assets, policies and stores were not checked.[/]");
        }

        console.MarkupLine($"{Words.Many(runbooks.Count, "runbook is", "runbooks are")} good.");
    }

    public static void List(IAnsiConsole console, IReadOnlyList<RunbookReading> readings, Plan plan)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("runbook").NoWrap(),
            new TableColumn("version").NoWrap().RightAligned(),
            new TableColumn("what it is for"),
            new TableColumn("inputs"),
            new TableColumn("drills of the plan"));
        foreach (var runbook in readings.Select(r => r.Definition).OfType<RunbookDefinition>())
        {
            table.AddRow(
                Words.Plain(runbook.Runbook),
                Amounts.Count(runbook.Version),
                Words.Plain(runbook.Title),
                Words.Plain(Words.List(runbook.Inputs.Select(i => i is { Optional: false, Default: null } ? $"{i.Name} (needed)" : i.Name), "–")),
                Words.Plain(Words.List(plan.Drills.Values.Where(d => d.Runbook == runbook.Runbook).Select(d => d.Name), "–")));
        }

        console.Write(table);
    }

    /// <summary>Those that can't be run, and how to learn why.</summary>
    public static void Refused(IAnsiConsole console, IReadOnlyList<RunbookReading> readings)
    {
        foreach (var refused in readings.Where(r => r.Definition is null))
        {
            console.MarkupLine(
                $"[red]refused[/]  {Words.Plain(Path.GetFileName(refused.Path))}: {Words.Plain(refused.Problems[0].Message)} "
                + $"[grey]({Words.Many(refused.Problems.Count, "problem")}; luxhedge runbooks check)[/]");
        }
    }
}
