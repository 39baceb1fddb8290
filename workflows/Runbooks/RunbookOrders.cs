using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// What people tell a run to do beside deciding: retry or skip a failed step, pause, resume. Unsigned, so it can open no door; who and why are
/// kept. What can't be done is answered and kept too.
/// </summary>
internal sealed class RunbookOrders(RefusalLog refusals)
{
    public const string Retry = "retry";
    public const string Skip = "skip";
    public const string Pause = "pause";
    public const string Resume = "resume";
    public const string Abort = "abort";

    private const int LongestPerson = 200;
    private const int LongestReason = 2_000;
    private const int LongestStep = 500;

    private readonly List<WaitingStep> waiting = [];
    private readonly Dictionary<string, string> given = new(StringComparer.Ordinal);
    private List<Intervention> interventions = [];
    private List<Waited> pauses = [];

    /// <summary>Failed steps that wait, the one that waits longest first.</summary>
    public IReadOnlyList<WaitingStep> Waiting => waiting;

    /// <summary>Who paused the run; null: it goes on.</summary>
    public Intervention? Paused { get; private set; }

    public IReadOnlyList<Intervention> Interventions => interventions;

    /// <summary>When the run was paused.</summary>
    public IReadOnlyList<Waited> Pauses => pauses;

    public static void Validate(StepOrder? order)
    {
        if (string.IsNullOrWhiteSpace(order?.Person) || string.IsNullOrWhiteSpace(order.Reason))
            throw Failures.ToFailure(new(ErrorKinds.RefusedDecision, "An order says who and why; neither may be empty."));
        if (order.Person.Length > LongestPerson || order.Reason.Length > LongestReason || order.Step?.Length > LongestStep)
            throw Failures.ToFailure(new(ErrorKinds.RefusedDecision, $"The reason of an order is at most {LongestReason} characters."));
    }

    public void TakeUp(IReadOnlyList<Intervention> carried, IReadOnlyList<Waited> paused, Intervention? pausedBy)
    {
        interventions = [.. carried];
        pauses = [.. paused];
        Paused = pausedBy;
    }

    /// <summary>Waits until a person says how a failed step goes on: <see cref="Retry"/> or <see cref="Skip"/>.</summary>
    public async Task<Intervention> WaitAsync(WaitingStep step, Action changed, CancellationToken cancellation)
    {
        waiting.Add(step);
        changed();
        try
        {
            await Workflow.WaitConditionAsync(() => given.ContainsKey(step.Step), cancellation);
            var order = given[step.Step];
            return interventions.Last(i => i.Step == step.Step && i.Kind == order);
        }
        finally
        {
            given.Remove(step.Step);
            waiting.Remove(step);
            changed();
        }
    }

    public DecisionAnswer TakeRetry(StepOrder order) => Take(Retry, order, "It is tried again.");

    public DecisionAnswer TakeSkip(StepOrder order) => Take(Skip, order, "It is skipped: the run is NotProven at best.");

    public DecisionAnswer TakePause(StepOrder order)
    {
        if (Paused is { } earlier)
            return Refuse(Pause, order, $"{earlier.Person} has paused it already: {earlier.Reason}");
        Paused = Keep(Pause, null, order);
        pauses.Add(new(Steps.Now, null));
        return new(true, "No new step begins; what runs goes on to its end.");
    }

    public DecisionAnswer TakeResume(StepOrder order)
    {
        if (Paused is null)
            return Refuse(Resume, order, "It is not paused.");
        Keep(Resume, null, order);
        EndPause();
        return new(true, "It goes on.");
    }

    /// <summary>An abort ends a pause too: what is left is clean-up.</summary>
    public void KeepAbort(AbortOrder order)
    {
        interventions.Add(new(Abort, null, order.Person, order.Reason, Steps.Now));
        EndPause();
    }

    public DecisionAnswer Refuse(string what, StepOrder order, string why) => refusals.Refuse(
        new RefusedDecision(order.Person, order.Step ?? "", DecisionKind.Denied, why, Steps.Now) { Order = what });

    private DecisionAnswer Take(string what, StepOrder order, string answer)
    {
        var open = waiting.Where(w => !given.ContainsKey(w.Step)).ToList();
        if (open.Count == 0)
            return Refuse(what, order, $"No failed step waits: there is nothing to {what}.");
        if (order.Step is null && open.Count > 1)
            return Refuse(what, order, $"Several steps wait, say which: {string.Join(", ", open.Select(w => w.Step))}.");
        if ((order.Step is null ? open[0] : open.Find(w => w.Step == order.Step)) is not { } step)
            return Refuse(what, order, $"'{order.Step}' does not wait; {string.Join(", ", open.Select(w => w.Step))} does.");
        if (what == Skip && !step.MaySkip)
            return Refuse(what, order, $"'{step.Step}' can't be skipped: without it the run would prove nothing. Retry it, or abort the run.");
        Keep(what, step.Step, order);
        given[step.Step] = what;
        return new(true, answer);
    }

    private Intervention Keep(string what, string? step, StepOrder order)
    {
        var kept = new Intervention(what, step, order.Person, order.Reason, Steps.Now);
        interventions.Add(kept);
        return kept;
    }

    private void EndPause()
    {
        Paused = null;
        if (pauses.Count > 0 && pauses[^1].To is null)
            pauses[^1] = pauses[^1] with { To = Steps.Now };
    }
}
