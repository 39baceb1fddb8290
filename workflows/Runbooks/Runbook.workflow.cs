using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// One run of a runbook, which its input carries whole: the same in a drill, isolated from production, and in the real event. Fails with an
/// <see cref="ErrorReport"/> only when it could not begin; after that everything is in the summary. However it ends, clean-up runs, an
/// inventory proves it, and the evidence is written.
/// </summary>
[Workflow(Wire.Runbook)]
public sealed class RunbookWorkflow
{
    private readonly RunbookRequest request;
    private readonly CarriedRun? carried;
    private readonly DateTimeOffset startedAt;
    private readonly StepBook book = new();
    private readonly AbortSwitch abort = new();
    private readonly ApprovalDesk desk;
    private readonly RunbookOrders orders;
    private readonly RunbookNews news;
    private readonly UpdateMemory updates;
    private readonly List<string> notes = [];
    private readonly List<Check> checks = [];
    private RunbookSite? site;
    private Verdict? verdict;

    [WorkflowInit]
    public RunbookWorkflow(RunbookRequest request)
    {
        this.request = request;
        carried = CarriedRun.Of(request);
        startedAt = carried?.StartedAt ?? Steps.Now;
        news = new(request, book, notes) { Message = carried?.Message };
        desk = new(() => news.Facts, WaitingStep, carried?.Asks);
        orders = new(desk.Refusals);
        updates = new(carried?.SeenUpdates ?? []);
        if (carried is null)
            return;
        site = carried.Site;
        notes.AddRange(carried.Notes);
        book.TakeUp(carried.Steps);
        orders.TakeUp(carried.Interventions, carried.Pauses, carried.Paused);
    }

    [WorkflowRun]
    public async Task<RunbookSummary> RunAsync(RunbookRequest request)
    {
        try
        {
            var scope = await BeginAsync();
            var runner = new StepRunner(request, site!, DeclaredAt, book, orders, desk, abort, IsFull);
            news.Start(startedAt, isNew: carried is null, site!.Told);
            var flow = await UntilDoneOrFullAsync(runner.RunAsync(request.Definition.Steps, scope, abort.Token));
            var (stoppedAt, cleanUpFrom) = (StopTheClock(), Steps.Now);
            await runner.CleanUpAsync(request.Definition.Cleanup, scope);
            await TakeInventoryAsync();
            var (summary, logged) = await KeepEvidenceAsync(Sum(flow, stoppedAt, cleanUpFrom));
            await desk.FlushAsync();
            await news.EndAsync(summary, logged);
            AbortSwitch.PassOnCancellation();
            return summary with { Notes = [.. notes, .. desk.Notes] };
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            var report = Failures.ToReport(e);
            ShowVerdict(RunbookVerdicts.OfFailure(report));
            await news.AlertAsync(verdict!.Value, report.Message);
            throw Failures.ToFailure(report, e);
        }
        finally
        {
            await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        }
    }

    [WorkflowQuery(Wire.State)]
    public RunState State() => desk.Show(new(
        request.RunId, Wire.Runbook, request.Asset, startedAt, book.Timings, null, [], [], 0, abort.Order?.Person, abort.Order?.Reason, verdict)
    {
        WaitingSteps = [.. orders.Waiting],
        Paused = orders.Paused,
        Interventions = [.. orders.Interventions],
        Title = request.Definition.Title,
        Mode = news.Facts.Mode,
        Target = site?.Target,
    });

    [WorkflowUpdateValidator(nameof(DecideAsync))]
    public void ValidateDecision(Decision decision) => Decisions.Validate(decision);

    /// <summary>Takes a person's decision on any open ask, or says why it changes nothing.</summary>
    [WorkflowUpdate(Wire.Decide)]
    public Task<DecisionAnswer> DecideAsync(Decision decision) => updates.OnceAsync(() => desk.DecideAsync(decision));

    [WorkflowUpdateValidator(nameof(RetryAsync))]
    public void ValidateRetry(StepOrder order) => RunbookOrders.Validate(order);

    /// <summary>Tries a failed step again, or asks an expired or denied approval anew.</summary>
    [WorkflowUpdate(Wire.Retry)]
    public Task<DecisionAnswer> RetryAsync(StepOrder order) => updates.OnceAsync(() => orders.TakeRetry(order));

    [WorkflowUpdateValidator(nameof(SkipAsync))]
    public void ValidateSkip(StepOrder order) => RunbookOrders.Validate(order);

    /// <summary>Goes on without a failed step: NotProven at best.</summary>
    [WorkflowUpdate(Wire.Skip)]
    public Task<DecisionAnswer> SkipAsync(StepOrder order) => updates.OnceAsync(() => orders.TakeSkip(order));

    [WorkflowUpdateValidator(nameof(PauseAsync))]
    public void ValidatePause(StepOrder order) => RunbookOrders.Validate(order);

    [WorkflowUpdate(Wire.Pause)]
    public Task<DecisionAnswer> PauseAsync(StepOrder order) => updates.OnceAsync(
        () => abort.TooLate is { } why ? orders.Refuse(RunbookOrders.Pause, order, why) : orders.TakePause(order));

    [WorkflowUpdateValidator(nameof(ResumeAsync))]
    public void ValidateResume(StepOrder order) => RunbookOrders.Validate(order);

    [WorkflowUpdate(Wire.Resume)]
    public Task<DecisionAnswer> ResumeAsync(StepOrder order) => updates.OnceAsync(() => orders.TakeResume(order));

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    /// <summary>Ends the steps; clean-up runs all the same.</summary>
    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => updates.OnceAsync(() =>
    {
        var answer = abort.Take(order);
        if (answer.Accepted)
            orders.KeepAbort(order);
        else
            orders.Refuse(RunbookOrders.Abort, new(null, order.Person, order.Reason), answer.Why);
        return answer;
    });

    private DateTimeOffset DeclaredAt => request.DeclaredAt ?? startedAt;

    /// <summary>Where the run may write, by the worker's own plan; and what its expressions see.</summary>
    private async Task<StepScope> BeginAsync()
    {
        if (site is null)
        {
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(
                request.RunId, request.Asset, request.Mode == RunMode.Drill ? "drill" : "incident", news.Facts.Mode));
            site = await Workflow.ExecuteActivityAsync(
                (IRunbookActivities a) => a.BeginAsync(request), ActivityPolicies.AtTheDoor("where it may write, what is there now", abort.Token));
            notes.AddRange(site.Notes);
        }

        var mode = new ModeFacts(request.Mode, site);
        var run = new RunFacts(request.RunId, request.Asset, DeclaredAt, request.RequestedBy?.Person);
        return new(request.Definition, StepScope.Bind(request.Definition, request.Inputs, mode, run), mode, run);
    }

    /// <summary>Goes on in a new execution once the history is long, nothing runs and nobody is being answered.</summary>
    private async Task<Flow> UntilDoneOrFullAsync(Task<Flow> steps)
    {
        await Workflow.WaitConditionAsync(
            () => steps.IsCompleted || (IsFull() && book.IsQuiet && Workflow.AllHandlersFinished), CancellationToken.None);
        if (steps.IsCompleted)
            return await steps;
        await news.StopAsync();
        await desk.FlushAsync();
        await Workflow.WaitConditionAsync(() => steps.IsCompleted || (book.IsQuiet && Workflow.AllHandlersFinished), CancellationToken.None);
        if (steps.IsCompleted)
            return await steps;
        var next = request with
        {
            Carried = new CarriedRun(startedAt, site!, book.Entries, desk.Export(), orders.Interventions, orders.Pauses, orders.Paused,
                updates.Seen, notes, news.Message).ToJson(),
        };
        throw Workflow.CreateContinueAsNewException((RunbookWorkflow w) => w.RunAsync(next));
    }

    /// <summary>An execution in which nothing has happened hands nothing on: it would go round for ever.</summary>
    private bool IsFull() => !abort.Token.IsCancellationRequested && book.Moves + updates.Answered > 0
        && (request.EventsPerExecution is { } most ? Workflow.CurrentHistoryLength >= most : Workflow.ContinueAsNewSuggested);

    private DateTimeOffset StopTheClock()
    {
        abort.TooLate ??= "The steps have ended already, and it is cleaning up.";
        var green = book.Entries.Where(e => e.Outcome is { StopsClock: true }).Select(e => e.EndedAt).Max();
        return green ?? Steps.Now;
    }

    /// <summary>Clean-up is proven by what is there, not by what it says.</summary>
    private async Task TakeInventoryAsync()
    {
        try
        {
            var slim = request with { Carried = null };
            var left = await Workflow.ExecuteActivityAsync(
                (IRunbookActivities a) => a.InventoryAsync(slim, site!),
                ActivityPolicies.ForShortWork("what the run left behind", CancellationToken.None));
            checks.Add(left.Count == 0
                ? new("clean-up", Verdict.Proven, "An inventory shows that nothing is left.")
                : new("clean-up", Verdict.Failed, $"Still there: {string.Join(", ", left)}"));
        }
        catch (FailureException e)
        {
            checks.Add(new("clean-up", Verdict.NotProven, $"There is no inventory of what was left: {Failures.ToReport(e).Message}"));
        }
    }

    private RunbookSummary Sum(Flow flow, DateTimeOffset stoppedAt, DateTimeOffset cleanUpFrom)
    {
        var report = new RunbookReport(request, site!, DeclaredAt, startedAt, book, orders, desk.Asks, abort.Order);
        var summary = report.Sum(flow, checks, stoppedAt, cleanUpFrom);
        ShowVerdict(summary.Verdict);
        return summary;
    }

    /// <returns>And whether the audit log has the run's end with it.</returns>
    private async Task<(RunbookSummary Summary, bool Logged)> KeepEvidenceAsync(RunbookSummary summary)
    {
        var evidence = new RunbookEvidence(
            request with { Carried = null, Keys = null }, site, summary with { Notes = [.. notes, .. desk.Notes] }, desk.Asks, desk.Refusals.Kept,
            desk.Refusals.BeyondKept)
        {
            Interventions = [.. orders.Interventions],
        };
        try
        {
            var kept = await Workflow.ExecuteActivityAsync((IEvidenceActivities a) => a.WriteEvidenceAsync(evidence),
                ActivityPolicies.ForShortWork("signed evidence into every store", CancellationToken.None));
            return (summary with { Evidence = kept.Objects }, kept.AuditTrouble is null);
        }
        catch (FailureException e)
        {
            notes.Add($"The evidence could not be written: {Failures.ToReport(e).Message}");
            return (summary, false);
        }
    }

    private void ShowVerdict(Verdict v)
    {
        verdict = v;
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Verdict.ValueSet(v.ToString()));
    }

    /// <summary>For lists: what the run waits for while nothing is asked.</summary>
    private WaitingFor? WaitingStep() =>
        orders.Waiting.Count == 0 ? null : new(orders.Waiting[0].Step, "person", [], null);
}
