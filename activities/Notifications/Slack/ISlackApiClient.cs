using System.Text.Json.Serialization;

namespace LuxHedge.Activities.Notifications.Slack;

/// <summary>
/// The part of Slack's Web API that is used here, named as in Slack.NetStandard, so that that library can take its place. Every call throws
/// <see cref="SlackException"/> where Slack did not do what was asked: an answer with <c>ok: false</c> is an error, not a result.
/// </summary>
public interface ISlackApiClient
{
    IChatApi Chat { get; }

    IConversationsApi Conversations { get; }

    IAppsApi Apps { get; }
}

public interface IChatApi
{
    /// <summary>Not idempotent: see <see cref="SlackException.Ambiguous"/>.</summary>
    Task<PostMessageResponse> Post(PostMessageRequest request, CancellationToken cancellation);

    /// <summary>Doing it twice is doing it once.</summary>
    Task<PostMessageResponse> Update(UpdateMessageRequest request, CancellationToken cancellation);

    /// <summary>Seen by one person only, and not kept by Slack.</summary>
    Task<WebApiResponse> PostEphemeral(PostEphemeralRequest request, CancellationToken cancellation);

    /// <summary>Address of a message, for a browser.</summary>
    Task<PermalinkResponse> GetPermalink(string channel, string timestamp, CancellationToken cancellation);
}

public interface IConversationsApi
{
    /// <summary>Newest first, metadata included.</summary>
    /// <param name="oldest">Slack's timestamp, as <c>1763894100.000000</c>.</param>
    Task<HistoryResponse> History(string channel, string oldest, string? cursor, CancellationToken cancellation);

    /// <summary>A message and its thread, oldest first, metadata included.</summary>
    Task<HistoryResponse> Replies(string channel, string timestamp, string? cursor, CancellationToken cancellation);
}

public interface IAppsApi
{
    /// <summary>Needs the app's token (<c>xapp-</c>). The address in the answer is a secret.</summary>
    Task<OpenConnectionResponse> OpenConnection(CancellationToken cancellation);
}

/// <summary>What every answer has.</summary>
public record WebApiResponse
{
    [JsonPropertyName("ok")]
    public bool OK { get; init; }

    public string? Error { get; init; }

    /// <summary>Seconds; set with status 429.</summary>
    [JsonIgnore]
    public TimeSpan? RetryAfter { get; init; }
}

/// <param name="Text">For notifications; blocks are what is shown.</param>
public sealed record PostMessageRequest(string Channel, string Text, IReadOnlyList<IMessageBlock> Blocks)
{
    /// <summary>Posts into the thread of this message.</summary>
    public string? ThreadTs { get; init; }

    /// <summary>A reply is shown in the channel too.</summary>
    public bool? ReplyBroadcast { get; init; }

    public MessageMetadata? Metadata { get; init; }

    /// <summary>Links are text here: nothing is fetched to preview it.</summary>
    [JsonInclude]
    public bool UnfurlLinks { get; private init; }

    [JsonInclude]
    public bool UnfurlMedia { get; private init; }
}

public sealed record UpdateMessageRequest(string Channel, string Ts, string Text, IReadOnlyList<IMessageBlock> Blocks)
{
    public MessageMetadata? Metadata { get; init; }
}

public sealed record PostEphemeralRequest(string Channel, string User, string Text)
{
    public IReadOnlyList<IMessageBlock>? Blocks { get; init; }

    public string? ThreadTs { get; init; }
}

/// <summary>Ours, on every message: how it is found again after a lost answer.</summary>
public sealed record MessageMetadata(string EventType, MessageIdentity EventPayload)
{
    public const string Type = "luxhedge";

    public static MessageMetadata Of(string nonce) => new(Type, new(nonce));
}

public sealed record MessageIdentity(string Nonce);

public sealed record PostMessageResponse : WebApiResponse
{
    public string? Channel { get; init; }

    [JsonPropertyName("ts")]
    public string? Timestamp { get; init; }

    public PostedMessage? Message { get; init; }
}

/// <summary>A message as Slack has it.</summary>
public sealed record PostedMessage
{
    public string? Ts { get; init; }
    public string? Text { get; init; }
    public string? Team { get; init; }
    public string? AppId { get; init; }
    public string? ThreadTs { get; init; }
    public PostedMetadata? Metadata { get; init; }
}

/// <summary>Of anybody's message: its payload may be anything.</summary>
public sealed record PostedMetadata
{
    public string? EventType { get; init; }
    public System.Text.Json.JsonElement EventPayload { get; init; }

    public bool Is(string nonce) =>
        EventType == MessageMetadata.Type && EventPayload.ValueKind == System.Text.Json.JsonValueKind.Object
        && EventPayload.TryGetProperty("nonce", out var n) && n.ValueKind == System.Text.Json.JsonValueKind.String && n.GetString() == nonce;
}

public sealed record HistoryResponse : WebApiResponse
{
    public IReadOnlyList<PostedMessage> Messages { get; init; } = [];
    public bool HasMore { get; init; }
    public ResponseMetadata? ResponseMetadata { get; init; }
}

public sealed record ResponseMetadata
{
    public string? NextCursor { get; init; }
}

public sealed record PermalinkResponse : WebApiResponse
{
    public string? Permalink { get; init; }
}

public sealed record OpenConnectionResponse : WebApiResponse
{
    public string? Url { get; init; }
}

/// <summary>Slack did not do what was asked, or nobody knows whether it did.</summary>
/// <param name="method">As <c>chat.postMessage</c>.</param>
/// <param name="error">Slack's word (<c>channel_not_found</c>), or what happened on the way there.</param>
public sealed class SlackException(string method, string error, Exception? inner = null)
    : Exception($"Slack, {method}: {error}", inner)
{
    public string Error { get; } = error;

    /// <summary>It may have been done: the answer was lost, or the server failed while it worked. Look before doing it again.</summary>
    public bool Ambiguous { get; init; }

    /// <summary>Too many requests; it was not done, and may be after this.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Nothing that trying again mends: a wrong token, an unknown channel, a missing right.</summary>
    public bool Final => !Ambiguous && RetryAfter is null && Error is not ("unreachable" or "internal_error" or "service_unavailable" or "team_added_to_org");
}
