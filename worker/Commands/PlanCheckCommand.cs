using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Database.Rights;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary><c>plan check --connect</c>: <see cref="PlanReport"/>, and what the users of the clusters may.</summary>
public sealed record ConnectedPlanReport(
    string Plan, bool Valid, IReadOnlyList<AssetReport> Assets, IReadOnlyList<Problem> Problems, IReadOnlyList<Problem> Warnings, IReadOnlyList<string> Later,
    IReadOnlyList<ClusterRights> Clusters)
{
    public static ConnectedPlanReport Of(PlanReport report, IReadOnlyList<ClusterRights> clusters) =>
        new(report.Plan, report.Valid, report.Assets, report.Problems, report.Warnings, report.Later, clusters);
}

/// <summary><c>plan check</c>: <see cref="PlanReport"/> when the plan is good; a plan that is refused is an error with every problem.</summary>
public sealed class PlanCheckCommand : OperatorCommand
{
    private static readonly Option<bool> Connect = new("--connect")
    {
        Description = "Connect to the plan's clusters too, and say what their users may, what is missing and what is more than needed. Changes nothing.",
    };

    public PlanCheckCommand(Surroundings surroundings)
        : base(surroundings, "check", "Read the plan strictly and name everything that is wrong with it, with file, line and field. Needs no server.")
    {
        Add(Connect);
        Examples =
        [
            ("luxhedge plan check", "the plan in this folder or above"),
            ("luxhedge plan check --connect", "have the users of the connection strings the rights that backups, restores and drills need, and no more?"),
            ("luxhedge plan check --plan new.yaml --json", "in a pipeline: problems as [{message, where}], where is file:line:column"),
        ];
        ExitCodesInWords = "0 the plan is good (warnings may be shown); 2 it is refused;\n"
            + "  with --connect: 1 a user lacks a right that backups need, 3 a cluster could not be asked";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
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

        if (!context.Get(Connect))
        {
            context.Answer(report, console => PlanView.Write(console, report));
            return ExitCodes.Done;
        }

        var rights = await context.Surroundings.ReadRights(context.Plan, cancellation);
        context.Answer(ConnectedPlanReport.Of(report, rights), console =>
        {
            PlanView.Write(console, report);
            RightsView.Write(console, rights);
        });
        return rights.Count == 0 ? ExitCodes.Done : ExitCodes.Of(Verdicts.Worst(rights.Select(r => r.Verdict)));
    }
}
