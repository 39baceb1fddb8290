using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Slack;

/// <summary>
/// Socket Mode: interactions come over a socket that this side opens, so that no port of the machine has to be reachable. Slack closes each
/// socket after some hours and says so before: the next one is opened first, then the old one is drained. Whatever breaks is opened again,
/// with growing pauses.
/// </summary>
public sealed class SocketMode(SlackInteractions interactions, ISlackApiClient slack, SlackPlan plan, TimeProvider time, ILogger log) : BackgroundService
{
    /// <summary>The server answers a ping at once, or is gone.</summary>
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan ConnectWithin = TimeSpan.FromSeconds(15);

    /// <summary>An old socket is given this long to deliver what is under way.</summary>
    private static readonly TimeSpan DrainFor = TimeSpan.FromSeconds(30);

    /// <summary>A socket that lived so long was a good one: the pauses begin anew.</summary>
    private static readonly TimeSpan Good = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<SlackSocket, Task> readers = new();

    /// <summary><c>connected</c>, <c>connecting</c>, <c>disabled</c> (by Slack, for good) or <c>stopped</c>.</summary>
    public string Status { get; private set; } = "connecting";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pauses = new ReconnectPauses(Random.Shared.NextDouble);
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                var why = await ConnectAsync(stoppingToken);
                if (why.Reason == SocketEnd.Disabled)
                {
                    Status = "disabled";
                    log.Error("Slack has switched Socket Mode off for this app (link_disabled): no click arrives here any more. Decide with luxhedge runs approve");
                    return;
                }

                if (why.Lived >= Good || why.Reason == SocketEnd.Refresh)
                    pauses.Reset();
                if (why.Reason == SocketEnd.Refresh)
                    continue; // the next one first; the old one drains meanwhile
                Status = "connecting";
                var pause = pauses.Next(why.Reason);
                log.Warning("The socket to Slack ended ({Reason}); the next is opened in {Pause:0.0} s", why.Reason, pause.TotalSeconds);
                await Task.Delay(pause, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
        finally
        {
            foreach (var socket in readers.Keys)
                await socket.CloseAsync();
            await Task.WhenAll(readers.Values).WaitAsync(DeadAfter, CancellationToken.None).ContinueWith(_ => { }, TaskScheduler.Default);
            await interactions.SettleAsync();
            if (Status != "disabled")
                Status = "stopped";
        }
    }

    /// <summary>Whether a token may be followed to this address: Slack's own hosts by TLS, or, where the plan's Slack is on this very machine
    /// (a test's), that host.</summary>
    internal static bool IsTrusted(Uri socket, Uri api)
    {
        if (api.IsLoopback)
            return socket.Host == api.Host && socket.Scheme is "ws" or "wss";
        return socket.Scheme == "wss" && socket.UserInfo.Length == 0
            && (socket.Host == api.Host || socket.Host.EndsWith($".{api.Host}", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Opens one socket and stays with it until another has to be opened.</summary>
    private async Task<(SocketEnd Reason, TimeSpan Lived)> ConnectAsync(CancellationToken stopping)
    {
        var opened = time.GetTimestamp();
        SlackSocket socket;
        try
        {
            socket = await OpenAsync(stopping);
        }
        catch (SlackException e)
        {
            log.Warning("No socket from Slack: {Why}", e.Message);
            return (e.Error switch
            {
                "link_disabled" => SocketEnd.Disabled,
                "too_many_websockets" => SocketEnd.TooMany,
                _ => e.Final ? SocketEnd.Refused : SocketEnd.Broken,
            }, TimeSpan.Zero);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException && !stopping.IsCancellationRequested)
        {
            // The exception's own words can hold the address, which is a secret.
            log.Warning("The socket to Slack could not be opened: {Why}", (e as WebSocketException)?.WebSocketErrorCode.ToString() ?? "no answer in time");
            return (SocketEnd.Broken, TimeSpan.Zero);
        }

        foreach (var old in readers.Keys)
            _ = DrainAsync(old);
        var reading = Task.Run(socket.ReadAsync, CancellationToken.None);
        readers[socket] = reading.ContinueWith(
            _ =>
            {
                readers.TryRemove(socket, out var _);
                socket.Dispose();
            },
            TaskScheduler.Default);
        Status = "connected";
        log.Information("Slack's clicks come over a socket");
        var reason = await socket.Ending.WaitAsync(stopping);
        return (reason, time.GetElapsedTime(opened));
    }

    private async Task<SlackSocket> OpenAsync(CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(ConnectWithin);
        var answer = await slack.Apps.OpenConnection(limit.Token);
        if (!Uri.TryCreate(answer.Url, UriKind.Absolute, out var address) || !IsTrusted(address, new Uri(plan.ApiUrl)))
            throw new SlackException("apps.connections.open", "an address that is none of Slack's hosts, and is not followed");
        var client = new ClientWebSocket();
        client.Options.KeepAliveInterval = PingEvery;
        client.Options.KeepAliveTimeout = DeadAfter;
        try
        {
            await client.ConnectAsync(address, limit.Token);
            var socket = new SlackSocket(client, interactions, log);
            await socket.GreetAsync(limit.Token);
            return socket;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    private async Task DrainAsync(SlackSocket old)
    {
        // Slack closes it itself when it has delivered everything; if not, this side does.
        if (!readers.TryGetValue(old, out var reading))
            return;
        await Task.WhenAny(reading, Task.Delay(DrainFor, time));
        await old.CloseAsync();
    }
}

/// <summary>Why another socket is needed.</summary>
internal enum SocketEnd
{
    /// <summary>Slack will close it: there is time to open the next.</summary>
    Refresh,

    /// <summary>It is gone, or never came.</summary>
    Broken,

    /// <summary>Slack has enough of them from this app.</summary>
    TooMany,

    /// <summary>A wrong token, a missing right: trying again soon does not help, but the app may be mended.</summary>
    Refused,

    /// <summary>Socket Mode was switched off for the app: final.</summary>
    Disabled,
}

/// <summary>Pauses before the next socket: doubling from one second to one minute, hard where Slack has enough, each with jitter so that many
/// workers do not come at once.</summary>
/// <param name="random">0 to 1.</param>
internal sealed class ReconnectPauses(Func<double> random)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Hard = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Hardest = TimeSpan.FromMinutes(10);

    private int ended;

    public TimeSpan Next(SocketEnd reason)
    {
        var (first, longest) = reason is SocketEnd.TooMany or SocketEnd.Refused ? (Hard, Hardest) : (First, Longest);
        var pause = first * Math.Pow(2, Math.Min(ended++, 10));
        return (pause < longest ? pause : longest) * (0.75 + (random() / 2));
    }

    public void Reset() => ended = 0;
}

/// <summary>One socket: reads envelopes, has each handled, and answers it on this same socket.</summary>
internal sealed class SlackSocket(ClientWebSocket socket, SlackInteractions interactions, ILogger log) : IDisposable
{
    /// <summary>Slack's own frames are far smaller.</summary>
    private const int LargestFrame = 1 << 20;

    private readonly SemaphoreSlim sending = new(1);
    private readonly TaskCompletionSource<SocketEnd> ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<Task, bool> underWay = new();
    private byte[] buffer = new byte[16 * 1024];

    /// <summary>Ends when another socket is needed; this one may go on delivering after that.</summary>
    public Task<SocketEnd> Ending => ending.Task;

    /// <summary>Slack says hello first; what comes instead is no socket to rely on.</summary>
    public async Task GreetAsync(CancellationToken cancellation)
    {
        var frame = await ReceiveAsync(cancellation);
        if (frame is { } first && Text(first, "type") == "disconnect")
            throw new SlackException("apps.connections.open", Text(first, "reason") ?? "disconnect");
        if (frame is not { } hello || Text(hello, "type") != "hello")
            throw new SlackException("apps.connections.open", "no hello");
    }

    /// <summary>Until the socket is closed, from either end. What was delivered is handled to its end, also while the worker stops: that is
    /// bounded by the handler.</summary>
    public async Task ReadAsync()
    {
        try
        {
            while (await ReceiveAsync(CancellationToken.None) is { } frame)
                Take(frame);
        }
        catch (Exception e) when (e is WebSocketException or JsonException or InvalidOperationException or ObjectDisposedException)
        {
            log.Warning("The socket to Slack broke ({Why})", (e as WebSocketException)?.WebSocketErrorCode.ToString() ?? e.GetType().Name);
        }
        finally
        {
            ending.TrySetResult(SocketEnd.Broken);
            await Task.WhenAll(underWay.Keys);
        }
    }

    /// <summary>Waits for what is being handled, then says goodbye.</summary>
    public async Task CloseAsync()
    {
        try
        {
            await Task.WhenAll(underWay.Keys);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // It is gone already.
        }
    }

    public void Dispose()
    {
        socket.Dispose();
        sending.Dispose();
    }

    private void Take(JsonElement frame)
    {
        switch (Text(frame, "type"))
        {
            case "disconnect":
                var reason = Text(frame, "reason");
                log.Information("Slack closes a socket ({Reason})", reason);
                ending.TrySetResult(reason switch
                {
                    "link_disabled" => SocketEnd.Disabled,
                    "too_many_websockets" => SocketEnd.TooMany,
                    _ => SocketEnd.Refresh,
                });
                break;
            case "hello":
                break;
            case { } type when Text(frame, "envelope_id") is { Length: > 0 } envelope:
                var handling = HandleAsync(type, envelope, frame);
                underWay[handling] = true;
                _ = handling.ContinueWith(t => underWay.TryRemove(t, out bool _), TaskScheduler.Default);
                break;
            default:
                break;
        }
    }

    private async Task HandleAsync(string type, string envelope, JsonElement frame)
    {
        await Task.Yield();
        try
        {
            frame.TryGetProperty("payload", out var payload);
            var handled = await interactions.TakeAsync(envelope, type, payload);
            if (handled.Kind != HandledKind.Taken)
                return; // no acknowledgement: Slack tells the person that it did not work
            var answers = frame.TryGetProperty("accepts_response_payload", out var accepts) && accepts.ValueKind == JsonValueKind.True;
            await SendAsync(handled.Answer is { } text && answers
                ? JsonSerializer.SerializeToUtf8Bytes(new { envelope_id = envelope, payload = new { response_type = "ephemeral", text } }, SlackJson.Options)
                : JsonSerializer.SerializeToUtf8Bytes(new { envelope_id = envelope }, SlackJson.Options));
            interactions.Finish(handled);
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            log.Warning("An envelope was handled, and could not be acknowledged: the socket is gone ({Why})", e.GetType().Name);
        }
        catch (Exception e)
        {
            log.Error(e, "An envelope of Slack's could not be handled");
        }
    }

    private async Task SendAsync(byte[] frame)
    {
        await sending.WaitAsync();
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await socket.SendAsync(frame, WebSocketMessageType.Text, endOfMessage: true, limit.Token);
        }
        finally
        {
            sending.Release();
        }
    }

    /// <summary>Null: the other end has closed it.</summary>
    private async Task<JsonElement?> ReceiveAsync(CancellationToken cancellation)
    {
        var length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length >= LargestFrame)
                    throw new InvalidOperationException("A frame of Slack's is larger than any it sends.");
                Array.Resize(ref buffer, length * 2);
            }

            var part = await socket.ReceiveAsync(buffer.AsMemory(length), cancellation);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            length += part.Count;
            if (part.EndOfMessage)
                return JsonSerializer.Deserialize<JsonElement>(buffer.AsSpan(0, length), SlackJson.Options);
        }
    }

    private static string? Text(JsonElement frame, string name) =>
        frame.ValueKind == JsonValueKind.Object && frame.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
