using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>Who may decide one ask from when, and what it takes: by the ask as a worker signed it, or by a plan's policy.</summary>
/// <param name="From">Each person, and from when: the requester is not left out here.</param>
/// <param name="GlassPeople">Who may break the glass; nobody where it is no incident.</param>
internal sealed record ApprovalRules(
    IReadOnlyDictionary<string, DateTimeOffset> From,
    int Quorum,
    int Deny,
    bool OwnKey,
    IReadOnlyList<string> GlassPeople,
    int GlassQuorum)
{
    public static ApprovalRules Of(Ask ask)
    {
        var from = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        foreach (var (people, at) in ask.Tiers.OrderBy(t => t.From).Select(t => (t.People, t.From)).Prepend((ask.Approvers, ask.AskedAt)))
        {
            foreach (var person in people)
            {
                from.TryAdd(person, at);
            }
        }

        return new(
            from, Math.Max(1, ask.Quorum), Math.Max(1, ask.DenyThreshold), ask.OwnKey, ask.BreakGlass?.People ?? [],
            Math.Max(1, ask.BreakGlass?.Quorum ?? 1));
    }

    public static ApprovalRules Of(Plan plan, PolicyPlan policy, DateTimeOffset askedAt, bool incident) =>
        Of(ApprovalTerms.Of(plan, policy, askedAt), askedAt, incident);

    /// <summary>What the terms of an ask come to at its time.</summary>
    public static ApprovalRules Of(ApprovalTerms terms, DateTimeOffset askedAt, bool incident) => new(
        terms.People.ToDictionary(p => p.Key, p => askedAt + p.Value.After, StringComparer.Ordinal),
        Math.Max(1, terms.Quorum),
        Math.Max(1, terms.Deny),
        terms.OwnKey,
        incident ? terms.BreakGlass?.By ?? [] : [],
        Math.Max(1, terms.BreakGlass?.Quorum ?? 1));

    /// <summary>Only what both allow: people of both, from the later time; the higher quorum, the lower threshold of denials.</summary>
    public ApprovalRules Within(ApprovalRules other) => new(
        From.Where(p => other.From.ContainsKey(p.Key))
            .ToDictionary(p => p.Key, p => p.Value > other.From[p.Key] ? p.Value : other.From[p.Key], StringComparer.Ordinal),
        Math.Max(Quorum, other.Quorum),
        Math.Min(Deny, other.Deny),
        OwnKey || other.OwnKey,
        [.. GlassPeople.Intersect(other.GlassPeople, StringComparer.Ordinal)],
        Math.Max(GlassQuorum, other.GlassQuorum));

    /// <summary>Only people who are still whom the ask's own words name.</summary>
    public ApprovalRules StillNamed(Plan plan, Ask ask)
    {
        var named = ask.By.Concat(ask.Tiers.SelectMany(t => t.To.Split(", "))).SelectMany(plan.Who).ToHashSet(StringComparer.Ordinal);
        return this with { From = From.Where(p => named.Contains(p.Key)).ToDictionary(StringComparer.Ordinal) };
    }

    /// <summary>Why a decision does not count for this ask, or null: whose it is, who that is here, and of when.</summary>
    /// <param name="requester">By the signed request where there is one, else as the ask says.</param>
    /// <param name="now">When it is judged: no later tier is open before its time, whatever the decision's own date is.</param>
    public string? ProblemOf(Plan plan, Ask ask, string requester, DecisionSubject subject, Decision decision, DateTimeOffset now)
    {
        if (DecisionSigner.ProblemOf(plan, subject, decision, OwnKey || decision.BreakGlass) is { } unsigned)
        {
            return unsigned;
        }

        var asks = decision.Person == requester && ask.Kind != AskKinds.Manual;
        if (asks && decision.Kind == DecisionKind.Approved)
        {
            return $"'{requester}' asked for it, and can't approve it";
        }

        // The requester may well deny: that only stops what he began.
        var entitled = asks ? null : decision.BreakGlass ? ProblemOfGlass(decision) : ProblemOfPerson(ask, decision, now);
        return entitled ?? ProblemOfTime(ask, decision, now);
    }

    private string? ProblemOfPerson(Ask ask, Decision decision, DateTimeOffset now)
    {
        if (!From.TryGetValue(decision.Person, out var from))
        {
            return ask.Policy.Length > 0
                ? $"the policy '{ask.Policy}' does not name '{decision.Person}'"
                : $"the step '{ask.Step}' does not ask '{decision.Person}'";
        }

        // The first ones may decide as soon as they are asked; clocks differ, and nothing opens by it.
        if (from <= ask.AskedAt)
        {
            return null;
        }

        return now < from ? $"'{decision.Person}' may decide from {from:u} on"
            : decision.At < from ? $"'{decision.Person}' may decide from {from:u} on, and it is of {decision.At:u}"
            : null;
    }

    private string? ProblemOfGlass(Decision decision) =>
        decision.Kind != DecisionKind.Approved ? "break-glass only approves"
        : GlassPeople.Count == 0 ? "break-glass is for an incident, by a policy that has it, and this is none"
        : !GlassPeople.Contains(decision.Person, StringComparer.Ordinal) ? $"'{decision.Person}' may not break the glass"
        : string.IsNullOrWhiteSpace(decision.Reason) ? "break-glass needs a reason"
        : null;

    private static string? ProblemOfTime(Ask ask, Decision decision, DateTimeOffset now)
    {
        if (decision.At > now + Times.ClockTolerance)
        {
            return $"it is dated {decision.At:u}, which is yet to come";
        }

        if (decision.At < now - LastDoor.DecisionLifetime)
        {
            return $"it is of {decision.At:u}, and after {LastDoor.DecisionLifetime.TotalHours:0} hours it has to be asked again";
        }

        return decision.At < ask.AskedAt - Times.ClockTolerance ? $"it is of {decision.At:u}, before it was asked"
            : decision.At > ask.Until + Times.ClockTolerance ? $"it is of {decision.At:u}, and the ask expired at {ask.Until:u}"
            : null;
    }
}
