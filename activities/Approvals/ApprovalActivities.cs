using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>Makes asks, and judges decisions while a run waits, by the plan of the worker that it runs on. The last door judges them
/// again.</summary>
public sealed class ApprovalActivities(Plan plan, WriterKey writer, TimeProvider time) : IApprovalActivities
{
    public Task<Ask> PrepareAsync(AskRequest request) => Task.FromResult(AskSigner.Sign(writer, AskMaker.Make(plan, request, time.GetUtcNow())));

    public Task<DecisionAnswer> JudgeAsync(Ask ask, Decision decision)
    {
        var problem = ProblemOf(ask, decision);
        return Task.FromResult(problem is null ? new DecisionAnswer(true, "") : new DecisionAnswer(false, Sentence(problem)));
    }

    private string? ProblemOf(Ask ask, Decision decision)
    {
        if (ask.Namespace != plan.Temporal.Namespace)
        {
            return $"the run is in namespace '{ask.Namespace}', this worker's plan is for '{plan.Temporal.Namespace}'";
        }

        if (AskSigner.ProblemOf(plan, ask) is { } forged)
        {
            return forged;
        }

        var now = time.GetUtcNow();
        if (now > ask.Until)
        {
            return $"the ask expired at {ask.Until:u}";
        }

        var rules = ApprovalRules.Of(ask);
        if (ask.Policy.Length == 0)
        {
            rules = ask.By.Count > 0 ? rules.StillNamed(plan, ask) : rules;
        }
        else if (plan.Policies.TryGetValue(ask.Policy, out var policy))
        {
            rules = rules.Within(ApprovalRules.Of(plan, policy, ask.AskedAt, incident: ask.BreakGlass is not null));
        }
        else
        {
            return $"this worker's plan has no policy '{ask.Policy}'";
        }

        return rules.ProblemOf(plan, ask, ask.RequestedBy, DecisionSubject.Of(ask), decision, now);
    }

    private static string Sentence(string why) => $"{char.ToUpperInvariant(why[0])}{why[1..]}.";
}
