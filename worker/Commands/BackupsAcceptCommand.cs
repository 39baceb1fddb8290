using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Verification;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary><c>backups accept ID --reason TEXT</c>: a person signs that a suspect backup is as it should be.</summary>
public sealed class BackupsAcceptCommand : OperatorCommand
{
    private static readonly Argument<string> Id = CommonOptions.BackupArgument();
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why it is as it should be; it is signed and kept.", HelpName = "TEXT" };
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();

    public BackupsAcceptCommand(Surroundings surroundings)
        : base(surroundings, "accept", "Take a suspect backup as good, signed with your own key: latest may choose it from then on.")
    {
        Add(Id);
        Add(Reason);
        Add(As);
        Add(Key);
        Examples = [("luxhedge backups accept ID --reason \"the old positions were archived on Friday\"", "a backup that shrank, and was meant to")];
        ExitCodesInWords = "0 accepted; 2 refused: not suspect, no such backup, no key; 3 you answered no; 4 could not be started or followed";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var person = Operators.Current(context, context.Get(As));
        var (backup, _) = await context.BackupNamedAsync(context.Get(Id), cancellation);
        if (backup.Manifest.Suspect.Count == 0)
        {
            throw new RefusalException(ErrorKinds.Usage, $"Backup {backup.Summary.Id} is not suspect: there is nothing to accept.", "ID");
        }

        foreach (var why in backup.Manifest.Suspect)
        {
            context.View.MarkupLine($"[yellow]suspect[/]  {Words.Plain(why)}");
        }

        var reason = context.ReasonOrAsk(context.Get(Reason));
        if (context.Surroundings.Interactive)
        {
            context.Confirm(yes: false, $"Accept {backup.Summary.Id} as {person.Name}?", "A decision is asked for.");
        }

        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var runId = context.NewRunId("accept", backup.Summary.Asset);
        Decision decision;
        using (var key = Operators.OpenKey(context, person, context.Get(Key)))
        {
            var subject = BackupAcceptance.Subject(runs.Namespace, runId, backup.Summary.Asset, backup.Summary.Id, backup.ManifestSha256);
            decision = DecisionSigner.Sign(key, subject, DecisionKind.Approved, reason, context.Now);
        }

        var run = context.Begun(await runs.StartAsync(
            new AcceptanceRequest(runId, backup.Summary.Asset, backup.Summary.Id, reason, decision), cancellation));
        return Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<BackupSummary>(run, cancellation));
    }
}
