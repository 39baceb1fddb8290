using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Evidence;

/// <summary>The privileged acts of a run, as the audit log keeps them. What the workflow appended itself has the same ids, and is not appended
/// twice.</summary>
internal static class RunAuditEntries
{
    public static IReadOnlyList<AuditEntry> Of(RunbookEvidence evidence, DateTimeOffset now)
    {
        var (request, summary) = (evidence.Request, evidence.Summary);
        var what = $"{(request.Mode == RunMode.Real ? "incident" : "drill")} {request.Name}";
        return
        [
            AuditEntries.RunStarted(
                request.RunId, what, request.Asset, Earliest(request.RequestedBy?.At, summary.StartedAt, now), request.RequestedBy?.Person,
                ("runbook", summary.Runbook), ("sha256", request.Definition.Sha256), ("target", evidence.Site?.Target)),
            .. evidence.Asks.SelectMany(a => Decided(a.Ask, a.Decisions)),
            .. evidence.Refused.Select((r, i) => AuditEntries.Of(request.RunId, r, i + 1)),
            .. evidence.Interventions.Select(i => AuditEntries.Of(request.RunId, i)),
            AuditEntries.RunEnded(
                request.RunId, what, request.Asset, summary.EndedAt == default ? now : summary.EndedAt, summary.Verdict, summary.Ended,
                ("error", summary.Error?.Message)),
        ];
    }

    public static IReadOnlyList<AuditEntry> Of(RestoreEvidence evidence, DateTimeOffset now)
    {
        var (request, summary, state) = (evidence.Request, evidence.Summary, evidence.State);
        // A test into a scratch database that is dropped again is no privileged act; what proves it is the evidence.
        if (request.Purpose == RestorePurpose.RestoreTest)
            return [];
        return
        [
            AuditEntries.RunStarted(
                request.RunId, "restore", request.Asset, state.StartedAt, request.RequestedBy?.Person,
                ("backup", summary.Backup), ("target", evidence.Plan is { } plan ? $"{plan.Host}/{plan.Database}" : summary.Target),
                ("production", evidence.Plan?.Production == true ? "true" : "false")),
            .. state.Decisions.Select(AuditEntries.Of),
            .. evidence.Asks.SelectMany(a => BrokenGlass(a.Ask, a.Decisions)),
            .. state.Refused.Select((r, i) => AuditEntries.Of(request.RunId, r, i + 1)),
            .. Aborted(request.RunId, state.AbortedBy, state.AbortReason, now),
            AuditEntries.RunEnded(request.RunId, "restore", request.Asset, now, summary.Verdict, summary.Ended, ("error", summary.Error?.Message)),
        ];
    }

    private static IEnumerable<AuditEntry> Decided(Ask ask, IReadOnlyList<Decision> decisions) =>
        decisions.Select(AuditEntries.Of).Concat(BrokenGlass(ask, decisions));

    private static IEnumerable<AuditEntry> BrokenGlass(Ask ask, IReadOnlyList<Decision> decisions) =>
        decisions.Where(d => d.BreakGlass).Select(d => AuditEntries.BreakGlass(ask, d));

    private static IEnumerable<AuditEntry> Aborted(string runId, string? by, string? why, DateTimeOffset now) =>
        by is null ? [] : [AuditEntries.Of(runId, new Intervention("abort", null, by, why ?? "", now))];

    private static DateTimeOffset Earliest(DateTimeOffset? requested, DateTimeOffset started, DateTimeOffset now) =>
        requested is { } at && (started == default || at < started) ? at : started == default ? now : started;
}
