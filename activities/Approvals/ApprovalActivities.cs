using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>Judges decisions while a run waits, by the plan of the worker that it runs on. The last door judges them again.</summary>
public sealed class ApprovalActivities(Plan plan, TimeProvider time) : IApprovalActivities
{
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

        if (!plan.Policies.TryGetValue(ask.Policy, out var policy))
        {
            return $"this worker's plan has no policy '{ask.Policy}'";
        }

        var now = time.GetUtcNow();
        if (now > ask.Until)
        {
            return $"the ask expired at {ask.Until:u}";
        }

        return decision.At < ask.AskedAt - Times.ClockTolerance
            ? $"it is of {decision.At:u}, before it was asked"
            : LastDoor.ProblemOf(plan, policy, ask.RequestedBy, DecisionSubject.Of(ask), decision, now);
    }

    private static string Sentence(string why) => $"{char.ToUpperInvariant(why[0])}{why[1..]}.";
}
