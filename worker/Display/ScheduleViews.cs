using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Schedules;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

public static class ScheduleViews
{
    public static void List(IAnsiConsole console, IReadOnlyList<ScheduleRow> rows, IReadOnlyList<PlannedSchedule> planned, CaptureChanges captures, CommandContext context)
    {
        if (rows.Count > 0)
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns(
                new TableColumn("schedule").NoWrap(), new TableColumn("when").NoWrap(), new TableColumn("next").NoWrap(),
                new TableColumn("in").NoWrap().RightAligned(), new TableColumn(""));
            foreach (var row in rows)
            {
                table.AddRow(
                    Words.Plain(row.Id),
                    Words.Plain(row.When ?? "not in the plan"),
                    row.Next is { } next ? Amounts.Time(next) : "–",
                    row.Next is { } then ? Amounts.Span(then - context.Now) : "–",
                    row.Paused ? $"[yellow]paused[/] {Words.Plain(row.Note)}" : "");
            }

            console.Write(table);
        }

        foreach (var running in captures.Running)
        {
            console.MarkupLine($"[blue]runs[/]  {Words.Plain(running.WorkflowId)}, for ever: {Words.Plain(context.Line("oplog status"))}");
        }

        // What the plan wants and Temporal has not starts nothing, and nobody would notice.
        var missing = planned.Select(p => p.Id).Except(rows.Select(r => r.Id)).Concat(captures.Start.Select(LuxHedge.Workflows.WorkflowIds.Oplog)).ToList();
        var dropped = rows.Where(r => r.When is null).Select(r => r.Id).Concat(captures.Stop.Select(s => s.WorkflowId)).ToList();
        if (missing.Count > 0)
        {
            console.MarkupLine($"[yellow]not applied[/]  {Words.Plain(Words.List(missing))}: {Words.Plain(context.Line("schedules apply"))}");
        }

        if (dropped.Count > 0)
        {
            console.MarkupLine($"[yellow]not in the plan[/]  {Words.Plain(Words.List(dropped))}: {Words.Plain(context.Line("schedules apply"))}");
        }
    }
}
