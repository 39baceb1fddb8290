using System.Text.Json.Serialization;
using LuxHedge.Activities.Encryption;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Activities.Catalog;

/// <summary>
/// <c>manifest.json</c>: the commit point of a backup, written last, signed (two lines: this JSON, then writer and signature).
/// Property names are camelCase; unknown properties are refused.
/// </summary>
/// <param name="Format"><c>luxhedge-manifest/1</c>.</param>
/// <param name="Kind"><c>database</c>.</param>
/// <param name="KeyIds">Every data key that an object of the backup is encrypted under.</param>
/// <param name="RawBytes">BSON bytes of the documents; the oplog's are not among them.</param>
/// <param name="StoredBytes">Of every object of <c>objects.json</c>, the oplog's packs among them.</param>
/// <param name="Suspect">Why the backup is suspect; empty when it is not.</param>
public sealed record Manifest(
    string Format,
    string Id,
    string Asset,
    string Kind,
    string RunId,
    string Writer,
    DateTimeOffset CreatedAt,
    DateTimeOffset SealedAt,
    DateTimeOffset ConsistentAt,
    ClusterTime StartMark,
    ClusterTime EndMark,
    SourceDescription Source,
    int Collections,
    long Documents,
    long RawBytes,
    long StoredBytes,
    IReadOnlyList<string> KeyIds,
    ObjectReference Objects,
    bool Safety,
    bool DuringRestore,
    IReadOnlyList<string> Suspect,
    IReadOnlyList<string>? OnlyCollections,
    IReadOnlyDictionary<string, long> CollectionDocuments) : ISignedContent
{
    public const string FormatName = "luxhedge-manifest/1";

    /// <summary>Of a backup that was made from a dump; null: it was read from the database.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImportDescription? Imported { get; init; }
}

/// <param name="Kind">Such as <c>mongodump archive</c>.</param>
/// <param name="Name">The file's or folder's name.</param>
/// <param name="ServerVersion">Of the server it was dumped from, where the dump says so.</param>
public sealed record ImportDescription(string Kind, string Name, string? ServerVersion, DateTimeOffset ImportedAt);

/// <param name="Host">Without credentials.</param>
public sealed record SourceDescription(string Host, string Database, string ServerVersion);

/// <summary>Name, size and SHA-256 (lower-case hex) of the stored bytes of one object.</summary>
public sealed record ObjectReference(string Name, long Size, string Sha256);

/// <summary><c>objects.json</c>: every object of the backup but itself and the manifest; names whole, in ordinal order.</summary>
public sealed record ObjectList(string Format, string Id, IReadOnlyList<ObjectReference> Objects)
{
    public const string FormatName = "luxhedge-objects/1";
}

/// <summary>
/// <c>{asset}/records/{backupId}/…</c>: a signed, write-once fact about a backup. <see cref="Kind"/> is copied, verified, held, released,
/// using, expired or accepted.
/// </summary>
/// <param name="Ends">For <c>released</c>: the object name of the record it ends.</param>
public sealed record BackupRecord(
    string Format,
    string Kind,
    string Asset,
    string Backup,
    string Store,
    DateTimeOffset At,
    string RunId,
    string Writer,
    string ManifestSha256) : ISignedContent
{
    public const string FormatName = "luxhedge-record/1";

    public VerificationLevel? Level { get; init; }
    public Verdict? Verdict { get; init; }
    public IReadOnlyList<ObjectProblem>? Problems { get; init; }
    public string? Reason { get; init; }
    public string? Ends { get; init; }
    public Decision? Decision { get; init; }
}
