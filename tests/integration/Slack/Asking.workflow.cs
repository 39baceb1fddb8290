using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Tests.Integration.Slack;

/// <summary>A run that asks one thing and ends: what asks, tells and takes decisions is the real desk.</summary>
[Workflow("Asking")]
public sealed class AskingWorkflow
{
    public const string Step = "approval";

    private readonly string runId;
    private readonly ApprovalDesk desk;

    [WorkflowInit]
    public AskingWorkflow(string runId)
    {
        this.runId = runId;
        desk = new(() => new(runId, "restore", "real", "luxhedge_production"));
    }

    [WorkflowRun]
    public async Task<AskRecord> RunAsync(string runId)
    {
        var subject = new RestoreSubject(
            "luxhedge_production", "20261123T020000Z-luxhedge_production-1c2d", new('a', 64), "db1.luxhedge.internal:27017", "luxhedge_production",
            new ClusterTime(1, 1), ["users"], ["users"], NoSafetyBackup: false);
        var record = await desk.AskAsync(
            new(runId, Step, "operator", "Restore luxhedge_production", [new("what", "Restore of luxhedge_production, the whole database")])
            {
                Production = "restore-production",
                Restore = subject,
            },
            CancellationToken.None);
        await desk.FlushAsync();
        await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished && ended);
        return record;
    }

    private bool ended;

    /// <summary>Lets the run end; until then late decisions find it open.</summary>
    [WorkflowSignal("end")]
    public Task EndAsync()
    {
        ended = true;
        return Task.CompletedTask;
    }

    [WorkflowQuery(Wire.State)]
    public RunState State() => new(
        runId, "Asking", "luxhedge_production", Steps.Now, [], desk.Open.Count > 0 ? desk.Open[0] : null, desk.Decisions, desk.Refusals.Kept,
        desk.Refusals.BeyondKept, null, null, null)
    {
        Asks = desk.Open,
        AskMessages = desk.Messages,
    };

    [WorkflowUpdateValidator(nameof(DecideAsync))]
    public void Validate(Decision decision) => Decisions.Validate(decision);

    [WorkflowUpdate(Wire.Decide)]
    public Task<DecisionAnswer> DecideAsync(Decision decision) => desk.DecideAsync(decision);
}
