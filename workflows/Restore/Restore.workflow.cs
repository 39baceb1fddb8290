using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Restore;

/// <summary>
/// One restore, from the declaration to green checks against the clock. Nothing is replaced before the cut-over, and whatever ends it
/// before that leaves the target as it was. Fails with an <see cref="ErrorReport"/> only when preflight refuses; after that everything is
/// in the summary.
/// </summary>
[Workflow(Wire.Restore)]
public sealed class RestoreWorkflow
{
    private const string ApprovalStep = "approval";

    private readonly RestoreRequest request;
    private readonly Steps steps;
    private readonly AbortSwitch abort = new();
    private readonly ApprovalDesk desk;
    private readonly AuditTrail audit = new();
    private readonly List<Check> checks = [];
    private readonly List<string> notes = [];
    private RestorePlan? plan;
    private Ask? approved;
    private IReadOnlyList<Decision> decisions = [];
    private Verdict? verdict;
    private string? ended;
    private ErrorReport? error;
    private string? safetyBackup;
    private long documents;
    private DateTimeOffset? newestCanary;
    private bool replaced;

    [WorkflowInit]
    public RestoreWorkflow(RestoreRequest request)
    {
        this.request = request;
        steps = new(request.RunId, Wire.Restore, request.Asset);
        desk = new(() => new(request.RunId, "restore", Mode(), request.Asset));
    }

    [WorkflowRun]
    public async Task<RestoreSummary> RunAsync(RestoreRequest request)
    {
        try
        {
            ShowAttributes();
            await PreflightAsync();
            if (ended is null && await ApprovedAsync())
                await RestoreAsync();
            var clock = StopTheClock();
            var cleanUp = await CleanUpAsync();
            var summary = Sum(clock, cleanUp);
            summary = summary with { Evidence = await KeepEvidenceAsync(summary), Notes = [.. notes] };
            await StartNextBackupAsync();
            await desk.FlushAsync();
            summary = summary with { Notes = [.. notes, .. desk.Notes, .. audit.Notes] };
            if (!replaced)
                AbortSwitch.PassOnCancellation();
            return summary;
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            ShowVerdict(Verdict.Failed);
            throw Failures.ToFailure(Failures.ToReport(e), e);
        }
        finally
        {
            await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        }
    }

    [WorkflowQuery(Wire.State)]
    public RunState State()
    {
        var state = desk.Show(steps.State(verdict, abort.Order));
        // What was approved before it began was asked by the run that started it.
        return decisions.Count > 0 ? state with { Decisions = decisions } : state;
    }

    [WorkflowUpdateValidator(nameof(DecideAsync))]
    public void ValidateDecision(Decision decision) => Decisions.Validate(decision);

    /// <summary>Takes a person's decision, or says why it changes nothing.</summary>
    [WorkflowUpdate(Wire.Decide)]
    public Task<DecisionAnswer> DecideAsync(Decision decision) => desk.DecideAsync(decision);

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => Task.FromResult(abort.Take(order));

    /// <summary>A refusal here fails the run as it is: nothing was touched.</summary>
    private async Task PreflightAsync()
    {
        try
        {
            plan = await steps.RunAsync("preflight", LookAsync, p => $"{p.BackupId} into {p.Host}/{p.Database}");
            notes.AddRange(plan.Notes);
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.BackupId.ValueSet(plan.BackupId));
        }
        catch (Exception e) when (abort.Caused(e))
        {
            Aborted();
        }

        // A runbook's entry covers its restores. What comes of it, the evidence appends.
        if (plan is not null && request is { Purpose: RestorePurpose.Recovery, Claim: null })
        {
            audit.Tell(AuditEntries.RunStarted(
                request.RunId, "restore", request.Asset, steps.StartedAt, request.RequestedBy?.Person,
                ("backup", plan.BackupId), ("target", $"{plan.Host}/{plan.Database}"), ("production", plan.Production ? "true" : "false")));
        }
    }

    /// <summary>Asks people where the plan says so, and waits for them. Only the last door, which judges again, decides what is
    /// written.</summary>
    private async Task<bool> ApprovedAsync()
    {
        if (!plan!.Production)
            return true;
        if (WasApproved() is { } before)
        {
            (approved, decisions) = (before.Ask, before.Decisions);
            steps.Skip(ApprovalStep, $"approved at {before.Ask.Step}: {Who(decisions)}");
            return true;
        }

        AskRecord asked;
        try
        {
            asked = await steps.WaitOnPeopleAsync(ApprovalStep,
                () => desk.AskAsync(AskRequest.Of(ApprovalStep, request, plan), abort.Token), a => $"{a.Outcome}: {Who(a.Decisions)}");
        }
        catch (Exception e) when (abort.Caused(e))
        {
            Aborted();
            return false;
        }
        catch (Exception e) when (TemporalException.IsCanceledException(e))
        {
            Cancelled();
            return false;
        }

        (approved, decisions) = (asked.Ask, asked.Decisions);
        if (asked.Outcome == nameof(AskOutcome.Approved))
            return true;
        ended = asked.Outcome;
        notes.Add(asked.Outcome == nameof(AskOutcome.Denied)
            ? $"Denied: {Who(decisions)}. Nothing was changed."
            : "Nobody decided in time: it counts as denied. Nothing was changed.");
        return false;
    }

    /// <summary>What the run that started this one was approved for, if preflight found exactly that again and it is not too old: the last
    /// door would not open for it.</summary>
    private ApprovedAsk? WasApproved()
    {
        if (request.Approved is not { } before)
            return null;
        if (before.Ask.Hash != plan!.AskHash || plan.AskHash.Length == 0)
            notes.Add($"What was approved at {before.Ask.Step} is not what would be done now, so it is asked again.");
        else if (before.Decisions.Any(d => d.At < Steps.Now - Approvals.Decisions.Lifetime))
            notes.Add($"What was approved at {before.Ask.Step} is too long ago, so it is asked again.");
        else
            return before;
        return null;
    }

    private async Task RestoreAsync()
    {
        try
        {
            await TakeSafetyBackupAsync();
            await steps.RunAsync("prepare", PrepareAsync);
            await LoadAsync();
            var replay = await steps.RunAsync("replay the oplog", ReplayAsync, r => $"{r.Entries} entries, {r.Written} written");
            checks.AddRange(replay.Problems);
            if (plan!.Point is not null)
                await GoOnToThePointAsync();
            checks.AddRange(await steps.RunAsync("build indexes", BuildIndexesAsync, Told));
            var compared = await steps.RunAsync("check", CompareAsync, c => Told(c.Checks));
            Compared(compared);
            if (StopsBeforeReplacing())
                return;
            abort.TooLate = "The cut-over has begun: from here on the restore is finished, not undone.";
            checks.AddRange(await steps.RunAsync("cut over", CutOverAsync, Told));
            replaced = true;
        }
        catch (Exception e) when (abort.Caused(e))
        {
            Aborted();
        }
        catch (Exception e) when (TemporalException.IsCanceledException(e))
        {
            Cancelled();
        }
        catch (FailureException e)
        {
            Stopped(Failures.ToReport(e));
        }
    }

    private async Task TakeSafetyBackupAsync()
    {
        if (plan!.SafetySkipped is { } why)
        {
            steps.Skip("safety backup", why);
            notes.Add($"No safety backup was taken: {why}");
            return;
        }

        var taken = await steps.RunAsync("safety backup", BackUpWhatIsReplacedAsync, r => r.Backup?.Id);
        safetyBackup = taken.Backup?.Id;
        if (!taken.Stores.Any(s => s.Verdict == Verdict.Proven))
        {
            throw Failures.ToFailure(new(ErrorKinds.Restore,
                "The safety backup could not be verified in any store: what is there now would be lost.",
                safetyBackup, "Mend the stores and restore again, or restore with --no-safety-backup."));
        }
    }

    private async Task LoadAsync()
    {
        var lanes = await steps.RunAsync("load", async () =>
        {
            using var together = CancellationTokenSource.CreateLinkedTokenSource(abort.Token);
            var running = Enumerable.Range(0, Math.Max(1, plan!.Lanes)).Select(lane => LoadLaneAsync(lane, together.Token)).ToList();
            await Together.AllAsync(together, running);
            return await Workflow.WhenAllAsync(running);
        }, l => $"{l.Sum(r => r.Documents)} documents in {l.Sum(r => r.Ranges)} ranges, {l.Length} lanes");
        documents = lanes.Sum(l => l.Documents);
        checks.AddRange(lanes.SelectMany(l => l.Problems));
    }

    /// <summary>From the base's end mark, where a witness can prove it, over slices to the moment wanted.</summary>
    private async Task GoOnToThePointAsync()
    {
        checks.AddRange(await steps.RunAsync("check the base", CheckBaseAsync, Told));
        var exact = await steps.RunAsync("replay to the point", ReplayToPointAsync, r => $"{r.Entries} entries to {r.Last.ToTime():u}, {r.Written} written");
        checks.AddRange(exact.Problems);
    }

    private void Compared(CheckResult compared)
    {
        documents = compared.Documents;
        newestCanary = compared.NewestCanary;
        checks.AddRange(compared.Checks);
        if (compared.Checks.Count == 0)
            checks.Add(new("checks", Verdict.NotProven, "Nothing was compared."));
        if (compared.CanaryStandIn)
            notes.Add("The plan forbids canaries: the newest restored oplog entry stands in for one.");
    }

    /// <summary>Bad data never replaces what is there; where nothing would be replaced, it is put in place to be looked at.</summary>
    private bool StopsBeforeReplacing()
    {
        var stops = checks.Exists(c => c.Verdict == Verdict.Failed) && (plan!.Production || plan.Dropped.Count > 0);
        if (stops)
        {
            steps.Skip("cut over", "a check failed");
            notes.Add($"A check failed before the cut-over, so nothing was replaced: {plan!.Database} is as it was.");
        }

        return stops;
    }

    /// <summary>RTO: from the start of the run until the checks are green, or until it ended.</summary>
    private RtoMeasure StopTheClock()
    {
        abort.TooLate ??= "It has ended already, and is cleaning up.";
        var total = Steps.Now - steps.StartedAt;
        return new(plan?.RtoTarget ?? TimeSpan.Zero, total, total - steps.Waiting, steps.Waiting, TimeSpan.Zero);
    }

    /// <summary>However it ended: nothing of ours stays beside the target, and an inventory proves it.</summary>
    private async Task<TimeSpan> CleanUpAsync()
    {
        if (plan is null)
            return TimeSpan.Zero;
        var from = Steps.Now;
        try
        {
            var result = await steps.RunAsync("clean up", TidyAsync,
                r => r.StillThere.Count == 0 ? "nothing is left" : string.Join(", ", r.StillThere));
            checks.Add(result.StillThere.Count == 0
                ? new("clean-up", Verdict.Proven, $"{result.Removed.Count} removed, nothing is left.")
                : new("clean-up", Verdict.Failed, $"Still there: {string.Join(", ", result.StillThere)}"));
        }
        catch (FailureException e)
        {
            checks.Add(new("clean-up", Verdict.NotProven, Failures.ToReport(e).Message));
        }

        return Steps.Now - from;
    }

    private RestoreSummary Sum(RtoMeasure clock, TimeSpan cleanUp)
    {
        var rto = clock with { Cleanup = cleanUp };
        var rpo = RestoreVerdicts.Measure(plan, replaced || checks.Count > 0 ? newestCanary : null);
        if (replaced && request.Purpose == RestorePurpose.Recovery)
            checks.AddRange(RestoreVerdicts.Targets(rto, rpo));
        ShowVerdict(RestoreVerdicts.Of(request.Purpose, checks, ended, error, replaced));
        return new(request.RunId, verdict!.Value, plan?.Database ?? request.Into ?? request.Target, documents, rto, rpo, [.. checks])
        {
            Backup = plan?.BackupId ?? request.Backup ?? "",
            SafetyBackup = safetyBackup,
            Point = plan is null ? null : RestoredPoint.Of(request, plan),
            MomentWanted = plan?.MomentWanted,
            NewestCanary = newestCanary,
            Ended = ended,
            Error = error,
        };
    }

    private async Task<IReadOnlyList<string>> KeepEvidenceAsync(RestoreSummary summary)
    {
        if (plan is null)
            return [];
        await audit.FlushAsync();
        var evidence = new RestoreEvidence(request, plan, summary with { Notes = [.. notes] }, State()) { Asks = desk.Asks };
        try
        {
            return await steps.RunAsync("evidence", () => WriteEvidenceAsync(evidence), e => string.Join(", ", e));
        }
        catch (FailureException e)
        {
            notes.Add($"The evidence could not be written: {Failures.ToReport(e).Message}");
            return [];
        }
    }

    private static Task<IReadOnlyList<string>> WriteEvidenceAsync(RestoreEvidence evidence) => Workflow.ExecuteActivityAsync(
        (IRestoreActivities a) => a.WriteEvidenceAsync(evidence),
        ActivityPolicies.ForShortWork("signed evidence into every store", CancellationToken.None));

    /// <summary>Point in time needs a new base: what was restored has no oplog that leads to it.</summary>
    private async Task StartNextBackupAsync()
    {
        if (!replaced || !plan!.Production)
            return;
        var runId = RunIds.Create(Steps.Now, $"backup-{request.Asset}", Workflow.NewGuid());
        var next = new DatabaseBackupRequest(runId, request.Asset, request.TaskQueue)
        {
            AfterRestore = true,
        };
        try
        {
            await steps.RunAsync("start the next backup",
                () => Workflow.StartChildWorkflowAsync((DatabaseBackupWorkflow w) => w.RunAsync(next), new()
                {
                    Id = WorkflowIds.Backup(request.Asset),
                    TaskQueue = request.TaskQueue,
                    ParentClosePolicy = ParentClosePolicy.Abandon,
                    StaticSummary = $"Backup of {request.Asset} after its restore",
                    CancellationToken = CancellationToken.None,
                }), _ => next.RunId);
            notes.Add($"The next backup has begun: {next.RunId}.");
        }
        catch (FailureException e)
        {
            notes.Add(e is WorkflowAlreadyStartedException
                ? "A backup of the asset runs already; no other was started."
                : $"The next backup could not be started: {Failures.ToReport(e).Message}");
        }
    }

    private void Aborted()
    {
        ended = "Aborted";
        notes.Add($"Aborted by {abort.Order!.Person}: {abort.Order.Reason}");
    }

    private void Cancelled()
    {
        ended = "Cancelled";
        notes.Add("Cancelled through Temporal, which keeps no reason; luxhedge runs abort does.");
    }

    private void Stopped(ErrorReport report)
    {
        error = report;
        if (report.Kind == ErrorKinds.NotApproved)
            ended = "NotApproved";
        checks.Add(new(steps.LastFailed ?? "restore", RestoreVerdicts.OfStopped(request.Purpose, report), report.Message));
    }

    private void ShowAttributes() => Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(
        request.RunId, request.Asset, "restore", Mode()));

    private void ShowVerdict(Verdict v)
    {
        verdict = v;
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Verdict.ValueSet(v.ToString()));
    }

    private string Mode() => request.Purpose == RestorePurpose.RestoreTest ? "test" : request.Drill ? "drill" : "real";

    private static string Who(IReadOnlyList<Decision> decided) =>
        string.Join(", ", decided.Select(d => d.Reason.Length > 0 ? $"{d.Person} ({d.Reason})" : d.Person));

    private static string Told(IReadOnlyList<Check> list)
    {
        var failed = list.Count(c => c.Verdict == Verdict.Failed);
        return failed > 0 ? $"{failed} of {list.Count} failed" : $"{list.Count} checked";
    }

    private RestoreWork Work() => new(request, plan!, approved, decisions);

    private Task<RestorePlan> LookAsync() => Workflow.ExecuteActivityAsync(
        (IRestoreActivities a) => a.PreflightAsync(request),
        ActivityPolicies.AtTheDoor("choose the backup, look at the target", abort.Token, RestorePoint.MostToFind(request.To)));

    private async Task<BackupResult> BackUpWhatIsReplacedAsync()
    {
        var runId = RunIds.Create(Steps.Now, $"safety-{request.Asset}", Workflow.NewGuid());
        var safety = new DatabaseBackupRequest(runId, request.Asset, request.TaskQueue)
        {
            Safety = true,
            Database = request.Into,
        };
        try
        {
            return await Workflow.ExecuteChildWorkflowAsync((DatabaseBackupWorkflow w) => w.RunAsync(safety), new()
            {
                Id = plan!.Production ? WorkflowIds.Backup(request.Asset) : WorkflowIds.SafetyBackup(request.Target),
                TaskQueue = request.TaskQueue,
                StaticSummary = $"Safety backup of {plan.Database} before it is replaced",
                CancellationToken = abort.Token,
            });
        }
        catch (WorkflowAlreadyStartedException e)
        {
            throw Failures.ToFailure(new(ErrorKinds.Locked, $"A backup of {request.Asset} runs: the safety backup can't.", e.WorkflowId,
                "Wait for it or abort it, then restore again."), e);
        }
    }

    private Task PrepareAsync()
    {
        var work = Work();
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.PrepareAsync(work),
            ActivityPolicies.ForLongWork("collections and fences beside the target", abort.Token));
    }

    private Task<LoadResult> LoadLaneAsync(int lane, CancellationToken cancellation)
    {
        var work = new LoadWork(Work(), lane);
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.LoadLaneAsync(work),
            ActivityPolicies.ForLane(request.TaskQueue, $"load lane {lane}", cancellation));
    }

    private Task<ReplayResult> ReplayAsync()
    {
        var work = Work();
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.ReplayAsync(work),
            ActivityPolicies.ForLane(request.TaskQueue, "replay the oplog over what was loaded", abort.Token));
    }

    private Task<IReadOnlyList<Check>> CheckBaseAsync()
    {
        var work = Work();
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.CheckBaseAsync(work),
            ActivityPolicies.ForLongWork("compare with the base's witness", abort.Token));
    }

    private Task<ReplayResult> ReplayToPointAsync()
    {
        var work = Work();
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.ReplayToPointAsync(work),
            ActivityPolicies.ForLane(request.TaskQueue, "replay slices to the point", abort.Token));
    }

    private Task<IReadOnlyList<Check>> BuildIndexesAsync()
    {
        var work = Work();
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.BuildIndexesAsync(work),
            ActivityPolicies.ForLongWork("indexes and validators", abort.Token));
    }

    private Task<CheckResult> CompareAsync()
    {
        var work = Work();
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.CheckAsync(work),
            ActivityPolicies.ForLongWork("compare with the witness", abort.Token));
    }

    // Not to be cancelled: half a cut-over is the one state that helps nobody.
    private Task<IReadOnlyList<Check>> CutOverAsync()
    {
        var work = Work();
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.CutOverAsync(work),
            ActivityPolicies.ForLongWork("rename what was restored over what was there", CancellationToken.None));
    }

    private Task<CleanUpResult> TidyAsync()
    {
        var work = Work();
        var succeeded = replaced;
        return Workflow.ExecuteActivityAsync((IRestoreActivities a) => a.CleanUpAsync(work, succeeded),
            ActivityPolicies.ForLongWork("remove everything that stood beside the target", CancellationToken.None));
    }
}
