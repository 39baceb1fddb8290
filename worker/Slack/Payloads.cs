using System.Text.Json;
using LuxHedge.Activities.Notifications.Slack;

namespace LuxHedge.Worker.Slack;

/// <summary>A click, as Slack sends it (names as in Slack.NetStandard). What is not here is not looked at.</summary>
public sealed record BlockActionsPayload
{
    public string? Type { get; init; }
    public PayloadUser? User { get; init; }
    public PayloadTeam? Team { get; init; }
    public string? ApiAppId { get; init; }
    public PayloadContainer? Container { get; init; }
    public PayloadChannel? Channel { get; init; }
    public IReadOnlyList<PayloadAction>? Actions { get; init; }

    /// <summary>Null for whatever is no JSON of this shape.</summary>
    public static BlockActionsPayload? Parse(JsonElement payload)
    {
        try
        {
            return payload.ValueKind == JsonValueKind.Object ? payload.Deserialize<BlockActionsPayload>(SlackJson.Options) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

public sealed record PayloadUser(string? Id, string? TeamId);

public sealed record PayloadTeam(string? Id);

public sealed record PayloadChannel(string? Id);

public sealed record PayloadContainer(string? Type, string? MessageTs, string? ChannelId, bool IsEphemeral);

public sealed record PayloadAction(string? ActionId, string? BlockId, string? Value, string? Type, string? ActionTs);

/// <summary>What a person typed: <c>/dr status</c>.</summary>
public sealed record SlashCommand(string Command, string Text, string UserId, string TeamId, string ChannelId, string? ApiAppId)
{
    /// <param name="field">A field's text, or null.</param>
    public static SlashCommand? Parse(Func<string, string?> field) =>
        field("command") is { Length: > 0 } command && field("user_id") is { Length: > 0 } user
            ? new(command, field("text") ?? "", user, field("team_id") ?? "", field("channel_id") ?? "", field("api_app_id"))
            : null;
}
