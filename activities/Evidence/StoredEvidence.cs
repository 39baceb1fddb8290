using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// What <c>runs/{runId}/evidence.json</c> of a runbook holds, signed (docs/evidence.md, docs/evidence.schema.json). Of a restore it is a
/// <see cref="Database.Restore.StoredRestoreEvidence"/>.
/// </summary>
/// <param name="Audit">Head of the audit log just before this was written: the log can't be cut before it without being found out. Null: the
/// log could not be reached.</param>
public sealed record StoredRunEvidence(
    string Format,
    string Kind,
    string Writer,
    DateTimeOffset WrittenAt,
    EvidenceOrigin Origin,
    TrustSnapshot Trust,
    AuditHead? Audit,
    RunbookEvidence Evidence) : ISignedContent
{
    public const string FormatName = "luxhedge-evidence/1";
    public const string RunbookKind = "runbook";
}
