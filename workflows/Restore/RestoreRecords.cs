using System.Text.Json.Serialization;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Workflows.Restore;

[JsonConverter(typeof(JsonStringEnumConverter<RestorePurpose>))]
public enum RestorePurpose
{
    /// <summary>A person wants the data back.</summary>
    Recovery,

    /// <summary>A restore test into a scratch target that is dropped at the end.</summary>
    RestoreTest,
}

/// <summary>Input of <c>Restore</c>. What it says decides nothing at the last door: the worker's plan does.</summary>
/// <param name="Target">The lock: the asset's id for production, else <c>{cluster}/{database}</c>.</param>
/// <param name="Backup">An id, or null for the newest eligible one.</param>
/// <param name="To">The moment wanted: null for the backup's own end mark.</param>
/// <param name="Collections">Null: the whole database.</param>
/// <param name="Into">Null: production. Else the database to restore into, on the asset's cluster.</param>
/// <param name="Store">Pins the store: no fallback to another.</param>
/// <param name="Keys">Data keys that the operator opened with a recovery key, wrapped for the worker.</param>
public sealed record RestoreRequest(
    string RunId,
    string Asset,
    string TaskQueue,
    string Target,
    RestorePurpose Purpose,
    string? Backup,
    RestorePoint? To,
    IReadOnlyList<string>? Collections,
    string? Into,
    string? Store,
    bool Drop,
    bool NoSafetyBackup,
    IReadOnlyList<HandedKey>? Keys,
    SignedRequest? RequestedBy)
{
    /// <summary>Of a drill: the cluster in the plan that it restores on, the asset's own or its drill cluster. Null: the asset's
    /// own.</summary>
    public string? Cluster { get; init; }

    /// <summary>Part of a drill: whatever would make the target production is refused at every door, approved or not.</summary>
    public bool Drill { get; init; }

    /// <summary>A step of this runbook: then <see cref="RequestedBy"/> is the signed request of the runbook, and <see cref="RunId"/> is made
    /// by <see cref="Runs.RunIds.Child"/>. Null: a person asked for this very restore.</summary>
    public RunbookClaim? Claim { get; init; }

    /// <summary>The users and roles that the backup holds come back too, where they are not there.</summary>
    public bool Users { get; init; }

    /// <summary>What was approved for this restore before it began. Where preflight finds exactly that again, nobody is asked twice.</summary>
    public ApprovedAsk? Approved { get; init; }
}

/// <summary>A data key opened with a recovery key on the operator's machine and wrapped for the worker's public key: only wrapped keys
/// travel.</summary>
public sealed record HandedKey(string KeyId, string Wrapped);

/// <summary>What preflight found out, and what people approve by its hash.</summary>
/// <param name="BackupId">Of a point in time: its base.</param>
/// <param name="Stores">Where the bytes come from, in the order they are tried.</param>
/// <param name="Host">The target's host or hosts, without credentials.</param>
/// <param name="To">The last cluster time that comes back.</param>
/// <param name="Collections">What is restored, by its names at <paramref name="To"/>.</param>
/// <param name="Dropped">Existing collections that are replaced.</param>
/// <param name="Left">Existing collections that stay.</param>
/// <param name="AskHash">Hash of what is asked (docs/format.md); empty when the target is no production.</param>
/// <param name="SafetySkipped">Why no safety backup is taken; null: one is.</param>
/// <param name="MomentWanted">The measured RPO counts back from here.</param>
public sealed record RestorePlan(
    string BackupId,
    string ManifestSha256,
    IReadOnlyList<string> Stores,
    string Host,
    string Database,
    bool Production,
    ClusterTime To,
    DateTimeOffset MomentWanted,
    IReadOnlyList<string> Collections,
    IReadOnlyList<string> Dropped,
    IReadOnlyList<string> Left,
    int Lanes,
    long Documents,
    long RawBytes,
    string? SafetySkipped,
    string AskHash,
    ApprovalPolicy? Approval,
    IReadOnlyList<Shown> Shows,
    IReadOnlyList<string> Notes,
    TimeSpan RtoTarget,
    TimeSpan RpoTarget)
{
    /// <summary>How it goes on after the backup's end mark; null: it does not.</summary>
    public PointPlan? Point { get; init; }
}

/// <summary>From a base's end mark to a later point. Which slices lead there, each step finds again in the stores.</summary>
/// <param name="BaseEnd">The base's end mark. Up to it the base's own oplog is replayed over its fuzzy copy, after it slices, exactly.</param>
/// <param name="Slices">How many.</param>
/// <param name="RawBytes">What they hold.</param>
/// <param name="Uuids">Of the named collections at the point; null: the whole database.</param>
/// <param name="LeftOut">Transactions that are half there at the point, on servers that write them as loose entries: nothing of them comes back.</param>
public sealed record PointPlan(
    ClusterTime BaseEnd, int Slices, long RawBytes, IReadOnlyList<string>? Uuids, IReadOnlyList<string> LeftOut);

/// <summary>A policy of the plan as the workflow needs it to wait: the last door reads its own plan again.</summary>
public sealed record ApprovalPolicy(string Name, IReadOnlyList<string> Approvers, int Quorum, int DenyThreshold, TimeSpan Expires);

/// <summary>What every writing activity is told, with the decisions that allow it.</summary>
/// <param name="Ask">Its own, or the one it was approved by before it began; null: nothing was asked.</param>
public sealed record RestoreWork(RestoreRequest Request, RestorePlan Plan, Ask? Ask, IReadOnlyList<Decision> Decisions);

public sealed record LoadWork(RestoreWork Restore, int Lane);

public sealed record LoadResult(int Lane, int Ranges, long Documents, long RawBytes, IReadOnlyList<Check> Problems);

public sealed record ReplayResult(long Entries, long Written, int Windows, ClusterTime Last, IReadOnlyList<Check> Problems);

/// <summary>One thing that was compared, and how it came out.</summary>
public sealed record Check(string Name, Verdict Verdict, string Detail);

/// <summary>All checks of one pass. <see cref="NewestCanary"/> is null when none came back.</summary>
public sealed record CheckResult(IReadOnlyList<Check> Checks, DateTimeOffset? NewestCanary, bool CanaryStandIn, long Documents);

public sealed record CleanUpResult(IReadOnlyList<string> Removed, IReadOnlyList<string> StillThere);

/// <summary>Shape of <c>restore run --json</c>.</summary>
public sealed record RestoreSummary(
    string RunId,
    Verdict Verdict,
    string Target,
    long Documents,
    RtoMeasure Rto,
    RpoMeasure Rpo,
    IReadOnlyList<Check> Checks)
{
    public string Backup { get; init; } = "";
    public string? SafetyBackup { get; init; }
    /// <summary>The moment that the data is of; null: nothing was chosen.</summary>
    public RestoredPoint? Point { get; init; }
    /// <summary>The moment that the RPO counts back from.</summary>
    public DateTimeOffset? MomentWanted { get; init; }
    /// <summary>The newest canary in what came back; the RPO is measured from it.</summary>
    public DateTimeOffset? NewestCanary { get; init; }
    public IReadOnlyList<string> Notes { get; init; } = [];
    public IReadOnlyList<string> Evidence { get; init; } = [];
    /// <summary><c>Denied</c>, <c>Expired</c>, <c>Aborted</c>, <c>NotApproved</c> (refused at the last door), or null.</summary>
    public string? Ended { get; init; }
    /// <summary>What stopped it, when a step failed. The checks name the step.</summary>
    public ErrorReport? Error { get; init; }
}

/// <param name="Wanted">As it was asked for; null: the backup's own moment.</param>
/// <param name="Time">To the second.</param>
/// <param name="ClusterTime">The last that comes back, exactly, as <c>--to</c> takes it.</param>
/// <param name="BackupEnd">The backup's end mark, as a cluster time: up to it the backup's own oplog, after it slices.</param>
/// <param name="Slices">That lead there; 0: it is the backup's end mark.</param>
/// <param name="LeftOut">Transactions that were half there at the point: nothing of them comes back.</param>
public sealed record RestoredPoint(RestorePoint? Wanted, DateTimeOffset Time, string ClusterTime, string BackupEnd, int Slices, int LeftOut)
{
    public static RestoredPoint Of(RestoreRequest request, RestorePlan plan) => new(
        request.To, plan.To.ToTime(), plan.To.ToString(), (plan.Point?.BaseEnd ?? plan.To).ToString(), plan.Point?.Slices ?? 0, plan.Point?.LeftOut.Count ?? 0);
}

/// <summary>From the start of the run (or the declaration) until the checks are green; clean-up apart. ISO 8601 durations in
/// <c>--json</c>.</summary>
public sealed record RtoMeasure(TimeSpan Target, TimeSpan Total, TimeSpan Machine, TimeSpan Waiting, TimeSpan Cleanup);

/// <param name="Measured">Moment wanted − the newest canary in what came back; null: NotProven.</param>
public sealed record RpoMeasure(TimeSpan Target, TimeSpan? Measured);
