using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Workflows.Export;

/// <summary>Input of <c>Export</c>: a backup's documents leave the stores, unencrypted, as stock <c>mongorestore</c> reads them.</summary>
/// <param name="Path">On the worker's machine: a folder (or, for an archive, a file) that is not there yet.</param>
/// <param name="Store">Pins the store: no fallback to another.</param>
/// <param name="Keys">Data keys opened with a recovery key, wrapped for the worker.</param>
public sealed record ExportRequest(
    string RunId, string Asset, string TaskQueue, string BackupId, string? Store, string Path, bool Archive, bool Gzip,
    IReadOnlyList<HandedKey>? Keys, SignedRequest? RequestedBy);

/// <summary>What would leave, and where to; what people approve is its hash.</summary>
public sealed record ExportSubject(string Asset, string BackupId, string ManifestSha256, string Machine, string Path, bool Archive, bool Gzip);

/// <param name="Policy">Of the plan's <c>exports.approval</c>; null: no approval is needed (the asset is not encrypted, or the plan names
/// none).</param>
/// <param name="Stores">Where the bytes come from, in the order they are tried.</param>
public sealed record ExportPlan(
    ExportSubject Subject, IReadOnlyList<string> Stores, string? Policy, long Documents, long RawBytes, IReadOnlyList<Shown> Shows);

/// <summary>What the writing activity is told, with the decisions that allow it.</summary>
public sealed record ExportWork(ExportRequest Request, ExportPlan Plan, Ask? Ask, IReadOnlyList<Decision> Decisions);

/// <summary>Answer of <c>export-backup</c>: whole, and still under a name of this attempt's own.</summary>
/// <param name="Path">The final folder or file.</param>
/// <param name="Aside">Where everything lies until it is placed.</param>
/// <param name="Files">Sizes by name relative to <paramref name="Path"/>; an archive is one file, whose name is empty.</param>
public sealed record ExportWritten(
    string Path, string Aside, int Collections, long Documents, long RawBytes, long OplogEntries, IReadOnlyDictionary<string, long> Files)
{
    /// <summary>What the backup has and the dump does not.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>Shape of <c>backups export --json</c>.</summary>
/// <param name="Verdict">Proven: every byte that was written was checked against the backup.</param>
public sealed record ExportSummary(
    string RunId, Verdict Verdict, string Backup, string Path, int Collections, long Documents, long RawBytes, long OplogEntries,
    IReadOnlyList<string> Files)
{
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary><c>Denied</c>, <c>Expired</c>, <c>Aborted</c>, or null.</summary>
    public string? Ended { get; init; }
}
