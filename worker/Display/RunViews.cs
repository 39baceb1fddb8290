using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

public static class RunViews
{
    public static void List(IAnsiConsole console, IReadOnlyList<RunRow> runs, CommandContext context)
    {
        if (runs.Count == 0)
        {
            console.MarkupLine("No runs yet.");
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("run").NoWrap(), new TableColumn("state").NoWrap(), new TableColumn("started").NoWrap(),
            new TableColumn("took").NoWrap().RightAligned(), new TableColumn("waiting for"));
        foreach (var run in runs)
        {
            table.AddRow(
                Words.Plain(run.RunId),
                State(run),
                Amounts.Time(run.StartedAt),
                Amounts.Span((run.ClosedAt ?? context.Now) - run.StartedAt),
                Waiting(run));
        }

        console.Write(table);
        foreach (var run in runs.Where(r => r.WaitingFor is not null))
        {
            console.MarkupLine($"[yellow]{Words.Plain(run.RunId)} waits for people:[/] {Words.Plain(context.Line($"runs approve {run.RunId}"))}");
        }
    }

    private static string State(RunRow run) => run switch
    {
        { State: "waiting" } => "[yellow]waiting[/]",
        { State: "running" } => "[blue]running[/]",
        { Verdict: { } verdict } => Words.Markup(verdict),
        { State: "completed" } => "completed",
        _ => $"[red]{Words.Plain(run.State)}[/]",
    };

    private static string Waiting(RunRow run) => run.WaitingFor is { } waiting
        ? Words.Plain(RunTexts.Waiting(waiting))
        : "";
}
