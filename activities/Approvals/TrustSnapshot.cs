using LuxHedge.Activities.Plans;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// Who could sign what, and by which policies, as the worker's plan had it when evidence was written; kept in it, since people leave and keys
/// change, and every decision must be verifiable years later from the file alone. Public halves only.
/// </summary>
/// <param name="ClickKeys">Name and public key of what may sign for a click in Slack that it checked.</param>
/// <param name="SlackTeam">Clicks come from this workspace; null: any.</param>
/// <param name="WriterKeys">Name and public key of those who sign asks and evidence.</param>
public sealed record TrustSnapshot(
    IReadOnlyList<TrustedPerson> People,
    IReadOnlyDictionary<string, string> ClickKeys,
    string? SlackTeam,
    IReadOnlyDictionary<string, string> WriterKeys,
    IReadOnlyList<PolicyPlan> Policies)
{
    public static TrustSnapshot Of(Plan plan) => new(
        [.. plan.People.Values.Select(p => new TrustedPerson(p.Name, p.PublicKey, p.KeyExpires, p.SlackId))],
        plan.ClickSigners.ToDictionary(StringComparer.Ordinal),
        plan.Slack?.Team,
        plan.Writer.PublicKeys.ToDictionary(StringComparer.Ordinal),
        [.. plan.Policies.Values]);

    /// <summary>A plan that knows nothing but this: decisions are judged by the same code as while the run waited.</summary>
    public Plan ToPlan(string ns) => new(
        "",
        new TemporalPlan("", ns, "", false, null, null),
        new WriterPlan("", null, WriterKeys),
        new Dictionary<string, KeyPlan>(),
        new Dictionary<string, RecoveryKeyPlan>(),
        new Dictionary<string, StorePlan>(),
        new Dictionary<string, ClusterPlan>(),
        new Dictionary<string, AssetPlan>(),
        People.ToDictionary(
            p => p.Name, p => new PersonPlan(p.Name, p.PublicKey, null, null, p.SlackId) { KeyExpires = p.KeyExpires }, StringComparer.Ordinal),
        Policies.ToDictionary(p => p.Name, StringComparer.Ordinal))
    {
        Slack = ClickKeys.Count == 0 ? null : new SlackPlan("", new("", ""), null, null, "", SlackTeam, EndpointOrNull()),
    };

    /// <summary>Null where the writers sign for clicks.</summary>
    private EndpointPlan? EndpointOrNull()
    {
        var (name, key) = ClickKeys.First();
        return ClickKeys.Count == 1 && WriterKeys.GetValueOrDefault(name) != key ? new EndpointPlan(name, null, key) : null;
    }
}

/// <param name="PublicKey">Base64 SubjectPublicKeyInfo, P-256; null: has no key.</param>
/// <param name="KeyExpires">From this day (UTC) on it decides nothing.</param>
public sealed record TrustedPerson(string Name, string? PublicKey, DateOnly? KeyExpires, string? SlackId);
