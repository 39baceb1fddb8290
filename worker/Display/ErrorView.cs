using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>What, where, why and what to do, in that order; every problem when there are several.</summary>
public static class ErrorView
{
    public static void Write(IAnsiConsole console, ErrorReport report)
    {
        var problems = report.Problems ?? [];
        console.MarkupLine($"[red bold]{Title(report.Kind)}[/] {Words.Plain(report.Message)}");
        if (report.Where is { Length: > 0 } where)
        {
            console.MarkupLine($"  [grey]at[/]  {Words.Plain(where)}");
        }

        foreach (var problem in problems)
        {
            console.MarkupLine(problem.Where is { Length: > 0 } place
                ? $"  [red]•[/] {Words.Plain(place)}: {Words.Plain(problem.Message)}"
                : $"  [red]•[/] {Words.Plain(problem.Message)}");
        }

        if (report.Hint is { Length: > 0 } hint)
        {
            // Commands to copy stand on lines of their own.
            foreach (var line in hint.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                console.MarkupLine($"  [grey]→[/]   {Words.Plain(line.Trim())}");
            }
        }
    }

    private static string Title(string kind) => kind switch
    {
        ErrorKinds.Usage or ErrorKinds.Plan => "Refused:",
        ErrorKinds.Locked => "Locked:",
        ErrorKinds.RefusedDecision => "Decision refused:",
        ErrorKinds.Unreachable => "Unreachable:",
        ErrorKinds.Integrity => "Damaged:",
        ErrorKinds.NotApproved => "Not approved:",
        ErrorKinds.Ended => "Ended:",
        ErrorKinds.Interrupted => "Interrupted:",
        ErrorKinds.Unexpected => "Error:",
        _ => "Failed:",
    };
}
