using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using LuxHedge.Activities.Plans;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace LuxHedge.Tests.Support.Atlas;

/// <summary>How the next answer goes wrong.</summary>
public enum AtlasFailure
{
    /// <summary>429 with a Retry-After of one second.</summary>
    Limited,

    /// <summary>429 with a Retry-After of ten minutes.</summary>
    LimitedForLong,

    /// <summary>500.</summary>
    Fault,

    /// <summary>What was asked is done, and the connection breaks before the answer.</summary>
    LostAnswer,

    /// <summary>403, as for an address that is not on the key's access list.</summary>
    Forbidden,

    /// <summary>200 with a proxy's page.</summary>
    Page,

    /// <summary>302 to somewhere else.</summary>
    Redirect,
}

/// <summary>A snapshot of the fake; its status is the test's to change.</summary>
public sealed class FakeSnapshot
{
    public required string Id { get; init; }
    public string Status { get; set; } = "completed";
    public string Type { get; init; } = "scheduled";
    public DateTimeOffset? CreatedAt { get; set; }
    public string? Description { get; init; }
    public int? RetentionInDays { get; init; }
}

/// <summary>A restore job of the fake.</summary>
public sealed class FakeRestoreJob
{
    public required string Id { get; init; }
    public required JsonObject Asked { get; init; }
    public DateTimeOffset? FinishedAt { get; set; }
    public bool Failed { get; set; }
    public bool Cancelled { get; set; }
    public bool Expired { get; set; }
}

/// <summary>A cluster of the fake.</summary>
public sealed class FakeCluster
{
    public string State { get; set; } = "IDLE";

    /// <summary>Hosts of its connection strings.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    public ConcurrentQueue<FakeSnapshot> Snapshots { get; } = new();

    public ConcurrentQueue<FakeRestoreJob> Jobs { get; } = new();
}

/// <summary>
/// The Atlas Administration API (v2) as documented, as far as it is used here: Digest and service accounts, versioned media types, pages, one
/// snapshot on demand at a time, and its ways to fail. One a test; it listens on 127.0.0.1 and keeps what it was asked.
/// </summary>
public sealed class FakeAtlas : IAsyncDisposable
{
    public const string PublicKey = "pubkey01";
    public const string PrivateKey = "6f1c1a52-private-key-of-the-fake";
    public const string ClientId = "mdb_sa_id_fake";
    public const string ClientSecret = "mdb_sa_sk_secret-of-the-fake";
    public const string Project = "32b6e34b3d91647abb20e7b8";
    public const string OtherProject = "99b6e34b3d91647abb20e7b9";

    private const string Realm = "MMS Public API";

    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, FakeCluster> clusters = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentQueue<(string Of, AtlasFailure How)> failures = new();
    private readonly ConcurrentQueue<string> requests = new();
    private readonly ConcurrentDictionary<string, bool> tokens = new(StringComparer.Ordinal);
    private long ids = 0x100;

    private FakeAtlas(WebApplication app) => this.app = app;

    /// <summary>For the plan's <c>atlas.apiUrl</c>.</summary>
    public string ApiUrl => app.Urls.First();

    /// <summary>Authorised requests, as <c>POST /backup/snapshots</c> or <c>GET</c> of a cluster, oldest first.</summary>
    public IReadOnlyList<string> Requests => [.. requests];

    /// <summary>Tokens given out.</summary>
    public int Tokens => tokens.Count;

    /// <summary>Status of a snapshot on demand when it is asked for.</summary>
    public string NewSnapshot { get; set; } = "queued";

    /// <summary>Finishes a restore job as soon as it is asked for.</summary>
    public bool RestoresAtOnce { get; set; }

    /// <summary>False: every key is refused.</summary>
    public bool TakesKeys { get; set; } = true;

    public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

    public static async Task<FakeAtlas> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        var atlas = new FakeAtlas(server);
        server.MapPost("/api/oauth/token", atlas.GiveTokenAsync);
        server.Map("/api/atlas/v2/groups/{project}/clusters/{cluster}/{**rest}", atlas.HandleAsync);
        await server.StartAsync();
        return atlas;
    }

    public FakeCluster Cluster(string name, string project = Project, params string[] hosts) =>
        clusters.GetOrAdd($"{project}/{name}", _ => new() { Hosts = hosts.Length > 0 ? hosts : [$"{name.ToLowerInvariant()}-shard-00-00.abcde.mongodb.net"] });

    /// <summary>A snapshot that is there already.</summary>
    public FakeSnapshot AddSnapshot(string cluster, DateTimeOffset? createdAt, string status = "completed", string type = "scheduled", string? description = null)
    {
        var snapshot = new FakeSnapshot { Id = NewId(), Status = status, Type = type, CreatedAt = createdAt, Description = description };
        Cluster(cluster).Snapshots.Enqueue(snapshot);
        return snapshot;
    }

    public FakeRestoreJob AddJob(string cluster, JsonObject asked, DateTimeOffset? finishedAt)
    {
        var job = new FakeRestoreJob { Id = NewId(), Asked = asked, FinishedAt = finishedAt };
        Cluster(cluster).Jobs.Enqueue(job);
        return job;
    }

    /// <summary>The next request that this is the beginning of fails so.</summary>
    /// <param name="of">As <c>POST /backup/snapshots</c>.</param>
    public void Fail(string of, AtlasFailure how, int times = 1)
    {
        for (var i = 0; i < times; i++)
            failures.Enqueue((of, how));
    }

    /// <summary>No token that was given out counts any more.</summary>
    public void RevokeTokens()
    {
        foreach (var token in tokens.Keys)
            tokens[token] = false;
    }

    /// <summary>The test's plan, its one cluster on this Atlas.</summary>
    public Plan Plan(TestPlan test, string? restoreTo = "Drills", bool account = false, string more = "")
    {
        const string main = "main: { connection: \"${file:keys/mongodb}\" }";
        var text = File.ReadAllText(test.Path);
        File.WriteAllText(test.Path, text.Replace(
            main, $"main: {{ connection: \"${{file:keys/mongodb}}\", atlas: {Section(test.Folder, "Cluster0", restoreTo, account)} }}{more}", StringComparison.Ordinal));
        return PlanLoader.Load(test.Path);
    }

    /// <summary>The plan's <c>atlas</c> section in one line, its secrets in files that are written into the folder.</summary>
    public string Section(string folder, string cluster = "Cluster0", string? restoreTo = null, bool account = false)
    {
        Directory.CreateDirectory(Path.Combine(folder, "keys"));
        (string Name, string Value)[] secrets = account
            ? [("clientId", ClientId), ("clientSecret", ClientSecret)]
            : [("publicKey", PublicKey), ("privateKey", PrivateKey)];
        foreach (var (name, value) in secrets)
            File.WriteAllText(Path.Combine(folder, "keys", $"atlas-{name}"), value);
        var keys = string.Join(", ", secrets.Select(s => $"{s.Name}: '${{file:keys/atlas-{s.Name}}}'"));
        return $"{{ project: {Project}, cluster: {cluster}, apiUrl: '{ApiUrl}', {keys}{(restoreTo is null ? "" : $", restoreTo: {{ cluster: {restoreTo} }}")} }}";
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private string NewId() => Interlocked.Increment(ref ids).ToString("x24", CultureInfo.InvariantCulture);

    private async Task GiveTokenAsync(HttpContext context)
    {
        var basic = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId}:{ClientSecret}"))}";
        var form = await context.Request.ReadFormAsync();
        if (!TakesKeys || context.Request.Headers.Authorization != basic || form["grant_type"] != "client_credentials")
        {
            await ErrorAsync(context, 401, "UNAUTHORIZED", "You are not authorized for this resource.");
            return;
        }

        var token = $"eyJhbGciOiJub25lIn0.{NewId()}.fake-signature";
        tokens[token] = true;
        await AnswerAsync(context, 200, new() { ["access_token"] = token, ["expires_in"] = 3600, ["token_type"] = "Bearer" });
    }

    private async Task HandleAsync(HttpContext context, string project, string cluster, string? rest)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync();
        if (!IsAuthorised(context))
        {
            context.Response.Headers.WWWAuthenticate =
                $"Digest realm=\"{Realm}\", domain=\"\", nonce=\"{Guid.NewGuid():N}\", algorithm=MD5, qop=\"auth\", stale=false";
            await ErrorAsync(context, 401, "UNAUTHORIZED", "You are not authorized for this resource.");
            return;
        }

        var what = $"{context.Request.Method} /{rest}".TrimEnd('/');
        requests.Enqueue(what);
        var version = $"application/vnd.atlas.{(rest is { Length: > 0 } ? "2023-01-01" : "2024-08-05")}+json";
        if (context.Request.Headers.Accept != version || (context.Request.Method == "POST" && context.Request.ContentType != version))
        {
            await ErrorAsync(context, 406, "INVALID_VERSION_DATE", "The version date in the Accept header is invalid.");
            return;
        }

        if (failures.TryPeek(out var failure) && what.StartsWith(failure.Of, StringComparison.Ordinal) && failures.TryDequeue(out failure))
        {
            if (await FailAsync(context, failure.How))
                return;
        }
        else
        {
            failure = default;
        }

        if (!clusters.TryGetValue($"{project}/{cluster}", out var found))
        {
            await ErrorAsync(context, 404, "CLUSTER_NOT_FOUND", $"No cluster named {cluster} exists in group {project}.", cluster, project);
            return;
        }

        var (status, answer) = Answer(context, found, rest ?? "", body);
        if (failure is (not null, AtlasFailure.LostAnswer))
            context.Abort();
        else if (answer is null)
            await ErrorAsync(context, status, status == 409 ? "SNAPSHOT_IN_PROGRESS" : "RESOURCE_NOT_FOUND", status == 409
                ? "An on-demand snapshot is already queued or in progress." : "Cannot find resource.");
        else
            await AnswerAsync(context, status, answer);
    }

    private (int Status, JsonObject? Answer) Answer(HttpContext context, FakeCluster cluster, string rest, string body) =>
        (context.Request.Method, rest.Split('/')) switch
        {
            ("GET", [""]) => (200, Describe(cluster)),
            ("GET", ["backup", "snapshots"]) => (200, Page(context, cluster.Snapshots.Select(Describe))),
            ("POST", ["backup", "snapshots"]) => Take(cluster, JsonNode.Parse(body)!.AsObject()),
            ("GET", ["backup", "snapshots", var id]) => One(cluster.Snapshots.FirstOrDefault(s => s.Id == id), Describe),
            ("GET", ["backup", "restoreJobs"]) => (200, Page(context, cluster.Jobs.Select(Describe))),
            ("POST", ["backup", "restoreJobs"]) => Restore(cluster, JsonNode.Parse(body)!.AsObject()),
            ("GET", ["backup", "restoreJobs", var id]) => One(cluster.Jobs.FirstOrDefault(j => j.Id == id), Describe),
            _ => (404, null),
        };

    private (int Status, JsonObject? Answer) Take(FakeCluster cluster, JsonObject asked)
    {
        if (cluster.Snapshots.Any(s => s is { Type: "onDemand", Status: "queued" or "inProgress" }))
            return (409, null);
        var snapshot = new FakeSnapshot
        {
            Id = NewId(),
            Status = NewSnapshot,
            Type = "onDemand",
            CreatedAt = NewSnapshot == "queued" ? null : Now,
            Description = asked["description"]?.GetValue<string>(),
            RetentionInDays = asked["retentionInDays"]?.GetValue<int>(),
        };
        cluster.Snapshots.Enqueue(snapshot);
        return (200, Describe(snapshot));
    }

    private (int Status, JsonObject? Answer) Restore(FakeCluster cluster, JsonObject asked)
    {
        var whole = asked["targetGroupId"] is not null && asked["targetClusterName"] is not null && (asked["deliveryType"]?.GetValue<string>()) switch
        {
            "automated" => cluster.Snapshots.Any(s => s.Id == asked["snapshotId"]?.GetValue<string>() && s.Status == "completed"),
            "pointInTime" => asked["pointInTimeUTCSeconds"] is not null,
            _ => false,
        };
        if (!whole)
            return (404, null);
        var job = new FakeRestoreJob { Id = NewId(), Asked = asked, FinishedAt = RestoresAtOnce ? Now : null };
        cluster.Jobs.Enqueue(job);
        return (200, Describe(job));
    }

    private static (int, JsonObject?) One<T>(T? found, Func<T, JsonObject> describe)
        where T : class => found is null ? (404, null) : (200, describe(found));

    private static JsonObject Page(HttpContext context, IEnumerable<JsonObject> all)
    {
        var size = int.Parse(context.Request.Query["itemsPerPage"].FirstOrDefault() ?? "100", CultureInfo.InvariantCulture);
        var page = int.Parse(context.Request.Query["pageNum"].FirstOrDefault() ?? "1", CultureInfo.InvariantCulture);
        var list = all.ToList();
        return new()
        {
            ["links"] = new JsonArray(),
            ["results"] = new JsonArray([.. list.Skip((page - 1) * size).Take(size)]),
            ["totalCount"] = list.Count,
        };
    }

    private static JsonObject Describe(FakeCluster cluster) => new()
    {
        ["stateName"] = cluster.State,
        ["connectionStrings"] = new JsonObject
        {
            ["standard"] = $"mongodb://{string.Join(",", cluster.Hosts.Select(h => $"{h}:27017"))}/?ssl=true&authSource=admin",
            ["privateEndpoint"] = new JsonArray(new JsonObject { ["srvConnectionString"] = cluster.Hosts.Count == 0 ? "" : $"mongodb+srv://pl-{cluster.Hosts[0]}" }),
        },
    };

    private static JsonObject Describe(FakeSnapshot s)
    {
        var answer = new JsonObject { ["id"] = s.Id, ["status"] = s.Status, ["snapshotType"] = s.Type, ["type"] = "replicaSet", ["cloudProvider"] = "AWS" };
        if (s.CreatedAt is { } at)
        {
            answer["createdAt"] = $"{at.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}";
            answer["expiresAt"] = $"{at.AddDays(s.RetentionInDays ?? 7).UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}";
        }

        if (s.Description is not null)
            answer["description"] = s.Description;
        if (s.Status == "completed")
            answer["storageSizeBytes"] = 1_234_567;
        return answer;
    }

    private static JsonObject Describe(FakeRestoreJob job)
    {
        var answer = (JsonObject)job.Asked.DeepClone();
        answer["id"] = job.Id;
        answer["failed"] = job.Failed;
        answer["cancelled"] = job.Cancelled;
        answer["expired"] = job.Expired;
        if (job.FinishedAt is { } at)
            answer["finishedAt"] = $"{at.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}";
        return answer;
    }

    /// <returns>False: the request is answered, and its answer lost.</returns>
    private static async Task<bool> FailAsync(HttpContext context, AtlasFailure how)
    {
        switch (how)
        {
            case AtlasFailure.LostAnswer:
                return false;
            case AtlasFailure.Limited or AtlasFailure.LimitedForLong:
                context.Response.Headers.RetryAfter = how == AtlasFailure.Limited ? "1" : "600";
                await ErrorAsync(context, 429, "RATE_LIMITED", "Resource is limited to 100 requests every 1 minutes.");
                return true;
            case AtlasFailure.Forbidden:
                await ErrorAsync(context, 403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "IP address 192.0.2.1 is not allowed to access this resource.");
                return true;
            case AtlasFailure.Page:
                await context.Response.WriteAsync("<html>proxy</html>");
                return true;
            case AtlasFailure.Redirect:
                context.Response.StatusCode = 302;
                context.Response.Headers.Location = "https://elsewhere.example";
                return true;
            default:
                await ErrorAsync(context, 500, "UNEXPECTED_ERROR", "Unexpected error.");
                return true;
        }
    }

    private static Task ErrorAsync(HttpContext context, int status, string code, string detail, params string[] parameters) => AnswerAsync(context, status, new()
    {
        ["detail"] = detail,
        ["error"] = status,
        ["errorCode"] = code,
        ["parameters"] = new JsonArray([.. parameters.Select(p => (JsonNode)p)]),
        ["reason"] = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status),
    });

    private static async Task AnswerAsync(HttpContext context, int status, JsonObject answer)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/vnd.atlas.2023-01-01+json;charset=utf-8";
        await context.Response.WriteAsync(answer.ToJsonString());
    }

    private bool IsAuthorised(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (!TakesKeys)
            return false;
        if (header.StartsWith("Bearer ", StringComparison.Ordinal))
            return tokens.GetValueOrDefault(header["Bearer ".Length..]);
        if (!header.StartsWith("Digest ", StringComparison.Ordinal))
            return false;
        var fields = header["Digest ".Length..].Split(',', StringSplitOptions.TrimEntries)
            .Select(f => f.Split('=', 2)).Where(f => f.Length == 2).ToDictionary(f => f[0], f => f[1].Trim('"'), StringComparer.Ordinal);
        var a1 = Md5($"{PublicKey}:{Realm}:{PrivateKey}");
        var a2 = Md5($"{context.Request.Method}:{fields.GetValueOrDefault("uri")}");
        var expected = Md5($"{a1}:{fields.GetValueOrDefault("nonce")}:{fields.GetValueOrDefault("nc")}:{fields.GetValueOrDefault("cnonce")}:{fields.GetValueOrDefault("qop")}:{a2}");
        return fields.GetValueOrDefault("username") == PublicKey && fields.GetValueOrDefault("response") == expected;
    }

    // RFC 7616's own hash of old, and Atlas'.
#pragma warning disable CA5351
    private static string Md5(string text) => Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5351
}
