using Temporalio.Activities;

namespace LuxHedge.Workflows.Approvals;

/// <summary>Asks are made, and decisions judged, where keys and policies are: in a worker, against its own plan file.</summary>
public interface IApprovalActivities
{
    /// <summary>
    /// Makes the ask by this worker's own plan and signs it: who may decide from when (groups resolved, without the requester), quorum,
    /// expiry, reminders, and the hash of exactly what is asked. Refuses (<c>plan</c>) a policy that is unknown, or whose quorum can't be
    /// reached without the requester.
    /// </summary>
    [Activity("prepare-ask")]
    Task<Ask> PrepareAsync(AskRequest request);

    /// <summary>
    /// Whether this decision counts for this ask: the ask is one that a worker signed, the decision's signature is that of the person's
    /// key in the plan (or of the plan's endpoint, where the policy lets it), the person may decide by now and is not the requester, its
    /// nonce, hash, step, run and namespace are the ask's. Never throws for a bad decision: it answers why not.
    /// </summary>
    [Activity("judge-decision")]
    Task<DecisionAnswer> JudgeAsync(Ask ask, Decision decision);
}
