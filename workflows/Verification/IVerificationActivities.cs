using Temporalio.Activities;

namespace LuxHedge.Workflows.Verification;

public interface IVerificationActivities
{
    /// <summary>The stores of the asset (or the one asked for), and the cluster a restore test goes to. Refuses an id that no store knows,
    /// and a store that the asset doesn't have.</summary>
    [Activity("find-copies")]
    Task<CopiesFound> FindCopiesAsync(VerificationRequest request);

    /// <summary>Presence or integrity of one copy. A store that can't be reached is NotProven; what is wrong is named, never thrown.
    /// Runs on the lanes' queue and heartbeats <see cref="Runs.Progress"/> at least every 10 s from progress.</summary>
    [Activity("verify-copy")]
    Task<StoreVerification> VerifyCopyAsync(string asset, string backupId, string store, VerificationLevel level);

    /// <summary>Writes the signed <c>verified</c> record of one store: level, verdict and manifest hash, into that store.</summary>
    [Activity("record-verification")]
    Task RecordAsync(VerificationRequest request, VerificationLevel level, StoreVerification result);

    /// <summary>The backup as lists show it, read from the stores.</summary>
    [Activity("summarise-backup")]
    Task<Backup.BackupSummary> SummariseAsync(string asset, string backupId);

    /// <summary>Writes the signed <c>accepted</c> record of a suspect backup to every store. Checks the person's signature first.</summary>
    [Activity("accept-backup")]
    Task AcceptAsync(AcceptanceRequest request);
}

/// <summary>Input of <c>Acceptance</c>: a person takes a suspect backup as good. <see cref="Decision"/> is over the backup's id and
/// manifest hash.</summary>
public sealed record AcceptanceRequest(string RunId, string Asset, string BackupId, string Reason, Approvals.Decision Decision);
