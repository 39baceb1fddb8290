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
/// approvals, of break-glass or of denials, closes it; what comes later is answered and kept, but changes nothing. Pure: signatures and
/// policies are judged elsewhere (<see cref="IApprovalActivities"/>), and again at the last door.
/// </summary>
/// <param name="refusals">Of the run, whose asks may be several; null: of this book alone.</param>
public sealed class DecisionBook(RefusalLog? refusals = null)
{
    private readonly List<Decision> decisions = [];
    private readonly RefusalLog refusals = refusals ?? new();

    public Ask? Ask { get; private set; }

    public AskOutcome Outcome { get; private set; }

    public bool IsOpen => Ask is not null && Outcome == AskOutcome.Open;

    /// <summary>The decisions that count, in the order they came in.</summary>
    public IReadOnlyList<Decision> Decisions => decisions;

    public IReadOnlyList<RefusedDecision> Refused => refusals.Kept;

    public int RefusedBeyondKept => refusals.BeyondKept;

    /// <summary>So many of the ask's tiers have been asked too.</summary>
    public int TiersReached { get; private set; }

    /// <summary>Who may still decide, of those who have been asked by now.</summary>
    public IReadOnlyList<string> Awaited => IsOpen
        ?
        [
            .. Ask!.Approvers.Concat(Ask.Tiers.Take(TiersReached).SelectMany(t => t.People)).Distinct(StringComparer.Ordinal)
                .Where(p => decisions.TrueForAll(d => d.Person != p)),
        ]
        : [];

    public void Open(Ask ask)
    {
        if (Ask is not null)
            throw new InvalidOperationException("This book has its ask already.");
        Ask = ask;
    }

    /// <summary>A book that was closed for a while (continue-as-new) as it was.</summary>
    public static DecisionBook Reopen(
        Ask ask, AskOutcome outcome, IReadOnlyList<Decision> decisions, int tiersReached, RefusalLog refusals)
    {
        var book = new DecisionBook(refusals) { Ask = ask, Outcome = outcome, TiersReached = tiersReached };
        book.decisions.AddRange(decisions);
        return book;
    }

    /// <summary>The next tier is asked too.</summary>
    public void Escalate() => TiersReached = Math.Min(TiersReached + 1, Ask?.Tiers.Count ?? 0);

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
        Outcome = OutcomeOf(Ask!, decisions);
        var (approvals, denials) = Count(decisions);
        return new(true, Outcome switch
        {
            AskOutcome.Approved => Ask!.Kind == AskKinds.Manual ? "Confirmed: the run goes on." : "Approved: the run goes on.",
            AskOutcome.Denied => Ask!.Kind == AskKinds.Manual ? "Denied: it counts as not done." : "Denied: what was asked is not done.",
            _ => decision.Kind == DecisionKind.Approved
                ? $"Counted: {approvals} of {Ask!.Quorum} approvals."
                : $"Counted: {denials} of {Ask!.DenyThreshold} denials.",
        });
    }

    /// <summary>What decisions that count come to, in whichever order they came: a threshold of denials, of approvals, of break-glass, or
    /// none yet.</summary>
    public static AskOutcome OutcomeOf(Ask ask, IReadOnlyList<Decision> counted)
    {
        var (approvals, denials) = Count(counted);
        if (denials >= Math.Max(1, ask.DenyThreshold))
            return AskOutcome.Denied;
        var glass = counted.Count(d => d is { Kind: DecisionKind.Approved, BreakGlass: true });
        return approvals >= Math.Max(1, ask.Quorum) || (ask.BreakGlass is { } broken && glass >= Math.Max(1, broken.Quorum))
            ? AskOutcome.Approved
            : AskOutcome.Open;
    }

    public DecisionAnswer Refuse(Decision decision, string why, DateTimeOffset now) => refusals.Refuse(decision, why, now);

    public void Expire() => Close(AskOutcome.Expired);

    public void Withdraw() => Close(AskOutcome.Withdrawn);

    private static (int Approvals, int Denials) Count(IReadOnlyList<Decision> decisions)
    {
        // Break-glass counts for break-glass only: it is another question than the policy's.
        var approvals = decisions.Count(d => d is { Kind: DecisionKind.Approved, BreakGlass: false });
        return (approvals, decisions.Count(d => d.Kind == DecisionKind.Denied));
    }

    private void Close(AskOutcome outcome)
    {
        if (IsOpen)
            Outcome = outcome;
    }
}

/// <summary>What changed nothing in a run, and why: as many as <see cref="Most"/> whole, after that a count, so that nobody can fill a run's
/// history with them.</summary>
public sealed class RefusalLog
{
    public const int Most = 100;

    private readonly List<RefusedDecision> kept = [];

    public RefusalLog()
    {
    }

    /// <summary>What an earlier execution of the run kept.</summary>
    public RefusalLog(IReadOnlyList<RefusedDecision> kept, int beyondKept) => (this.kept, BeyondKept) = ([.. kept], beyondKept);

    public IReadOnlyList<RefusedDecision> Kept => kept;

    public int BeyondKept { get; private set; }

    public DecisionAnswer Refuse(Decision decision, string why, DateTimeOffset now) =>
        Refuse(new RefusedDecision(decision.Person, decision.Step, decision.Kind, why, now));

    public DecisionAnswer Refuse(RefusedDecision refused)
    {
        if (kept.Count < Most)
            kept.Add(refused);
        else
            BeyondKept++;
        return new(false, refused.Why);
    }
}
