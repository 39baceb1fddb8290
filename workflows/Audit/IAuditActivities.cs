using Temporalio.Activities;

namespace LuxHedge.Workflows.Audit;

/// <summary>The hash-chained log under <c>audit/</c> (docs/format.md, "Audit log").</summary>
public interface IAuditActivities
{
    /// <summary>Appends one entry to the chain in every audit store of the plan. Doing it twice with one <see cref="AuditEntry.Id"/> appends
    /// once. Answers the entry's hash.</summary>
    [Activity("append-audit")]
    Task<string> AppendAsync(AuditEntry entry);
}

/// <param name="Id">Names the act; the same act always has the same id.</param>
/// <param name="Kind"><c>run-started</c>, <c>run-ended</c>, <c>decision</c>, <c>refused-decision</c>, <c>restore</c>, <c>evidence</c>,
/// <c>intervention</c>, <c>accept</c>, …</param>
/// <param name="Facts">Plain texts by name; never a secret.</param>
public sealed record AuditEntry(
    string Id, string Kind, DateTimeOffset At, string RunId, string? Person, IReadOnlyDictionary<string, string> Facts);
