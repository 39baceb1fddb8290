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
    public static string Evidence(string runId, string file) => $"runs/{runId}/{file}";
}
