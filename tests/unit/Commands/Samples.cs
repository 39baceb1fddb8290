using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Unit.Commands;

/// <summary>Records with values that a reader of a golden text can tell apart.</summary>
internal static class Samples
{
    public const string Asset = "luxhedge_production";
    public const string BackupId = "20261123T080000Z-luxhedge_production-7f3a";
    public const string RunId = "20261123T081000Z-restore-luxhedge_production-0a1b";

    public static DateTimeOffset At(int hour, int minute, int second = 0) => new(2026, 11, 23, hour, minute, second, TimeSpan.Zero);

    public static BackupSummary Backup(string id = BackupId, bool eligible = true, Verdict verdict = Verdict.NotProven, DateTimeOffset? consistentAt = null, params string[] notes) => new(
        id,
        Asset,
        "database",
        At(8, 0),
        At(8, 0, 41),
        consistentAt ?? new DateTimeOffset(2026, 11, 23, 8, 0, 33, 120, TimeSpan.Zero),
        204_000,
        98_304_000,
        31_457_280,
        [new CopySummary("s3", At(8, 1)), new CopySummary("nas", null)],
        eligible,
        verdict)
    {
        Notes = notes,
    };

    public static Manifest Manifest(BackupSummary summary) => new(
        LuxHedge.Activities.Catalog.Manifest.FormatName,
        summary.Id,
        summary.Asset,
        "database",
        "20261123T080000Z-backup-luxhedge_production-7f3a",
        "sandbox-writer",
        summary.CreatedAt,
        summary.SealedAt,
        summary.ConsistentAt,
        new ClusterTime(1_795_334_401, 1),
        new ClusterTime((uint)summary.ConsistentAt.ToUnixTimeSeconds(), 4),
        new SourceDescription("db1.example:27017", "luxhedge_production", "8.0.4"),
        2,
        summary.Documents,
        summary.RawBytes,
        summary.StoredBytes,
        [$"k-{summary.Id}"],
        new ObjectReference($"{Asset}/backups/{summary.Id}/objects.json", 1200, new string('a', 64)),
        Safety: false,
        DuringRestore: false,
        Suspect: [],
        OnlyCollections: null,
        CollectionDocuments: new Dictionary<string, long>(StringComparer.Ordinal) { ["users"] = 50_000, ["positions"] = 154_000 });

    public static CatalogBackup InCatalog(BackupSummary? summary = null, Func<Manifest, Manifest>? change = null)
    {
        var made = summary ?? Backup();
        var manifest = Manifest(made);
        return new CatalogBackup(change?.Invoke(manifest) ?? manifest, new string('b', 64), [.. made.Copies.Select(c => new CatalogCopy(c.Store, c.VerifiedAt, []))], [], made);
    }

    public static CatalogView Catalog(params CatalogBackup[] backups) => new(Asset, backups, [], []);

    public static SliceManifest Slice(DateTimeOffset from, DateTimeOffset to)
    {
        var (begin, end) = (new ClusterTime((uint)from.ToUnixTimeSeconds(), 1), new ClusterTime((uint)to.ToUnixTimeSeconds(), 1));
        return new SliceManifest(
            SliceManifest.FormatName, Asset, Asset, "20261123T000000Z-oplog-luxhedge_production-0a1b", "sandbox-writer", begin, end, to, new SourceDescription("db1.example:27017", Asset, "8.0.4"),
            end, 1_000, 1 << 20, "k-oplog-20261123", new ObjectReference($"{Asset}/oplog/20261123/{begin}_{end}", 5_000, new string('d', 64)), $"{begin}", $"{end}", null);
    }

    public static RunRow Run(string state = "running", string workflow = Wire.Restore, WaitingFor? waitingFor = null, string runId = RunId)
    {
        var lockId = workflow == Wire.Restore ? WorkflowIds.Restore(Asset) : WorkflowIds.Backup(Asset);
        return new RunRow(runId, workflow, Asset, state, At(8, 10), waitingFor)
        {
            Reference = new RunReference(runId, lockId, "execution-1", workflow, Asset),
        };
    }

    public static Ask Ask(string requestedBy = "operator", params string[] approvers) => new(
        "approval",
        "0123456789abcdef",
        new string('c', 64),
        "restore-production",
        approvers.Length > 0 ? approvers : ["alice", "bob"],
        requestedBy,
        Quorum: 1,
        DenyThreshold: 1,
        At(8, 11),
        At(8, 26),
        [new Shown("backup", BackupId), new Shown("target", "luxhedge_production on db1.example:27017"), new Shown("replaces", "users, positions")],
        "default",
        RunId);

    public static RunState State(Ask? ask = null, params StepTiming[] steps) =>
        new(RunId, Wire.Restore, Asset, At(8, 10), steps, ask, [], [], 0, null, null, null);

    public static RestoreSummary Restored(Verdict verdict = Verdict.Proven) => new(
        RunId,
        verdict,
        "luxhedge_production",
        204_000,
        new RtoMeasure(TimeSpan.FromHours(2), TimeSpan.FromSeconds(95.5), TimeSpan.FromSeconds(35.5), TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(1.25)),
        new RpoMeasure(TimeSpan.FromHours(1), TimeSpan.FromSeconds(42)),
        [new Check("documents of users", Verdict.Proven, "50,000 as in the source"), new Check("indexes of users", verdict, "as in the source")])
    {
        Backup = BackupId,
        Point = new RestoredPoint(RestorePoint.At(At(8, 10, 7)), At(8, 10, 7), "1795334997.4", "1795334433.4", 2, 0),
        MomentWanted = At(8, 10, 7),
        Evidence = ["s3: runs/x/evidence.json"],
    };

    public static VerificationSummary Verified(Verdict verdict = Verdict.Failed) => new(
        BackupId,
        verdict,
        VerificationLevel.Integrity,
        [new StoreVerification("s3", Verdict.Proven, []), new StoreVerification("nas", verdict, [new ObjectProblem("luxhedge_production/backups/x/index", "one byte differs")])]);

    public static BackupResult BackedUp(Verdict verdict = Verdict.Proven) => new(
        "20261123T080000Z-backup-luxhedge_production-7f3a", verdict, Backup(), [new StoreVerification("s3", Verdict.Proven, []), new StoreVerification("nas", verdict, [])], []);
}
