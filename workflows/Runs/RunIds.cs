namespace LuxHedge.Workflows.Runs;

/// <summary>
/// <c>20261123T101500Z-backup-luxhedge_production-7f3a</c>: made once where a run starts, carried through continue-as-new and the
/// search attribute <c>LuxRunId</c>.
/// </summary>
public static class RunIds
{
    public static string Create(DateTimeOffset now, string what, Guid random) =>
        $"{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{what}-{random.ToString("N")[..4]}";
}
