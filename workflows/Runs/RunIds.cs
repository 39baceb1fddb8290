namespace LuxHedge.Workflows.Runs;

/// <summary>
/// <c>20261123T101500Z-backup-luxhedge_production-7f3a</c>: made once where a run starts, carried through continue-as-new and the
/// search attribute <c>LuxRunId</c>.
/// </summary>
public static class RunIds
{
    /// <summary><c>20261123T020000Z-luxhedge_production-7f3a</c>: sorts by time and names the asset.</summary>
    public static string BackupId(DateTimeOffset now, string asset, Guid random) => Create(now, asset, random);

    /// <summary>Of a run that a step of another one starts: begins with the other's id, which is how the last door knows that the signed
    /// request of the one covers the other.</summary>
    public static string Child(string runId, string step, Guid random) =>
        $"{runId}-{step.Replace('/', '-')}-{random.ToString("N")[..4]}";

    /// <summary>Whether a run is the other, or was started by it.</summary>
    public static bool IsOf(string runId, string parent) =>
        runId == parent || (parent.Length > 0 && runId.StartsWith(parent + "-", StringComparison.Ordinal));

    public static string Create(DateTimeOffset now, string what, Guid random) =>
        $"{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{what}-{random.ToString("N")[..4]}";
}
