using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace LuxHedge.Worker.Display;

/// <summary>A run as a terminal shows it while it goes: steps with their clocks, bars under the running ones, open questions in a frame.</summary>
public sealed class LiveRunView(RunRow run, CommandContext context)
{
    private const int ShownSteps = 24;

    private static readonly string[] Spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

    public IRenderable Render(RunWatch watch)
    {
        var rows = new List<IRenderable>
        {
            new Markup($"[bold]{Words.Plain(CommandFailures.What(run.Workflow, run.Asset))}[/]   [grey]{Words.Plain(run.RunId)}   {Amounts.Span(Whole(watch.Age))}[/]"),
        };
        if (watch.Away is { } why)
        {
            rows.Add(new Markup($"[yellow]Temporal does not answer just now; asking again.[/] [grey]{Words.Plain(why)}[/]"));
        }

        if (watch.Problem is { } problem)
        {
            rows.Add(new Markup($"[yellow]{Words.Plain(problem)}[/]"));
        }

        rows.Add(Steps(watch));
        foreach (var refused in watch.State?.Refused.TakeLast(3) ?? [])
        {
            rows.Add(new Markup($"[yellow]{Words.Plain(RunTexts.Refused(refused))}[/]"));
        }

        foreach (var open in watch.Asks)
        {
            rows.Add(Framed([.. RunTexts.Ask(open, watch, context)]));
        }

        foreach (var failed in watch.WaitingSteps)
        {
            rows.Add(Framed([.. RunTexts.Failed(failed, watch, context)]));
        }

        if (watch.State?.Paused is { } paused && !watch.Closed)
        {
            rows.Add(new Markup($"[yellow]{Words.Plain(RunTexts.Paused(paused, watch, context))}[/]"));
        }

        return new Rows(rows);
    }

    /// <summary>The first line is the frame's title.</summary>
    private static Panel Framed(IReadOnlyList<string> lines) => new Panel(new Markup(string.Join('\n', lines.Skip(1).Select(Words.Plain))))
        .Header($"[yellow bold] {Words.Plain(lines[0].TrimEnd(':'))} [/]")
        .BorderColor(Color.Yellow)
        .Expand();

    private static Grid Steps(RunWatch watch)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadLeft(1).PadRight(1)).AddColumn(new GridColumn().NoWrap().PadRight(2))
            .AddColumn(new GridColumn().NoWrap().RightAligned().PadRight(2)).AddColumn(new GridColumn());
        var steps = watch.State?.Steps ?? [];
        // A long runbook shows its newest steps: a terminal has so many lines.
        var hidden = Math.Max(0, steps.Count - ShownSteps);
        if (hidden > 0)
        {
            var failed = steps.Take(hidden).Count(s => s.State == StepStates.Failed);
            grid.AddRow("", $"[grey]{hidden} earlier steps{(failed > 0 ? $", {failed} failed" : "")}[/]", "", "");
        }

        foreach (var step in steps.Skip(hidden))
        {
            var took = (step.EndedAt ?? watch.Now) - step.StartedAt;
            grid.AddRow(
                Mark(step, watch),
                step.EndedAt is null ? $"[bold]{Words.Plain(step.Step)}[/]" : Words.Plain(step.Step),
                $"[grey]{Amounts.Span(step.EndedAt is null ? Whole(took) : took)}[/]",
                Detail(step));
        }

        if (steps.Count == 0 && !watch.Closed)
        {
            grid.AddRow($"[blue]{Spin(watch)}[/]", "waiting for a worker", "", "");
        }

        if (!watch.Closed)
        {
            foreach (var pending in watch.Pending)
            {
                grid.AddRow("", $"  {Words.Plain(RunTexts.Name(pending))}", "", Bar(watch, pending));
            }
        }

        return grid;
    }

    private static string Detail(StepTiming step)
    {
        var parts = new List<string>();
        if (step.Detail is { Length: > 0 } detail)
        {
            parts.Add(Words.Plain(detail));
        }

        if (step.Attempts > 1)
        {
            parts.Add($"[yellow]{step.Attempts} attempts[/]");
        }

        if (step.Waiting > TimeSpan.Zero)
        {
            parts.Add($"[grey]{Amounts.Span(step.Waiting)} waiting on people[/]");
        }

        return string.Join(" · ", parts);
    }

    private static string Mark(StepTiming step, RunWatch watch) => step.State switch
    {
        StepStates.Done => "✓",
        StepStates.Failed => "[red bold]✗[/]",
        StepStates.Cancelled => "[yellow]■[/]",
        StepStates.Skipped => "[grey]–[/]",
        StepStates.Waiting => "[yellow]?[/]",
        _ => watch.Closed ? "[yellow]■[/]" : $"[blue]{Spin(watch)}[/]",
    };

    private static string Bar(RunWatch watch, ActivityView pending)
    {
        var attempt = pending.Attempt > 1
            ? $" [yellow]· attempt {pending.Attempt}{(pending.LastFailure is { } why ? ", since: " + Words.Plain(Short(why)) : "")}[/]"
            : "";
        if (pending.Progress is not { } progress)
        {
            return attempt.Length > 0 ? attempt.TrimStart() : pending.StartedAt is not null ? "" : "[grey]waiting for a worker[/]";
        }

        var text = $"[grey]{Words.Plain(RunTexts.Progress(watch, pending))}[/]";
        if (progress.Total <= 0)
        {
            return text + attempt;
        }

        const int Width = 24;
        var filled = (int)Math.Clamp(Width * (double)progress.Done / progress.Total, 0, Width);
        return $"[blue]{new string('━', filled)}[/][grey]{new string('─', Width - filled)}[/] {text}{attempt}";
    }

    private static string Short(string text) => text.Length <= 100 ? text : text[..99] + "…";

    private static string Spin(RunWatch watch) => Spinner[(int)(watch.Now.ToUnixTimeMilliseconds() / 250 % Spinner.Length)];

    private static TimeSpan Whole(TimeSpan span) => TimeSpan.FromSeconds(Math.Floor(Math.Max(0, span.TotalSeconds)));
}
