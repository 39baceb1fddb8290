using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>How a drill or an incident came out: every step, who decided, what is not proven, and each clock against its target.</summary>
public static class RunbookRunViews
{
    public static void Summary(IAnsiConsole console, RunbookSummary summary)
    {
        console.Write(Steps(summary));
        foreach (var approval in summary.Approvals)
        {
            console.MarkupLine($"[grey]{Words.Plain(approval.Step)}[/]  {Words.Plain(approval.Decision)} by [bold]{Words.Plain(approval.By)}[/]"
                + (approval.Reason.Length > 0 ? $": {Words.Plain(approval.Reason)}" : ""));
        }

        foreach (var check in summary.Checks.Where(c => c.Verdict != Verdict.Proven))
        {
            console.MarkupLine($"{Words.Markup(check.Verdict)}  {Words.Plain(check.Name)}: {Words.Plain(check.Detail)}");
        }

        foreach (var line in summary.NotProven)
        {
            console.MarkupLine($"[yellow]not proven[/]  {Words.Plain(line)}");
        }

        console.Write(Clocks(summary));
        foreach (var note in summary.Notes)
        {
            console.MarkupLine($"[yellow]note[/]  {Words.Plain(note)}");
        }

        foreach (var evidence in summary.Evidence)
        {
            console.MarkupLine($"[grey]evidence[/]  {Words.Plain(evidence.Store)}: {Words.Plain(evidence.Object)} [grey]{evidence.Sha256[..12]}[/]");
        }

        console.MarkupLine($"{Words.Markup(summary.Verdict)}  {Words.Plain(Sentence(summary))}");
        if (summary.Error is { } error)
        {
            ErrorView.Write(console, error);
        }
    }

    private static Table Steps(RunbookSummary summary)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            new TableColumn("step").NoWrap(), new TableColumn("").NoWrap(), new TableColumn("took").NoWrap().RightAligned(), new TableColumn(""));
        foreach (var step in summary.Steps)
        {
            var took = step.EndedAt - step.StartedAt;
            table.AddRow(
                Words.Plain(step.Id),
                State(step),
                step.State == StepStates.Skipped ? "" : Amounts.Span(took),
                Words.Plain(string.Join("; ", new[] { step.Detail }.Concat(step.Interventions).Where(t => !string.IsNullOrEmpty(t)))));
        }

        return table;
    }

    private static string State(RunbookStepResult step) => step.State switch
    {
        StepStates.Skipped => "[grey]skipped[/]",
        StepStates.Failed => "[red]failed[/]",
        _ => step.Verdict == Verdict.Proven ? "[green]done[/]" : Words.Markup(step.Verdict),
    };

    private static Grid Clocks(RunbookSummary summary)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        foreach (var tier in summary.Tiers)
        {
            grid.AddRow(
                $"RTO {Words.Plain(tier.Tier)}", Against(tier.Rto.Total, tier.Rto.Target, tier.Verdict),
                $"{Amounts.Span(tier.Rto.Total)} of {Amounts.Span(tier.Rto.Target)} allowed");
            grid.AddRow(
                $"RPO {Words.Plain(tier.Tier)}",
                tier.Rpo.Measured is { } lost ? Against(lost, tier.Rpo.Target, tier.Verdict) : Words.Markup(Verdict.NotProven),
                tier.Rpo.Measured is { } measured
                    ? $"{Amounts.Span(measured)} lost, {Amounts.Span(tier.Rpo.Target)} allowed"
                    : $"could not be measured; {Amounts.Span(tier.Rpo.Target)} allowed");
        }

        grid.AddRow(
            "took", Amounts.Span(summary.Rto.Total),
            $"machine {Amounts.Span(summary.Rto.Machine)}, waiting on people {Amounts.Span(summary.Rto.Waiting)}; clean-up {Amounts.Span(summary.Rto.Cleanup)} apart");
        return grid;
    }

    private static string Sentence(RunbookSummary summary)
    {
        var what = summary.Mode == RunMode.Drill ? $"The drill of {summary.Runbook}" : $"The recovery {summary.Runbook}";
        return summary.Verdict switch
        {
            Verdict.Proven => $"{what} has proven what it checked.",
            Verdict.Failed => $"{what} failed.",
            _ => summary.Ended is { } ended ? $"{what} ended: {ended.ToLowerInvariant()}." : $"{what} could not check everything.",
        };
    }

    private static string Against(TimeSpan measured, TimeSpan target, Verdict verdict) =>
        target <= TimeSpan.Zero ? "" : measured > target ? "[red bold]missed[/]" : verdict == Verdict.Proven ? "[green]met[/]" : "[grey]within[/]";
}
