using System.Text;
using System.Text.RegularExpressions;

namespace LuxHedge.Activities.Notifications.Slack;

/// <summary>A message as it is sent: blocks, and the text that notifications show.</summary>
public sealed record SlackMessage(string Text, IReadOnlyList<IMessageBlock> Blocks);

/// <summary>Messages as a person reads them, for review, logs and tests.</summary>
public static partial class SlackText
{
    public static string Render(SlackMessage message)
    {
        var text = new StringBuilder();
        text.Append("(notification) ").Append(Plain(message.Text)).Append('\n');
        foreach (var block in message.Blocks)
        {
            text.Append('\n');
            switch (block)
            {
                case Header header:
                    text.Append("# ").Append(header.Text.Text).Append('\n');
                    break;
                case Section section:
                    text.Append(Plain(section.Text.Text)).Append('\n');
                    break;
                case Context context:
                    foreach (var element in context.Elements)
                        text.Append("  ").Append(Plain(element.Text).Replace("\n", "\n  ", StringComparison.Ordinal)).Append('\n');
                    break;
                case Divider:
                    text.Append("----\n");
                    break;
                case Actions actions:
                    text.Append(string.Join("  ", actions.Elements.Select(b => $"[ {b.Text.Text} ]"))).Append('\n');
                    foreach (var button in actions.Elements)
                    {
                        if (button.Confirm is { } confirm)
                            text.Append($"  {button.Text.Text} asks first: {confirm.Title.Text} {Plain(confirm.Text.Text)} [ {confirm.Ok.Text} ] [ {confirm.Deny.Text} ]\n");
                    }

                    break;
                default:
                    text.Append(block.GetType().Name).Append('\n');
                    break;
            }
        }

        return text.ToString();
    }

    /// <summary>mrkdwn as text: mentions as @id, dates as their fallback, emoji by name, escapes undone.</summary>
    public static string Plain(string mrkdwn)
    {
        var text = Angle().Replace(mrkdwn, m => m.Groups["what"].Value switch
        {
            ['@', ..] => $"@{m.Groups["label"].Value switch { "" => m.Groups["what"].Value[1..], var label => label }}",
            ['!', ..] when m.Groups["label"].Success => m.Groups["label"].Value,
            ['!', ..] => $"@{m.Groups["what"].Value[1..]}",
            ['#', ..] => m.Groups["what"].Value,
            var link => m.Groups["label"].Success ? $"{m.Groups["label"].Value} ({link})" : link,
        });
        return text.Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal).Replace("&amp;", "&", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"<(?<what>[^|>]+)(?:\|(?<label>[^>]*))?>", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Angle();
}
