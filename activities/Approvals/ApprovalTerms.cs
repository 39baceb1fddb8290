using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Approvals;

/// <summary>What a plan's policy, a step's own words, or both together ask for, before anybody is asked.</summary>
/// <param name="By">As written.</param>
/// <param name="People">Each person, how long after the question, and by which name of the policy.</param>
internal sealed record ApprovalTerms(
    IReadOnlyList<string> By,
    IReadOnlyDictionary<string, (TimeSpan After, string To)> People,
    int Quorum,
    int Deny,
    TimeSpan Expires,
    bool OwnKey,
    IReadOnlyList<TimeSpan> Reminders,
    BreakGlassPlan? BreakGlass,
    bool OutOfHours)
{
    /// <summary>How long people have to confirm what they do themselves, where the step does not say.</summary>
    public static readonly TimeSpan ManualExpiry = TimeSpan.FromHours(24);

    public static ApprovalTerms Of(Plan plan, PolicyPlan policy, DateTimeOffset at)
    {
        var outside = policy.OutOfHours is { } hours && hours.Holds(at, plan.Zone()) ? hours : null;
        return new(
            [.. policy.Named, .. outside?.To ?? []],
            WithTiers([.. policy.By, .. outside?.People ?? []], policy.Escalate.Select(e => (e.After, e.To, e.People))),
            policy.Quorum,
            policy.DenyThreshold,
            outside?.Expires ?? policy.Expires,
            policy.OwnKey,
            policy.Reminders,
            policy.BreakGlass,
            outside is not null);
    }

    /// <summary>A step's words over those of the policy that it names, if any. An own key that the policy asks for stays asked for.</summary>
    /// <exception cref="RefusalException">Kind <c>plan</c>: an unknown policy, person or group.</exception>
    public static ApprovalTerms Of(Plan plan, string step, ApproveStep approve, DateTimeOffset at)
    {
        var named = approve.Policy is { } name ? Of(plan, Policy(plan, name), at) : null;
        var by = approve.By.Count > 0 ? approve.By : named?.By ?? throw new RefusalException(
            ErrorKinds.Plan, $"The step '{step}' names neither a policy nor people: nobody could approve it.", step);
        var people = approve.By.Count == 0 && approve.Escalate.Count == 0
            ? named!.People
            : WithTiers(
                approve.By.Count > 0 ? Resolve(plan, step, by) : [.. named!.People.Where(p => p.Value.After == TimeSpan.Zero).Select(p => p.Key)],
                approve.Escalate.Count > 0
                    ? approve.Escalate.Select(e => (e.After, e.To, Resolve(plan, step, [e.To])))
                    : Later(named));
        return new(
            by,
            people,
            approve.Quorum ?? named?.Quorum ?? 1,
            approve.Deny ?? named?.Deny ?? 1,
            approve.Expires ?? named?.Expires ?? PlanBinder.DefaultExpiry,
            (approve.OwnKey ?? false) || (named?.OwnKey ?? false),
            approve.Reminders.Count > 0 ? approve.Reminders : named?.Reminders ?? [],
            named?.BreakGlass,
            named?.OutOfHours ?? false);
    }

    public static ApprovalTerms Of(Plan plan, string step, ManualStep manual) => new(
        manual.By,
        WithTiers(manual.By.Count > 0 ? Resolve(plan, step, manual.By) : [.. plan.People.Keys], []),
        Quorum: 1,
        Deny: 1,
        manual.Expires ?? ManualExpiry,
        OwnKey: false,
        [],
        null,
        OutOfHours: false);

    /// <summary>What satisfies both: a step can ask for more than the policy that the last door goes by, never for less.</summary>
    public ApprovalTerms Within(ApprovalTerms other) => new(
        [.. By.Union(other.By, StringComparer.Ordinal)],
        People.Where(p => other.People.ContainsKey(p.Key)).ToDictionary(
            p => p.Key, p => p.Value.After >= other.People[p.Key].After ? p.Value : other.People[p.Key], StringComparer.Ordinal),
        Math.Max(Quorum, other.Quorum),
        Math.Min(Deny, other.Deny),
        Expires < other.Expires ? Expires : other.Expires,
        OwnKey || other.OwnKey,
        Reminders.Count > 0 ? Reminders : other.Reminders,
        other.BreakGlass,
        OutOfHours || other.OutOfHours);

    public static PolicyPlan Policy(Plan plan, string name) => plan.Policies.GetValueOrDefault(name) ?? throw new RefusalException(
        ErrorKinds.Plan, $"The plan has no policy '{name}'.", $"policies.{name}", $"It has: {string.Join(", ", plan.Policies.Keys.Order(StringComparer.Ordinal))}.");

    /// <summary>Refuses what nobody could decide: a quorum that those who can sign do not reach without the requester, all tiers
    /// counted.</summary>
    /// <exception cref="RefusalException">Kind <c>plan</c>.</exception>
    public void CheckReachable(Plan plan, string what, string requester)
    {
        var asked = People.Where(p => p.Key != requester && p.Value.After < Expires).Select(p => p.Key).Order(StringComparer.Ordinal).ToList();
        var able = asked.Where(p => CanDecide(plan, p)).ToList();
        if (able.Count >= Math.Max(1, Quorum))
        {
            return;
        }

        var without = requester.Length > 0 && People.ContainsKey(requester) ? $" without {requester}, who asks," : "";
        var unable = asked.Except(able, StringComparer.Ordinal).ToList();
        throw new RefusalException(
            ErrorKinds.Plan,
            $"{what} wants {Math.Max(1, Quorum)} {(Quorum > 1 ? "approvals" : "approval")}, and{without} only {able.Count} may give one" +
            (unable.Count > 0 ? $" ({string.Join(", ", unable)} can't sign)." : "."),
            what,
            "Name more people in it, have them enrol (luxhedge people enrol), or let somebody else ask.");
    }

    private bool CanDecide(Plan plan, string person) => plan.People.TryGetValue(person, out var known)
        && (known.PublicKey is not null || (!OwnKey && plan.Slack is not null && known.SlackId is not null));

    private static IEnumerable<(TimeSpan After, string To, IReadOnlyList<string> People)> Later(ApprovalTerms? named) =>
        (named?.People ?? new Dictionary<string, (TimeSpan After, string To)>()).Where(p => p.Value.After > TimeSpan.Zero)
        .Select(p => (p.Value.After, p.Value.To, (IReadOnlyList<string>)[p.Key]));

    private static Dictionary<string, (TimeSpan After, string To)> WithTiers(
        IReadOnlyList<string> first, IEnumerable<(TimeSpan After, string To, IReadOnlyList<string> People)> later)
    {
        var people = first.Distinct(StringComparer.Ordinal).ToDictionary(p => p, _ => (TimeSpan.Zero, ""), StringComparer.Ordinal);
        foreach (var (after, to, tier) in later.OrderBy(t => t.After))
        {
            foreach (var person in tier)
            {
                people.TryAdd(person, (after, to));
            }
        }

        return people;
    }

    private static IReadOnlyList<string> Resolve(Plan plan, string step, IReadOnlyList<string> named) =>
    [
        .. named.SelectMany(n => plan.Who(n) is { Count: > 0 } who ? who : throw new RefusalException(
            ErrorKinds.Plan, $"The step '{step}' asks '{n}', who is neither a person nor a group of the plan.", step)).Distinct(StringComparer.Ordinal),
    ];
}
