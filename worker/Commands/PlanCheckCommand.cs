using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>plan check --json</c> ends in when the plan is good. A plan that is refused is an error document with every problem.</summary>
public sealed record PlanCheckDocument(string Plan, IReadOnlyList<string> Assets, IReadOnlyList<Problem> Warnings);

public sealed class PlanCheckCommand : OperatorCommand
{
    public PlanCheckCommand(Surroundings surroundings)
        : base(surroundings, "check", "Read the plan strictly and name everything that is wrong with it, with file, line and field. Needs no server.")
    {
        Examples =
        [
            ("luxhedge plan check", "the plan in this folder or above"),
            ("luxhedge plan check --plan new.yaml --json", "in a pipeline: problems as [{message, where}], where is file:line:column"),
        ];
        ExitCodesInWords = "0 the plan is good (warnings may be shown); 2 it is refused";
    }

    protected override Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var reading = PlanLoader.Read(context.PlanPath);
        if (reading.Plan is not { } plan)
        {
            throw new RefusalException(new ErrorReport(
                ErrorKinds.Plan,
                reading.Problems is [var only] ? only.Message : $"It has {reading.Problems.Count} problems.",
                reading.Problems is [{ Where: { } where }] ? where : reading.Path,
                "Correct the plan and check it again.",
                reading.Problems));
        }

        context.Answer(new PlanCheckDocument(reading.Path, [.. plan.Assets.Keys.Order(StringComparer.Ordinal)], reading.Warnings), console =>
        {
            foreach (var warning in reading.Warnings)
            {
                console.MarkupLine($"[yellow]warning[/]  {(warning.Where is { } at ? Words.Plain(at) + ": " : "")}{Words.Plain(warning.Message)}");
            }

            console.MarkupLine(
                $"{Words.Plain(reading.Path)} is good: {Words.Many(plan.Assets.Count, "asset")}, {Words.Many(plan.Stores.Count, "store")}, "
                + $"{Words.Many(plan.Keys.Count, "key")}, {Words.Many(plan.People.Count, "person", "people")}; {Words.Many(reading.Warnings.Count, "warning")}.");
        });
        return Task.FromResult(ExitCodes.Done);
    }
}
