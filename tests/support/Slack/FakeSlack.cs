using System.Collections.Concurrent;
using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LuxHedge.Activities.Notifications.Slack;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LuxHedge.Tests.Support.Slack;

/// <summary>
/// Slack, as far as it is used here: the Web API with its tokens and limits, Socket Mode, signed requests, and its ways to fail. One a test;
/// it listens on 127.0.0.1 and keeps everything that it was sent.
/// <code>
/// await using var slack = await FakeSlack.StartAsync();
/// // plan: slack: { apiUrl: slack.ApiUrl, … }
/// var ask = await slack.WaitForMessageAsync(m => m.HasButtons);
/// var answer = await slack.ClickAsync("U0ALICE", ask, "approve");
/// </code>
/// </summary>
public sealed class FakeSlack : IAsyncDisposable
{
    public const string BotToken = "xoxb-000000000001-000000000002-fakefakefakefakefakefake";
    public const string AppToken = "xapp-1-A0LUXHEDGE-000000000003-fakefakefakefakefakefakefake";
    public const string SigningSecret = "8f742231b10e8888abcd99yyyzzz85a5";
    public const string Team = "T0LUXHEDGE";
    public const string App = "A0LUXHEDGE";
    public const string Channel = "C0DISASTER";

    /// <summary>How long Slack waits for an answer to an interaction.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Generous: a busy machine is no failure.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private readonly WebApplication app;
    private readonly Lock writing = new();
    private readonly List<FakeMessage> messages = [];
    private readonly List<FakeMessage> posted = [];
    private readonly List<FakeEphemeral> ephemerals = [];
    private readonly List<string> calls = [];
    private readonly ConcurrentDictionary<string, ConcurrentQueue<(SlackFailure How, string Error)>> failures = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, FakeSocket> sockets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> tickets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<JsonElement?>> acknowledgements = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (double Tokens, long At)> buckets = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource ending = new();
    private long lastTs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000;
    private long actions;

    private FakeSlack(WebApplication app) => this.app = app;

    /// <summary>For the plan's <c>slack.apiUrl</c>.</summary>
    public string ApiUrl => $"{app.Urls.First()}/api";

    /// <summary>Where signed HTTP requests go, as <c>http://127.0.0.1:8080</c>; null: over the socket.</summary>
    public string? RequestUrl { get; set; }

    /// <summary>Off: as many messages at once as a test likes.</summary>
    public bool Limits { get; set; } = true;

    /// <summary>Messages in the channel and its threads, oldest first, each as it stands now.</summary>
    public IReadOnlyList<FakeMessage> Messages
    {
        get
        {
            lock (writing)
                return [.. messages];
        }
    }

    /// <summary>The same as they were posted first: what somebody saw, however soon it was updated.</summary>
    public IReadOnlyList<FakeMessage> Posted
    {
        get
        {
            lock (writing)
                return [.. posted];
        }
    }

    public IReadOnlyList<FakeEphemeral> Ephemerals
    {
        get
        {
            lock (writing)
                return [.. ephemerals];
        }
    }

    /// <summary>Every call of the Web API by its method, oldest first.</summary>
    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (writing)
                return [.. calls];
        }
    }

    /// <summary>Sockets that are open just now.</summary>
    public int OpenSockets => sockets.Count;

    public static async Task<FakeSlack> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        server.UseWebSockets();
        var slack = new FakeSlack(server);
        server.MapPost("/api/{method}", slack.AnswerAsync);
        server.Map("/link/", slack.TakeSocketAsync);
        await server.StartAsync();
        return slack;
    }

    /// <summary>The plan's section, with its secrets in files that are written into the folder.</summary>
    /// <param name="people">Persons of the plan, each with a Slack id such as <c>U0ALICE</c>.</param>
    public string PlanSection(string folder, IReadOnlyDictionary<string, string> people, bool socket = true)
    {
        var keys = Path.Combine(folder, "keys");
        Directory.CreateDirectory(keys);
        File.WriteAllText(Path.Combine(keys, "slack-bot"), BotToken);
        File.WriteAllText(Path.Combine(keys, "slack-app"), AppToken);
        File.WriteAllText(Path.Combine(keys, "slack-signing"), SigningSecret);
        var section = new StringBuilder("slack:\n");
        section.Append(CultureInfo.InvariantCulture, $"  apiUrl: \"{ApiUrl}\"\n  botToken: ${{file:keys/slack-bot}}\n");
        if (socket)
            section.Append("  appToken: ${file:keys/slack-app}\n");
        section.Append("  signingSecret: ${file:keys/slack-signing}\n");
        section.Append(CultureInfo.InvariantCulture, $"  channel: {Channel}\n  team: {Team}\n  people:\n");
        foreach (var (person, id) in people)
            section.Append(CultureInfo.InvariantCulture, $"    {person}: {id}\n");
        return section.ToString();
    }

    /// <summary>The next calls of a method fail like this, one for each time it is said.</summary>
    /// <param name="method">As <c>chat.postMessage</c>.</param>
    public void Fail(string method, SlackFailure how, int times = 1, string error = "channel_not_found")
    {
        var queue = failures.GetOrAdd(method, _ => new());
        for (var i = 0; i < times; i++)
            queue.Enqueue((how, error));
    }

    public Task<FakeMessage> WaitForMessageAsync(Func<FakeMessage, bool> wanted) =>
        WaitForAsync(() => Messages.FirstOrDefault(wanted), () => string.Join("\n\n", Messages.Select(m => m.Rendered)));

    /// <summary>As it was posted, though it may be another by now.</summary>
    public Task<FakeMessage> WaitForPostAsync(Func<FakeMessage, bool> wanted) =>
        WaitForAsync(() => Posted.FirstOrDefault(wanted), () => string.Join("\n\n", Posted.Select(m => m.Rendered)));

    public Task<FakeEphemeral> WaitForEphemeralAsync(Func<FakeEphemeral, bool> wanted) =>
        WaitForAsync(() => Ephemerals.FirstOrDefault(wanted), () => string.Join("\n", Ephemerals));

    /// <summary>Waits until so many sockets are open and have been greeted.</summary>
    public async Task WaitForSocketsAsync(int count) =>
        await WaitForAsync(() => sockets.Values.Count(s => s.Greeted) == count ? "" : null, () => $"{sockets.Count} sockets");

    /// <summary>A person presses a button, and says yes where it asks. Over a socket, or over HTTP where <see cref="RequestUrl"/> is set.</summary>
    public Task<FakeAnswer> ClickAsync(string user, FakeMessage message, string actionId, Action<JsonObject>? change = null) =>
        DeliverAsync("interactive", Click(user, message, actionId, change));

    /// <summary>A person presses a button, and again while Slack shows that it did not work: what a person does on a busy day. The button has to
    /// be taken within a minute.</summary>
    public Task PressAsync(string user, FakeMessage message, string actionId) =>
        UntilTakenAsync($"the click of {user} on '{actionId}'", () => ClickAsync(user, message, actionId));

    /// <summary>A person types a command, and again while Slack shows that it did not work or the answer says to ask again. It has to be answered
    /// within a minute.</summary>
    public Task<FakeAnswer> TypeAsync(string user, string text) => UntilTakenAsync(
        $"the command '{text}' of {user}", () => CommandAsync(user, text), a => a.Acked && !a.Text.Contains("Ask again", StringComparison.Ordinal));

    /// <summary>The same again until it is taken, within a minute: on a busy machine Temporal's answer can come later than Slack waits.</summary>
    /// <param name="taken">Null: it is acknowledged.</param>
    public static async Task<FakeAnswer> UntilTakenAsync(string what, Func<Task<FakeAnswer>> deliver, Func<FakeAnswer, bool>? taken = null)
    {
        var until = DateTimeOffset.UtcNow + Longest;
        while (true)
        {
            var answer = await deliver();
            if (taken?.Invoke(answer) ?? answer.Acked)
                return answer;
            if (DateTimeOffset.UtcNow > until)
                throw new TimeoutException($"It was never taken, {what}: {answer}");
        }
    }

    /// <summary>A person types a command, such as <c>/dr status</c>.</summary>
    public Task<FakeAnswer> CommandAsync(string user, string text, Action<JsonObject>? change = null) =>
        DeliverAsync("slash_commands", Command(user, text, change));

    /// <summary>The payload of a click, to be sent in another way or changed.</summary>
    public JsonObject Click(string user, FakeMessage message, string actionId, Action<JsonObject>? change = null)
    {
        var button = message.Buttons.FirstOrDefault(b => b.ActionId == actionId)
            ?? throw new InvalidOperationException($"There is no button '{actionId}' on:\n{message.Rendered}");
        var block = message.Blocks.OfType<Actions>().First(a => a.Elements.Contains(button)).BlockId;
        var payload = new JsonObject
        {
            ["type"] = "block_actions",
            ["user"] = new JsonObject { ["id"] = user, ["username"] = user.ToLowerInvariant(), ["name"] = user.ToLowerInvariant(), ["team_id"] = Team },
            ["api_app_id"] = App,
            ["token"] = "deprecated",
            ["container"] = new JsonObject
            {
                ["type"] = "message",
                ["message_ts"] = message.Ts,
                ["channel_id"] = message.Channel,
                ["is_ephemeral"] = false,
            },
            ["trigger_id"] = $"{Interlocked.Increment(ref actions)}.2.3",
            ["team"] = new JsonObject { ["id"] = Team, ["domain"] = "luxhedge" },
            ["enterprise"] = null,
            ["channel"] = new JsonObject { ["id"] = message.Channel, ["name"] = "disaster-recovery" },
            ["message"] = new JsonObject
            {
                ["type"] = "message",
                ["ts"] = message.Ts,
                ["app_id"] = App,
                ["team"] = Team,
                ["text"] = message.Text,
                ["blocks"] = JsonNode.Parse(JsonSerializer.Serialize(message.Blocks, SlackJson.Options)),
            },
            ["state"] = new JsonObject { ["values"] = new JsonObject() },
            ["response_url"] = $"{app.Urls.First()}/response/1",
            ["actions"] = new JsonArray(new JsonObject
            {
                ["action_id"] = actionId,
                ["block_id"] = block,
                ["text"] = new JsonObject { ["type"] = "plain_text", ["text"] = button.Text.Text, ["emoji"] = true },
                ["value"] = button.Value,
                ["type"] = "button",
                ["action_ts"] = NewTs(),
            }),
        };
        change?.Invoke(payload);
        return payload;
    }

    public JsonObject Command(string user, string text, Action<JsonObject>? change = null)
    {
        var payload = new JsonObject
        {
            ["token"] = "deprecated",
            ["team_id"] = Team,
            ["team_domain"] = "luxhedge",
            ["channel_id"] = Channel,
            ["channel_name"] = "disaster-recovery",
            ["user_id"] = user,
            ["user_name"] = user.ToLowerInvariant(),
            ["command"] = "/dr",
            ["text"] = text,
            ["api_app_id"] = App,
            ["is_enterprise_install"] = "false",
            ["response_url"] = $"{app.Urls.First()}/response/1",
            ["trigger_id"] = $"{Interlocked.Increment(ref actions)}.2.3",
        };
        change?.Invoke(payload);
        return payload;
    }

    /// <summary>Signs and posts a body as Slack does; anything of it can be forged.</summary>
    public async Task<FakeAnswer> PostAsync(string path, string body, DateTimeOffset? at = null, string secret = SigningSecret, string? timestamp = null, string? signature = null)
    {
        var stamp = timestamp ?? (at ?? DateTimeOffset.UtcNow).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signed = signature ?? "v0=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"v0:{stamp}:{body}")));
        using var http = new HttpClient { Timeout = Patience };
        using var request = new HttpRequestMessage(HttpMethod.Post, RequestUrl + path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/x-www-form-urlencoded"),
        };
        if (stamp.Length > 0)
            request.Headers.TryAddWithoutValidation("X-Slack-Request-Timestamp", stamp);
        if (signed.Length > 0)
            request.Headers.TryAddWithoutValidation("X-Slack-Signature", signed);
        try
        {
            using var response = await http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return new(response.IsSuccessStatusCode, (int)response.StatusCode, text.StartsWith('{') ? JsonSerializer.Deserialize<JsonElement>(text) : null);
        }
        catch (Exception e) when (e is TaskCanceledException or HttpRequestException)
        {
            return new(false, null, null);
        }
    }

    /// <summary>The form that Slack sends an interaction in.</summary>
    public static string Form(JsonObject interaction) => $"payload={Uri.EscapeDataString(interaction.ToJsonString())}";

    public static string CommandForm(JsonObject command) =>
        string.Join('&', command.Select(f => $"{f.Key}={Uri.EscapeDataString(f.Value!.GetValue<string>())}"));

    /// <summary>Sends an envelope over the newest socket, and waits as long as Slack does for its acknowledgement on that same socket.</summary>
    public async Task<FakeAnswer> SendAsync(string type, JsonObject payload, string? envelopeId = null)
    {
        var socket = await WaitForAsync(() => sockets.Values.Where(s => s.Greeted && !s.Leaving).MaxBy(s => s.Opened), () => "no socket is open");
        envelopeId ??= Guid.NewGuid().ToString();
        var acknowledged = acknowledgements.AddOrUpdate(Key(socket, envelopeId), _ => Source(), (_, _) => Source());
        await socket.SendAsync(new JsonObject
        {
            ["envelope_id"] = envelopeId,
            ["type"] = type,
            ["accepts_response_payload"] = type == "slash_commands",
            ["payload"] = payload.DeepClone(),
        });
        try
        {
            return new(true, null, await acknowledged.Task.WaitAsync(Patience));
        }
        catch (TimeoutException)
        {
            return new(false, null, null);
        }
    }

    /// <summary>Tells the open sockets to go: <c>warning</c>, <c>refresh_requested</c>, <c>link_disabled</c> or <c>too_many_websockets</c>. With
    /// the first two they still deliver.</summary>
    public async Task DisconnectAsync(string reason)
    {
        foreach (var socket in sockets.Values)
        {
            socket.Leaving = reason is not "warning";
            await socket.SendAsync(new JsonObject { ["type"] = "disconnect", ["reason"] = reason, ["debug_info"] = new JsonObject { ["host"] = "fake" } });
        }
    }

    /// <summary>Breaks the open sockets without a word.</summary>
    public void DropSockets()
    {
        foreach (var socket in sockets.Values)
            socket.Abort();
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        DropSockets();
        await app.DisposeAsync();
        ending.Dispose();
    }

    private static TaskCompletionSource<JsonElement?> Source() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static string Key(FakeSocket socket, string envelopeId) => $"{socket.Id}/{envelopeId}";

    private static async Task<T> WaitForAsync<T>(Func<T?> look, Func<string> otherwise)
        where T : class
    {
        var until = DateTimeOffset.UtcNow + Longest;
        while (DateTimeOffset.UtcNow < until)
        {
            if (look() is { } found)
                return found;
            await Task.Delay(20);
        }

        throw new TimeoutException($"It did not come within {Longest.TotalSeconds:0} s. There is:\n{otherwise()}");
    }

    private Task<FakeAnswer> DeliverAsync(string type, JsonObject payload) => RequestUrl is null
        ? SendAsync(type, payload)
        : type == "interactive" ? PostAsync("/slack/interactions", Form(payload)) : PostAsync("/slack/commands", CommandForm(payload));

    private string NewTs()
    {
        lock (writing)
        {
            lastTs = Math.Max(lastTs + 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000);
            return $"{lastTs / 1_000_000}.{lastTs % 1_000_000:000000}";
        }
    }

    private async Task AnswerAsync(HttpContext context, string method)
    {
        lock (writing)
            calls.Add(method);
        (SlackFailure How, string Error)? failure = failures.TryGetValue(method, out var queue) && queue.TryDequeue(out var next) ? next : null;
        switch (failure?.How)
        {
            case SlackFailure.Unavailable:
                context.Response.StatusCode = 503;
                return;
            case SlackFailure.RateLimited:
                Limit(context);
                return;
            case SlackFailure.Refused:
                await WriteAsync(context, Error(failure.Value.Error));
                return;
            case SlackFailure.NoJson:
                context.Response.ContentType = "text/html";
                await context.Response.WriteAsync("<html>The proxy says no</html>");
                return;
            case SlackFailure.Redirect:
                context.Response.StatusCode = 302;
                context.Response.Headers.Location = "http://127.0.0.1:9/stolen";
                return;
            default:
                break;
        }

        var arguments = await ReadAsync(context);
        var token = context.Request.Headers.Authorization.ToString();
        var wanted = method == "apps.connections.open" ? AppToken : BotToken;
        if (token != $"Bearer {wanted}")
        {
            await WriteAsync(context, Error(token.Length == 0 ? "not_authed" : token.StartsWith("Bearer xapp-", StringComparison.Ordinal) || token.StartsWith("Bearer xoxb-", StringComparison.Ordinal) ? "not_allowed_token_type" : "invalid_auth"));
            return;
        }

        if (method is "chat.postMessage" && Limits && !Takes(Text(arguments, "channel")))
        {
            Limit(context);
            return;
        }

        var answer = method switch
        {
            "chat.postMessage" => Post(arguments),
            "chat.update" => Update(arguments),
            "chat.postEphemeral" => Whisper(arguments),
            "chat.getPermalink" => new JsonObject { ["ok"] = true, ["permalink"] = $"https://luxhedge.slack.com/archives/{Text(arguments, "channel")}/p{Text(arguments, "message_ts").Replace(".", "", StringComparison.Ordinal)}" },
            "conversations.history" => History(arguments, thread: false),
            "conversations.replies" => History(arguments, thread: true),
            "apps.connections.open" => OpenConnection(),
            _ => Error("unknown_method"),
        };
        switch (failure?.How)
        {
            case SlackFailure.TimeOutAfterDoing:
                using (var gone = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, ending.Token))
                {
                    await Task.Delay(Timeout.Infinite, gone.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                }

                return;
            case SlackFailure.FailAfterDoing:
                context.Response.StatusCode = 503;
                return;
            default:
                await WriteAsync(context, answer);
                return;
        }
    }

    private static void Limit(HttpContext context)
    {
        context.Response.StatusCode = 429;
        context.Response.Headers.RetryAfter = "1";
    }

    /// <summary>About one a second and channel, with short bursts.</summary>
    private bool Takes(string channel)
    {
        lock (writing)
        {
            var now = Environment.TickCount64;
            var (tokens, at) = buckets.GetValueOrDefault(channel, (4, now));
            tokens = Math.Min(4, tokens + ((now - at) / 1_000.0));
            buckets[channel] = (tokens >= 1 ? tokens - 1 : tokens, now);
            return tokens >= 1;
        }
    }

    private JsonObject Post(JsonObject arguments)
    {
        if (Text(arguments, "channel") is not Channel)
            return Error("channel_not_found");
        if (Shape(arguments) is { } wrong)
            return Error(wrong);
        var message = new FakeMessage(
            Channel, NewTs(), arguments["thread_ts"]?.GetValue<string>(), Text(arguments, "text"), Blocks(arguments), Metadata(arguments), 1)
        {
            Broadcast = arguments["reply_broadcast"]?.GetValue<bool>() ?? false,
        };
        lock (writing)
        {
            if (message.ThreadTs is { } thread && messages.TrueForAll(m => m.Ts != thread))
                return Error("thread_not_found");
            messages.Add(message);
            posted.Add(message);
        }

        return new() { ["ok"] = true, ["channel"] = Channel, ["ts"] = message.Ts, ["message"] = Json(message) };
    }

    private JsonObject Update(JsonObject arguments)
    {
        if (Shape(arguments) is { } wrong)
            return Error(wrong);
        lock (writing)
        {
            var at = messages.FindIndex(m => m.Ts == Text(arguments, "ts") && m.Channel == Text(arguments, "channel"));
            if (at < 0)
                return Error("message_not_found");
            messages[at] = messages[at] with
            {
                Text = Text(arguments, "text"),
                Blocks = Blocks(arguments),
                Metadata = Metadata(arguments) ?? messages[at].Metadata,
                Versions = messages[at].Versions + 1,
            };
            return new() { ["ok"] = true, ["channel"] = Channel, ["ts"] = messages[at].Ts, ["text"] = messages[at].Text };
        }
    }

    private JsonObject Whisper(JsonObject arguments)
    {
        if (Shape(arguments) is { } wrong)
            return Error(wrong);
        lock (writing)
            ephemerals.Add(new(Text(arguments, "channel"), Text(arguments, "user"), Text(arguments, "text")));
        return new() { ["ok"] = true, ["message_ts"] = NewTs() };
    }

    private JsonObject History(JsonObject arguments, bool thread)
    {
        if (Text(arguments, "channel") is not Channel)
            return Error("channel_not_found");
        var all = arguments["include_all_metadata"]?.GetValue<string>() == "true";
        lock (writing)
        {
            var found = thread
                ? messages.Where(m => m.Ts == Text(arguments, "ts") || m.ThreadTs == Text(arguments, "ts"))
                : messages.Where(m => (m.ThreadTs is null || m.Broadcast) && string.CompareOrdinal(m.Ts, Text(arguments, "oldest")) >= 0).Reverse();
            var limit = int.Parse(arguments["limit"]?.GetValue<string>() ?? "100", CultureInfo.InvariantCulture);
            var from = int.Parse(arguments["cursor"]?.GetValue<string>() ?? "0", CultureInfo.InvariantCulture);
            var page = found.Skip(from).Take(limit).ToList();
            var more = found.Count() > from + limit;
            return new()
            {
                ["ok"] = true,
                ["messages"] = new JsonArray([.. page.Select(m => Json(m, all))]),
                ["has_more"] = more,
                ["response_metadata"] = new JsonObject { ["next_cursor"] = more ? $"{from + limit}" : "" },
            };
        }
    }

    private JsonObject OpenConnection()
    {
        var ticket = Guid.NewGuid().ToString();
        tickets[ticket] = true;
        return new() { ["ok"] = true, ["url"] = $"{app.Urls.First().Replace("http", "ws", StringComparison.Ordinal)}/link/?ticket={ticket}&app_id={App}" };
    }

    private async Task TakeSocketAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest || !tickets.TryRemove(context.Request.Query["ticket"].ToString(), out _))
        {
            context.Response.StatusCode = 401;
            return;
        }

        using var socket = new FakeSocket(await context.WebSockets.AcceptWebSocketAsync());
        sockets[socket.Id] = socket;
        try
        {
            await socket.SendAsync(new JsonObject
            {
                ["type"] = "hello",
                ["num_connections"] = sockets.Count,
                ["connection_info"] = new JsonObject { ["app_id"] = App },
                ["debug_info"] = new JsonObject { ["host"] = "applink-fake", ["approximate_connection_time"] = 18060 },
            });
            socket.Greeted = true;
            while (await socket.ReceiveAsync(ending.Token) is { } frame)
            {
                var envelope = frame["envelope_id"]?.GetValue<string>() ?? "";
                if (acknowledgements.TryRemove(Key(socket, envelope), out var waiting))
                    waiting.TrySetResult(frame["payload"] is { } payload ? JsonSerializer.SerializeToElement(payload) : null);
            }
        }
        finally
        {
            sockets.TryRemove(socket.Id, out _);
        }
    }

    private static async Task<JsonObject> ReadAsync(HttpContext context)
    {
        if (context.Request.HasJsonContentType())
            return (await JsonSerializer.DeserializeAsync<JsonObject>(context.Request.Body))!;
        var form = await context.Request.ReadFormAsync();
        return new(form.Select(f => KeyValuePair.Create<string, JsonNode?>(f.Key, f.Value.ToString())));
    }

    private static Task WriteAsync(HttpContext context, JsonObject answer)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.WriteAsync(answer.ToJsonString());
    }

    private static JsonObject Error(string error) => new() { ["ok"] = false, ["error"] = error };

    private static string Text(JsonObject arguments, string name) => arguments[name]?.GetValue<string>() ?? "";

    private static IReadOnlyList<IMessageBlock> Blocks(JsonObject arguments) =>
        arguments["blocks"]?.Deserialize<IReadOnlyList<IMessageBlock>>(SlackJson.Options) ?? [];

    private static JsonElement? Metadata(JsonObject arguments) => arguments["metadata"] is { } m ? JsonSerializer.SerializeToElement(m) : null;

    private static JsonObject Json(FakeMessage message, bool metadata = true)
    {
        var json = new JsonObject
        {
            ["type"] = "message",
            ["ts"] = message.Ts,
            ["text"] = message.Text,
            ["team"] = Team,
            ["app_id"] = App,
            ["bot_id"] = "B0LUXHEDGE",
            ["blocks"] = JsonNode.Parse(JsonSerializer.Serialize(message.Blocks, SlackJson.Options)),
        };
        if (message.ThreadTs is { } thread)
            json["thread_ts"] = thread;
        if (metadata && message.Metadata is { } m)
            json["metadata"] = JsonNode.Parse(m.GetRawText());
        return json;
    }

    /// <summary>Slack refuses a message above its limits whole. It counts characters, which here are UTF-16 units: never fewer.</summary>
    private static string? Shape(JsonObject arguments)
    {
        if (Text(arguments, "text").Length is 0 or > 40_000)
            return Text(arguments, "text").Length == 0 && arguments["blocks"] is null ? "no_text" : Text(arguments, "text").Length == 0 ? null : "msg_too_long";
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var blocks = Blocks(arguments);
        if (blocks.Count > SlackLimits.Blocks)
            return "invalid_blocks";
        foreach (var block in blocks)
        {
            if (block.BlockId is { } id && (id.Length > 255 || !ids.Add(id)))
                return "invalid_blocks";
            var fits = block switch
            {
                Section s => Fits(s.Text, SlackLimits.SectionText),
                Header h => h.Text is PlainText && Fits(h.Text, SlackLimits.HeaderText),
                Context c => c.Elements.Count is > 0 and <= SlackLimits.ContextElements && c.Elements.All(e => Fits(e, SlackLimits.SectionText)),
                Actions a => a.Elements.Count is > 0 and <= 25 && a.Elements.Select(e => e.ActionId).Distinct().Count() == a.Elements.Count && a.Elements.All(Fits),
                _ => true,
            };
            if (!fits)
                return "invalid_blocks";
        }

        return null;
    }

    private static bool Fits(Button button) =>
        button.Text is PlainText && Fits(button.Text, SlackLimits.ButtonText) && button.ActionId.Length is > 0 and <= 255
        && (button.Value?.Length ?? 0) <= SlackLimits.ButtonValue && button.Style is null or "primary" or "danger"
        && (button.Confirm is not { } c || (Fits(c.Title, SlackLimits.ConfirmTitle) && Fits(c.Text, SlackLimits.ConfirmText)
            && Fits(c.Ok, SlackLimits.ConfirmButton) && Fits(c.Deny, SlackLimits.ConfirmButton)));

    private static bool Fits(TextObject text, int most) => text.Text.Length > 0 && text.Text.Length <= most;
}
