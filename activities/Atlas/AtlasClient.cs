using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Activities.Atlas;

/// <summary>
/// The parts of the Atlas Administration API (v2) that are used here, of one cluster of the plan, for replica sets. Keys are resolved at every
/// request, so that one that was replaced is used from then on; redirects are not followed, since the keys would go along; answers are bounded; a
/// 429 is waited out as long as Atlas says, up to <see cref="LongestWait"/>. Every error is a <see cref="RefusalException"/>. Thread-safe.
/// </summary>
public sealed class AtlasClient : IDisposable
{
    /// <summary>Each resource of the API has its own versions; these are the newest of snapshots and restore jobs, and of clusters.</summary>
    private const string BackupVersion = "application/vnd.atlas.2023-01-01+json";
    private const string ClusterVersion = "application/vnd.atlas.2024-08-05+json";

    /// <value>One request, its answer included. Default: 30 s.</value>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A longer Retry-After is left to the activity's next attempt.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    /// <summary>A token is not used in its last minute: it would expire on its way.</summary>
    private static readonly TimeSpan TokenMargin = TimeSpan.FromMinutes(1);

    private const int TriesWhenLimited = 4;
    private const int LargestAnswer = 16 << 20;

    /// <summary>Of Atlas.</summary>
    private const int LargestPage = 500;

    /// <summary>A hundred thousand snapshots or jobs: an Atlas that goes on answering pages is not waited for.</summary>
    private const int MostPages = 200;

    private const int LongestDetail = 400;

    private readonly string cluster;
    private readonly AtlasPlan plan;
    private readonly TimeProvider time;
    private readonly HttpClient http;
    private readonly SemaphoreSlim tokens = new(1, 1);
    private volatile Token? token;

    /// <param name="cluster">Its name in the plan, for messages.</param>
    public AtlasClient(string cluster, AtlasPlan plan, TimeProvider time)
    {
        (this.cluster, this.plan, this.time) = (cluster, plan, time);
        http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            Credentials = plan.PublicKey is null ? null : new DigestKeys(plan),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan, // each call has its own
            MaxResponseContentBufferSize = LargestAnswer,
        };
    }

    /// <summary>All of the cluster's snapshots, newest first; what Atlas has not begun comes first of all.</summary>
    public async Task<IReadOnlyList<AtlasSnapshot>> ListSnapshotsAsync(CancellationToken cancellation) =>
        [.. (await ListAsync<SnapshotAnswer>(Backup("snapshots"), cancellation)).Select(ToSnapshot).OrderByDescending(s => s.CreatedAt ?? DateTimeOffset.MaxValue)];

    public async Task<AtlasSnapshot> ReadSnapshotAsync(string id, CancellationToken cancellation) =>
        ToSnapshot(await CallAsync<SnapshotAnswer>(HttpMethod.Get, Backup($"snapshots/{Uri.EscapeDataString(id)}"), BackupVersion, null, $"snapshot '{id}'", cancellation));

    /// <summary>Asks for one. After a refusal that <see cref="RefusalException.MayPass"/> it may be under way all the same.</summary>
    public async Task<AtlasSnapshot> TakeSnapshotAsync(string description, int retentionDays, CancellationToken cancellation) =>
        ToSnapshot(await CallAsync<SnapshotAnswer>(
            HttpMethod.Post, Backup("snapshots"), BackupVersion, new SnapshotQuestion(description, retentionDays), null, cancellation));

    public async Task<IReadOnlyList<AtlasStoredJob>> ListRestoreJobsAsync(CancellationToken cancellation) =>
        [.. (await ListAsync<JobAnswer>(Backup("restoreJobs"), cancellation)).Select(ToStored)];

    public async Task<AtlasRestoreJob> ReadRestoreJobAsync(string id, CancellationToken cancellation) =>
        ToStored(await CallAsync<JobAnswer>(HttpMethod.Get, Backup($"restoreJobs/{Uri.EscapeDataString(id)}"), BackupVersion, null, $"restore job '{id}'", cancellation)).Job;

    /// <summary>Starts a job: everything in the target is overwritten. After a refusal that <see cref="RefusalException.MayPass"/> it may have
    /// begun all the same.</summary>
    /// <param name="snapshot">Null: a point in time.</param>
    public async Task<AtlasRestoreJob> StartRestoreAsync(
        AtlasPlace target, string? snapshot, DateTimeOffset? pointInTime, CancellationToken cancellation)
    {
        var question = new JobQuestion(
            snapshot is null ? "pointInTime" : "automated", snapshot, snapshot is null ? pointInTime?.ToUnixTimeSeconds() : null, target.Cluster, target.Project);
        return ToStored(await CallAsync<JobAnswer>(HttpMethod.Post, Backup("restoreJobs"), BackupVersion, question, null, cancellation)).Job;
    }

    /// <summary>What Atlas says of any cluster that the keys may see.</summary>
    public async Task<AtlasClusterState> ReadClusterAsync(AtlasPlace place, CancellationToken cancellation)
    {
        var answer = await CallAsync<JsonElement>(HttpMethod.Get, Of(place), ClusterVersion, null, $"cluster '{place.Cluster}' in project {place.Project}", cancellation);
        var addresses = answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("connectionStrings", out var strings) ? Texts(strings) : [];
        return new(
            answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("stateName", out var state) ? state.GetString() ?? "" : "",
            [.. addresses.SelectMany(AtlasHosts.Of).Distinct(StringComparer.OrdinalIgnoreCase)]);
    }

    public void Dispose()
    {
        http.Dispose();
        tokens.Dispose();
    }

    private string Of(AtlasPlace place) => $"{plan.ApiUrl}/api/atlas/v2/groups/{place.Project}/clusters/{place.Cluster}";

    private string Backup(string resource) => $"{Of(plan.Place)}/backup/{resource}";

    private static IEnumerable<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => value.EnumerateObject().SelectMany(p => Texts(p.Value)),
        _ => [],
    };

    private async Task<List<TAnswer>> ListAsync<TAnswer>(string address, CancellationToken cancellation)
    {
        var all = new List<TAnswer>();
        for (var page = 1; page <= MostPages; page++)
        {
            var answer = await CallAsync<Page<TAnswer>>(
                HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{address}?itemsPerPage={LargestPage}&pageNum={page}"), BackupVersion, null, null, cancellation);
            var results = answer.Results ?? [];
            all.AddRange(results);
            if (results.Count < LargestPage)
                break;
        }

        return all;
    }

    private async Task<TAnswer> CallAsync<TAnswer>(
        HttpMethod method, string address, string version, object? body, string? subject, CancellationToken cancellation)
    {
        var renewed = false;
        for (var tries = 1; ; tries++)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(CallTimeout);
            try
            {
                using var request = new HttpRequestMessage(method, address);
                request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(version));
                if (body is not null)
                    request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, body.GetType(), Json)) { Headers = { ContentType = new(version) } };
                await AuthoriseAsync(request, limit.Token);
                using var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, limit.Token);
                if (response.StatusCode == HttpStatusCode.TooManyRequests && RetryAfter(response) is var wait && wait <= LongestWait && tries < TriesWhenLimited)
                {
                    await Task.Delay(wait, time, cancellation);
                    continue;
                }

                if (response.StatusCode == HttpStatusCode.Unauthorized && plan.ClientId is not null && !renewed)
                {
                    // Revoked, or of a secret that was replaced.
                    renewed = true;
                    token = null;
                    continue;
                }

                return await ReadAsync<TAnswer>(response, subject, limit.Token);
            }
            catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
            {
                throw Away($"did not answer within {CallTimeout.TotalSeconds:0} s", e);
            }
            catch (HttpRequestException e)
            {
                throw Away($"can't be reached ({e.HttpRequestError})", e);
            }
        }
    }

    private async Task<TAnswer> ReadAsync<TAnswer>(HttpResponseMessage response, string? subject, CancellationToken cancellation)
    {
        if (!response.IsSuccessStatusCode)
            throw Refused(response.StatusCode, await ErrorAsync(response, cancellation), subject);
        try
        {
            return JsonSerializer.Deserialize<TAnswer>(await response.Content.ReadAsByteArrayAsync(cancellation), Json)
                ?? throw new JsonException("It is empty.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            // Its text could be a proxy's page, with anything in it.
            throw Away("answered with something that is no JSON of its API", e);
        }
    }

    private RefusalException Refused(HttpStatusCode status, ErrorAnswer error, string? subject)
    {
        var where = $"clusters.{cluster}.atlas";
        var said = error.ErrorCode is null && error.Detail is null ? "" : $" ({string.Join(": ", new[] { error.ErrorCode, error.Detail }.OfType<string>())})";
        var place = plan.Place.ToString();
        return (int)status switch
        {
            400 when subject is null => new(ErrorKinds.Usage, $"Atlas takes no such request of cluster {place}{said}.", where),
            400 => new(ErrorKinds.Usage, $"Atlas knows no {subject}{said}.", where),
            401 => new(
                ErrorKinds.Unreachable, $"Atlas refused the keys of cluster '{cluster}'{said}.", where,
                "Check the keys in the plan: they may be revoked or mistyped, or of another organisation."),
            403 => new(
                ErrorKinds.Unreachable, $"Atlas does not let these keys do that in {place}{said}.", where,
                "They need the role Project Backup Manager in the project, and this machine's address on their API access list."),
            404 when subject is not null && error.ErrorCode is not ("CLUSTER_NOT_FOUND" or "GROUP_NOT_FOUND") =>
                new(ErrorKinds.Usage, $"Atlas has no {subject}{said}.", where, "luxhedge atlas status shows what there is."),
            404 => new(
                ErrorKinds.Plan, $"Atlas has no {(subject?.StartsWith("cluster", StringComparison.Ordinal) == true ? subject : $"cluster {place}")}, or hides it from these keys{said}.", where,
                "Compare project and cluster with the address of the cluster's page in Atlas."),
            409 => new(ErrorKinds.Locked, $"Atlas is busy with cluster {place}{said}.", where, "It finishes what it does first."),
            429 => new(
                ErrorKinds.Unreachable, $"Atlas takes no more requests for now{said}.", where, "It limits requests by project: something else asks a lot.")
            { MayPass = true },
            >= 500 => new(ErrorKinds.Unreachable, $"Atlas has a fault of its own: status {(int)status}{said}.", where, "https://status.mongodb.com") { MayPass = true },
            >= 300 and < 400 => new(
                ErrorKinds.Unreachable, $"Atlas answered with a redirect ({(int)status}), which is not followed since the keys would go along.", where,
                "Correct apiUrl."),
            _ => new(ErrorKinds.Usage, $"Atlas refused: status {(int)status}{said}.", where),
        };
    }

    private RefusalException Away(string what, Exception e) => new(
        ErrorKinds.Unreachable, $"Atlas ({new Uri(plan.ApiUrl).Authority}) {what}.", $"clusters.{cluster}.atlas",
        "Check that this machine may reach it.", e)
    { MayPass = true };

    private static async Task<ErrorAnswer> ErrorAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            var error = JsonSerializer.Deserialize<ErrorAnswer>(await response.Content.ReadAsByteArrayAsync(cancellation), Json) ?? new(null, null);
            return new(Plain(error.ErrorCode), Plain(error.Detail));
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            return new(null, null);
        }
    }

    private static string? Plain(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;
        var plain = new string([.. text.Where(c => !char.IsControl(c))]).Trim().TrimEnd('.');
        return plain.Length <= LongestDetail ? plain : plain[..LongestDetail] + "…";
    }

    private TimeSpan RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } when delta > TimeSpan.Zero => delta,
        { Date: { } date } when date > time.GetUtcNow() => date - time.GetUtcNow(),
        _ => TimeSpan.FromSeconds(1),
    };

    /// <summary>API keys go by the handler's Digest; a service account by a token.</summary>
    private async Task AuthoriseAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        if (plan.ClientId is null)
        {
            // Said before the request rather than from inside the handler.
            _ = (plan.PublicKey!.Resolve(), plan.PrivateKey!.Resolve());
            return;
        }

        await tokens.WaitAsync(cancellation);
        try
        {
            var known = token;
            if (known is null || known.Until <= time.GetUtcNow())
                token = known = await NewTokenAsync(cancellation);
            request.Headers.Authorization = new("Bearer", known.Text);
        }
        finally
        {
            tokens.Release();
        }
    }

    private async Task<Token> NewTokenAsync(CancellationToken cancellation)
    {
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{plan.ClientId!.Resolve()}:{plan.ClientSecret!.Resolve()}"));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{plan.ApiUrl}/api/oauth/token")
        {
            Content = new FormUrlEncodedContent([KeyValuePair.Create("grant_type", "client_credentials")]),
        };
        request.Headers.Authorization = new("Basic", basic);
        request.Headers.Accept.Add(new("application/json"));
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellation);
        if (response.StatusCode is HttpStatusCode.BadRequest)
            throw Refused(HttpStatusCode.Unauthorized, new(null, null), null); // invalid_client, as OAuth says it
        var answer = await ReadAsync<TokenAnswer>(response, null, cancellation);
        if (answer.AccessToken is not { Length: > 0 } fresh)
            throw Away("answered without a token", new JsonException());
        return new(fresh, time.GetUtcNow() + TimeSpan.FromSeconds(answer.ExpiresIn) - TokenMargin);
    }

    private static AtlasSnapshot ToSnapshot(SnapshotAnswer a) => new(
        a.Id ?? "", a.Status ?? "", a.SnapshotType ?? "", a.CreatedAt, a.ExpiresAt, a.Description, a.StorageSizeBytes);

    private static AtlasStoredJob ToStored(JobAnswer a) => new(
        new(a.Id ?? "", a.FinishedAt, a.Failed ?? false, a.Cancelled ?? false, a.Expired ?? false), a.SnapshotId, a.PointInTimeUtcSeconds,
        new(a.TargetGroupId ?? "", a.TargetClusterName ?? ""));

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private sealed record Token(string Text, DateTimeOffset Until);

    private sealed record Page<TAnswer>(IReadOnlyList<TAnswer>? Results);

    private sealed record SnapshotQuestion(string Description, int RetentionInDays);

    private sealed record SnapshotAnswer(
        string? Id, string? Status, string? SnapshotType, DateTimeOffset? CreatedAt, DateTimeOffset? ExpiresAt, string? Description, long? StorageSizeBytes);

    private sealed record JobQuestion(
        string DeliveryType, string? SnapshotId, [property: JsonPropertyName("pointInTimeUTCSeconds")] long? PointInTimeUtcSeconds, string TargetClusterName,
        string TargetGroupId);

    private sealed record JobAnswer(
        string? Id, DateTimeOffset? FinishedAt, bool? Failed, bool? Cancelled, bool? Expired, string? SnapshotId,
        [property: JsonPropertyName("pointInTimeUTCSeconds")] long? PointInTimeUtcSeconds, string? TargetGroupId, string? TargetClusterName);

    private sealed record ErrorAnswer(string? ErrorCode, string? Detail);

    private sealed record TokenAnswer(
        [property: JsonPropertyName("access_token")] string? AccessToken, [property: JsonPropertyName("expires_in")] int ExpiresIn);

    /// <summary>The keys, for Digest at Atlas and for nothing else: never as Basic, which would send them whole.</summary>
    private sealed class DigestKeys(AtlasPlan plan) : ICredentials
    {
        public NetworkCredential? GetCredential(Uri uri, string authType) =>
            string.Equals(authType, "Digest", StringComparison.OrdinalIgnoreCase) && uri.Authority == new Uri(plan.ApiUrl).Authority
                ? new(plan.PublicKey!.Resolve(), plan.PrivateKey!.Resolve())
                : null;
    }
}

/// <summary>A restore job, and what it is of.</summary>
/// <param name="Snapshot">Null: a point in time.</param>
public sealed record AtlasStoredJob(AtlasRestoreJob Job, string? Snapshot, long? PointInTime, AtlasPlace Target);

/// <param name="State"><c>IDLE</c>: Atlas does nothing to it just now.</param>
/// <param name="Hosts">Every name of it that Atlas gives out in connection strings.</param>
public sealed record AtlasClusterState(string State, IReadOnlyList<string> Hosts);

internal static class AtlasHosts
{
    /// <summary>Host names of a connection string, without ports and credentials; none where it is no connection string.</summary>
    public static IEnumerable<string> Of(string connection)
    {
        var scheme = connection.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0 || !connection.StartsWith("mongodb", StringComparison.OrdinalIgnoreCase))
            return [];
        var rest = connection[(scheme + 3)..];
        var end = rest.IndexOfAny(['/', '?']);
        var authority = end < 0 ? rest : rest[..end];
        return authority[(authority.LastIndexOf('@') + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(h => h.LastIndexOf(':') is > 0 and var colon && !h.EndsWith(']') ? h[..colon] : h)
            .Select(h => h.TrimEnd('.'));
    }
}
