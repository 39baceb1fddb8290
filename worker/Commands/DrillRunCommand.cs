using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary><c>drill run</c>: the runbook of the worst day, isolated from production. It can overwrite nothing, so it asks nothing.</summary>
public sealed class DrillRunCommand : OperatorCommand
{
    private static readonly Argument<string> Runbook = new("NAME") { Description = "A drill of the plan, or a runbook (luxhedge runbooks list)." };
    private static readonly Option<bool> Detach = CommonOptions.Detach();
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();

    public DrillRunCommand(Surroundings surroundings)
        : base(surroundings, "run", "Rehearse a runbook in a database of the drill's own, with people, a clock and evidence; production is never written to.")
    {
        Add(Runbook);
        foreach (var option in new Option[] { RunbookOptions.Input, RunbookOptions.Asset, RunbookOptions.RecoveryKey, As, Key, Detach })
        {
            Add(option);
        }

        Examples =
        [
            ("luxhedge drill run quarterly --recovery-key recovery.pem", "every disaster of the plan, one after another; two people approve with `luxhedge runs approve`"),
            ("luxhedge drill run monthly", "one collection is lost and comes back"),
            ("luxhedge drill run collection-loss --input collections=users", "one runbook by itself"),
            ("luxhedge drill run ransomware --input intrusion=2026-11-20T08:00:00Z", "as if the intruder had come in then"),
        ];
        ExitCodesInWords = "0 Proven; 1 Failed (a check, the clock, the negative control, or something left behind); 2 refused;\n"
            + "  3 NotProven: something could not be checked, or it was denied, expired or aborted;\n"
            + "  4 could not be started or followed; 130 you stopped watching, the drill goes on";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var start = RunbookStart.Find(context, context.Get(Runbook), context.Get(RunbookOptions.Input) ?? [], context.Get(RunbookOptions.Asset));
        var person = PersonFor(context);
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        if (await runs.HolderAsync(WorkflowIds.Drill(start.Name), cancellation) is { } holder)
        {
            throw new RunLockedException(holder);
        }

        var keys = await start.KeysAsync(context, context.Get(RunbookOptions.RecoveryKey), cancellation);
        using var key = KeyFor(context, person);
        var request = start.ToRequest(context, RunMode.Drill, context.Now, keys, key, runs.Namespace);
        context.View.MarkupLine(
            $"[bold]{Words.Plain(start.Definition.Title)}[/] [grey]({Words.Plain(start.Definition.Runbook)} {start.Definition.Version}, drill of {Words.Plain(start.Asset.Name)}; production is not written to)[/]");
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        return context.Get(Detach)
            ? context.Detached(run, runs)
            : Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<RunbookSummary>(run, cancellation));
    }

    /// <summary>Whoever is known signs, and then can't approve; a machine that nobody of the plan is at may still rehearse.</summary>
    private static PersonPlan? PersonFor(CommandContext context)
    {
        if (context.Get(As) is not null)
        {
            return Operators.Current(context, context.Get(As));
        }

        try
        {
            return Operators.Current(context, null);
        }
        catch (RefusalException)
        {
            return null;
        }
    }

    private static PersonKey? KeyFor(CommandContext context, PersonPlan? person)
    {
        if (person is null)
        {
            return null;
        }

        try
        {
            return Operators.OpenKey(context, person, context.Get(Key));
        }
        catch (RefusalException) when (context.Get(As) is null && context.Get(Key) is null)
        {
            return null;
        }
    }
}

/// <summary>What `drill run` and `incident run` take alike.</summary>
internal static class RunbookOptions
{
    public static readonly Option<string[]> Input = new("--input")
    {
        Description = "An input of the runbook; may be repeated. A list is written with commas.",
        HelpName = "KEY=VALUE",
    };

    public static readonly Option<string?> Asset = new("--asset") { Description = "Which database, where the plan has several.", HelpName = "ASSET" };

    public static readonly Option<string?> RecoveryKey = new("--recovery-key")
    {
        Description = "Open the backup's key here with this private recovery key, and hand it to the worker wrapped: for the loss of the KMS.",
        HelpName = "FILE",
    };
}
