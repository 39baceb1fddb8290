using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Evidence;

/// <summary>Every ask with what an audit of it finds, by the keys that the evidence carries.</summary>
internal static class DecisionReports
{
    public static IReadOnlyList<ReportAsk> Of(StoredRunEvidence stored) =>
        Join(stored.Evidence.Asks, DecisionAudit.Check(stored.Trust.ToPlan(stored.Origin.Namespace), stored.Evidence));

    public static IReadOnlyList<ReportAsk> Of(StoredRestoreEvidence stored)
    {
        var asks = AsksOf(stored.Evidence.Request.Approved, stored.Evidence.Asks);
        return stored is { Trust: { } trust, Origin: { } origin }
            ? Join(asks, DecisionAudit.Check(trust.ToPlan(origin.Namespace), stored.Evidence))
            : Join(asks, [.. asks.Select(NoKeys)]);
    }

    /// <summary>In the order in which <see cref="DecisionAudit"/> looks at them.</summary>
    private static IReadOnlyList<AskRecord> AsksOf(ApprovedAsk? before, IReadOnlyList<AskRecord> own) =>
        before is null ? own : [new(before.Ask, nameof(AskOutcome.Approved), before.Decisions, null), .. own];

    private static AskFinding NoKeys(AskRecord record)
    {
        const string Why = "the evidence holds no keys to verify it with";
        return new(record.Ask.Step, record.Ask.Nonce, record.Outcome,
            [.. record.Decisions.Select(d => new DecisionFinding(d.Person, d.Kind, d.At, d.Signer, d.BreakGlass, Why))], [Why]);
    }

    private static IReadOnlyList<ReportAsk> Join(IReadOnlyList<AskRecord> asks, IReadOnlyList<AskFinding> findings) =>
        [.. asks.Zip(findings, (a, f) => new ReportAsk(a.Ask, a.Outcome, a.ClosedAt, f.Problems, [.. a.Decisions.Zip(f.Decisions, (d, finding) => Of(a.Ask, d, finding))]))];

    private static ReportDecision Of(Ask ask, Decision decision, DecisionFinding finding) => new(
        decision, decision.Kind == DecisionKind.Denied ? "denied" : ask.Kind == AskKinds.Manual ? "confirmed" : "approved", decision.Via is null ? "own key" : $"click in Slack, checked and signed by {decision.Signer}", finding.Problem);
}
