using LuxHedge.Activities.Schedules;
using LuxHedge.Worker.Commands;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>What people do again and again: drills and reviews, with overdue as a state of its own.</summary>
public static class DrillViews
{
    public static void Calendar(IAnsiConsole console, IReadOnlyList<DrillRow> rows, CommandContext context)
    {
        if (rows.Count == 0)
        {
            console.MarkupLine("The plan has no drills.");
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("drill").NoWrap(), new TableColumn("").NoWrap(), new TableColumn("due").NoWrap(), new TableColumn("last run").NoWrap(),
            new TableColumn("verdict").NoWrap(), new TableColumn("when").NoWrap());
        rows = [.. rows.OrderBy(r => r.Overdue switch { true => 0, null => 1, false => 2 }).ThenBy(r => r.Due)];
        foreach (var row in rows)
        {
            table.AddRow(
                Words.Plain(row.Drill), State(row.Overdue), Due(row.Due, row.Overdue, context.Now), Amounts.Time(row.LastRun, "never"),
                row.LastVerdict is { } verdict ? Words.Markup(verdict) : row.LastRun is null ? "–" : "[blue]under way[/]", Words.Plain(row.When ?? "on an event"));
        }

        console.Write(table);
        foreach (var row in rows.Where(r => r.Later is not null))
        {
            console.MarkupLine($"[grey]later[/]  {Words.Plain(row.Drill)}: {Words.Plain(row.Later)}");
        }

        if (rows.FirstOrDefault(r => r.Overdue is true && r.Later is null) is { } first)
        {
            console.MarkupLine($"Run one now: {Words.Plain(context.Line($"drill run {first.Drill}"))}");
        }
    }

    public static void Reviews(IAnsiConsole console, IReadOnlyList<ReviewRow> rows, CommandContext context)
    {
        if (rows.Count == 0)
        {
            console.MarkupLine("The plan has no reviews.");
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("review").NoWrap(), new TableColumn("").NoWrap(), new TableColumn("due").NoWrap(), new TableColumn("done").NoWrap(),
            new TableColumn("by").NoWrap(), new TableColumn("covers"));
        foreach (var row in rows)
        {
            table.AddRow(
                Words.Plain(row.Review), State(row.Overdue), Due(row.Due, row.Overdue, context.Now), Amounts.Time(row.Done, "never"),
                Words.Plain(row.By ?? Words.List(row.Owners, "anyone")), Words.Plain(Words.List(row.Covers, row.Title)));
        }

        console.Write(table);
    }

    private static string State(bool? overdue) => overdue switch
    {
        true => "[red]overdue[/]",
        false => "",
        null => "[yellow]unknown[/]",
    };

    private static string Due(DateTimeOffset? due, bool? overdue, DateTimeOffset now) => due is not { } time
        ? "–"
        : $"{time.UtcDateTime:yyyy-MM-dd HH:mm} {(time > now ? $"in {Amounts.Span(time - now)}" : overdue is true ? $"{Amounts.Span(now - time)} ago" : "")}".TrimEnd();
}
