using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks.Actions;

/// <summary>The workflow DatabaseBackup as a step. It only reads production, in a drill too.</summary>
[Action("back-up-database",
    "Makes a backup of a database, complete and verified in every store. Fails when it can't be sealed; a store whose copy is bad is a Failed "
    + "check, one that can't be reached a NotProven one.",
    Output = typeof(Output))]
public sealed class BackUpDatabase : WorkflowAction<BackUpDatabase.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Asset, "What to back up. The run's asset unless said.")]
        public string? Asset { get; init; }
    }

    public sealed record Output
    {
        [Input(InputTypes.Backup, "Its id.")]
        public string Backup { get; init; } = "";

        [Input(InputTypes.Number, "Documents in it.")]
        public long Documents { get; init; }
    }

    protected override async Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation)
    {
        var asset = input.Asset ?? context.Asset;
        var request = new DatabaseBackupRequest(RunIds.Create(Steps.Now, $"backup-{asset}", Workflow.NewGuid()), asset, context.TaskQueue);
        var made = await ChildRuns.RunAsync(
            (DatabaseBackupWorkflow w) => w.RunAsync(request), WorkflowIds.Backup(asset), $"backup of {asset}", context, cancellation);
        if (made.Backup is not { } backup)
            throw Failures.ToFailure(new(ErrorKinds.Ended, $"The backup was not made: {string.Join(" ", made.Notes)}", made.RunId));
        List<Check> checks = [.. ActionOutcomes.ChecksOf(backup.Id, made.Stores, "every byte was read back")];
        if (made.Verdict != Verdict.Proven && checks.TrueForAll(c => c.Verdict == Verdict.Proven))
            checks.Add(new(backup.Id, made.Verdict, string.Join("; ", made.Notes)));
        return ActionOutcomes.Of(new Output { Backup = backup.Id, Documents = backup.Documents }, checks) with { Detail = backup.Id };
    }
}
