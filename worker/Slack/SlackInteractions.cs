using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ILogger = Serilog.ILogger;

namespace LuxHedge.Worker.Slack;

/// <summary>What both transports hand what they were brought to. An envelope that is delivered twice is handled once.</summary>
public sealed class SlackInteractions(ClickHandler clicks, CommandHandler commands, ILogger log)
{
    private const int EnvelopesRemembered = 1_000;

    private static readonly TimeSpan Ending = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Lazy<Task<Handled>>> envelopes = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> order = new();
    private readonly ConcurrentDictionary<Task, bool> afterwards = new();
    private readonly ConditionalWeakTable<Handled, object> finished = [];

    /// <param name="envelope">Slack's id of the delivery.</param>
    /// <param name="type"><c>interactive</c> or <c>slash_commands</c>; whatever else an app may be subscribed to is passed over.</param>
    public async Task<Handled> TakeAsync(string envelope, string type, JsonElement payload)
    {
        var first = new Lazy<Task<Handled>>(() => TakeAsync(type, payload));
        var handling = envelopes.GetOrAdd(envelope, first);
        if (ReferenceEquals(handling, first))
        {
            order.Enqueue(envelope);
            while (order.Count > EnvelopesRemembered && order.TryDequeue(out var oldest))
                envelopes.TryRemove(oldest, out _);
        }

        var handled = await handling.Value;
        if (handled.Kind == HandledKind.Failed)
            envelopes.TryRemove(envelope, out _); // delivered again, it may work
        return handled;
    }

    public Task<Handled> ClickAsync(JsonElement payload) => clicks.HandleAsync(payload, CancellationToken.None);

    public Task<Handled> CommandAsync(SlashCommand command) => commands.HandleAsync(command, CancellationToken.None);

    /// <summary>Does what is left once it was acknowledged, without anybody waiting for it. Twice is once.</summary>
    public void Finish(Handled handled)
    {
        if (handled.Afterwards is not { } work || !finished.TryAdd(handled, this))
            return;
        var task = Task.Run(async () =>
        {
            try
            {
                await work();
            }
            catch (Exception e)
            {
                log.Error(e, "What follows an interaction of Slack's failed");
            }
        });
        afterwards[task] = true;
        _ = task.ContinueWith(t => afterwards.TryRemove(t, out bool _), TaskScheduler.Default);
    }

    /// <summary>Before the worker ends: waits for what is left, but not for ever.</summary>
    public async Task SettleAsync() =>
        await Task.WhenAll(afterwards.Keys).WaitAsync(Ending).ContinueWith(_ => { }, TaskScheduler.Default);

    private async Task<Handled> TakeAsync(string type, JsonElement payload)
    {
        switch (type)
        {
            case "interactive":
                return await clicks.HandleAsync(payload, CancellationToken.None);
            case "slash_commands":
                return SlashCommand.Parse(name => payload.ValueKind == JsonValueKind.Object && payload.TryGetProperty(name, out var v)
                    && v.ValueKind == JsonValueKind.String ? v.GetString() : null) is { } command
                    ? await commands.HandleAsync(command, CancellationToken.None)
                    : Handled.Malformed;
            default:
                return Handled.Taken;
        }
    }
}
