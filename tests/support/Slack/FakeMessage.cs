using System.Text.Json;
using LuxHedge.Activities.Notifications.Slack;

namespace LuxHedge.Tests.Support.Slack;

/// <summary>A message as the fake keeps it.</summary>
/// <param name="Ts">Slack's id of it.</param>
/// <param name="ThreadTs">Of the message that it answers; null: it stands in the channel itself.</param>
/// <param name="Versions">How often it was written: 1 when it was only posted.</param>
public sealed record FakeMessage(
    string Channel, string Ts, string? ThreadTs, string Text, IReadOnlyList<IMessageBlock> Blocks, JsonElement? Metadata, int Versions)
{
    public bool Broadcast { get; init; }

    /// <summary>As a person reads it.</summary>
    public string Rendered => SlackText.Render(new(Text, Blocks));

    public IEnumerable<Button> Buttons => Blocks.OfType<Actions>().SelectMany(a => a.Elements);

    public bool HasButtons => Buttons.Any();
}

/// <summary>What only one person has seen.</summary>
public sealed record FakeEphemeral(string Channel, string User, string Text);

/// <summary>How a click or command ended for who made it.</summary>
/// <param name="Acked">False: Slack shows the person that it did not work.</param>
/// <param name="Status">Of the HTTP answer; null over a socket.</param>
/// <param name="Payload">What came back with the answer.</param>
public sealed record FakeAnswer(bool Acked, int? Status, JsonElement? Payload)
{
    public string Text => Payload is { ValueKind: JsonValueKind.Object } p && p.TryGetProperty("text", out var text) ? text.GetString() ?? "" : "";
}

/// <summary>The ways in which the real one fails.</summary>
public enum SlackFailure
{
    /// <summary>Does it, and never answers.</summary>
    TimeOutAfterDoing,

    /// <summary>Does it, and answers 503.</summary>
    FailAfterDoing,

    /// <summary>503, and nothing is done.</summary>
    Unavailable,

    /// <summary>429 with Retry-After: 1.</summary>
    RateLimited,

    /// <summary>200 and <c>ok: false</c>.</summary>
    Refused,

    /// <summary>200 with a page of a proxy.</summary>
    NoJson,

    /// <summary>302 to another host.</summary>
    Redirect,
}
