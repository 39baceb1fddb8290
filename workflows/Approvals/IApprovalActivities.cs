using Temporalio.Activities;

namespace LuxHedge.Workflows.Approvals;

/// <summary>Decisions are judged where keys and policies are: in a worker, against its own plan file.</summary>
public interface IApprovalActivities
{
    /// <summary>
    /// Whether this decision counts for this ask: its signature is that of the person's key in the plan, the person is of the policy and
    /// is not the requester, its nonce, hash, step, run and namespace are the ask's. Never throws for a bad decision: it answers why not.
    /// </summary>
    [Activity("judge-decision")]
    Task<DecisionAnswer> JudgeAsync(Ask ask, Decision decision);
}
