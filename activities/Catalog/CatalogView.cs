using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Catalog;

/// <summary>The backups of one asset as all its stores together show them at one moment.</summary>
/// <param name="Backups">Sealed ones, from the oldest to the newest id.</param>
/// <param name="Problems">Planted, altered or misplaced objects; none of them was used.</param>
/// <param name="Unknown">Stores that could not be read: what they hold is not known, which is not the same as nothing.</param>
public sealed record CatalogView(
    string Asset, IReadOnlyList<CatalogBackup> Backups, IReadOnlyList<CatalogProblem> Problems, IReadOnlyList<UnknownStore> Unknown)
{
    /// <summary>Ids below <c>backups/</c> without a usable manifest in any store: under way, or left by a run that failed.</summary>
    public IReadOnlyList<string> Unsealed { get; init; } = [];

    /// <summary>What <c>latest</c> chooses.</summary>
    public CatalogBackup? NewestEligible => Backups.LastOrDefault(b => b.Summary.Eligible);

    public CatalogBackup? NewestProven => Backups.LastOrDefault(b => b.Summary.Verdict == Verdict.Proven);

    /// <summary>Null where no store that answered has it.</summary>
    public CatalogBackup? Find(string id) => Backups.FirstOrDefault(b => b.Id == id);
}

/// <summary>One backup, with what is known of it.</summary>
/// <param name="ManifestSha256">Lower-case hex, of all bytes of <c>manifest.json</c>.</param>
/// <param name="Records">Of all stores, by time; signatures checked.</param>
public sealed record CatalogBackup(
    Manifest Manifest, string ManifestSha256, IReadOnlyList<CatalogCopy> Copies, IReadOnlyList<StoredRecord> Records, BackupSummary Summary)
{
    public string Id => Manifest.Id;

    /// <summary>The records of a kind that count for this manifest.</summary>
    public IEnumerable<StoredRecord> RecordsOf(string kind) => Records.Where(r => r.Record.Kind == kind && r.Record.ManifestSha256 == ManifestSha256);
}

/// <param name="VerifiedAt">As in <see cref="CopySummary"/>.</param>
/// <param name="Failures">Verifications that found something wrong and that no later one of their level has cleared.</param>
public sealed record CatalogCopy(string Store, DateTimeOffset? VerifiedAt, IReadOnlyList<StoredRecord> Failures);

/// <param name="Store">Where it was found, which is also what it says.</param>
/// <param name="Name">Its object name.</param>
public sealed record StoredRecord(string Store, string Name, BackupRecord Record);

public sealed record CatalogProblem(string Store, string Object, string Text)
{
    public ObjectProblem ToObjectProblem() => new(Object, Text);
}

public sealed record UnknownStore(string Store, string Why);
