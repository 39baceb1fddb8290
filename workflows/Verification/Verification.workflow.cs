using System.Runtime.ExceptionServices;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Verification;

/// <summary>Checks the copies of one backup at the level asked, records each result in its store, and answers the worst.</summary>
[Workflow(Wire.Verification)]
public sealed class VerificationWorkflow
{
    private readonly VerificationRequest request;
    private readonly Steps steps;
    private readonly AbortSwitch abort = new();
    private Verdict? verdict;

    [WorkflowInit]
    public VerificationWorkflow(VerificationRequest request)
    {
        this.request = request;
        steps = new(request.RunId, Wire.Verification, request.Asset);
    }

    [WorkflowRun]
    public async Task<VerificationSummary> RunAsync(VerificationRequest request)
    {
        try
        {
            var mode = request.Level == VerificationLevel.Restore ? "test" : "real";
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(request.RunId, request.Asset, "verify", mode));
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.BackupId.ValueSet(request.BackupId));
            var copies = await steps.RunAsync("find copies", FindCopiesAsync, c => string.Join(", ", c.Stores));
            var bytes = await Workflow.WhenAllAsync(copies.Stores.Select(CheckBytesAsync));
            var stores = request.Level == VerificationLevel.Restore ? await TestRestoresAsync(bytes, copies.Cluster) : bytes;
            return End(stores);
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            ShowVerdict(Verifications.Of(Failures.ToReport(e)));
            throw Failures.ToFailure(Failures.ToReport(e), e);
        }
        catch (Exception e) when (abort.Caused(e))
        {
            return End([]);
        }
        finally
        {
            await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        }
    }

    [WorkflowQuery(Wire.State)]
    public RunState State() => steps.State(verdict, abort.Order);

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => Task.FromResult(abort.Take(order));

    /// <summary>Presence, or every byte; a restore test begins with every byte too.</summary>
    private async Task<StoreVerification> CheckBytesAsync(string store)
    {
        var level = request.Level == VerificationLevel.Presence ? VerificationLevel.Presence : VerificationLevel.Integrity;
        try
        {
            var found = await steps.RunAsync($"{Word(level)} in {store}", () => VerifyCopyAsync(store, level), v => v.Verdict.ToString());
            await steps.RunAsync($"record {Word(level)} in {store}", () => RecordAsync(level, found));
            return found;
        }
        catch (Exception e) when (e is FailureException || TemporalException.IsCanceledException(e))
        {
            return NotDone(store, e);
        }
    }

    /// <summary>One store after another: each test fills a scratch database of its own on the same cluster.</summary>
    private async Task<IReadOnlyList<StoreVerification>> TestRestoresAsync(IReadOnlyList<StoreVerification> bytes, string cluster)
    {
        var tested = new List<StoreVerification>();
        foreach (var copy in bytes)
        {
            if (copy.Verdict == Verdict.Proven)
            {
                tested.Add(await TestRestoreAsync(copy, cluster));
            }
            else
            {
                steps.Skip($"restore test from {copy.Store}", $"its integrity is {copy.Verdict}");
                tested.Add(copy);
            }
        }

        return tested;
    }

    private async Task<StoreVerification> TestRestoreAsync(StoreVerification copy, string cluster)
    {
        try
        {
            var restored = await steps.RunAsync($"restore test from {copy.Store}", () => RestoreIntoScratchAsync(copy.Store, cluster),
                r => r.Verdict.ToString());
            var found = copy with
            {
                Verdict = restored.Verdict,
                Problems = [.. restored.Checks.Where(c => c.Verdict != Verdict.Proven).Select(c => new ObjectProblem(c.Name, c.Detail))],
            };
            await steps.RunAsync($"record restore test in {copy.Store}", () => RecordAsync(VerificationLevel.Restore, found));
            return found;
        }
        catch (Exception e) when (e is FailureException || TemporalException.IsCanceledException(e))
        {
            return NotDone(copy.Store, e) with { ManifestSha256 = copy.ManifestSha256 };
        }
    }

    /// <summary>An aborted check was not done, and says by whom; a cancellation of Temporal's own throws on.</summary>
    private StoreVerification NotDone(string store, Exception e)
    {
        if (abort.Caused(e))
            return new(store, Verdict.NotProven, [new(store, $"Not checked: aborted by {abort.Order!.Person}: {abort.Order.Reason}")]);
        if (TemporalException.IsCanceledException(e))
            ExceptionDispatchInfo.Throw(e);
        return Verifications.NotDone(store, e);
    }

    private VerificationSummary End(IReadOnlyList<StoreVerification> stores)
    {
        abort.TooLate = "The verification is done.";
        ShowVerdict(Verdicts.Worst(stores.Select(s => s.Verdict)));
        return new(request.BackupId, verdict!.Value, request.Level, stores);
    }

    private void ShowVerdict(Verdict v)
    {
        verdict = v;
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Verdict.ValueSet(v.ToString()));
    }

    private static string Word(VerificationLevel level) => level == VerificationLevel.Presence ? "presence" : "integrity";

    private Task<CopiesFound> FindCopiesAsync() => Workflow.ExecuteActivityAsync(
        (IVerificationActivities a) => a.FindCopiesAsync(request), ActivityPolicies.AtTheDoor("which stores have it", abort.Token));

    private Task<StoreVerification> VerifyCopyAsync(string store, VerificationLevel level) => Workflow.ExecuteActivityAsync(
        (IVerificationActivities a) => a.VerifyCopyAsync(request.Asset, request.BackupId, store, level),
        ActivityPolicies.ForLane(request.TaskQueue, $"{Word(level)} of the copy in {store}", abort.Token));

    private Task RecordAsync(VerificationLevel level, StoreVerification found)
    {
        var summary = $"record the verification in {found.Store}";
        return Workflow.ExecuteActivityAsync((IVerificationActivities a) => a.RecordAsync(request, level, found),
            ActivityPolicies.ForShortWork(summary, abort.Token));
    }

    private Task<RestoreSummary> RestoreIntoScratchAsync(string store, string cluster)
    {
        var scratch = $"luxhedge_scratch_{Workflow.NewGuid().ToString("N")[..8]}";
        var target = $"{cluster}/{scratch}";
        var runId = RunIds.Create(Steps.Now, $"test-{request.Asset}", Workflow.NewGuid());
        var restore = new RestoreRequest(runId, request.Asset, request.TaskQueue, target, RestorePurpose.RestoreTest, request.BackupId, null,
            null, scratch, store, false, true, null, null);
        return Workflow.ExecuteChildWorkflowAsync((RestoreWorkflow w) => w.RunAsync(restore), new()
        {
            Id = WorkflowIds.Restore(target),
            TaskQueue = request.TaskQueue,
            StaticSummary = $"Restore test of {request.BackupId} from {store}",
            CancellationToken = abort.Token,
        });
    }
}
