using System.Globalization;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Stores;

/// <summary>Where everything lies in a store (docs/format.md, "Layout"). The only place that spells these names.</summary>
public static class ObjectNames
{
    public static string Key(string asset, string keyId, int number) => $"{asset}/keys/{keyId}/{number}.json";
    public static string Keys(string asset, string keyId) => $"{asset}/keys/{keyId}/";
    public static string Backups(string asset) => $"{asset}/backups/";
    public static string Backup(string asset, string backupId) => $"{asset}/backups/{backupId}/";
    public static string Ranges(string asset, string backupId) => $"{asset}/backups/{backupId}/ranges";
    /// <summary>Round 1: collections that changed while they were read.</summary>
    public static string RangesAgain(string asset, string backupId) => $"{asset}/backups/{backupId}/ranges-again";
    public static string Packs(string asset, string backupId) => $"{asset}/backups/{backupId}/packs/";
    public static string Pack(string asset, string backupId, int lane, int number, string random) => $"{asset}/backups/{backupId}/packs/{lane}-{number}-{random}";
    public static string OplogPack(string asset, string backupId, int number, string random) => $"{asset}/backups/{backupId}/packs/oplog-{number}-{random}";
    public static string Index(string asset, string backupId) => $"{asset}/backups/{backupId}/index";
    public static string Objects(string asset, string backupId) => $"{asset}/backups/{backupId}/objects.json";
    public static string Manifest(string asset, string backupId) => $"{asset}/backups/{backupId}/manifest.json";
    public static string Records(string asset, string backupId) => $"{asset}/records/{backupId}/";
    public static string Record(string asset, string backupId, DateTimeOffset at, string kind, string store, string random) =>
        $"{asset}/records/{backupId}/{at.UtcDateTime:yyyyMMdd'T'HHmmssfff'Z'}-{kind}-{store}-{random}.json";

    /// <summary>Everything of oplog capture.</summary>
    public static string Slices(string asset) => $"{asset}/oplog/";

    /// <summary>What begins on that UTC day.</summary>
    public static string SlicesOf(string asset, DateOnly day) => $"{asset}/oplog/{Day(day)}/";

    public static string Slice(string asset, ClusterTime from, ClusterTime to) => $"{SlicesOf(asset, DayOf(from))}{from}_{to}";

    public static string SliceManifest(string asset, ClusterTime from, ClusterTime to) => $"{Slice(asset, from, to)}.json";

    /// <param name="after">Up to where the oplog was captured before.</param>
    public static string SliceGap(string asset, ClusterTime after) => $"{SlicesOf(asset, DayOf(after))}{after}.gap.json";

    /// <summary>One a day: slices of one UTC day (of where they begin) share a data key.</summary>
    public static string SliceKeyId(ClusterTime from) => $"k-oplog-{Day(DayOf(from))}";

    /// <summary>The UTC day a cluster time is of.</summary>
    public static DateOnly DayOf(ClusterTime time) => DateOnly.FromDateTime(time.ToTime().UtcDateTime);

    /// <summary>The bounds in the name of a slice's object; null for a name that <see cref="Slice"/> does not write.</summary>
    public static (ClusterTime From, ClusterTime To)? ParseSlice(string name, string asset)
    {
        var file = name[(name.LastIndexOf('/') + 1)..];
        var middle = file.IndexOf('_', StringComparison.Ordinal);
        return middle > 0 && ClusterTime.TryParse(file[..middle], out var from) && ClusterTime.TryParse(file[(middle + 1)..], out var to)
            && from < to && Slice(asset, from, to) == name
            ? (from, to)
            : null;
    }

    /// <summary>The time in the name of a gap's record; null for any other name.</summary>
    public static ClusterTime? ParseSliceGap(string name, string asset)
    {
        var file = name[(name.LastIndexOf('/') + 1)..];
        return file.EndsWith(".gap.json", StringComparison.Ordinal) && ClusterTime.TryParse(file[..^".gap.json".Length], out var after)
            && SliceGap(asset, after) == name
            ? after
            : null;
    }

    public static string Evidence(string runId, string file) => $"runs/{runId}/{file}";

    private static string Day(DateOnly day) => day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
}
