using LuxHedge.Worker.Commands;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>Snapshots at Atlas, their age, and what became of those that were asked for.</summary>
public static class AtlasViews
{
    /// <summary>More of each cluster only a script reads.</summary>
    private const int MostSnapshots = 10;

    public static void Status(IAnsiConsole console, IReadOnlyList<AtlasRow> rows, DateTimeOffset now)
    {
        if (rows.Count == 0)
        {
            console.MarkupLine("No database of the plan runs on a cluster with an `atlas` section.");
            return;
        }

        foreach (var row in rows)
        {
            console.MarkupLine($"[bold]{Words.Plain(row.Asset)}[/]  {Words.Plain(row.Cluster)}, project {Words.Plain(row.Project)}");
            console.MarkupLine("  " + (row.Unknown, row.Newest) switch
            {
                ({ } why, _) => $"[yellow]unknown[/]  {Words.Plain(why)}",
                (_, null) => "[red]no complete snapshot[/]",
                _ => $"newest {Amounts.Span(row.Age!.Value)} old, {Amounts.Span(row.Rpo)} allowed  {(row.Fresh is true ? "" : "[red]too old[/]")}".TrimEnd(),
            });
            if (row.Snapshots.Count == 0)
                continue;
            var table = new Table().Border(TableBorder.Simple).AddColumns(
                new TableColumn("snapshot").NoWrap(), new TableColumn("").NoWrap(), new TableColumn("of").NoWrap(), new TableColumn("age").NoWrap().RightAligned(),
                new TableColumn("kept until").NoWrap(), new TableColumn("what"));
            foreach (var s in row.Snapshots.Take(MostSnapshots))
            {
                table.AddRow(
                    Words.Plain(s.Id), State(s.Status), Amounts.Time(s.CreatedAt, "–"), s.CreatedAt is { } at && now > at ? Amounts.Span(now - at) : "–",
                    Amounts.Time(s.ExpiresAt, "–"), Words.Plain(s.Description ?? s.Type));
            }

            console.Write(table);
            if (row.Snapshots.Count > MostSnapshots)
                console.MarkupLine($"  [grey]and {Words.Many(row.Snapshots.Count - MostSnapshots, "older one")}; --json has all[/]");
        }
    }

    public static void Summary(IAnsiConsole console, AtlasSnapshotSummary summary)
    {
        console.WriteLine();
        console.MarkupLine(summary.Snapshot is { } s && summary.Verdict == Verdict.Proven
            ? $"[green]Complete:[/] snapshot {Words.Plain(s.Id)} of {Amounts.Time(s.CreatedAt, "?")}, kept until {Amounts.Time(s.ExpiresAt, "?")}"
            : $"{Words.Markup(summary.Verdict)}  {Words.Plain(summary.Ended ?? "not complete")}: {Words.Plain(summary.Snapshot?.Id ?? "no snapshot")}");
        Notes(console, summary.Notes);
    }

    public static void Summary(IAnsiConsole console, AtlasRestoreSummary summary)
    {
        console.WriteLine();
        console.MarkupLine($"{Words.Markup(summary.Verdict)}  {Words.Plain(summary.Ended ?? $"restored in {Amounts.Span(summary.Took)}")}");
        if (summary.To is { } to)
            console.MarkupLine($"    into  {Words.Plain(to.ToString())}");
        if (summary.Moment is { } moment)
            console.MarkupLine($"    data of  {Amounts.Time(moment)}{(summary.Rpo is { } rpo ? $", {Amounts.Span(rpo)} of it lost" : "")}");
        foreach (var check in summary.Checks)
            console.MarkupLine($"{Words.Markup(check.Verdict)}  {Words.Plain(check.Name)}: {Words.Plain(check.Detail)}");
        Notes(console, summary.Notes);
    }

    private static string State(string status) => status switch
    {
        AtlasStatus.Completed => "completed",
        AtlasStatus.Failed => "[red]failed[/]",
        _ => $"[blue]{Words.Plain(status)}[/]",
    };

    private static void Notes(IAnsiConsole console, IReadOnlyList<string> notes)
    {
        foreach (var note in notes)
            console.MarkupLine($"[yellow]note[/]  {Words.Plain(note)}");
    }
}
