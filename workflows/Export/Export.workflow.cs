using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Export;

/// <summary>Data going out: asked for by a person, approved where the plan says so, in the audit log before the first byte is written.</summary>
[Workflow(Wire.Export)]
public sealed class ExportWorkflow
{
    private const string ApprovalStep = "approval";

    private readonly ExportRequest request;
    private readonly Steps steps;
    private readonly AbortSwitch abort = new();
    private readonly ApprovalDesk desk;
    private ExportPlan? plan;
    private bool placed;
    private string? left;
    private Verdict? verdict;

    [WorkflowInit]
    public ExportWorkflow(ExportRequest request)
    {
        this.request = request;
        steps = new(request.RunId, Wire.Export, request.Asset);
        desk = new(() => new(request.RunId, "export", "real", request.Asset));
    }

    [WorkflowRun]
    public async Task<ExportSummary> RunAsync(ExportRequest request)
    {
        try
        {
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(request.RunId, request.Asset, "export", "real"));
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.BackupId.ValueSet(request.BackupId));
            plan = await steps.RunAsync("begin", BeginAsync, p => $"{p.Documents} documents to {p.Subject.Machine}:{p.Subject.Path}");
            var approval = plan.Policy is null ? null : await AskAsync(plan);
            if (approval is not null && approval.Outcome != nameof(AskOutcome.Approved))
            {
                await ClearAsync();
                return await EndedAsync(approval.Outcome, $"{approval.Outcome}: nothing was written.");
            }

            await steps.RunAsync("audit", () => AppendAsync(plan, approval));
            var written = await steps.RunAsync("export", () => WriteAsync(new(request, plan, approval?.Ask, approval?.Decisions ?? [])),
                w => $"{w.Documents} documents, {w.OplogEntries} oplog entries");
            await steps.RunAsync("place", () => PlaceAsync(plan, written));
            placed = true;
            return await DoneAsync(written);
        }
        catch (Exception e) when (abort.Caused(e))
        {
            await ClearAsync();
            return await EndedAsync("Aborted", $"Aborted by {abort.Order!.Person}: {abort.Order.Reason}");
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            await ClearAsync();
            Show(Verdict.Failed);
            var report = Failures.ToReport(e);
            throw Failures.ToFailure(left is null ? report : report with { Message = $"{report.Message} {left}" }, e);
        }
        finally
        {
            await desk.FlushAsync();
            await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        }
    }

    [WorkflowQuery(Wire.State)]
    public RunState State() => desk.Show(steps.State(verdict, abort.Order));

    [WorkflowUpdateValidator(nameof(DecideAsync))]
    public void ValidateDecision(Decision decision) => Decisions.Validate(decision);

    /// <summary>Takes a person's decision, or says why it changes nothing.</summary>
    [WorkflowUpdate(Wire.Decide)]
    public Task<DecisionAnswer> DecideAsync(Decision decision) => desk.DecideAsync(decision);

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => Task.FromResult(abort.Take(order));

    private Task<AskRecord> AskAsync(ExportPlan plan)
    {
        var ask = new AskRequest(
            request.RunId, ApprovalStep, request.RequestedBy?.Person ?? "", $"Export {plan.Subject.BackupId}, unencrypted", plan.Shows)
        {
            Production = plan.Policy,
            Export = plan.Subject,
        };
        return steps.WaitOnPeopleAsync(ApprovalStep, () => desk.AskAsync(ask, abort.Token),
            a => $"{a.Outcome}: {string.Join(", ", a.Decisions.Select(d => d.Person))}");
    }

    private async Task<ExportSummary> DoneAsync(ExportWritten written)
    {
        abort.TooLate = "The export is done.";
        Show(Verdict.Proven);
        await desk.FlushAsync();
        return new(request.RunId, Verdict.Proven, request.BackupId, written.Path, written.Collections, written.Documents, written.RawBytes,
            written.OplogEntries, [.. written.Files.Keys.Select(f => f.Length == 0 ? written.Path[(written.Path.LastIndexOf('/') + 1)..] : f)])
        {
            Notes = [.. written.Notes, .. desk.Notes],
        };
    }

    private async Task<ExportSummary> EndedAsync(string ended, string note)
    {
        abort.TooLate ??= "The run is over.";
        Show(Verdict.NotProven);
        await desk.FlushAsync();
        return new(request.RunId, Verdict.NotProven, request.BackupId, request.Path, 0, 0, 0, 0, [])
        {
            Ended = ended,
            Notes = [note, .. left is null ? Array.Empty<string>() : [left], .. desk.Notes],
        };
    }

    private void Show(Verdict v)
    {
        verdict = v;
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Verdict.ValueSet(v.ToString()));
    }

    private Task<ExportPlan> BeginAsync() => Workflow.ExecuteActivityAsync(
        (IExportActivities a) => a.BeginExportAsync(request), ActivityPolicies.AtTheDoor("find the backup, look at the place", abort.Token));

    private Task<string> AppendAsync(ExportPlan plan, AskRecord? approval)
    {
        var entry = AuditEntries.Exported(request, plan.Subject, Steps.Now, approval?.Decisions ?? []);
        return Workflow.ExecuteActivityAsync(
            (IAuditActivities a) => a.AppendAsync(entry), ActivityPolicies.ForShortWork("data leaves: into the audit log first", abort.Token));
    }

    private Task<ExportWritten> WriteAsync(ExportWork work) => Workflow.ExecuteActivityAsync(
        (IExportActivities a) => a.ExportAsync(work), ActivityPolicies.ForLongWork("check, decrypt and write", abort.Token));

    // Not to be cancelled: it takes a moment, and what it leaves half done is what it exists to prevent.
    private Task PlaceAsync(ExportPlan plan, ExportWritten written) => Workflow.ExecuteActivityAsync(
        (IExportActivities a) => a.PlaceAsync(request, plan, written),
        ActivityPolicies.ForShortWork("give it its name", CancellationToken.None));

    /// <summary>Decrypted data that nobody gets must not stay behind.</summary>
    private async Task ClearAsync()
    {
        if (plan is null || placed)
            return;
        try
        {
            var there = await steps.RunAsync("clean up", () => Workflow.ExecuteActivityAsync((IExportActivities a) => a.ClearAsync(request, plan),
                ActivityPolicies.ForShortWork("remove what was not finished", CancellationToken.None)),
                l => l.Count == 0 ? "nothing is left" : string.Join(", ", l));
            left = there.Count == 0 ? null : $"Unfinished and unencrypted, remove it: {string.Join(", ", there)}.";
        }
        catch (FailureException e)
        {
            left = $"What was not finished may still lie beside {request.Path}, unencrypted: {Failures.ToReport(e).Message}";
        }
    }
}
