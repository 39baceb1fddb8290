using System.Text.Json.Serialization;

namespace LuxHedge.Workflows.Approvals;

[JsonConverter(typeof(JsonStringEnumConverter<DecisionKind>))]
public enum DecisionKind
{
    Approved,
    Denied,
}

/// <summary>
/// One person's signed word: ECDSA P-256 over, in order, <c>luxhedge-decision/1</c>, namespace, runId, step, the ask's nonce, hash of what is
/// asked, decision, person, reason, time, signer, break-glass and <see cref="Via"/> (docs/format.md, "Decisions and requests").
/// </summary>
/// <param name="Signer">The name of the key that signed: the person's own, or the plan's <c>slack.endpoint</c>.</param>
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
    string Signature)
{
    /// <summary>Given as break-glass: by the policy's <c>breakGlass</c>, in an incident only, with the own key and a reason.</summary>
    public bool BreakGlass { get; init; }

    /// <summary>The click that an endpoint signed for; null: signed with the person's own key.</summary>
    public DecisionVia? Via { get; init; }
}

/// <summary>Where a click came from, as Slack signed it: what the endpoint that signs the decision has checked.</summary>
/// <param name="User">Slack's id of the person.</param>
/// <param name="Timestamp">Of the message that was clicked.</param>
/// <param name="ActionTimestamp">Of the click.</param>
public sealed record DecisionVia(string User, string Team, string Channel, string Timestamp, string ActionTimestamp);

/// <summary>A decision that changed nothing, and why. Temporal keeps no trace of a refused Update, so the run does.</summary>
public sealed record RefusedDecision(string Person, string Step, DecisionKind Kind, string Why, DateTimeOffset At)
{
    /// <summary>retry, skip, pause, resume or abort, where no decision but such an order was refused.</summary>
    public string? Order { get; init; }
}

/// <summary>What the Update <c>decide</c> answers.</summary>
/// <param name="Accepted">False: the decision changed nothing; <paramref name="Why"/> says why.</param>
public sealed record DecisionAnswer(bool Accepted, string Why);

/// <summary>
/// Who started a restore, drill or incident, signed with that person's key: <c>luxhedge-request/1</c>, namespace, runId, workflow id,
/// hash of the request, person, time. That person can't approve it.
/// </summary>
public sealed record SignedRequest(string Namespace, string RunId, string Person, DateTimeOffset At, string RequestHash, string Signature)
{
    /// <summary>The command in Slack that an endpoint signed for, as it does for clicks: it starts drills only. Null: signed with the person's own
    /// key.</summary>
    public RequestVia? Via { get; init; }
}

/// <summary>Where a command came from, as Slack signed it.</summary>
/// <param name="Signer">The name of the endpoint's key.</param>
/// <param name="User">Slack's id of the person.</param>
public sealed record RequestVia(string Signer, string User, string Team, string Channel);
