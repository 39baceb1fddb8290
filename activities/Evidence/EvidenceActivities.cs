using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Evidence;

/// <summary>Evidence as the Runbook workflow reaches it.</summary>
public sealed class EvidenceActivities(EvidenceStore store) : IEvidenceActivities
{
    public Task<KeptEvidence> WriteEvidenceAsync(RunbookEvidence evidence) => store.KeepAsync(evidence, Beat.Cancellation);
}
