using System.Text.Json.Serialization;

namespace LuxHedge.Activities.Notifications.Slack;

/// <summary>Slack's limits on what a message may hold (Block Kit reference). They count characters; a message above one is refused whole.</summary>
public static class SlackLimits
{
    public const int Blocks = 50;
    public const int SectionText = 3_000;
    public const int HeaderText = 150;
    public const int ContextElements = 10;
    public const int ButtonText = 75;
    public const int ButtonValue = 2_000;
    public const int ConfirmTitle = 100;
    public const int ConfirmText = 300;
    public const int ConfirmButton = 30;

    /// <summary>The text beside the blocks, which notifications and screen readers use: kept far below the limit of 40,000.</summary>
    public const int Text = 3_000;
}

/// <summary>One block of a message.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Section), "section")]
[JsonDerivedType(typeof(Header), "header")]
[JsonDerivedType(typeof(Actions), "actions")]
[JsonDerivedType(typeof(Context), "context")]
[JsonDerivedType(typeof(Divider), "divider")]
public interface IMessageBlock
{
    string? BlockId { get; }
}

public sealed record Section(TextObject Text) : IMessageBlock
{
    public string? BlockId { get; init; }
}

/// <param name="Text">Plain.</param>
public sealed record Header(TextObject Text) : IMessageBlock
{
    public string? BlockId { get; init; }
}

public sealed record Actions(IReadOnlyList<Button> Elements) : IMessageBlock
{
    public string? BlockId { get; init; }
}

public sealed record Context(IReadOnlyList<TextObject> Elements) : IMessageBlock
{
    public string? BlockId { get; init; }
}

public sealed record Divider : IMessageBlock
{
    public string? BlockId { get; init; }
}

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(PlainText), "plain_text")]
[JsonDerivedType(typeof(MarkdownText), "mrkdwn")]
public abstract record TextObject(string Text);

/// <summary>Shown as it is; nothing in it is a mention or a link.</summary>
public sealed record PlainText(string Text) : TextObject(Text);

/// <summary>Slack's mrkdwn: what comes from elsewhere has to be escaped (<see cref="Mrkdwn.Escape"/>).</summary>
public sealed record MarkdownText(string Text) : TextObject(Text);

/// <param name="Value">Comes back with a click.</param>
/// <param name="Style"><c>primary</c>, <c>danger</c>, or null.</param>
public sealed record Button(TextObject Text, string ActionId, string? Value, string? Style, Confirm? Confirm)
{
    [JsonInclude]
    public string Type { get; private init; } = "button";
}

/// <summary>What Slack asks before it sends a click.</summary>
/// <param name="Ok">Label of the button that goes on; <c>confirm</c> on the wire.</param>
public sealed record Confirm(TextObject Title, TextObject Text, [property: JsonPropertyName("confirm")] TextObject Ok, TextObject Deny, string? Style);
