using LuxHedge.Workflows.Audit;

namespace LuxHedge.Activities.Audit;

/// <summary>The audit log as workflows reach it.</summary>
public sealed class AuditActivities(AuditLog log) : IAuditActivities
{
    public async Task<string> AppendAsync(AuditEntry entry) => (await log.AppendAsync([entry], Beat.Cancellation)).Hashes[0];
}
