using Temporalio.Activities;

namespace LuxHedge.Workflows.Backup;

public interface ICopyActivities
{
    /// <summary>Copies a sealed backup with its key objects from one store to another, manifest last, reads each object back by size and
    /// hash, and writes the <c>copied</c> record there. Objects that are there already, byte for byte, are left.</summary>
    [Activity("copy-backup")]
    Task<CopyResult> CopyAsync(CopyWork work);
}

public sealed record CopyWork(string RunId, string Asset, string BackupId, string From, string To);

public sealed record CopyResult(string Store, int Objects, int AlreadyThere, long StoredBytes);
