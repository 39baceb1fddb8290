using System.Globalization;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Activities.Plans;

/// <summary>Makes the records of a plan that has passed every check. Defaults are here and nowhere else.</summary>
internal sealed class PlanBinder(string path)
{
    public const int DefaultLanes = 4;

    /// <summary>Level 1 is as small as level 3 on documents like ours, and 1.6 times as fast.</summary>
    public const int DefaultCompression = 1;

    /// <summary>Cut finely enough that the lanes end together, and coarsely enough that the list of ranges stays small.</summary>
    public const long DefaultRangeBytes = 256L << 20;

    /// <summary>The smallest fall of documents or bytes that makes a backup suspect.</summary>
    public const double DefaultSuspectShare = 0.2;

    /// <summary>How long an approval waits for people where a policy does not say.</summary>
    public static readonly TimeSpan DefaultExpiry = TimeSpan.FromMinutes(15);

    private readonly string folder = Path.GetDirectoryName(path)!;

    public Plan Bind(YamlMapping root)
    {
        var tiers = root.Children("tiers").ToDictionary(t => t.Key, t => (YamlMapping)t.Value);
        var groups = root.Children("groups").ToDictionary(g => g.Key, g => Texts(g.Value), StringComparer.Ordinal);
        return new Plan(
            path,
            Temporal(root.Mapping("temporal")!),
            Writer(root.Mapping("writer")!),
            Named(root, "keys", Key),
            Named(root, "recoveryKeys", (name, m) => new RecoveryKeyPlan(name, PublicKey(m.Text("publicKey")!))),
            Named(root, "stores", Store),
            Named(root, "clusters", (name, m) => new ClusterPlan(name, Secret(m.Text("connection"))!)
            {
                Atlas = m.Mapping("atlas") is { } atlas ? Atlas(atlas) : null,
            }),
            Named(root, "assets", (name, m) => Asset(name, m, tiers)),
            Named(root, "people", (id, m) => Person(id, m, root.Mapping("slack")?.Mapping("people")?.Text(id))),
            Named(root, "policies", (name, m) => Policy(name, m, groups)))
        {
            Organisation = root.Text("organisation") ?? "",
            TimeZone = root.Text("timezone") ?? "UTC",
            Runbooks = FullPath(root.Text("runbooks")),
            Groups = groups,
            Drills = Named(root, "drills", Drill),
            Alerts = root.Mapping("alerts") is { } alerts
                ? new AlertsPlan(People(alerts["to"], groups), Texts(alerts["on"]), Flag(alerts, "slack", otherwise: true))
                : null,
            Slack = root.Mapping("slack") is { } slack ? Slack(slack) : null,
            Audit = root.Mapping("audit") is { } audit ? Texts(audit["stores"]) : null,
            ExportApproval = root.Mapping("exports")?.Text("approval"),
            DeadMan = Secret(root.Text("deadMan")),
            Document = YamlJson.Convert(root),
        };
    }

    private TemporalPlan Temporal(YamlMapping m) => new(
        m.Text("address")!,
        m.Text("namespace") ?? "default",
        m.Text("taskQueue") ?? Workflows.TaskQueues.Default,
        Flag(m, "tls", otherwise: false),
        Secret(m.Text("apiKey")),
        m.Text("ui"));

    private SlackPlan Slack(YamlMapping m) => new(
        (m.Text("apiUrl") ?? SlackPlan.DefaultApiUrl).TrimEnd('/'),
        Secret(m.Text("botToken"))!,
        Secret(m.Text("appToken")),
        Secret(m.Text("signingSecret")),
        m.Text("channel")!,
        m.Text("team"),
        m.Mapping("endpoint") is { } e ? new EndpointPlan(e.Text("name")!, Secret(e.Text("privateKey")), PublicKey(e.Text("publicKey")!)) : null);

    private AtlasPlan Atlas(YamlMapping m)
    {
        var place = new AtlasPlace(m.Text("project")!, m.Text("cluster")!);
        return new(
            place,
            Flag(m, "snapshots", otherwise: true),
            (m.Text("apiUrl") ?? AtlasPlan.DefaultApiUrl).TrimEnd('/'),
            Secret(m.Text("publicKey")),
            Secret(m.Text("privateKey")),
            Secret(m.Text("clientId")),
            Secret(m.Text("clientSecret")),
            m.Mapping("restoreTo") is { } to ? new AtlasPlace(to.Text("project") ?? place.Project, to.Text("cluster")!) : null);
    }

    private WriterPlan Writer(YamlMapping m) => new(
        m.Text("name")!,
        Secret(m.Text("privateKey")),
        new PublicKeyBook(m.Children("publicKeys").ToDictionary(k => k.Key, k => PublicKey(((YamlScalar)k.Value).Text), StringComparer.Ordinal)));

    private KeyPlan Key(string name, YamlMapping m) => new(
        name, m.Text("kind")!, m.Text("keyId"), m.Text("region"), m.Text("endpoint"), FullPath(m.Text("file")), Secret(m.Text("accessKey")),
        Secret(m.Text("secretKey")));

    private StorePlan Store(string name, YamlMapping m) => new(
        name, m.Text("kind")!, m.Text("bucket"), Prefix(m.Text("prefix")), m.Text("region"), m.Text("endpoint"), FullPath(m.Text("path")),
        Secret(m.Text("accessKey")), Secret(m.Text("secretKey")));

    private AssetPlan Asset(string name, YamlMapping m, Dictionary<string, YamlMapping> tiers)
    {
        var tier = m.Text("tier") is { } t ? tiers[t] : null;
        var targets = m.Mapping("targets");
        return new AssetPlan(
            name,
            m.Text("kind")!,
            Flag(m, "encrypted", otherwise: true),
            m.Text("cluster"),
            m.Text("database"),
            Texts(m["stores"]),
            m.Text("key"),
            Texts(m["recoveryKeys"]),
            m.Mapping("production")?.Text("approval"),
            Number(m, "lanes") ?? DefaultLanes,
            Number(m, "compression") ?? DefaultCompression,
            Units.TrySize(m.Text("rangeSize") ?? "", out var bytes) ? bytes : DefaultRangeBytes,
            Units.TryShare(m.Text("suspectShare") ?? "", out var share) ? share : DefaultSuspectShare,
            Flag(m, "canary", otherwise: true),
            Duration(targets?.Text("rto") ?? tier?.Text("rto")) ?? TimeSpan.Zero,
            Duration(targets?.Text("rpo") ?? tier?.Text("rpo")) ?? TimeSpan.Zero,
            Duration(m.Text("every")) ?? PlanSchedule.Interval(m.Mapping("schedule")?.Mapping("backup")))
        {
            Class = m.Text("class"),
            Tier = targets is null ? m.Text("tier") : null,
            Capture = m.Mapping("oplog") is { } oplog && Flag(oplog, "capture", otherwise: false)
                ? new CapturePlan(
                    Duration(oplog.Text("slice")) ?? CapturePlan.DefaultSlice, Units.TryPeriod(oplog.Text("keep") ?? "", out var keep) ? keep : null)
                : null,
            Drill = m.Mapping("drill") is { } drill ? new DrillTarget(drill.Text("cluster")!, Flag(drill, "sameCluster", otherwise: false)) : null,
        };
    }

    private static DrillPlan Drill(string name, YamlMapping m) => new(
        name,
        m.Text("runbook")!,
        Texts(m["assets"]),
        m.Text("scope")!,
        m.Text("approval"),
        Duration(m.Mapping("targets")?.Text("rto")),
        Duration(m.Mapping("targets")?.Text("rpo")),
        m.Children("inputs").ToDictionary(i => i.Key, i => ((YamlScalar)i.Value).Text, StringComparer.Ordinal));

    private PersonPlan Person(string id, YamlMapping m, string? slackId) => new(
        id, m.Text("publicKey") is { } key ? PublicKey(key) : null, m.Text("login"), m.Text("email"), slackId)
    {
        FullName = m.Text("name") ?? id,
        KeyExpires = m.Text("keyExpires") is { } day ? DateOnly.ParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture) : null,
    };

    private static PolicyPlan Policy(string name, YamlMapping m, Dictionary<string, IReadOnlyList<string>> groups)
    {
        return new(
            name,
            People(Texts(m["by"])),
            Number(m, "quorum") ?? 1,
            Number(m, "deny") ?? 1,
            Duration(m.Text("expires")) ?? DefaultExpiry,
            Flag(m, "ownKey", otherwise: false))
        {
            Named = Texts(m["by"]),
            Reminders = [.. Texts(m["reminders"]).Select(t => Duration(t)!.Value).Order()],
            Escalate =
            [
                .. Mappings(m["escalate"]).Select(e => new EscalationPlan(Duration(e.Text("after"))!.Value, e.Text("to")!, People([e.Text("to")!])))
                    .OrderBy(e => e.After),
            ],
            BreakGlass = m.Mapping("breakGlass") is { } glass
                ? new BreakGlassPlan(People(Texts(glass["by"])), Number(glass, "quorum") ?? 1, People(Texts(glass["alert"])))
                : null,
            OutOfHours = m.Mapping("outOfHours") is { } hours ? OutOfHours(hours, People(Texts(hours["to"]))) : null,
        };

        IReadOnlyList<string> People(IReadOnlyList<string> named) =>
            [.. named.SelectMany(who => groups.TryGetValue(who, out var members) ? members : [who]).Distinct(StringComparer.Ordinal)];
    }

    private static OutOfHoursPlan OutOfHours(YamlMapping m, IReadOnlyList<string> people) => new(
        m["days"] is null ? [.. PlanShape.WorkingDays] : [.. Texts(m["days"]).Select(d => Enum.Parse<DayOfWeek>(d, ignoreCase: true))],
        TimeOfDay(m.Text("from")!),
        TimeOfDay(m.Text("until")!),
        Duration(m.Text("expires")),
        Texts(m["to"]),
        people);

    private static TimeOnly TimeOfDay(string text) => Units.TryTime(text, out var time) ? time : throw new ArgumentException(text);

    private static IEnumerable<YamlMapping> Mappings(YamlValue? list) => list is YamlList l ? l.Items.OfType<YamlMapping>() : [];

    private static Dictionary<string, T> Named<T>(YamlMapping root, string section, Func<string, YamlMapping, T> make) =>
        root.Children(section).ToDictionary(e => e.Key, e => make(e.Key, (YamlMapping)e.Value), StringComparer.Ordinal);

    private static IReadOnlyList<string> People(YamlValue? named, Dictionary<string, IReadOnlyList<string>> groups) =>
        [.. Texts(named).SelectMany(who => groups.TryGetValue(who, out var members) ? members : [who]).Distinct(StringComparer.Ordinal)];

    private static IReadOnlyList<string> Texts(YamlValue? list) => list is YamlList l ? [.. l.Items.Select(i => ((YamlScalar)i).Text)] : [];

    private static int? Number(YamlMapping m, string key) => m.Text(key) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    private static bool Flag(YamlMapping m, string key, bool otherwise) => m.Text(key) is { } text ? text == "true" : otherwise;

    private static TimeSpan? Duration(string? text) => text is not null && Units.TryDuration(text, out var duration) ? duration : null;

    private static string Prefix(string? text) => text is null or "" || text.EndsWith('/') ? text ?? "" : text + "/";

    private string? FullPath(string? text) => text is null ? null : Path.GetFullPath(text, folder);

    private SecretReference? Secret(string? text) => text is null ? null : new SecretReference(text, folder);

    /// <summary>The records know no folder, so a relative file of a public key gets its whole path here.</summary>
    private string PublicKey(string text) => text.StartsWith("${file:", StringComparison.Ordinal)
        ? $"${{file:{Path.GetFullPath(text[7..^1], folder)}}}"
        : text;
}
