using System.Text.Json.Serialization;

namespace LuxHedge.Workflows.Approvals;

[JsonConverter(typeof(JsonStringEnumConverter<DecisionKind>))]
public enum DecisionKind
{
    Approved,
    Denied,
}

/// <summary>
/// One person's signed word. The signature is ECDSA P-256 over, in order: <c>luxhedge-decision/1</c>, namespace, runId, step, the
/// ask's nonce, hash of what is asked, decision, person, reason, time (docs/format.md, "Decisions").
/// </summary>
/// <param name="Signer">The name of the key that signed: the person's own, or an endpoint's.</param>
/// <param name="Signature">Base64 of the IEEE P1363 signature.</param>
public sealed record Decision(
    string Namespace,
    string RunId,
    string Step,
    string Nonce,
    string Hash,
    DecisionKind Kind,
    string Person,
    string Reason,
    DateTimeOffset At,
    string Signer,
    string Signature);

/// <summary>A decision that changed nothing, and why. Temporal keeps no trace of a refused Update, so the run does.</summary>
public sealed record RefusedDecision(string Person, string Step, DecisionKind Kind, string Why, DateTimeOffset At)
{
    /// <summary>retry, skip, pause, resume or abort, where no decision but such an order was refused.</summary>
    public string? Order { get; init; }
}

/// <summary>What the Update <c>decide</c> answers.</summary>
/// <param name="Accepted">False: the decision changed nothing; <paramref name="Why"/> says why.</param>
public sealed record DecisionAnswer(bool Accepted, string Why);

/// <summary>An open question to people. <see cref="Shows"/> is what each approver sees, in order.</summary>
/// <param name="Hash">Lower-case hex SHA-256 of exactly what is asked; the activity at the last door computes it again.</param>
/// <param name="Approvers">Who may decide by the policy, without the requester.</param>
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
    string RunId);

/// <summary>One line of what is decided: a label and its value.</summary>
public sealed record Shown(string Label, string Value);

/// <summary>
/// Who started a restore, drill or incident, signed with that person's key: <c>luxhedge-request/1</c>, namespace, runId, workflow id,
/// hash of the request, person, time. That person can't approve it.
/// </summary>
public sealed record SignedRequest(string Namespace, string RunId, string Person, DateTimeOffset At, string RequestHash, string Signature);
