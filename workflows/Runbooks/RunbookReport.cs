using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>What a run came to: its clock, its loss, its tiers, its verdict, and in words what was not proven.</summary>
internal sealed class RunbookReport(
    RunbookRequest request, RunbookSite site, DateTimeOffset declaredAt, DateTimeOffset startedAt, StepBook book, RunbookOrders orders,
    IReadOnlyList<AskRecord> asks, AbortOrder? aborted)
{
    /// <param name="found">Checks that the run made itself: its clean-up's.</param>
    public RunbookSummary Sum(Flow flow, IReadOnlyList<Check> found, DateTimeOffset stoppedAt, DateTimeOffset cleanUpFrom)
    {
        var completed = flow == Flow.GoOn;
        var stopped = book.Entries.LastOrDefault(e => e.Flow != Flow.GoOn);
        var results = book.Results;
        var outcomes = book.Entries.Where(e => e.Outcome is not null).Select(e => e.Outcome!).ToList();
        var rto = Measure(stoppedAt, cleanUpFrom);
        var loss = RunbookVerdicts.Loss(outcomes, declaredAt);
        var tiers = site.Tiers.Select(t => RunbookVerdicts.Of(t, rto, loss, completed)).ToList();
        List<Check> checks =
        [
            .. outcomes.SelectMany(o => o.Checks), .. found, .. tiers.SelectMany(t => RunbookVerdicts.Checks(t, completed)), .. OfTheRun(results, completed),
        ];
        return new(request.RunId, request.Definition.Runbook, request.Definition.Version, request.Mode,
            Verdicts.Worst([.. results.Select(s => s.Verdict), .. checks.Select(c => c.Verdict)]), rto,
            new(request.Definition.Targets?.Rpo ?? Strictest(site.Tiers.Select(t => t.Rpo)), loss), results, Approvals(),
            RunbookVerdicts.NotProven(results, checks), [])
        {
            Checks = checks,
            Tiers = tiers,
            Interventions = [.. orders.Interventions],
            Ended = completed ? null : aborted is not null ? StepRunner.Aborted : stopped?.Ended,
            Error = completed ? null : stopped?.Failure,
            Title = request.Definition.Title,
            Target = site.Target,
            DeclaredAt = declaredAt,
            StartedAt = startedAt,
            StoppedAt = stoppedAt,
            EndedAt = Steps.Now,
        };
    }

    private IEnumerable<Check> OfTheRun(IReadOnlyList<RunbookStepResult> results, bool completed)
    {
        if (RunbookVerdicts.OfNegativeControl(request.Mode, results) is { } control)
            yield return control;
        if (book.IsOverfull)
            yield return new("steps", Verdict.Failed, $"There were more steps to do than the {RunbookLimits.Steps} that a run may have.");
        if (!completed && aborted is { } order)
            yield return new("run", Verdict.NotProven, $"Aborted by {order.Person}: {order.Reason}");
    }

    private RtoMeasure Measure(DateTimeOffset stoppedAt, DateTimeOffset cleanUpFrom)
    {
        var now = Steps.Now;
        var waits = book.Entries.SelectMany(e => e.Waits).Concat(orders.Pauses).Select(w => new Span(w.From, w.To ?? now));
        var cleaning = book.Entries.Where(e => e.IsCleanUp).Select(e => new Span(e.StartedAt, e.EndedAt ?? now));
        return RunbookClock.Measure(
            request.Definition.Targets?.Rto ?? Strictest(site.Tiers.Select(t => t.Rto)),
            new(declaredAt, stoppedAt),
            // Until somebody starts it, a declared loss waits on people.
            waits.Append(new(declaredAt, startedAt)),
            book.Entries.Where(e => !e.IsCleanUp).SelectMany(e => e.Worked(now)),
            cleaning.Append(new(cleanUpFrom, now)));
    }

    private List<ApprovalResult> Approvals() =>
    [
        .. asks.Where(a => a.Ask.Kind == AskKinds.Approval).SelectMany(a => a.Decisions.Select(d => new ApprovalResult(
            a.Ask.Step, d.Kind == DecisionKind.Approved ? "approved" : "denied", d.Person, d.Reason, d.At))),
    ];

    private static TimeSpan Strictest(IEnumerable<TimeSpan> targets) => targets.Where(t => t > TimeSpan.Zero).DefaultIfEmpty(TimeSpan.Zero).Min();
}
