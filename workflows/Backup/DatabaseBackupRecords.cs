namespace LuxHedge.Workflows.Backup;

/// <summary>Input of <c>DatabaseBackup</c>.</summary>
/// <param name="Collections">Null: the whole database.</param>
/// <param name="Safety">A copy of what a restore is about to overwrite; never eligible for <c>latest</c>.</param>
/// <param name="Database">Only for a safety backup of another database of the asset's cluster.</param>
/// <param name="AfterRestore">Started by a restore that has finished its writes: the new base for point in time, not refused for that
/// restore.</param>
/// <param name="TaskQueue">The plan's task queue; lanes run on <see cref="TaskQueues.Lanes"/> of it.</param>
public sealed record DatabaseBackupRequest(
    string RunId,
    string Asset,
    string TaskQueue,
    IReadOnlyList<string>? Collections = null,
    bool Safety = false,
    string? Database = null,
    bool AfterRestore = false)
{
    /// <summary>Made from a dump instead of the database; null: from the database.</summary>
    public ImportSource? Import { get; init; }
}

/// <param name="Path">Of the dump, on the worker's machine.</param>
/// <param name="Created">When it was made; null: as the dump itself says.</param>
public sealed record ImportSource(string Path, DateTimeOffset? Created)
{
    /// <summary>So many bytes may be decompressed from however few; null: a limit that no dump meets.</summary>
    public long? UnpacksTo { get; init; }
}

/// <summary>Answer of <c>begin-import</c>.</summary>
/// <param name="Kind">Such as <c>mongodump archive</c>.</param>
/// <param name="Database">As the dump names it.</param>
public sealed record ImportStart(BackupStart Backup, string Kind, string Database, DateTimeOffset Created);

public sealed record ImportWork(BackupContext Backup, ImportSource Source, ImportStart Start);

/// <summary>Answer of <c>import-dump</c>: sealed.</summary>
/// <param name="Notes">What the person who imports should know.</param>
public sealed record ImportResult(SealResult Seal, IReadOnlyList<string> Notes);

/// <summary>What every backup activity is told. The plan of the worker has the rest.</summary>
/// <param name="Store">Where the backup is written first; copies follow.</param>
public sealed record BackupContext(
    string RunId,
    string Asset,
    string BackupId,
    string KeyId,
    string Database,
    string Store,
    IReadOnlyList<string>? Collections,
    bool Safety,
    bool AfterRestore,
    DateTimeOffset CreatedAt);

/// <summary>What <c>begin-backup</c> finds out before the first byte.</summary>
/// <param name="OtherStores">Where the sealed backup is copied to, in the plan's order.</param>
/// <param name="Lanes">How many lanes read in parallel.</param>
public sealed record BackupStart(string Store, IReadOnlyList<string> OtherStores, string Database, int Lanes);

/// <summary>The start mark: everything from here on is replayed over what is read.</summary>
/// <param name="OplogFrom">Where the oplog of the backup begins: the start mark, or the first entry of a transaction open at it.</param>
public sealed record StartMark(ClusterTime Mark, ClusterTime OplogFrom);

/// <summary>The ranges object in the store has the list; this is only its size.</summary>
public sealed record RangePlan(int Ranges, int Lanes, int Collections, long EstimatedDocuments, long EstimatedBytes);

/// <param name="Round">0: the planned ranges. 1: collections that changed while they were read, dumped again from the beginning.</param>
public sealed record LaneWork(BackupContext Backup, int Lane, int Round, ClusterTime StartMark)
{
    /// <summary>How many lanes share this round's ranges: lane n takes the ranges whose number leaves n when divided by it.</summary>
    public int Lanes { get; init; } = 1;
}

/// <param name="NewestOperationTime">The newest <c>operationTime</c> of any reply: the end mark is not before it.</param>
/// <param name="Unreadable">Collections whose name or UUID changed under a range, left for the next round.</param>
public sealed record LaneResult(
    int Lane, int Ranges, long Documents, long RawBytes, long StoredBytes, ClusterTime NewestOperationTime,
        IReadOnlyList<string> Unreadable);

/// <summary>Input of the long-lived tail. It asks the workflow's query <c>oplog-until</c> where to end.</summary>
public sealed record OplogTail(BackupContext Backup, StartMark Start);

public sealed record OplogTailResult(int Parts, long Entries, long RawBytes, long StoredBytes, ClusterTime First, ClusterTime Last);

/// <summary>Planned collections whose name or UUID is another now. Empty: nothing to dump again.</summary>
/// <param name="Ranges">How many ranges round 1 has (numbered after the planned ones).</param>
public sealed record ChangedCollections(IReadOnlyList<string> Names, int Ranges);

/// <param name="ConsistentAt">Wall-clock time read just before the end mark was taken.</param>
public sealed record EndMark(ClusterTime Mark, DateTimeOffset ConsistentAt);

public sealed record SealWork(BackupContext Backup, StartMark Start, EndMark End, bool Redumped);

/// <param name="Suspect">Why the backup is suspect (it shrank or lost a collection); empty when it is not.</param>
public sealed record SealResult(string ManifestSha256, int Objects, long Documents, long RawBytes, long StoredBytes,
    IReadOnlyList<string> Suspect, IReadOnlyList<string> WithoutWitness);

/// <summary>What <c>DatabaseBackup</c> returns. A run that could not seal fails instead, with an <see cref="ErrorReport"/>.</summary>
/// <param name="Verdict">Of the run: Proven when the backup is complete and verified in every store and not suspect (exit code 0). The
/// backup's own verdict stays NotProven until a restore test.</param>
/// <param name="Backup">Null when the run was aborted.</param>
/// <param name="Stores">How the integrity of each store's copy came out.</param>
public sealed record BackupResult(
    string RunId, Verdict Verdict, BackupSummary? Backup, IReadOnlyList<Verification.StoreVerification> Stores, IReadOnlyList<string> Notes)
{
    /// <summary><c>Aborted</c>, or null.</summary>
    public string? Ended { get; init; }
}

/// <summary>One backup as lists, <c>backup run --json</c> and <c>backups list --json</c> show it.</summary>
/// <param name="ConsistentAt">Wall-clock time read just before the end mark was taken.</param>
/// <param name="Eligible">Verified, not suspect, no safety backup, and not taken while a restore into its asset ran.</param>
/// <param name="Verdict">NotProven until a restore test of it was Proven.</param>
public sealed record BackupSummary(
    string Id,
    string Asset,
    string Kind,
    DateTimeOffset CreatedAt,
    DateTimeOffset SealedAt,
    DateTimeOffset ConsistentAt,
    long Documents,
    long RawBytes,
    long StoredBytes,
    IReadOnlyList<CopySummary> Copies,
    bool Eligible,
    Verdict Verdict)
{
    /// <summary>Why it is not eligible, in words; empty when it is.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <param name="VerifiedAt">The newest time every byte was read back and checked in this store; null: never, or the last check
/// failed.</param>
public sealed record CopySummary(string Store, DateTimeOffset? VerifiedAt);
