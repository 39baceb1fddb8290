namespace LuxHedge.Workflows;

/// <summary>The workflow id is the lock: one backup of an asset, one restore into a target at a time.</summary>
public static class WorkflowIds
{
    public static string Backup(string asset) => $"backup/{asset}";

    /// <summary>The safety backup of a database that is no production: the asset's own backups go on meanwhile.</summary>
    /// <param name="target"><c>{cluster}/{database}</c>.</param>
    public static string SafetyBackup(string target) => $"backup/{target}";

    /// <summary>Capture of an asset's oplog: one for ever.</summary>
    public static string Oplog(string asset) => OplogPrefix + asset;

    /// <summary>A backup that capture starts after a gap is a run of its own, not a step of it.</summary>
    public const string OplogPrefix = "oplog/";

    public static string Verification(string asset) => $"verify/{asset}";

    /// <param name="target">For production the asset's id; else <c>{cluster}/{database}</c>.</param>
    public static string Restore(string target) => $"restore/{target}";

    public static string Export(string backupId) => $"export/{backupId}";

    public static string Acceptance(string backupId) => $"accept/{backupId}";

    /// <param name="name">The drill's name in the plan, or the runbook's.</param>
    public static string Drill(string name) => $"drill/{name}";

    public static string Incident(string name, string asset) => $"incident/{name}/{asset}";

    public const string Watch = "watch";

    public static string AtlasSnapshot(string asset) => $"atlas-snapshot/{asset}";

    public static string AtlasRestore(string asset) => $"atlas-restore/{asset}";

    public static string Review(string name) => $"review/{name}";

    /// <summary>Before the id of a schedule: what the schedule itself starts. Temporal puts the planned time behind it.</summary>
    public const string ScheduledPrefix = "scheduled/";
}
