using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>A backup of what a restore is about to replace: it would be of a database that changes under it.</summary>
internal static class RunningBackup
{
    /// <summary>A backup that was asked to end puts its lock down in this time, or something is wrong with its worker.</summary>
    private static readonly TimeSpan BackupEndsIn = TimeSpan.FromMinutes(2);

    /// <summary>Names the backup that runs, its age and how much is left of it, and ends it on yes. None runs: nothing is asked.</summary>
    public static async Task EndAsync(CommandContext context, IRuns runs, AssetPlan production, PersonPlan person, bool yes, CancellationToken cancellation)
    {
        if (await runs.HolderAsync(WorkflowIds.Backup(production.Name), cancellation) is not { } backup)
        {
            return;
        }

        var watch = new RunWatch(backup, context.Surroundings.Clock);
        watch.Note(await runs.LookAsync(backup.Reference, cancellation));
        context.View.MarkupLine(
            $"[yellow]A backup of {Words.Plain(production.Name)} is running:[/] {Words.Plain(backup.RunId)}, for {Amounts.Span(watch.Age)}, {Eta(watch)}.");
        context.Confirm(yes, "End that backup, so that the restore can begin?", "A backup of the target is running and would have to be ended.");
        var answer = await runs.AbortAsync(backup.Reference, new AbortOrder(person.Name, "a restore over its source begins"), cancellation);
        if (!answer.Accepted)
        {
            throw new RefusalException(ErrorKinds.Locked, $"The backup did not take the order to end: {answer.Why}", backup.RunId, context.Line($"runs watch {backup.RunId}"));
        }

        var deadline = context.Now + BackupEndsIn;
        while (await runs.HolderAsync(WorkflowIds.Backup(production.Name), cancellation) is { } still && still.RunId == backup.RunId)
        {
            if (context.Now > deadline)
            {
                throw new RefusalException(
                    ErrorKinds.Locked, $"The backup was asked to end and has not after {Amounts.Span(BackupEndsIn)}.", backup.RunId, context.Line($"runs watch {backup.RunId}"));
            }

            await Task.Delay(RunFollower.Glance, context.Surroundings.Clock, cancellation);
        }

        context.View.MarkupLine("The backup has ended.");
    }

    /// <summary>A bar's rate needs two looks, so one look guesses from the whole: how long it has taken for what is done.</summary>
    private static string Eta(RunWatch watch)
    {
        var parts = watch.Pending.Where(p => p.Progress is { Total: > 0, Done: > 0 }).ToList();
        if (parts.Count == 0)
        {
            return "how much longer is not known";
        }

        var left = parts.Max(p =>
        {
            var since = watch.Now - (p.StartedAt ?? watch.Run.StartedAt);
            return since * ((double)Math.Max(0, p.Progress!.Total - p.Progress.Done) / p.Progress.Done);
        });
        return $"about {Amounts.Span(left)} of this step left";
    }
}
