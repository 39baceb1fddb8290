using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary><c>incident run</c>: the real event. The same file as in the drill, over production; nothing is written before people have approved.</summary>
public sealed class IncidentRunCommand : OperatorCommand
{
    private static readonly Argument<string> Runbook = new("NAME") { Description = "A runbook (luxhedge runbooks list)." };
    private static readonly Option<string?> Declared = new("--declared")
    {
        Description = "When the disaster was declared, as 2026-11-23T08:15:00Z: the clock runs from there. Now unless said.",
        HelpName = "TIME",
    };

    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();
    private static readonly Option<bool> Yes = CommonOptions.Yes("for the asset's name, and whether to end a backup that is running");
    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public IncidentRunCommand(Surroundings surroundings)
        : base(surroundings, "run", "The real event: run a runbook over production. Says what it will overwrite, has the asset's name typed, and waits for its approvers.")
    {
        Add(Runbook);
        foreach (var option in new Option[] { RunbookOptions.Input, RunbookOptions.Asset, Declared, RunbookOptions.RecoveryKey, As, Key, Yes, Detach })
        {
            Add(option);
        }

        Examples =
        [
            ("luxhedge incident run database-loss", "production is gone; two people approve with `luxhedge runs approve`"),
            ("luxhedge incident run database-loss --declared 2026-11-23T08:15:00Z", "the clock has been running since then"),
            ("luxhedge incident run collection-loss --input collections=users,cars", "only these come back, the rest stays"),
            ("luxhedge incident run kms-lost --recovery-key recovery.pem", "the KMS is lost; the offline key opens the backup"),
        ];
        ExitCodesInWords = "0 Proven: it is back and checked, in time; 1 Failed; 2 refused, or nobody was there to type the name;\n"
            + "  3 NotProven: something could not be checked, or it was denied, expired or aborted;\n"
            + "  4 could not be started or followed; 130 you stopped watching, the recovery goes on";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var start = RunbookStart.Find(context, context.Get(Runbook), context.Get(RunbookOptions.Input) ?? [], context.Get(RunbookOptions.Asset));
        if (start.Drill is not null)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"'{start.Name}' is a drill of the plan.", "NAME", $"Rehearse it: {context.Line($"drill run {start.Name}")}. For the real event name the runbook of what has happened.");
        }

        var declared = DeclaredAt(context);
        var person = Operators.Current(context, context.Get(As));
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        foreach (var holds in new[] { WorkflowIds.Incident(start.Name, start.Asset.Name), WorkflowIds.Restore(start.Asset.Name) })
        {
            if (await runs.HolderAsync(holds, cancellation) is { } holder)
            {
                throw new RunLockedException(holder);
            }
        }

        var known = await context.BackupsOfAsync(start.Asset.Name, cancellation);
        var choice = start.Choice(declared, person.Name);
        var slices = await start.SlicesAsync(context, choice, known, cancellation);
        var (chosen, none) = Choose(context, start, choice, known, slices);
        var contents = await context.Surroundings.LookAtTarget(context.Plan, RestoreTarget.Of(context.Plan, start.Asset, null), cancellation);
        IncidentQuestion.Show(
            context.View, new IncidentIntent(context.Plan, start, known, slices, choice, contents, person, declared) { Chosen = chosen, None = none }, context.Now);
        AskName(context, start.Asset.Name);
        await RunningBackup.EndAsync(context, runs, start.Asset, person, context.Get(Yes), cancellation);
        var keys = await start.KeysAsync(context, context.Get(RunbookOptions.RecoveryKey), cancellation);
        using var key = Operators.OpenKey(context, person, context.Get(Key));
        var request = start.ToRequest(context, RunMode.Real, declared, keys, key, runs.Namespace);
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        return context.Get(Detach)
            ? context.Detached(run, runs)
            : Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<RunbookSummary>(run, cancellation));
    }

    /// <summary>A moment that no slices lead to is refused here; anything else that stands in the way is shown, and the run decides.</summary>
    private static (PlannedBackup? Chosen, string? None) Choose(
        CommandContext context, RunbookStart start, PlannedChoice choice, CatalogView known, SliceView slices)
    {
        try
        {
            return (choice.Choose(known, slices, start.Asset, context.Now), null);
        }
        catch (RefusalException e) when (choice.PointInTime is null || choice.Open.Count > 0 || known.Unknown.Count > 0 || slices.Unknown.Count > 0)
        {
            return (null, e.Message);
        }
    }

    private static DateTimeOffset DeclaredAt(CommandContext context)
    {
        var declared = context.Get(Declared) is { } text ? CommonOptions.Time(text, "--declared") : context.Now;
        return declared <= context.Now
            ? declared
            : throw new RefusalException(ErrorKinds.Usage, $"{declared:u} is yet to come.", "--declared", "Write when the disaster was declared; the clock runs from there.");
    }

    /// <summary>A yes comes too easily: the name is typed by who has read what is about to happen to it.</summary>
    private static void AskName(CommandContext context, string asset)
    {
        if (context.Get(Yes))
        {
            context.View.MarkupLine($"Type the asset's name to go on: [bold]{Words.Plain(asset)}[/] [grey]by --yes[/]");
            return;
        }

        if (!context.Surroundings.Interactive)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"It writes over production ({asset}). There is no terminal to ask at, so nothing was started.", "--yes",
                "Read what it does, then add --yes to answer. The run waits for its approvers all the same.");
        }

        var typed = context.View.Prompt(new TextPrompt<string>("Type the asset's name to go on:").AllowEmpty());
        if (typed.Trim() != asset)
        {
            context.View.MarkupLine($"[yellow]That is not {Words.Plain(asset)}.[/] Nothing was started.");
            throw new DeclinedException();
        }
    }
}
