using LuxHedge.Workflows.Restore;

namespace LuxHedge.Workflows.Atlas;

/// <summary>Input of <c>AtlasSnapshot</c>: a snapshot on demand of the cluster that an asset runs on.</summary>
/// <param name="Reason">Why, in a few words; it stands in the snapshot's description at Atlas.</param>
/// <param name="RetentionDays">Atlas deletes it by itself after so many days.</param>
public sealed record AtlasSnapshotRequest(string RunId, string Asset, string TaskQueue, string Reason, int RetentionDays)
{
    /// <summary>Who asked for it; null: a runbook or a schedule did.</summary>
    public string? Person { get; init; }
}

/// <summary>A snapshot as Atlas tells of it.</summary>
/// <param name="Status">One of <see cref="AtlasStatus"/>; a word that a later Atlas may say is kept as it is.</param>
/// <param name="Type"><c>onDemand</c> or <c>scheduled</c>.</param>
/// <param name="CreatedAt">The moment its data is of; null: Atlas has not begun it.</param>
/// <param name="Bytes">What it takes in Atlas' store; null while that is not known.</param>
public sealed record AtlasSnapshot(
    string Id, string Status, string Type, DateTimeOffset? CreatedAt, DateTimeOffset? ExpiresAt, string? Description, long? Bytes)
{
    /// <summary>It can be restored from, as far as Atlas says.</summary>
    public bool IsComplete => Status == AtlasStatus.Completed && CreatedAt is not null;
}

/// <summary>Words of <see cref="AtlasSnapshot.Status"/>.</summary>
public static class AtlasStatus
{
    public const string Queued = "queued";
    public const string InProgress = "inProgress";
    public const string Completed = "completed";
    public const string Failed = "failed";
}

/// <summary>Shape of <c>atlas snapshot --json</c>.</summary>
/// <param name="Verdict">Proven: Atlas has completed it. That it can be restored, only a restore proves.</param>
/// <param name="Snapshot">As Atlas told of it last; null: it was never asked for.</param>
public sealed record AtlasSnapshotSummary(string RunId, Verdict Verdict, string Asset, AtlasSnapshot? Snapshot)
{
    /// <summary><c>Aborted</c> or <c>TimedOut</c>; null: it ran to its end.</summary>
    public string? Ended { get; init; }

    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>Input of <c>AtlasRestore</c>: Atlas puts a snapshot, or a point in time, into the cluster that the plan names as
/// <c>restoreTo</c>, over everything that is there.</summary>
/// <param name="Snapshot">Its id; null: the newest complete one.</param>
/// <param name="To">A point in time instead of a snapshot: needs Continuous Cloud Backup at Atlas.</param>
public sealed record AtlasRestoreRequest(string RunId, string Asset, string TaskQueue, string? Snapshot, DateTimeOffset? To)
{
    /// <summary>Who asked for it; null: a runbook did.</summary>
    public string? Person { get; init; }

    public bool Drill { get; init; }
}

/// <summary>A cluster at Atlas.</summary>
public sealed record AtlasPlace(string Project, string Cluster)
{
    public override string ToString() => $"{Cluster} (project {Project})";
}

/// <summary>What would be restored and where, as the worker's own plan has it.</summary>
/// <param name="Snapshot">Null with a point in time.</param>
/// <param name="Known">Ids of the restore jobs of the same kind that Atlas has already: one that is not among them is this run's.</param>
public sealed record AtlasRestorePlan(
    AtlasPlace From, AtlasPlace To, AtlasSnapshot? Snapshot, DateTimeOffset? PointInTime, IReadOnlyList<string> Known)
{
    /// <summary>The moment that the data is to be of.</summary>
    public DateTimeOffset Moment => PointInTime ?? Snapshot!.CreatedAt!.Value;
}

public sealed record AtlasRestoreWork(AtlasRestoreRequest Request, AtlasRestorePlan Plan);

/// <summary>A restore job as Atlas tells of it.</summary>
public sealed record AtlasRestoreJob(string Id, DateTimeOffset? FinishedAt, bool Failed, bool Cancelled, bool Expired)
{
    /// <summary>Nothing more will happen to it.</summary>
    public bool IsOver => Failed || Cancelled || Expired || FinishedAt is not null;

    /// <summary>How it ended badly, as people say it; null: it did not.</summary>
    public string? Trouble => Failed ? "failed" : Cancelled ? "was cancelled" : Expired ? "expired" : null;
}

/// <summary>What was found in the target after a restore.</summary>
public sealed record AtlasRestoreLook(IReadOnlyList<Check> Checks, DateTimeOffset? NewestCanary);

/// <summary>Shape of <c>atlas restore --json</c>.</summary>
/// <param name="Verdict">Proven: Atlas finished the restore, and a canary of the asset was found in the target.</param>
/// <param name="Took">From the run's start until the checks.</param>
/// <param name="Rpo">From the newest canary that came back to the moment wanted; null: none was found.</param>
public sealed record AtlasRestoreSummary(
    string RunId, Verdict Verdict, string Asset, AtlasPlace? To, string? Snapshot, DateTimeOffset? Moment, string? Job, TimeSpan Took, TimeSpan? Rpo)
{
    public IReadOnlyList<Check> Checks { get; init; } = [];

    public DateTimeOffset? NewestCanary { get; init; }

    /// <summary><c>Aborted</c> or <c>TimedOut</c>; null: it ran to its end.</summary>
    public string? Ended { get; init; }

    public IReadOnlyList<string> Notes { get; init; } = [];
}
