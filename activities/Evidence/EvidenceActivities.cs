using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Evidence;

/// <summary>Evidence as the Runbook workflow reaches it.</summary>
public sealed class EvidenceActivities(EvidenceStore evidence) : IEvidenceActivities
{
    public Task<IReadOnlyList<EvidenceObject>> WriteEvidenceAsync(RunbookEvidence run) => evidence.KeepAsync(run, Beat.Cancellation);
}
