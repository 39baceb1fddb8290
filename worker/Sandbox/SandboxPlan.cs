using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Sandbox;

/// <summary>The plan of a sandbox (and of a test): real in everything but its size. Written as <c>luxhedge.yaml</c> with every secret in a
/// file of its own under <c>keys/</c>.</summary>
public sealed record SandboxPlan(string TemporalAddress, string MongoDb, IReadOnlyList<SandboxAsset> Assets)
{
    public const string FileName = "luxhedge.yaml";
    public const string Asset = "luxhedge_production";
    public const string Bucket = "luxhedge-backups";
    public const string WriterName = "sandbox-writer";

    public string TaskQueue { get; init; } = TaskQueues.Default;

    public string Namespace { get; init; } = "default";

    /// <summary>Connection string of the cluster <c>drills</c>, where drills restore to; null: they do so beside production.</summary>
    public string? Drills { get; init; }

    public string? TemporalUi { get; init; }

    /// <summary>Null: no store <c>s3</c>.</summary>
    public SandboxS3? S3 { get; init; }

    public string S3Bucket { get; init; } = Bucket;

    /// <summary>Empty, or ending in '/'.</summary>
    public string S3Prefix { get; init; } = "";

    /// <summary>The directory store <c>nas</c>, relative to the plan's folder; null: none.</summary>
    public string? Nas { get; init; } = "nas";

    /// <summary>Null: the key <c>main</c> is a local key file.</summary>
    public SandboxKms? Kms { get; init; }

    /// <summary>Operating system login of the person <c>operator</c>.</summary>
    public string Login { get; init; } = Environment.UserName;

    /// <summary>The folder of the runbooks; null: the one above the plan's folder, else that of this program.</summary>
    public string? Runbooks { get; init; }

    public string ApprovalExpires { get; init; } = "15m";

    /// <summary>Writes plan, keys and secrets into the folder; answers the plan file's path.</summary>
    public string Write(string folder, RSA? recovery = null)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var keys = SandboxKeys.Create(folder, recovery);
        WriteSecret(folder, "mongodb", MongoDb);
        if (Drills is not null)
        {
            WriteSecret(folder, "mongodb-drills", Drills);
        }

        if (Kms is not null)
        {
            WriteSecret(folder, "kms-access", Kms.AccessKey);
            WriteSecret(folder, "kms-secret", Kms.SecretKey);
        }
        else
        {
            LocalKeyWrapper.CreateFile(Path.Combine(folder, "keys", "data.key"));
        }

        if (S3 is not null)
        {
            WriteSecret(folder, "s3-access", S3.AccessKey);
            WriteSecret(folder, "s3-secret", S3.SecretKey);
        }

        if (Nas is not null)
        {
            Directory.CreateDirectory(Path.Combine(folder, Nas));
        }

        var file = Path.Combine(folder, FileName);
        SecretFile.Write(file, ToYaml(keys, Runbooks ?? RunbooksFor(folder)));
        return file;
    }

    private static void WriteSecret(string folder, string name, string value) => SecretFile.Write(Path.Combine(folder, "keys", name), value + "\n");

    /// <summary>Relative where it can be: the folder may be moved as a whole.</summary>
    private static string? RunbooksFor(string folder)
    {
        foreach (var (from, relative) in new[] { (Path.GetFullPath(folder), true), (AppContext.BaseDirectory, false) })
        {
            for (var at = new DirectoryInfo(from); at is not null; at = at.Parent)
            {
                var path = Path.Combine(at.FullName, RunbookFolder.Name);
                if (Directory.Exists(path))
                {
                    return relative ? Path.GetRelativePath(Path.GetFullPath(folder), path) : path;
                }
            }
        }

        return null;
    }

    private string ToYaml(SandboxKeys keys, string? runbooks)
    {
        var stores = new List<string>();
        var yaml = new StringBuilder($"""
            # Made by `luxhedge sandbox`; the next start makes it anew.
            version: 1
            organisation: LuxHedge
            timezone: UTC
            temporal:
              address: {Quote(TemporalAddress)}
              namespace: {Quote(Namespace)}
              taskQueue: {Quote(TaskQueue)}

            """);
        if (runbooks is not null)
        {
            yaml.Insert(yaml.ToString().IndexOf("temporal:", StringComparison.Ordinal), $"runbooks: {Quote(runbooks)}\n");
        }

        if (TemporalUi is not null)
        {
            yaml.Append($"  ui: {Quote(TemporalUi)}\n");
        }

        yaml.Append($$"""
            writer:
              name: {{WriterName}}
              privateKey: ${file:keys/writer.pem}
              publicKeys:
                {{WriterName}}: {{Quote(keys.Writer)}}
            keys:
              main: {{KeyText()}}
            recoveryKeys:
              offline: { publicKey: {{Quote(keys.Recovery)}} }   # private half: people/recovery.pem, here only
            stores:

            """);
        if (S3 is not null)
        {
            stores.Add("s3");
            yaml.Append($$"""
                  s3: { kind: s3, bucket: {{Quote(S3Bucket)}}, prefix: {{Quote(S3Prefix)}}, region: {{S3.Region}}, endpoint: {{Quote(S3.Endpoint)}}, accessKey: "${file:keys/s3-access}", secretKey: "${file:keys/s3-secret}" }

                """);
        }

        if (Nas is not null)
        {
            stores.Add("nas");
            yaml.Append($$"""
                  nas: { kind: directory, path: {{Quote(Nas)}} }

                """);
        }

        yaml.Append("""
            clusters:
              main: { connection: "${file:keys/mongodb}" }

            """);
        if (Drills is not null)
        {
            yaml.Append("""
                  drills: { connection: "${file:keys/mongodb-drills}" }

                """);
        }

        yaml.Append("assets:\n");
        foreach (var asset in Assets)
        {
            yaml.Append(asset.ToYaml(stores, Drills is null ? "{ cluster: main, sameCluster: true }" : "{ cluster: drills }"));
        }

        yaml.Append($$"""
            drills:
              monthly: { title: One collection comes back, runbook: monthly, assets: [{{Assets[0].Name}}], scope: partial, schedule: { monthly: 10, at: "09:00" }, targets: { rto: 1h, rpo: 1h } }
              quarterly: { title: Every way to lose the database, runbook: quarterly, assets: [{{Assets[0].Name}}], scope: full, schedule: { quarterly: 15, at: "09:00" }, targets: { rto: 4h, rpo: 24h } }

            """);

        yaml.Append($$"""
            people:
              operator: { name: Olive Operator, login: {{Quote(Login)}}, publicKey: {{Quote(keys.People["operator"])}} }
              alice: { name: Alice, publicKey: {{Quote(keys.People["alice"])}} }
              bob: { name: Bob, publicKey: {{Quote(keys.People["bob"])}} }
            groups:
              incident-commanders: [alice, bob]
            policies:
              restore-production: { by: [incident-commanders], quorum: 1, deny: 1, expires: {{ApprovalExpires}}, ownKey: true }
            contacts:
              on-call: { name: On call, people: [operator], hours: always, next: commanders }
              commanders: { name: Incident commanders, people: [incident-commanders], hours: on escalation }

            """);
        return yaml.ToString();
    }

    private string KeyText() => Kms is null
        ? "{ kind: local, file: keys/data.key }"
        : $$"""{ kind: kms, keyId: {{Quote(Kms.KeyId)}}, region: {{Kms.Region}}, endpoint: {{Quote(Kms.Endpoint)}}, accessKey: "${file:keys/kms-access}", secretKey: "${file:keys/kms-secret}" }""";

    /// <summary>A JSON string is a YAML string. Relaxed: base64 and connection strings stay readable.</summary>
    internal static string Quote(string text) => JsonSerializer.Serialize(text, Quoting);

    private static readonly JsonSerializerOptions Quoting = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}

/// <summary>A database as an asset of <see cref="SandboxPlan"/>; the defaults are the sandbox's.</summary>
/// <param name="Name">Its id in the plan.</param>
public sealed record SandboxAsset(string Name, string Database)
{
    /// <summary>Null: every store of the plan, <c>s3</c> first.</summary>
    public IReadOnlyList<string>? Stores { get; init; }

    public int Lanes { get; init; } = 2;

    public string RangeSize { get; init; } = "64MiB";

    public int Compression { get; init; } = 1;

    public int SuspectSharePercent { get; init; } = 20;

    public bool Canary { get; init; } = true;

    public bool Encrypted { get; init; } = true;

    /// <summary>Length of the slices in which the oplog is captured; null: it is not.</summary>
    public string? Slice { get; init; }

    public string Rto { get; init; } = "2h";

    public string Rpo { get; init; } = "1h";

    internal string ToYaml(IReadOnlyList<string> all, string drill) => $$"""
          {{Name}}:
            kind: database
            cluster: main
            database: {{SandboxPlan.Quote(Database)}}
            encrypted: {{(Encrypted ? "true" : "false")}}
            class: financial
            stores: [{{string.Join(", ", Stores ?? all)}}]
            key: main
            recoveryKeys: [offline]
            production: { approval: restore-production }
            lanes: {{Text(Lanes)}}
            compression: {{Text(Compression)}}
            rangeSize: {{RangeSize}}
            suspectShare: {{Text(SuspectSharePercent)}}%
            canary: {{(Canary ? "true" : "false")}}
            drill: {{drill}}
            {{(Slice is null ? "# oplog: not captured" : $$"""oplog: { capture: true, slice: {{Slice}}, keep: 35d }""")}}
            every: 1d
            targets: { rto: {{Rto}}, rpo: {{Rpo}} }
            schedule: { backup: { daily: "02:00" }, verify: { weekly: sunday, at: "04:00" } }
            retention: { daily: 30, weekly: 12, monthly: 12, yearly: 7 }

        """;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
