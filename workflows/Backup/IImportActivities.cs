using Temporalio.Activities;

namespace LuxHedge.Workflows.Backup;

/// <summary>A dump of mongodump, or of the script before this software, becomes a backup.</summary>
public interface IImportActivities
{
    /// <summary>Opens the dump and looks at its names. Refuses: nothing at the path, no dump, none or several databases where the asset's own is
    /// not among them, an unknown time of making, one that is yet to come.</summary>
    [Activity("begin-import")]
    Task<ImportStart> BeginImportAsync(DatabaseBackupRequest request);

    /// <summary>Reads the whole dump, checks every document, writes and seals the backup. A dump with anything wrong is refused whole
    /// (<c>integrity</c>, with file and byte), and nothing of it stays. May be run again: what is sealed already is answered.</summary>
    [Activity("import-dump")]
    Task<ImportResult> ImportAsync(ImportWork work);
}
