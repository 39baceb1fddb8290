using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;

namespace LuxHedge.Workflows.Approvals;

/// <summary>What a decision must look like to be looked at at all.</summary>
public static class Decisions
{
    /// <summary>A run that was approved yesterday and lay idle meets another production than the approvers saw.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    private const int LongestName = 200;
    private const int LongestReason = 2_000;
    private const int LongestSignature = 200;

    /// <summary>For the Update's validator, which leaves no trace: refuses only what is malformed or oversized. Everything else is judged,
    /// and kept.</summary>
    public static void Validate(Decision? decision)
    {
        if (decision is null)
            throw Refused("There is no decision in it.");
        (string What, string? Value, int Longest, bool MayBeEmpty)[] fields =
        [
            ("namespace", decision.Namespace, LongestName, false),
            ("runId", decision.RunId, LongestName, false),
            ("step", decision.Step, LongestName, false),
            ("nonce", decision.Nonce, LongestName, false),
            ("hash", decision.Hash, LongestName, true),
            ("person", decision.Person, LongestName, false),
            ("reason", decision.Reason, LongestReason, true),
            ("signer", decision.Signer, LongestName, false),
            ("signature", decision.Signature, LongestSignature, false),
            .. Via(decision.Via),
        ];
        foreach (var (what, value, longest, mayBeEmpty) in fields)
        {
            if (value is null || (!mayBeEmpty && value.Length == 0))
                throw Refused($"A decision without its {what} is malformed.");
            if (value.Length > longest)
                throw Refused($"The {what} of a decision is at most {longest} characters.");
        }

        if (!Enum.IsDefined(decision.Kind))
            throw Refused("A decision is Approved or Denied.");
    }

    private static IEnumerable<(string What, string? Value, int Longest, bool MayBeEmpty)> Via(DecisionVia? via) => via is null ? [] :
    [
        ("Slack user", via.User, LongestName, false),
        ("Slack team", via.Team, LongestName, true),
        ("Slack channel", via.Channel, LongestName, true),
        ("Slack message", via.Timestamp, LongestName, true),
        ("Slack click", via.ActionTimestamp, LongestName, true),
    ];

    private static ApplicationFailureException Refused(string why) => Failures.ToFailure(new(ErrorKinds.RefusedDecision, why));
}
