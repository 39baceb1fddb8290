using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Evidence;

/// <summary>What a report tells, in its order: the same for a runbook and a restore, for a page and a terminal.</summary>
/// <param name="What">In a few words: <c>Drill of luxhedge_production</c>.</param>
/// <param name="ClockStopped">When the checks were green, or it ended without that.</param>
/// <param name="Findings">What failed first, then what was not proven. Empty only for a Proven run.</param>
public sealed record RunReport(
    string RunId,
    string Title,
    string What,
    Verdict Verdict,
    string Sentence,
    DateTimeOffset StartedAt,
    DateTimeOffset ClockStopped,
    DateTimeOffset EndedAt,
    RtoMeasure Rto,
    RpoMeasure Rpo,
    IReadOnlyList<TierResult> Tiers,
    IReadOnlyList<ReportFinding> Findings,
    IReadOnlyList<ReportStep> Steps,
    IReadOnlyList<Check> Checks,
    IReadOnlyList<ReportAsk> Asks,
    IReadOnlyList<RefusedDecision> Refused,
    int RefusedBeyondKept,
    IReadOnlyList<Intervention> Interventions,
    IReadOnlyList<string> Notes,
    IReadOnlyList<ReportFact> Facts,
    IReadOnlyList<ReportFact> Identity)
{
    public static RunReport Of(EvidenceDocument document) => document switch
    {
        RunbookEvidenceDocument run => RunbookReport.Of(run),
        RestoreEvidenceDocument restore => RestoreReport.Of(restore),
        _ => throw new ArgumentException($"{document.GetType()} has no report.", nameof(document)),
    };

    /// <summary>Failed first; in each half in the order of the run. A run that is not Proven is never without a reason.</summary>
    internal static IReadOnlyList<ReportFinding> Sorted(Verdict verdict, IEnumerable<ReportFinding> findings)
    {
        List<ReportFinding> sorted = [.. findings.Where(f => f.Verdict != Verdict.Proven).DistinctBy(f => (f.What, f.Detail)).OrderByDescending(f => f.Verdict)];
        if (verdict != Verdict.Proven && sorted.TrueForAll(f => f.Verdict != verdict))
            sorted.Insert(0, new(verdict, "the run", $"It ended {verdict}, and nothing in it says why."));
        return sorted;
    }

    internal static string Ended(string ended, string target) => ended switch
    {
        "Denied" => $"The approval was denied; {target} is as it was.",
        "Expired" => $"Nobody approved in time, which counts as denied; {target} is as it was.",
        "NotApproved" => $"Refused at the last door: the decisions do not allow it; {target} is as it was.",
        "Aborted" => "A person aborted it before its end.",
        "Cancelled" => "It was cancelled through Temporal before its end.",
        _ => $"It ended early: {ended}.",
    };
}

/// <summary>One thing that is not as it should be.</summary>
public sealed record ReportFinding(Verdict Verdict, string What, string Detail);

/// <param name="State">One of <see cref="StepStates"/>.</param>
/// <param name="Depth">0 for a step of the runbook itself, 1 for one of a runbook nested in it.</param>
/// <param name="LastDurations">How long it took in earlier runs, newest first.</param>
public sealed record ReportStep(
    string Id,
    string Title,
    string Kind,
    string State,
    DateTimeOffset StartedAt,
    DateTimeOffset EndedAt,
    int Attempts,
    TimeSpan Waiting,
    Verdict Verdict,
    string? Detail,
    IReadOnlyList<string> Interventions,
    int Depth,
    bool CleanUp,
    IReadOnlyList<TimeSpan> LastDurations);

/// <summary>One ask, with every decision that counted.</summary>
/// <param name="Problems">What is wrong with the ask itself, by the keys in the evidence; empty: it was verified.</param>
public sealed record ReportAsk(
    Ask Ask, string Outcome, DateTimeOffset? ClosedAt, IReadOnlyList<string> Problems, IReadOnlyList<ReportDecision> Decisions)
{
    /// <summary>What people did themselves is confirmed, not approved.</summary>
    public string Word => Ask.Kind == AskKinds.Manual && Outcome == nameof(AskOutcome.Approved) ? "Confirmed" : Outcome;
}

/// <param name="Word"><c>approved</c>, <c>confirmed</c> or <c>denied</c>.</param>
/// <param name="Key">With whose key it is signed, in words.</param>
/// <param name="Problem">Why it does not verify, or null: it was verified with the keys in the evidence.</param>
public sealed record ReportDecision(Decision Decision, string Word, string Key, string? Problem);

public sealed record ReportFact(string Name, string Value);
