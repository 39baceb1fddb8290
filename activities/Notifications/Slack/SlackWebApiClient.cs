using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using LuxHedge.Activities.Plans;

namespace LuxHedge.Activities.Notifications.Slack;

/// <summary>
/// Slack's Web API over HTTP. Redirects are not followed, since a token would go along; answers are bounded; a 429 is waited out as long as
/// Slack says, up to <see cref="LongestWait"/>. Thread-safe.
/// </summary>
public sealed class SlackWebApiClient : ISlackApiClient, IChatApi, IConversationsApi, IAppsApi, IDisposable
{
    /// <value>One call, its answer included. Slack's own take well under a second. Default: 10 s.</value>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A longer Retry-After is left to the activity's next attempt.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private const int TriesWhenLimited = 4;
    private const int LargestAnswer = 8 << 20;
    private const int MessagesAPage = 100;

    private readonly HttpClient http;
    private readonly string apiUrl;
    private readonly Func<string> botToken;
    private readonly Func<string?> appToken;
    private readonly TimeProvider time;

    /// <param name="apiUrl">Without a '/' at its end.</param>
    /// <param name="botToken">Asked for at every call, so that a token that was replaced is used from then on.</param>
    public SlackWebApiClient(HttpClient http, string apiUrl, Func<string> botToken, Func<string?> appToken, TimeProvider time)
    {
        this.http = http;
        this.apiUrl = apiUrl;
        this.botToken = botToken;
        this.appToken = appToken;
        this.time = time;
        http.Timeout = Timeout.InfiniteTimeSpan; // each call has its own
        http.MaxResponseContentBufferSize = LargestAnswer;
    }

    public SlackWebApiClient(SlackPlan plan, TimeProvider time)
        : this(new HttpClient(Handler()), plan.ApiUrl, plan.BotToken.Resolve, () => plan.AppToken?.Resolve(), time)
    {
    }

    public IChatApi Chat => this;

    public IConversationsApi Conversations => this;

    public IAppsApi Apps => this;

    async Task<PostMessageResponse> IChatApi.Post(PostMessageRequest request, CancellationToken cancellation) =>
        await CallAsync<PostMessageResponse>("chat.postMessage", Json(request), botToken(), cancellation);

    async Task<PostMessageResponse> IChatApi.Update(UpdateMessageRequest request, CancellationToken cancellation) =>
        await CallAsync<PostMessageResponse>("chat.update", Json(request), botToken(), cancellation);

    async Task<WebApiResponse> IChatApi.PostEphemeral(PostEphemeralRequest request, CancellationToken cancellation) =>
        await CallAsync<WebApiResponse>("chat.postEphemeral", Json(request), botToken(), cancellation);

    async Task<PermalinkResponse> IChatApi.GetPermalink(string channel, string timestamp, CancellationToken cancellation) =>
        await CallAsync<PermalinkResponse>(
            "chat.getPermalink", Form([("channel", channel), ("message_ts", timestamp)]), botToken(), cancellation);

    async Task<HistoryResponse> IConversationsApi.History(string channel, string oldest, string? cursor, CancellationToken cancellation) =>
        await CallAsync<HistoryResponse>(
            "conversations.history", Form([("channel", channel), ("oldest", oldest), .. Page(cursor)]), botToken(), cancellation);

    async Task<HistoryResponse> IConversationsApi.Replies(string channel, string timestamp, string? cursor, CancellationToken cancellation) =>
        await CallAsync<HistoryResponse>(
            "conversations.replies", Form([("channel", channel), ("ts", timestamp), .. Page(cursor)]), botToken(), cancellation);

    async Task<OpenConnectionResponse> IAppsApi.OpenConnection(CancellationToken cancellation) =>
        await CallAsync<OpenConnectionResponse>(
            "apps.connections.open", Form([]), appToken() ?? throw new InvalidOperationException("The plan has no slack.appToken."), cancellation);

    public void Dispose() => http.Dispose();

    private static SocketsHttpHandler Handler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    };

    private static Func<HttpContent> Json<T>(T request) => () => JsonContent.Create(request, new MediaTypeHeaderValue("application/json", "utf-8"), SlackJson.Options);

    // What only reads takes no JSON.
    private static Func<HttpContent> Form(IEnumerable<(string Name, string Value)> fields) =>
        () => new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));

    private static IEnumerable<(string, string)> Page(string? cursor) =>
        [("limit", $"{MessagesAPage}"), ("include_all_metadata", "true"), .. cursor is null ? [] : new[] { ("cursor", cursor) }];

    private async Task<T> CallAsync<T>(string method, Func<HttpContent> content, string token, CancellationToken cancellation)
        where T : WebApiResponse
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await TryAsync<T>(method, content, token, cancellation);
            }
            catch (SlackException e) when (e.RetryAfter is { } wait && wait <= LongestWait && tries < TriesWhenLimited)
            {
                await Task.Delay(wait, time, cancellation);
            }
        }
    }

    private async Task<T> TryAsync<T>(string method, Func<HttpContent> content, string token, CancellationToken cancellation)
        where T : WebApiResponse
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(CallTimeout);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{apiUrl}/{method}") { Content = content() };
        request.Headers.Authorization = new("Bearer", token);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, limit.Token);
            return await ReadAsync<T>(method, response, limit.Token);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new SlackException(method, $"no answer within {CallTimeout.TotalSeconds:0} s", e) { Ambiguous = true };
        }
        catch (HttpRequestException e)
        {
            // A connection that was never made has carried nothing; one that broke may have.
            var never = e.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
                or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError;
            throw new SlackException(method, never ? "unreachable" : "the connection broke", e) { Ambiguous = !never };
        }
    }

    private async Task<T> ReadAsync<T>(string method, HttpResponseMessage response, CancellationToken cancellation)
        where T : WebApiResponse
    {
        var status = (int)response.StatusCode;
        if (response.StatusCode == HttpStatusCode.TooManyRequests)
            throw new SlackException(method, "ratelimited") { RetryAfter = RetryAfter(response) };
        if (status is >= 300 and < 400)
            throw new SlackException(method, $"status {status}: redirects are not followed, since the token would go along");
        if (status >= 500)
            throw new SlackException(method, $"status {status}") { Ambiguous = true };
        T? answer;
        try
        {
            answer = await response.Content.ReadFromJsonAsync<T>(SlackJson.Options, cancellation);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            // Its text could be a proxy's page, with anything in it.
            throw new SlackException(method, $"status {status} with an answer that is no JSON of Slack's", e) { Ambiguous = status < 300 };
        }

        if (answer is not { OK: true })
        {
            throw answer?.Error == "ratelimited"
                ? new SlackException(method, "ratelimited") { RetryAfter = RetryAfter(response) }
                : new SlackException(method, Word(answer?.Error));
        }

        return answer;
    }

    private TimeSpan RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } when delta > TimeSpan.Zero => delta,
        { Date: { } date } when date > time.GetUtcNow() => date - time.GetUtcNow(),
        _ => TimeSpan.FromSeconds(1),
    };

    /// <summary>Slack's errors are words; anything else is not repeated in logs.</summary>
    private static string Word(string? error) =>
        error is { Length: > 0 and <= 80 } && error.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') ? error : "refused without a word";
}
