using System.Text.Json.Serialization;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// <c>{asset}/oplog/{yyyyMMdd}/{from}_{to}.json</c>: the commit point of a slice, put when the slice's object was read back by size and hash. Signed
/// (docs/format.md, "Slices").
/// </summary>
/// <param name="Format"><c>luxhedge-slice/1</c>.</param>
/// <param name="From">Time of its first entry, which is the last one of the slice before, or where a chain of slices begins.</param>
/// <param name="To">Time of its last entry: the slice has everything the asset's database wrote after <see cref="From"/>, up to here.</param>
/// <param name="Majority">The majority point it was cut under; never before <see cref="To"/>.</param>
/// <param name="Entries">Without the shared first one.</param>
/// <param name="RawBytes">Of its oplog chunks.</param>
/// <param name="FirstEntrySha256">Lower-case hex, of the first entry as it is stored (a link, where it is of another database); likewise of the
/// last. Two slices join where one's last is the other's first.</param>
/// <param name="NewestCanary">When the newest canary whose insert is in it was written.</param>
public sealed record SliceManifest(
    string Format,
    string Asset,
    string Database,
    string RunId,
    string Writer,
    ClusterTime From,
    ClusterTime To,
    DateTimeOffset SealedAt,
    SourceDescription Source,
    ClusterTime Majority,
    long Entries,
    long RawBytes,
    string KeyId,
    ObjectReference Object,
    string FirstEntrySha256,
    string LastEntrySha256,
    DateTimeOffset? NewestCanary) : ISignedContent
{
    public const string FormatName = "luxhedge-slice/1";

    /// <summary>No entry in it makes, drops, renames or changes a collection, or ends a longer transaction: who follows names and options only
    /// need not read it. Left out where it is false.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool OnlyDocuments { get; init; }

    /// <summary>What the table of its object calls it.</summary>
    public static string IdOf(ClusterTime from, ClusterTime to) => $"{from}_{to}";

    /// <summary>What is wrong with it as the manifest under that name, or null.</summary>
    internal string? ProblemUnder(string name, string asset) =>
        Format != FormatName ? $"its format is '{Format}', not {FormatName}"
        : Asset != asset ? $"it is of asset '{Asset}'"
        : From >= To || ObjectNames.SliceManifest(Asset, From, To) != name ? $"it is of the slice {From}_{To}"
        : Object.Name != ObjectNames.Slice(Asset, From, To) ? $"it names the object {Object.Name}"
        : Object.Size is < 0 or > MaxObjectBytes ? $"it has an object of {Object.Size} bytes"
        : KeyId != ObjectNames.SliceKeyId(From) ? $"it names the data key '{KeyId}'"
        : Majority < To ? $"it was cut at {To}, beyond the majority point {Majority}"
        : null;

    /// <summary>A slice is cut at 64 MiB of entries, the last of which may be 16 MiB: no reader makes room for more.</summary>
    internal const long MaxObjectBytes = 128L << 20;
}

/// <summary>
/// <c>{asset}/oplog/{yyyyMMdd}/{after}.gap.json</c> in every store: the oplog after <see cref="After"/> was gone, or another, when it was to be
/// captured. Signed.
/// </summary>
/// <param name="Format"><c>luxhedge-gap/1</c>.</param>
/// <param name="After">Up to where the oplog was captured.</param>
/// <param name="Until">Where the next chain of slices begins.</param>
/// <param name="At">When it was found.</param>
/// <param name="Why">For people.</param>
public sealed record GapRecord(
    string Format, string Asset, string RunId, string Writer, ClusterTime After, ClusterTime Until, DateTimeOffset At, string Why) : ISignedContent
{
    public const string FormatName = "luxhedge-gap/1";

    internal string? ProblemUnder(string name, string asset) =>
        Format != FormatName ? $"its format is '{Format}', not {FormatName}"
        : Asset != asset ? $"it is of asset '{Asset}'"
        : ObjectNames.SliceGap(Asset, After) != name ? $"it is of a gap after {After}"
        : null;
}
