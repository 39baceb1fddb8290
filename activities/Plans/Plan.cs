using System.Text.Json;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Plans;

/// <summary>
/// The plan as read from <c>luxhedge.yaml</c>: the strategy as data. Loading resolves no secret. This is what the code needs; the file's
/// schema (runbooks/plan.schema.json) has more, for people and for later work.
/// </summary>
public sealed record Plan(
    string Path,
    TemporalPlan Temporal,
    WriterPlan Writer,
    IReadOnlyDictionary<string, KeyPlan> Keys,
    IReadOnlyDictionary<string, RecoveryKeyPlan> RecoveryKeys,
    IReadOnlyDictionary<string, StorePlan> Stores,
    IReadOnlyDictionary<string, ClusterPlan> Clusters,
    IReadOnlyDictionary<string, AssetPlan> Assets,
    IReadOnlyDictionary<string, PersonPlan> People,
    IReadOnlyDictionary<string, PolicyPlan> Policies)
{
    public string Organisation { get; init; } = "";

    /// <summary>IANA name of the zone in which schedules and retention count days.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>The folder of its runbooks; null: <c>runbooks/</c> beside the plan, or upward.</summary>
    public string? Runbooks { get; init; }

    /// <summary>Groups of people, by name; policies have them resolved already.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Groups { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    public IReadOnlyDictionary<string, DrillPlan> Drills { get; init; } = new Dictionary<string, DrillPlan>();

    /// <summary>Null: people are told in the log only, and decide by <c>luxhedge runs approve</c>.</summary>
    public SlackPlan? Slack { get; init; }

    /// <summary>Null: the plan names nobody to be told of what goes wrong.</summary>
    public AlertsPlan? Alerts { get; init; }

    /// <summary>Names and public halves of the keys that may sign for a click: the endpoint's, or the writers' where the plan has no
    /// endpoint; none without Slack.</summary>
    public IReadOnlyDictionary<string, string> ClickSigners => Slack switch
    {
        null => new Dictionary<string, string>(),
        { Endpoint: { } endpoint } => new Dictionary<string, string> { [endpoint.Name] = endpoint.PublicKey },
        _ => Writer.PublicKeys,
    };

    /// <summary><c>audit.stores</c>; null: every store of the plan.</summary>
    public IReadOnlyList<string>? Audit { get; init; }

    /// <summary>Where the audit log lies, as far as this version can write there; the first numbers its links.</summary>
    public IReadOnlyList<string> AuditStoreNames =>
        [.. (Audit ?? [.. Stores.Keys]).Where(s => Stores.TryGetValue(s, out var store) && store.Kind is "s3" or "directory")];

    /// <summary><see cref="TimeZone"/>.</summary>
    public TimeZoneInfo Zone() => TimeZoneInfo.FindSystemTimeZoneById(TimeZone);

    /// <summary>Who a person or group of the plan is; empty: neither.</summary>
    public IReadOnlyList<string> Who(string personOrGroup) =>
        Groups.TryGetValue(personOrGroup, out var members) ? members : People.ContainsKey(personOrGroup) ? [personOrGroup] : [];

    /// <summary>Called by each cycle of Watch; whoever waits there notices when the calls stop. Null: nobody waits.</summary>
    public SecretReference? DeadMan { get; init; }

    /// <summary>Policy whose approval an export of an encrypted asset needs; null: none does.</summary>
    public string? ExportApproval { get; init; }

    /// <summary>The whole plan as written, references unresolved: for what later work reads, and to show. Never holds a secret's value.</summary>
    public JsonElement Document { get; init; }
}

/// <param name="Address">host:port.</param>
/// <param name="Ui">Address of the web UI, to show links; may be null.</param>
public sealed record TemporalPlan(string Address, string Namespace, string TaskQueue, bool Tls, SecretReference? ApiKey, string? Ui);

/// <summary>Who signs manifests, records and key objects.</summary>
/// <param name="PrivateKey">PKCS#8 PEM; null where this machine only reads.</param>
/// <param name="PublicKeys">Every writer's name and public half (base64 SubjectPublicKeyInfo, P-256), this one's included.</param>
public sealed record WriterPlan(string Name, SecretReference? PrivateKey, IReadOnlyDictionary<string, string> PublicKeys);

/// <param name="Kind"><c>kms</c> or <c>local</c>.</param>
/// <param name="Reference">kms: key id or ARN.</param>
/// <param name="File">local: path of the key file, resolved against the plan's folder.</param>
public sealed record KeyPlan(
    string Name, string Kind, string? Reference, string? Region, string? Endpoint, string? File, SecretReference? AccessKey, SecretReference? SecretKey);

/// <param name="PublicKey">Base64 SubjectPublicKeyInfo of an RSA key of at least 3072 bits. Where the plan names a file, reading the property
/// reads the file, and throws <see cref="RefusalException"/> when it is not there.</param>
public sealed record RecoveryKeyPlan(string Name, string PublicKey)
{
    public string PublicKey { get => PublicKeyText.Read(field); init; } = PublicKey;
}

/// <param name="Kind"><c>s3</c>, <c>directory</c> or <c>gcs</c>.</param>
/// <param name="Prefix">Before every object name; empty or ending in '/'.</param>
public sealed record StorePlan(
    string Name, string Kind, string? Bucket, string Prefix, string? Region, string? Endpoint, string? Path, SecretReference? AccessKey, SecretReference? SecretKey);

/// <param name="Connection">A MongoDB connection string.</param>
public sealed record ClusterPlan(string Name, SecretReference Connection)
{
    /// <summary>Null: Atlas does not run it, or nothing is asked of Atlas.</summary>
    public AtlasPlan? Atlas { get; init; }
}

/// <param name="Kind"><c>database</c>, <c>files</c>, <c>repository</c>, <c>images</c> or <c>configuration</c>.</param>
/// <param name="Stores">The first is written, the others are copied to.</param>
/// <param name="SuspectShare">0 to 1: a fall of documents or bytes by more makes a backup suspect.</param>
/// <param name="Production">Policy whose approval a restore over this asset needs.</param>
public sealed record AssetPlan(
    string Name,
    string Kind,
    bool Encrypted,
    string? Cluster,
    string? Database,
    IReadOnlyList<string> Stores,
    string? Key,
    IReadOnlyList<string> RecoveryKeys,
    string? Production,
    int Lanes,
    int CompressionLevel,
    long RangeBytes,
    double SuspectShare,
    bool Canary,
    TimeSpan Rto,
    TimeSpan Rpo,
    TimeSpan? Every)
{
    /// <summary>Class of the data (<c>financial</c>, <c>audit</c>, …): how long the law or the strategy wants it kept.</summary>
    public string? Class { get; init; }

    /// <summary>The tier that <see cref="Rto"/> and <see cref="Rpo"/> come from; null where the asset has targets of its own.</summary>
    public string? Tier { get; init; }

    /// <summary>Capture of the oplog between backups; null: none.</summary>
    public CapturePlan? Capture { get; init; }

    /// <summary>Where drills of this asset restore to; null: nowhere, and its drills are refused.</summary>
    public DrillTarget? Drill { get; init; }
}

/// <param name="Slice">A slice is cut after this long, or at 64 MiB.</param>
/// <param name="Keep">How long a point in time can be reached; null: as long as retention keeps the backups.</param>
public sealed record CapturePlan(TimeSpan Slice, TimeSpan? Keep)
{
    public static readonly TimeSpan DefaultSlice = TimeSpan.FromSeconds(60);
}

/// <param name="SameCluster">It may be production's own cluster: only for a sandbox, where losing it costs nothing.</param>
public sealed record DrillTarget(string Cluster, bool SameCluster);

/// <summary>A runbook that is rehearsed on a calendar.</summary>
/// <param name="Scope"><c>partial</c>, <c>full</c> or <c>rebuild</c>.</param>
/// <param name="Approval">Policy that agrees before the drill begins; null: none.</param>
/// <param name="Rto">Of the drill as a whole; null: only those of its runbook and its assets.</param>
/// <param name="Inputs">For the runbook, as written.</param>
public sealed record DrillPlan(
    string Name, string Runbook, IReadOnlyList<string> Assets, string Scope, string? Approval, TimeSpan? Rto, TimeSpan? Rpo,
    IReadOnlyDictionary<string, string> Inputs);

/// <param name="Name">The person's id: the key in <see cref="Plan.People"/>, in groups, policies, decisions and <c>--as</c>.</param>
/// <param name="PublicKey">Base64 SubjectPublicKeyInfo (P-256) of the person's own key; null: can't sign. Where the plan names a file, reading
/// the property reads the file, and a file that isn't there is null: that person has not enrolled yet.</param>
/// <param name="Login">Operating system login, to know the person without --as.</param>
public sealed record PersonPlan(string Name, string? PublicKey, string? Login, string? Email, string? SlackId)
{
    public string? PublicKey { get => PublicKeyText.ReadIfEnrolled(field); init; } = PublicKey;

    /// <summary>The name as people say it.</summary>
    public string FullName { get; init; } = Name;

    /// <summary>From this day (UTC) on the key decides nothing; null: it does not expire.</summary>
    public DateOnly? KeyExpires { get; init; }

    /// <summary>The key, unless it has expired by then.</summary>
    public string? PublicKeyAt(DateTimeOffset moment) =>
        KeyExpires is { } day && DateOnly.FromDateTime(moment.UtcDateTime) >= day ? null : PublicKey;
}

/// <param name="By">People, groups already resolved to them.</param>
public sealed record PolicyPlan(string Name, IReadOnlyList<string> By, int Quorum, int DenyThreshold, TimeSpan Expires, bool OwnKey)
{
    /// <summary>As written: people and groups.</summary>
    public IReadOnlyList<string> Named { get; init; } = By;

    /// <summary>So long after the question.</summary>
    public IReadOnlyList<TimeSpan> Reminders { get; init; } = [];

    /// <summary>In the order of their times.</summary>
    public IReadOnlyList<EscalationPlan> Escalate { get; init; } = [];

    public BreakGlassPlan? BreakGlass { get; init; }

    public OutOfHoursPlan? OutOfHours { get; init; }

    public ApprovalPolicy WithoutRequester(string requester) =>
        new(Name, [.. By.Where(p => p != requester)], Quorum, DenyThreshold, Expires);
}

/// <summary>So long after the question these may decide too.</summary>
/// <param name="To">The person or group, as written; <paramref name="People"/> is who that is.</param>
public sealed record EscalationPlan(TimeSpan After, string To, IReadOnlyList<string> People);

/// <summary>In an incident: so many of these people are enough, each with their own key and a reason.</summary>
/// <param name="Alert">Who is told at once; empty: everyone.</param>
public sealed record BreakGlassPlan(IReadOnlyList<string> By, int Quorum, IReadOnlyList<string> Alert);

/// <summary>What holds for a question that is asked outside the working hours, in the plan's time zone.</summary>
/// <param name="From">Working hours begin; <paramref name="Until"/>: and end.</param>
/// <param name="Expires">Instead of the policy's; null: the policy's.</param>
/// <param name="To">Who may decide too, from the beginning, as written; <paramref name="People"/> is who that is.</param>
public sealed record OutOfHoursPlan(
    IReadOnlyList<DayOfWeek> Days, TimeOnly From, TimeOnly Until, TimeSpan? Expires, IReadOnlyList<string> To, IReadOnlyList<string> People)
{
    /// <summary>Whether this moment lies outside the working hours.</summary>
    public bool Holds(DateTimeOffset moment, TimeZoneInfo zone)
    {
        var there = TimeZoneInfo.ConvertTime(moment, zone);
        var time = TimeOnly.FromTimeSpan(there.TimeOfDay);
        return !Days.Contains(there.DayOfWeek) || time < From || time >= Until;
    }
}

/// <summary><c>${env:NAME}</c> or <c>${file:path}</c> (or, where no secret is meant, plain text): resolved on use, never when a file is read.</summary>
public sealed class SecretReference(string text, string folder)
{
    /// <summary>The reference as written; never the value of one.</summary>
    public override string ToString() => text.StartsWith("${", StringComparison.Ordinal) ? text : "***";

    /// <summary>Is told every value that any reference was resolved to, before the caller has it: the logs' masking listens.</summary>
    public static Action<string>? Resolved { get; set; }

    /// <summary>The value. Throws <see cref="RefusalException"/> naming the variable or file that is missing.</summary>
    public string Resolve()
    {
        var value = Read();
        Resolved?.Invoke(value);
        return value;
    }

    private string Read()
    {
        if (text.StartsWith("${env:", StringComparison.Ordinal))
        {
            var name = text[6..^1];
            return Environment.GetEnvironmentVariable(name) is { Length: > 0 } value
                ? value
                : throw new RefusalException(Workflows.ErrorKinds.Plan, $"The environment variable {name} is not set.", text,
                    "Set it for the process that runs this.");
        }

        if (text.StartsWith("${file:", StringComparison.Ordinal))
        {
            var path = System.IO.Path.GetFullPath(text[7..^1], folder);
            try
            {
                return File.ReadAllText(path).TrimEnd('\r', '\n');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new RefusalException(Workflows.ErrorKinds.Plan, $"The file of a secret can't be read: {e.Message}", path,
                    "Check the path and who may read it.", e);
            }
        }

        return text;
    }
}
