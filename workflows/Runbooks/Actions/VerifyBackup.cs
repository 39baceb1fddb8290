using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks.Actions;

/// <summary>The workflow Verification as a step: its records count for the backup as those of any verification do.</summary>
[Action("verify-backup",
    "Checks a backup's copies: every object (presence), every byte (integrity), or a restore of it into a scratch database (restore). A store "
    + "whose copy is bad is a Failed check, one that could not be read a NotProven one.",
    Output = typeof(Output))]
public sealed class VerifyBackup : WorkflowAction<VerifyBackup.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "Whose. The run's asset unless said.")]
        public string? Asset { get; init; }

        [Input(InputTypes.Backup, "Its id.", Required = true)]
        public string Backup { get; init; } = "";

        [Input(InputTypes.Store, "Only the copy there. Every store of the asset unless said.")]
        public string? Store { get; init; }

        [Input(InputTypes.Text, "How thoroughly. integrity unless said.", Values = ["presence", "integrity", "restore"])]
        public VerificationLevel Level { get; init; } = VerificationLevel.Integrity;
    }

    public sealed record Output
    {
        [Input(InputTypes.Text, "The worst of the stores: Proven, Failed or NotProven.")]
        public string Verdict { get; init; } = "";

        [Input(InputTypes.List, "The stores whose copy was Proven.")]
        public IReadOnlyList<string> Proven { get; init; } = [];
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = input.Asset ?? context.Asset;
        var request = new VerificationRequest(
            RunIds.Create(Steps.Now, $"verify-{asset}", Workflow.NewGuid()), asset, context.TaskQueue, input.Backup, input.Store, input.Level);
        var found = await ChildRuns.RunAsync(
            (VerificationWorkflow w) => w.RunAsync(request), WorkflowIds.Verification(asset), $"verification of {asset}", context, cancellation);
        var checks = ActionOutcomes.ChecksOf(input.Backup, found.Stores, $"{input.Level.ToString().ToLowerInvariant()}: nothing is wrong");
        var output = new Output
        {
            Verdict = found.Verdict.ToString(),
            Proven = [.. found.Stores.Where(s => s.Verdict == Verdict.Proven).Select(s => s.Store)],
        };
        return ActionOutcomes.Of(output, checks) with { Detail = $"{input.Backup}: {found.Verdict}" };
    }
}
