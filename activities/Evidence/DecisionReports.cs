using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Evidence;

/// <summary>Verifies each decision with the keys that the evidence carries, and says with whose key it is signed.</summary>
internal static class DecisionReports
{
    /// <param name="trust">Null: evidence of a version that kept no keys, which proves no decision.</param>
    public static IReadOnlyList<ReportAsk> Of(TrustSnapshot? trust, string? ns, IReadOnlyList<AskRecord> asks)
    {
        var plan = trust?.ToPlan(ns ?? "");
        return [.. asks.Select(a => new ReportAsk(a.Ask, a.Outcome, a.ClosedAt, [.. a.Decisions.Select(d => Of(plan, a.Ask, d))]))];
    }

    private static ReportDecision Of(Plan? plan, Ask ask, Decision decision) => new(
        decision,
        decision.Signer == decision.Person ? "own key" : $"click, checked and signed by {decision.Signer}",
        plan is null ? "the evidence holds no keys" : DecisionSigner.ProblemOf(plan, DecisionSubject.Of(ask), decision));
}
