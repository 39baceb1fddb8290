namespace LuxHedge.Activities.Catalog;

/// <summary>The words of <see cref="BackupRecord.Kind"/>.</summary>
public static class RecordKinds
{
    /// <summary>Every object was read back in this store by size and hash.</summary>
    public const string Copied = "copied";

    /// <summary>Level, verdict and problems of one verification of this store's copy.</summary>
    public const string Verified = "verified";

    /// <summary>A person wants it kept until a <see cref="Released"/> that names this record.</summary>
    public const string Held = "held";
    public const string Released = "released";

    /// <summary>A restore or a copy reads it.</summary>
    public const string Using = "using";

    /// <summary>Retention is about to delete it.</summary>
    public const string Expired = "expired";

    /// <summary>A person took a suspect backup as good.</summary>
    public const string Accepted = "accepted";

    public static readonly IReadOnlyList<string> All = [Copied, Verified, Held, Released, Using, Expired, Accepted];
}
