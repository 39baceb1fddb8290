using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// <c>backups accept</c>: a person says, with the own key and a reason, that a suspect backup is as it should be. Any person of the plan
/// with a key may.
/// </summary>
public static class BackupAcceptance
{
    public const string Step = "accept";
    private const string Domain = "luxhedge-accept/1";

    /// <summary>The nonce is the backup's id: accepting it twice says nothing more.</summary>
    public static DecisionSubject Subject(string ns, string runId, string asset, string backupId, string manifestSha256) =>
        new(ns, runId, Step, backupId, Hash(asset, backupId, manifestSha256));

    public static string Hash(string asset, string backupId, string manifestSha256) =>
        new Fields().Text(Domain).Text(asset).Text(backupId).Text(manifestSha256).Sha256();

    /// <summary>Before the record is written. Throws <see cref="RefusalException"/> (<c>refused-decision</c>).</summary>
    public static void Check(
        Plan plan, string runId, string asset, string backupId, string manifestSha256, Decision decision, DateTimeOffset now)
    {
        var problem = ProblemOf(plan, Subject(plan.Temporal.Namespace, runId, asset, backupId, manifestSha256), decision);
        problem ??= decision.At > now + Times.ClockTolerance || decision.At < now - LastDoor.DecisionLifetime
            ? $"it is of {decision.At:u}, and now it is {now:u}"
            : null;
        if (problem is not null)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, $"The backup {backupId} is not accepted: {problem}.", backupId);
        }
    }

    /// <summary>Whether the decision in a stored record accepts that backup: why not, or null. The record's own signature and time are not
    /// judged here.</summary>
    public static string? ProblemOf(Plan plan, string asset, string backupId, string manifestSha256, Decision decision) =>
        ProblemOf(plan, Subject(decision.Namespace, decision.RunId, asset, backupId, manifestSha256), decision);

    private static string? ProblemOf(Plan plan, DecisionSubject subject, Decision decision) =>
        DecisionSigner.ProblemOf(plan, subject, decision)
        ?? (decision.Kind != DecisionKind.Approved ? "it is a denial"
            : string.IsNullOrWhiteSpace(decision.Reason) ? "it gives no reason"
            : null);
}
