using LuxHedge.Workflows.Restore;

namespace LuxHedge.Workflows.Approvals;

/// <summary>The words of <see cref="Ask.Kind"/>.</summary>
public static class AskKinds
{
    /// <summary>May this be done? Who asks can't approve.</summary>
    public const string Approval = "approval";

    /// <summary>Has this been done? One of those named confirms it, who asks included.</summary>
    public const string Manual = "manual";
}

/// <summary>
/// An open question to people, made and signed by a worker (<see cref="IApprovalActivities.PrepareAsync"/>) from its own plan: whoever
/// controls a workflow's input can't claim that something was asked earlier, of others, or in other words than it was.
/// </summary>
/// <param name="Nonce">Random: a decision fits one ask only, also where the same step asks again.</param>
/// <param name="Hash">Lower-case hex SHA-256 of exactly what is asked; the activity at the last door computes it again.</param>
/// <param name="Policy">Name in the plan, or empty where the runbook itself says who decides.</param>
/// <param name="Approvers">Who may decide from the beginning, without the requester.</param>
/// <param name="Shows">What each approver sees, in order.</param>
/// <param name="Namespace">Temporal's namespace: a decision is good for one run in one namespace only.</param>
public sealed record Ask(
    string Step,
    string Nonce,
    string Hash,
    string Policy,
    IReadOnlyList<string> Approvers,
    string RequestedBy,
    int Quorum,
    int DenyThreshold,
    DateTimeOffset AskedAt,
    DateTimeOffset Until,
    IReadOnlyList<Shown> Shows,
    string Namespace,
    string RunId)
{
    /// <summary>One of <see cref="AskKinds"/>.</summary>
    public string Kind { get; init; } = AskKinds.Approval;

    /// <summary>What is asked, in one sentence.</summary>
    public string Title { get; init; } = "";

    /// <summary>People and groups as the policy or the step names them; <see cref="Approvers"/> are who that was.</summary>
    public IReadOnlyList<string> By { get; init; } = [];

    /// <summary>Only a person's own key decides: no click in Slack.</summary>
    public bool OwnKey { get; init; }

    /// <summary>Who may decide too when nobody has answered, by time.</summary>
    public IReadOnlyList<AskTier> Tiers { get; init; } = [];

    public IReadOnlyList<DateTimeOffset> Reminders { get; init; } = [];

    /// <summary>In an incident: fewer people, each with their own key and a reason. Null: not here.</summary>
    public AskBreakGlass? BreakGlass { get; init; }

    /// <summary>It was asked outside the policy's hours, whose other people and expiry hold.</summary>
    public bool OutOfHours { get; init; }

    /// <summary>The restore that is asked for: <see cref="Hash"/> is over it. Null: the hash is over the runbook, the step and what is
    /// shown.</summary>
    public RestoreSubject? Restore { get; init; }

    /// <summary>Name of the writer whose key signed this ask.</summary>
    public string Writer { get; init; } = "";

    /// <summary>Over everything above (docs/format.md, "Asks").</summary>
    public string Signature { get; init; } = "";
}

/// <summary>One line of what is decided: a label and its value.</summary>
public sealed record Shown(string Label, string Value);

/// <param name="From">From then on its people may decide too.</param>
/// <param name="To">The person or group, as named.</param>
public sealed record AskTier(DateTimeOffset From, string To, IReadOnlyList<string> People);

/// <param name="Quorum">So many of <paramref name="People"/> are enough.</param>
/// <param name="Alert">Who is told at once; empty: everyone.</param>
public sealed record AskBreakGlass(IReadOnlyList<string> People, int Quorum, IReadOnlyList<string> Alert);

/// <summary>What people approve of a restore: everything that <see cref="Ask.Hash"/> is over (docs/format.md).</summary>
/// <param name="Host">The target's hosts, without credentials.</param>
public sealed record RestoreSubject(
    string Asset,
    string BackupId,
    string ManifestSha256,
    string Host,
    string Database,
    ClusterTime To,
    IReadOnlyList<string> Collections,
    IReadOnlyList<string> Dropped,
    bool NoSafetyBackup)
{
    /// <summary>Users and roles come back too.</summary>
    public bool Users { get; init; }

    public static RestoreSubject Of(RestoreRequest request, RestorePlan plan) => new(
        request.Asset, plan.BackupId, plan.ManifestSha256, plan.Host, plan.Database, plan.To, plan.Collections, plan.Dropped,
        request.NoSafetyBackup)
    {
        Users = request.Users,
    };
}
