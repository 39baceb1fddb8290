namespace LuxHedge.Workflows.Approvals;

public enum AskOutcome
{
    /// <summary>Nothing is asked yet, or the ask is still open.</summary>
    Open,
    Approved,
    Denied,
    Expired,

    /// <summary>The run ended for another reason while it was asked.</summary>
    Withdrawn,
}

/// <summary>
/// The book of one ask: which decisions count, and what they come to. One decision a person; the first threshold that is reached, of
/// approvals or of denials, closes it; what comes later is answered and kept, but changes nothing. Pure: signatures and policies are judged
/// elsewhere (<see cref="IApprovalActivities"/>), and again at the last door.
/// </summary>
public sealed class DecisionBook
{
    /// <summary>As many refusals are kept whole; after that they are counted, so that nobody can fill a run's history with them.</summary>
    public const int RefusalsKept = 100;

    private readonly List<Decision> decisions = [];
    private readonly List<RefusedDecision> refused = [];

    public Ask? Ask { get; private set; }

    public AskOutcome Outcome { get; private set; }

    public bool IsOpen => Ask is not null && Outcome == AskOutcome.Open;

    /// <summary>The decisions that count, in the order they came in.</summary>
    public IReadOnlyList<Decision> Decisions => decisions;

    public IReadOnlyList<RefusedDecision> Refused => refused;

    public int RefusedBeyondKept { get; private set; }

    /// <summary>Who may still decide.</summary>
    public IReadOnlyList<string> Awaited => IsOpen ? [.. Ask!.Approvers.Where(p => decisions.TrueForAll(d => d.Person != p))] : [];

    public void Open(Ask ask)
    {
        if (Ask is not null)
            throw new InvalidOperationException("This book has its ask already.");
        Ask = ask;
    }

    /// <summary>Why this decision can't count, before anybody looks at its signature; null: it may.</summary>
    public string? WhyNot(Decision decision)
    {
        if (Ask is not { } ask)
            return "Nothing is asked here yet.";
        if (Outcome != AskOutcome.Open)
        {
            return Outcome switch
            {
                AskOutcome.Approved => "It was approved already: this decision came too late to count.",
                AskOutcome.Denied => "It was denied already: this decision came too late to count.",
                AskOutcome.Expired => $"The time to decide ended at {ask.Until:u}.",
                _ => "The run ended before it was decided.",
            };
        }

        return decisions.Exists(d => d.Person == decision.Person) ? $"{decision.Person} has decided already: one decision a person." : null;
    }

    /// <summary>Takes a decision that was judged, or keeps why not. The book may have moved on while it was judged.</summary>
    public DecisionAnswer Take(Decision decision, DecisionAnswer judged, DateTimeOffset now)
    {
        if (WhyNot(decision) is { } why)
            return Refuse(decision, why, now);
        if (!judged.Accepted)
            return Refuse(decision, judged.Why, now);
        decisions.Add(decision);
        var approvals = decisions.Count(d => d.Kind == DecisionKind.Approved);
        var denials = decisions.Count - approvals;
        if (denials >= Math.Max(1, Ask!.DenyThreshold))
            Outcome = AskOutcome.Denied;
        else if (approvals >= Math.Max(1, Ask.Quorum))
            Outcome = AskOutcome.Approved;
        return new(true, Outcome switch
        {
            AskOutcome.Approved => "Approved: the run goes on.",
            AskOutcome.Denied => "Denied: the run ends, nothing is changed.",
            _ => decision.Kind == DecisionKind.Approved
                ? $"Counted: {approvals} of {Ask.Quorum} approvals."
                : $"Counted: {denials} of {Ask.DenyThreshold} denials.",
        });
    }

    public DecisionAnswer Refuse(Decision decision, string why, DateTimeOffset now)
    {
        if (refused.Count < RefusalsKept)
            refused.Add(new(decision.Person, decision.Step, decision.Kind, why, now));
        else
            RefusedBeyondKept++;
        return new(false, why);
    }

    public void Expire() => Close(AskOutcome.Expired);

    public void Withdraw() => Close(AskOutcome.Withdrawn);

    private void Close(AskOutcome outcome)
    {
        if (IsOpen)
            Outcome = outcome;
    }
}
