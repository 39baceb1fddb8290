using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary><c>plan check</c>: <see cref="PlanReport"/> when the plan is good; a plan that is refused is an error with every problem.</summary>
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
        var report = PlanCheck.Run(context.PlanPath, context.Surroundings.Clock);
        if (!report.Valid)
        {
            throw new RefusalException(new ErrorReport(
                ErrorKinds.Plan,
                report.Problems is [var only] ? only.Message : $"It has {report.Problems.Count} problems.",
                report.Problems is [{ Where: { } where }] ? where : report.Plan,
                "Correct the plan and check it again.",
                report.Problems));
        }

        context.Answer(report, console => PlanView.Write(console, report));
        return Task.FromResult(ExitCodes.Done);
    }
}
