namespace LuxHedge.Workflows.Runs;

/// <summary>
/// <c>20261123T101500Z-backup-luxhedge_production-7f3a</c>: made once where a run starts, carried through continue-as-new and the
/// search attribute <c>LuxRunId</c>.
/// </summary>
public static class RunIds
{
    /// <summary><c>20261123T020000Z-luxhedge_production-7f3a</c>: sorts by time and names the asset.</summary>
    public static string BackupId(DateTimeOffset now, string asset, Guid random) => Create(now, asset, random);

    public static string Create(DateTimeOffset now, string what, Guid random) =>
        $"{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{what}-{random.ToString("N")[..4]}";
}
