using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Workflow.Backup;

public sealed class DatabaseBackupWorkflowTests
{
    [Fact]
    public async Task A_backup_is_complete_and_verified_in_every_store_in_the_order_of_the_runbook()
    {
        await using var worker = await TestWorker.CreateAsync();

        var run = await worker.StartBackupAsync();
        var result = await run.GetResultAsync<BackupResult>();

        Assert.Equal(Verdict.Proven, result.Verdict);
        Assert.Equal(["s3", "nas"], result.Stores.Select(s => s.Store));
        Assert.Matches("^[0-9]{8}T[0-9]{6}Z-luxhedge_production-[0-9a-f]{4}$", result.Backup!.Id);
        string[] order = ["begin-backup", "mark-oplog-start", "plan-ranges", "dump-lane 0/0 of 2", "find-changed-collections()", "mark-the-end", "tail-oplog ended",
            "seal", "copy-backup nas", "verify-copy nas", "record-verification nas", "summarise-backup"];
        Assert.Equal(order, worker.Activities.Returned.Where(order.Contains));
        Assert.Equal(["begin", "mark oplog start", "plan ranges", "tail the oplog", "dump", "find changed collections", "mark the end", "seal"],
            (await run.QueryAsync<RunState>(Wire.State, [])).Steps.Take(8).Select(s => s.Step));
    }
}
