using System.Net;
using System.Text;
using System.Text.Json;
using LuxHedge.Activities;
using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using Microsoft.AspNetCore.WebUtilities;
using Serilog;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Slack;

/// <summary>
/// What the worker listens to with <c>--listen</c>: <c>POST /slack/interactions</c>, <c>POST /slack/commands</c>, <c>GET /health</c>. A
/// reverse proxy with TLS belongs in front of it.
/// </summary>
public sealed class HttpListener(
    IPEndPoint address, SlackPlan? slackPlan, SlackInteractions? interactions, Health health, TimeProvider time, ILogger log, Action<Uri>? listening) : IHostedService
{
    /// <summary>Slack's interactions hold the message that was clicked: some tens of kilobytes at most.</summary>
    private const int LargestBody = 256 * 1024;

    private WebApplication? app;

    /// <summary><c>127.0.0.1:8080</c>, <c>[::1]:8080</c>, <c>localhost:8080</c> or <c>*:8080</c>; null for anything else.</summary>
    public static IPEndPoint? Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        var (host, port) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        if (!ushort.TryParse(port, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number))
            return null;
        var ip = host switch
        {
            "localhost" => IPAddress.Loopback,
            "*" => IPAddress.Any,
            ['[', .., ']'] => IPAddress.TryParse(host[1..^1], out var six) ? six : null,
            _ => IPAddress.TryParse(host, out var four) && four.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? four : null,
        };
        return ip is null ? null : new(ip, number);
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSerilog(log).AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(address);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestBody;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
            kestrel.Limits.MaxConcurrentConnections = 200;
        });
        app = builder.Build();
        app.MapGet("/health", ShowHealthAsync);
        app.MapPost("/slack/interactions", context => TakeAsync(context, InteractionAsync));
        app.MapPost("/slack/commands", context => TakeAsync(context, CommandAsync));
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException e)
        {
            throw new RefusalException(ErrorKinds.Usage, $"Nothing can listen on {address}: {e.Message}", "--listen", "Choose an address of this machine and a free port.", e);
        }

        var uri = new Uri(app.Urls.First());
        log.Information("Listens on {Address}: /health{Slack}", uri, interactions is null ? "" : ", /slack/interactions and /slack/commands");
        listening?.Invoke(uri);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (app is null)
            return;
        await app.StopAsync(cancellationToken);
        await app.DisposeAsync();
        if (interactions is not null)
            await interactions.SettleAsync();
    }

    private async Task ShowHealthAsync(HttpContext context)
    {
        var report = await health.LookAsync(context.RequestAborted);
        context.Response.StatusCode = report.Healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(report, LuxJson.Options, context.RequestAborted);
    }

    /// <summary>Nothing of a body is looked at before its signature is good.</summary>
    private async Task TakeAsync(HttpContext context, Func<string, Task<Handled>> take)
    {
        var response = context.Response;
        if (slackPlan?.SigningSecret is not { } secret || interactions is null)
        {
            response.StatusCode = StatusCodes.Status503ServiceUnavailable; // without a secret nobody can be believed
            return;
        }

        if (await BodyAsync(context) is not { } body)
        {
            response.StatusCode = StatusCodes.Status413PayloadTooLarge;
            return;
        }

        var headers = context.Request.Headers;
        if (!RequestVerifier.Verify(secret.Resolve(), One(headers[RequestVerifier.TimestampHeader]), One(headers[RequestVerifier.SignatureHeader]), body, time.GetUtcNow()))
        {
            log.Warning("A request to {Path} from {From} without a good signature of Slack's was refused", context.Request.Path.Value, context.Connection.RemoteIpAddress);
            response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        Handled handled;
        try
        {
            handled = await take(Encoding.UTF8.GetString(body));
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or DecoderFallbackException)
        {
            handled = Handled.Malformed;
        }

        response.StatusCode = handled.Kind switch
        {
            HandledKind.Taken => StatusCodes.Status200OK,
            HandledKind.Failed => StatusCodes.Status503ServiceUnavailable,
            _ => StatusCodes.Status400BadRequest,
        };
        if (handled is { Kind: HandledKind.Taken, Answer: { } text })
            await response.WriteAsJsonAsync(new { response_type = "ephemeral", text }, SlackJson.Options, CancellationToken.None);
        else
            await response.CompleteAsync();
        interactions.Finish(handled);
    }

    private async Task<Handled> InteractionAsync(string body)
    {
        var form = QueryHelpers.ParseQuery(body);
        return form.TryGetValue("payload", out var payload) && payload.Count == 1 && form.Count == 1
            ? await interactions!.ClickAsync(JsonSerializer.Deserialize<JsonElement>(payload.ToString(), SlackJson.Options))
            : Handled.Malformed;
    }

    private async Task<Handled> CommandAsync(string body)
    {
        var form = QueryHelpers.ParseQuery(body);
        return SlashCommand.Parse(name => form.TryGetValue(name, out var values) ? One(values) : null) is { } command
            ? await interactions!.CommandAsync(command)
            : Handled.Malformed;
    }

    /// <summary>A header or field that is there twice is not there.</summary>
    private static string? One(Microsoft.Extensions.Primitives.StringValues values) => values.Count == 1 ? values[0] : null;

    /// <summary>Null: it is larger than anything of Slack's.</summary>
    private static async Task<byte[]?> BodyAsync(HttpContext context)
    {
        if (context.Request.ContentLength > LargestBody)
            return null;
        try
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            return body.ToArray();
        }
        catch (BadHttpRequestException)
        {
            return null;
        }
    }
}
