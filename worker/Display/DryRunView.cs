using LuxHedge.Activities.Runbooks;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>A drill before it is begun: one line for each step, then what could not be done now.</summary>
public static class DryRunView
{
    public static void Write(IAnsiConsole console, DryRun dry)
    {
        console.MarkupLine($"[bold]{Words.Plain(dry.Title)}[/] [grey]({Words.Plain(dry.Runbook)} version {dry.Version}, drill of {Words.Plain(dry.Asset)}; nothing is run)[/]");
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        grid.AddRow("[grey]into[/]", dry.Target is { } target ? $"{Words.Plain(target)}, made for the drill; production is not written to" : "[red]nowhere: there is no isolated target[/]");
        grid.AddRow("[grey]restores[/]", dry.Backup is { } backup ? $"{Words.Plain(backup.Id)}, {Amounts.Span(backup.Age)} old, {Words.Markup(backup.Verdict)}" : "[yellow]none[/]");
        if (dry.Backup?.Point is { } point)
        {
            grid.AddRow("[grey]to[/]", $"[bold]{Amounts.Time(point.Time)}[/] ({point.ClusterTime}), {(point.Slices == 0 ? "the backup's own end mark" : $"by {Words.Many(point.Slices, "slice")} after the backup")}, of {Amounts.Span(point.Age)} ago");
            grid.AddRow("", PointWords.Rpo(point.Rpo));
            if (point.Note is { } note)
            {
                grid.AddRow("", $"[yellow]{Words.Plain(note)}[/]");
            }
        }

        if (dry.Targets is { } targets)
        {
            grid.AddRow("[grey]targets[/]", $"RTO {Span(targets.Rto)}, RPO {Span(targets.Rpo)}");
        }

        foreach (var input in dry.Inputs)
        {
            var value = input.Value is { } v ? Words.Plain(v.ValueKind == System.Text.Json.JsonValueKind.String ? v.GetString() : v.GetRawText()) : "[grey]nothing[/]";
            grid.AddRow("[grey]input[/]", $"{Words.Plain(input.Name)} {value}{(input.From == "default" ? " [grey](default)[/]" : "")}");
        }

        console.Write(grid);
        console.Write(Steps(dry));
        Problems(console, dry);
    }

    private static Table Steps(DryRun dry)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("step"),
            new TableColumn("what is done"),
            new TableColumn("on"),
            new TableColumn("decided by"),
            new TableColumn("last time").NoWrap().RightAligned());
        var cleanUp = false;
        foreach (var step in dry.Steps)
        {
            if (step.CleanUp && !cleanUp)
            {
                table.AddRow("[grey]clean-up[/]", "", "", "", "");
            }

            cleanUp = step.CleanUp;
            var no = step.Happens == "no";
            table.AddRow(
                no ? $"[grey]{Words.Plain(step.Id)}[/]" : Words.Plain(step.Id),
                What(step),
                no ? "" : On(step.Target),
                Who(step.Approval),
                no ? "" : step.LastDuration is { } last ? Amounts.Span(last) : "[grey]unknown[/]");
        }

        return table;
    }

    private static string What(DryRunStep step) => step.Happens switch
    {
        "no" => $"[grey]not done: {Words.Plain(step.When)}[/]",
        "depends" => $"{Title(step)} [grey]if {Words.Plain(step.When)}[/]",
        _ when step.When is { } each && each.Contains("for each", StringComparison.Ordinal) => $"{Title(step)} [grey]{Words.Plain(each)}[/]",
        _ => Title(step),
    };

    /// <summary>What only a step before it will answer stays as it is written.</summary>
    private static string On(string? target) =>
        target is null ? "" : target.Contains("${", StringComparison.Ordinal) ? $"[grey]{Words.Plain(target)}[/]" : Words.Plain(target);

    private static string Title(DryRunStep step) =>
        step.Title is { } title ? $"{Words.Plain(title)} [grey]({Words.Plain(step.Kind)})[/]" : Words.Plain(step.Kind);

    private static string Who(DryRunApproval? approval)
    {
        if (approval is null)
        {
            return "";
        }

        var later = approval.Later.Select(t => $"after {Amounts.Span(t.After)} also {Words.List(t.People)}");
        var key = approval.OwnKey ? ", own key" : "";
        return Words.Plain($"{approval.Quorum} of {Words.List(approval.By, "nobody")}{key}, within {Amounts.Span(approval.Expires)}{string.Concat(later.Select(l => $"; {l}"))}");
    }

    private static void Problems(IAnsiConsole console, DryRun dry)
    {
        var done = dry.Steps.Count(s => s.Happens != "no");
        if (dry.NotNow.Count == 0)
        {
            console.MarkupLine($"{Words.Many(done, "step")}; nothing is known that would stop it now.");
        }
        else
        {
            console.MarkupLine($"{Words.Many(done, "step")}; [red bold]what could not be done now:[/]");
            foreach (var problem in dry.NotNow)
            {
                console.MarkupLine($"  [red]•[/] {(problem.Step is { } step ? $"{Words.Plain(step)}: " : "")}{Words.Plain(problem.What)}");
            }
        }

        foreach (var unknown in dry.Unknown)
        {
            console.MarkupLine($"[yellow]unknown[/]  {Words.Plain(unknown)}");
        }
    }

    private static string Span(TimeSpan? span) => span is { } s ? Amounts.Span(s) : "–";
}
