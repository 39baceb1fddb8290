using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Display;

namespace LuxHedge.Worker.Commands;

/// <summary><c>drill plan</c>: what a drill would do, and what of it could not be done now. Reads stores and plan itself; needs no server.</summary>
public sealed class DrillPlanCommand : OperatorCommand
{
    private static readonly Argument<string> Runbook = new("NAME") { Description = "A drill of the plan, or a runbook (luxhedge runbooks list)." };
    private static readonly Option<string?> As = CommonOptions.As();

    public DrillPlanCommand(Surroundings surroundings)
        : base(surroundings, "plan", "What a drill would do, to what, decided by whom, how long it took last time, and what could not be done now. Runs nothing.")
    {
        Add(Runbook);
        foreach (var option in new Option[] { RunbookOptions.Input, RunbookOptions.Asset, RunbookOptions.RecoveryKey, As })
        {
            Add(option);
        }

        Examples =
        [
            ("luxhedge drill plan quarterly", "every step of the quarterly drill"),
            ("luxhedge drill plan collection-loss --input collections=users", "with inputs of your own"),
            ("luxhedge drill plan monthly --json", "{name, runbook, version, title, asset, target, targets, inputs, backup, steps, notNow, unknown}"),
        ];
        ExitCodesInWords = "0 whatever it shows: read notNow and unknown; 2 there is no such runbook, it is refused, or its inputs are";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var start = RunbookStart.Find(context, context.Get(Runbook), context.Get(RunbookOptions.Input) ?? [], context.Get(RunbookOptions.Asset));
        var backups = await context.BackupsOfAsync(start.Asset.Name, cancellation);
        var requester = Requester(context);
        var slices = await start.SlicesAsync(
            context, DryRunner.ChoiceOf(start.Definition, start.Inputs, start.Asset, requester, context.Now), backups, cancellation);
        var durations = await context.Surroundings.ReadDurations(context.Plan, start.Name, start.Definition.Runbook, cancellation);
        var keyFile = context.FullPath(context.Get(RunbookOptions.RecoveryKey));
        var dry = DryRunner.Run(
            context.Plan, start.Name, start.Definition, start.Inputs, start.Asset, requester, context.Now, backups, slices, durations,
            keyFile is not null ? File.Exists(keyFile) : start.HasOwnRecoveryKey(context));
        context.Answer(dry, console => DryRunView.Write(console, dry));
        return ExitCodes.Done;
    }

    /// <summary>Who would start it, if that is known here: that person could not approve.</summary>
    private static string? Requester(CommandContext context)
    {
        try
        {
            return Operators.Current(context, context.Get(As)).Name;
        }
        catch (RefusalException) when (context.Get(As) is null)
        {
            return null;
        }
    }
}
