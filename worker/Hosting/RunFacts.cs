using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Worker.Hosting;

/// <summary>What the logs of an activity are found by, out of its first argument.</summary>
internal sealed record RunFacts(string? RunId, string? Asset, string? BackupId)
{
    private static readonly RunFacts Nothing = new(null, null, null);

    public static RunFacts Of(object?[] arguments) => arguments is [var first, ..] ? first switch
    {
        DatabaseBackupRequest r => new(r.RunId, r.Asset, null),
        BackupContext b => Of(b),
        LaneWork w => Of(w.Backup),
        OplogTail t => Of(t.Backup),
        SealWork s => Of(s.Backup),
        CopyWork c => new(c.RunId, c.Asset, c.BackupId),
        RestoreRequest r => Of(r),
        RestoreWork w => Of(w),
        LoadWork l => Of(l.Restore),
        RestoreEvidence e => Of(e.Request),
        VerificationRequest v => new(v.RunId, v.Asset, v.BackupId),
        ExportRequest e => new(e.RunId, e.Asset, e.BackupId),
        AcceptanceRequest a => new(a.RunId, a.Asset, a.BackupId),
        AtlasSnapshotRequest s => new(s.RunId, s.Asset, null),
        AtlasRestoreRequest r => new(r.RunId, r.Asset, null),
        AtlasRestoreWork w => new(w.Request.RunId, w.Request.Asset, null),
        string asset when arguments is [_, string backup, ..] => new(null, asset, backup),
        _ => Nothing,
    } : Nothing;

    private static RunFacts Of(BackupContext b) => new(b.RunId, b.Asset, b.BackupId);

    private static RunFacts Of(RestoreRequest r) => new(r.RunId, r.Asset, r.Backup);

    private static RunFacts Of(RestoreWork w) => new(w.Request.RunId, w.Request.Asset, w.Plan.BackupId);
}
