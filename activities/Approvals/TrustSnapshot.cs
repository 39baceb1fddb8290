using LuxHedge.Activities.Plans;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// Public keys and policies as the worker's plan had them when evidence was written, kept in it: people leave and keys change, and every
/// decision must be verifiable years later from the file alone.
/// </summary>
public sealed record TrustSnapshot(IReadOnlyList<SignerKey> Keys, IReadOnlyList<PolicyPlan> Policies)
{
    /// <summary>Everybody of the plan who has a key, the keys that may sign for a click, and the writers.</summary>
    public static TrustSnapshot Of(Plan plan) => new(
        [
            .. plan.People.Values.Select(p => (p, Key: p.PublicKey)).Where(p => p.Key is not null)
                .Select(p => new SignerKey(p.p.Name, SignerKey.Person, p.Key!, p.p.KeyExpires)),
            .. plan.ClickSigners.Select(k => new SignerKey(k.Key, SignerKey.Click, k.Value, null)),
            .. plan.Writer.PublicKeys.Select(k => new SignerKey(k.Key, SignerKey.Writer, k.Value, null)),
        ],
        [.. plan.Policies.Values]);

    /// <summary>A plan that knows nothing but this: decisions are judged by the same code as while the run waited.</summary>
    public Plan ToPlan(string ns) => new(
        "",
        new TemporalPlan("", ns, "", false, null, null),
        new WriterPlan("", null, Named(SignerKey.Writer)),
        new Dictionary<string, KeyPlan>(),
        new Dictionary<string, RecoveryKeyPlan>(),
        new Dictionary<string, StorePlan>(),
        new Dictionary<string, ClusterPlan>(),
        new Dictionary<string, AssetPlan>(),
        Keys.Where(k => k.Kind == SignerKey.Person)
            .ToDictionary(k => k.Name, k => new PersonPlan(k.Name, k.PublicKey, null, null, null) { KeyExpires = k.Expires }, StringComparer.Ordinal),
        Policies.ToDictionary(p => p.Name, StringComparer.Ordinal))
    {
        Slack = Named(SignerKey.Click) is { Count: > 0 } clicks ? new SlackPlan("", NoSecret, null, null, "", null, EndpointOf(clicks)) : null,
    };

    private static SecretReference NoSecret => new("", "");

    private EndpointPlan? EndpointOf(Dictionary<string, string> clicks) =>
        clicks.First() is var first && Named(SignerKey.Writer).Contains(first) ? null : new EndpointPlan(first.Key, null, first.Value);

    private Dictionary<string, string> Named(string kind) =>
        Keys.Where(k => k.Kind == kind).ToDictionary(k => k.Name, k => k.PublicKey, StringComparer.Ordinal);
}

/// <param name="Kind">Whose: <see cref="Person"/>'s own, <see cref="Click"/> (signs for clicks in Slack that it checked) or
/// <see cref="Writer"/>.</param>
/// <param name="PublicKey">Base64 SubjectPublicKeyInfo, P-256.</param>
/// <param name="Expires">From this day (UTC) on it decides nothing.</param>
public sealed record SignerKey(string Name, string Kind, string PublicKey, DateOnly? Expires)
{
    public const string Person = "person";
    public const string Click = "click";
    public const string Writer = "writer";
}
