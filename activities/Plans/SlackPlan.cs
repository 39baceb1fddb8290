namespace LuxHedge.Activities.Plans;

/// <summary>The Slack app through which people decide and are told. Tokens are references, resolved when they are used.</summary>
/// <param name="ApiUrl">Without a '/' at its end; <c>https://slack.com/api</c> unless the plan says otherwise.</param>
/// <param name="AppToken">Null: no Socket Mode.</param>
/// <param name="SigningSecret">Null: the HTTP endpoint refuses everything.</param>
/// <param name="Channel">Id of the channel. A name works for posting only: nothing can be looked up by it.</param>
/// <param name="Team">Id of the workspace; null: whichever the bot's token belongs to.</param>
/// <param name="Endpoint">Whose key signs for clicks; null: the writer's.</param>
public sealed record SlackPlan(
    string ApiUrl, SecretReference BotToken, SecretReference? AppToken, SecretReference? SigningSecret, string Channel, string? Team, EndpointPlan? Endpoint)
{
    public const string DefaultApiUrl = "https://slack.com/api";
}

/// <summary>A key of its own for decisions made by a click: what signs backups then signs no decision.</summary>
/// <param name="PrivateKey">PKCS#8 PEM, ECDSA P-256; null where this machine takes no clicks.</param>
/// <param name="PublicKey">Base64 SubjectPublicKeyInfo. Where the plan names a file, reading the property reads the file.</param>
public sealed record EndpointPlan(string Name, SecretReference? PrivateKey, string PublicKey)
{
    public string PublicKey { get => PublicKeyText.Read(field); init; } = PublicKey;
}

/// <summary>Who is told of what goes wrong.</summary>
/// <param name="To">People, groups already resolved to them.</param>
/// <param name="On">Kinds that are told in Slack; empty: all. The log has every one.</param>
/// <param name="Slack">False: in the log only.</param>
public sealed record AlertsPlan(IReadOnlyList<string> To, IReadOnlyList<string> On, bool Slack)
{
    /// <summary>Told to everyone, whatever the plan says.</summary>
    public const string BreakGlass = "break-glass";

    public bool Tells(string kind) => kind == BreakGlass || (Slack && (On.Count == 0 || On.Contains(kind, StringComparer.Ordinal)));
}
