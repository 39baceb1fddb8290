using System.Globalization;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Export;

namespace LuxHedge.Workflows.Audit;

/// <summary>Words of <see cref="AuditEntry.Kind"/>.</summary>
public static class AuditKinds
{
    public const string RunStarted = "run-started";
    public const string RunEnded = "run-ended";
    public const string Decision = "decision";
    public const string RefusedDecision = "refused-decision";
    public const string Intervention = "intervention";
    public const string BreakGlass = "break-glass";
    public const string Evidence = "evidence";
    public const string Accept = "accept";
    public const string Export = "export";
    public const string Review = "review";
}

/// <summary>
/// The entries of privileged acts, made in one place so that the same act always has the same id and the same words, whoever appends it: the
/// workflow while it runs, or the evidence at its end. Pure: for workflow code too.
/// </summary>
public static class AuditEntries
{
    /// <summary>A run that can change something began.</summary>
    /// <param name="what">The workflow and its subject: <c>incident database-loss</c>, <c>restore</c>.</param>
    /// <param name="person">Who signed the request; null: a schedule started it.</param>
    public static AuditEntry RunStarted(
        string runId, string what, string asset, DateTimeOffset at, string? person, params IEnumerable<(string Name, string? Value)> facts) =>
        new($"{runId}/started", AuditKinds.RunStarted, at, runId, person, Facts([("what", what), ("asset", asset), .. facts]));

    /// <param name="ended"><c>Denied</c>, <c>Aborted</c>, …; null: it ran to its end.</param>
    public static AuditEntry RunEnded(
        string runId, string what, string asset, DateTimeOffset at, Verdict verdict, string? ended,
        params IEnumerable<(string Name, string? Value)> facts) =>
        new($"{runId}/ended", AuditKinds.RunEnded, at, runId, null,
            Facts([("what", what), ("asset", asset), ("verdict", verdict.ToString()), ("ended", ended), .. facts]));

    /// <summary>One signed word of a person that counted.</summary>
    public static AuditEntry Of(Decision decision) =>
        new($"{decision.RunId}/decision/{decision.Nonce}/{decision.Person}", AuditKinds.Decision, decision.At, decision.RunId, decision.Person, Facts(
        [
            ("step", decision.Step), ("decision", decision.Kind.ToString()), ("hash", decision.Hash), ("nonce", decision.Nonce),
            ("reason", decision.Reason), ("signer", decision.Signer), ("signature", decision.Signature),
            ("breakGlass", decision.BreakGlass ? "true" : null), ("slackUser", decision.Via?.User), ("slackTeam", decision.Via?.Team),
            ("slackChannel", decision.Via?.Channel), ("slackMessage", decision.Via?.Timestamp), ("slackClick", decision.Via?.ActionTimestamp),
        ]));

    /// <summary>One that changed nothing. Nobody vouches for its person: that is who it says.</summary>
    /// <param name="number">Its place among the refused ones of the run, from 1.</param>
    public static AuditEntry Of(string runId, RefusedDecision refused, int number) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{runId}/refused/{number}"), AuditKinds.RefusedDecision, refused.At, runId, refused.Person,
            Facts([("step", refused.Step), ("decision", refused.Kind.ToString()), ("why", refused.Why)]));

    /// <summary>Retry, skip, pause, resume, abort: not signed, and kept all the same.</summary>
    public static AuditEntry Of(string runId, Intervention intervention) =>
        new(string.Create(CultureInfo.InvariantCulture,
                $"{runId}/intervention/{intervention.Kind}/{intervention.Step}/{intervention.At.UtcDateTime:yyyyMMdd'T'HHmmssfff}"),
            AuditKinds.Intervention, intervention.At, runId, intervention.Person,
            Facts([("act", intervention.Kind), ("step", intervention.Step), ("reason", intervention.Reason)]));

    /// <summary>One person decided alone where the policy wants several: it allows that in an emergency, and everybody is told.</summary>
    public static AuditEntry BreakGlass(Ask ask, Decision decision) =>
        new($"{ask.RunId}/break-glass/{ask.Nonce}/{decision.Person}", AuditKinds.BreakGlass, decision.At, ask.RunId, decision.Person,
            Facts([("step", ask.Step), ("policy", ask.Policy), ("hash", ask.Hash), ("reason", decision.Reason)]));

    /// <summary>A person took a suspect backup as good.</summary>
    public static AuditEntry Accepted(Decision decision, string asset, string backupId) =>
        new($"{decision.RunId}/accept/{backupId}", AuditKinds.Accept, decision.At, decision.RunId, decision.Person, Facts(
        [
            ("asset", asset), ("backup", backupId), ("hash", decision.Hash), ("reason", decision.Reason), ("signer", decision.Signer),
            ("signature", decision.Signature),
        ]));

    /// <summary>A person said that a review of the plan is done.</summary>
    /// <param name="planSha256">Of the plan that was reviewed.</param>
    public static AuditEntry Reviewed(Decision decision, string review, string planSha256) =>
        new($"{decision.RunId}/review/{review}", AuditKinds.Review, decision.At, decision.RunId, decision.Person, Facts(
        [
            ("review", review), ("plan", planSha256), ("hash", decision.Hash), ("reason", decision.Reason), ("signer", decision.Signer),
            ("signature", decision.Signature),
        ]));

    /// <summary>A backup's documents are about to leave the stores, unencrypted.</summary>
    public static AuditEntry Exported(ExportRequest request, ExportSubject subject, DateTimeOffset at, IReadOnlyList<Decision> approvals) =>
        new($"{request.RunId}/export", AuditKinds.Export, at, request.RunId, request.RequestedBy?.Person, Facts(
        [
            ("asset", subject.Asset), ("backup", subject.BackupId), ("manifestSha256", subject.ManifestSha256),
            ("to", $"{subject.Machine}:{subject.Path}"), ("approvedBy", string.Join(", ", approvals.Select(d => d.Person))),
        ]));

    /// <summary>By which a report is known later as the one that was written then.</summary>
    public static AuditEntry Evidence(string runId, DateTimeOffset at, string @object, string sha256, string? reportSha256) =>
        new($"{runId}/evidence", AuditKinds.Evidence, at, runId, null,
            Facts([("object", @object), ("sha256", sha256), ("reportSha256", reportSha256)]));

    private static Dictionary<string, string> Facts(IEnumerable<(string Name, string? Value)> facts) =>
        facts.Where(f => !string.IsNullOrEmpty(f.Value)).ToDictionary(f => f.Name, f => f.Value!, StringComparer.Ordinal);
}
