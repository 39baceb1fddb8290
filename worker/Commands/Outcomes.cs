using LuxHedge.Activities;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Verification;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>How each kind of run ends on the screen, in <c>--json</c>, and as an exit code.</summary>
public static class Outcomes
{
    public static int Tell(CommandContext context, ExportSummary result)
    {
        context.Answer(result, console =>
        {
            console.WriteLine();
            console.MarkupLine(result.Ended is null
                ? $"{Words.Markup(result.Verdict)}  {result.Documents} documents of {result.Collections} collections and {result.OplogEntries} oplog entries, each checked"
                : $"{Words.Markup(result.Verdict)}  {Words.Plain(result.Ended)}: nothing was written");
            if (result.Ended is null)
            {
                console.MarkupLine($"    in  {Words.Plain(result.Path)}  (readable by this user only; it is not encrypted)");
                console.MarkupLine("    back with  mongorestore --oplogReplay");
            }

            foreach (var note in result.Notes)
            {
                console.MarkupLine($"[yellow]note[/]  {Words.Plain(note)}");
            }
        });
        return ExitCodes.Of(result.Verdict);
    }

    /// <summary>The document is one element of <c>backups list</c>, whose verdict stays NotProven until a restore test; the exit code is the
    /// run's: 0 when every store of the plan has a verified copy.</summary>
    public static int Tell(CommandContext context, BackupResult result, RunReference run)
    {
        if (result.Backup is not { } backup)
        {
            throw new RunFailedException(run, new ErrorReport(ErrorKinds.Ended, $"The backup was {result.Ended?.ToLowerInvariant() ?? "ended"} before it was sealed: nothing of it can be restored.", run.RunId));
        }

        context.Answer(backup, console =>
        {
            console.WriteLine();
            BackupViews.Show(console, backup, context.Now);
            foreach (var store in result.Stores.Where(s => s.Verdict != Verdict.Proven))
            {
                console.MarkupLine($"{Words.Markup(store.Verdict)}  the copy in {Words.Plain(store.Store)}");
                foreach (var problem in store.Problems)
                {
                    console.MarkupLine($"    {Words.Plain(problem.Object)}: {Words.Plain(problem.Text)}");
                }
            }

            foreach (var note in result.Notes.Except(backup.Notes))
            {
                console.MarkupLine($"[yellow]note[/]  {Words.Plain(note)}");
            }

            console.MarkupLine(result.Verdict switch
            {
                Verdict.Proven => $"[green]Complete and verified[/] in {Words.Plain(Words.List(backup.Copies.Select(c => c.Store)))}.",
                Verdict.Failed => "[red bold]Failed:[/] at least one copy is not what was written.",
                _ => "[yellow]NotProven:[/] not complete and verified in every store of the plan.",
            });
        });
        return ExitCodes.Of(result.Verdict);
    }

    public static int Tell(CommandContext context, VerificationSummary summary)
    {
        context.Answer(summary, console => BackupViews.Verification(console, summary));
        return ExitCodes.Of(summary.Verdict);
    }

    public static int Tell(CommandContext context, RestoreSummary summary)
    {
        context.Answer(summary, console => RestoreViews.Summary(console, summary));
        return summary.Ended is null ? ExitCodes.Of(summary.Verdict) : ExitCodes.NotProven;
    }

    public static int Tell(CommandContext context, RunbookSummary summary)
    {
        context.Answer(summary, console => RunbookRunViews.Summary(console, summary));
        return ExitCodes.Of(summary.Verdict);
    }

    public static int Tell(CommandContext context, AtlasSnapshotSummary summary)
    {
        context.Answer(summary, console => AtlasViews.Summary(console, summary));
        return ExitCodes.Of(summary.Verdict);
    }

    public static int Tell(CommandContext context, AtlasRestoreSummary summary)
    {
        context.Answer(summary, console => AtlasViews.Summary(console, summary));
        return ExitCodes.Of(summary.Verdict);
    }

    public static int Tell(CommandContext context, BackupSummary accepted)
    {
        context.Answer(accepted, console => BackupViews.Show(console, accepted, context.Now));
        return ExitCodes.Done;
    }
}
