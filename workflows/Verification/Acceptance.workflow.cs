using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Verification;

/// <summary>A person takes a suspect backup as good. The activity checks the signature before it writes anything.</summary>
[Workflow(Wire.Acceptance)]
public sealed class AcceptanceWorkflow
{
    private readonly Steps steps;
    private readonly AbortSwitch abort = new();

    [WorkflowInit]
    public AcceptanceWorkflow(AcceptanceRequest request) => steps = new(request.RunId, Wire.Acceptance, request.Asset);

    [WorkflowRun]
    public async Task<BackupSummary> RunAsync(AcceptanceRequest request)
    {
        try
        {
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(request.RunId, request.Asset, "accept", "real"));
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.BackupId.ValueSet(request.BackupId));
            await steps.RunAsync("accept", () => AcceptAsync(request));
            abort.TooLate = "It is accepted already.";
            var audit = new AuditTrail();
            audit.Tell(AuditEntries.Accepted(request.Decision, request.Asset, request.BackupId));
            var summary = await steps.RunAsync("summarise", () => SummariseAsync(request));
            await audit.FlushAsync();
            return summary with { Notes = [.. summary.Notes, .. audit.Notes] };
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            throw Failures.ToFailure(Failures.ToReport(e), e);
        }
        catch (Exception e) when (abort.Caused(e))
        {
            throw Failures.ToFailure(new(ErrorKinds.Ended, $"Aborted by {abort.Order!.Person}: {abort.Order.Reason}"), e);
        }
        finally
        {
            await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        }
    }

    [WorkflowQuery(Wire.State)]
    public RunState State() => steps.State(null, abort.Order);

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => Task.FromResult(abort.Take(order));

    private Task AcceptAsync(AcceptanceRequest request) => Workflow.ExecuteActivityAsync(
        (IVerificationActivities a) => a.AcceptAsync(request),
        ActivityPolicies.ForShortWork("check the signature, write the record to every store", abort.Token));

    private Task<BackupSummary> SummariseAsync(AcceptanceRequest request) => Workflow.ExecuteActivityAsync(
        (IVerificationActivities a) => a.SummariseAsync(request.Asset, request.BackupId),
        ActivityPolicies.ForShortWork("the backup as lists show it", abort.Token));
}
