using System.Globalization;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Notifications;
using Serilog;

namespace LuxHedge.Activities.Notifications.Slack;

/// <summary>
/// Posts once. Posting is not idempotent at Slack's, so every message carries a nonce of ours in its metadata, and whenever it may have been
/// posted already (a lost answer, an attempt before this one) it is looked for first.
/// </summary>
public sealed class SlackPoster(ISlackApiClient slack, SlackPlan plan, TimeProvider time, ILogger log)
{
    /// <summary>Waiting for a turn in the channel: where it would come later, the activity's next attempt does better.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>How long Slack's lists lag behind a post whose answer was lost.</summary>
    private static readonly TimeSpan Lag = TimeSpan.FromSeconds(1);

    /// <summary>How far the clocks of Slack and of the one who says since when may be apart.</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    private const int PagesLookedAt = 5;

    private readonly ChannelPace pace = new(time);

    /// <summary>The channel's id: Slack tells it with the first post where the plan has only its name.</summary>
    private string channel = plan.Channel;

    /// <summary>A message in the channel.</summary>
    /// <param name="nonce">The same thing has the same nonce.</param>
    /// <param name="since">It can't have been posted before.</param>
    /// <param name="mayBeThere">An earlier attempt may have posted it.</param>
    public Task<MessageReference> PostAsync(
        SlackMessage message, string nonce, DateTimeOffset since, bool mayBeThere, CancellationToken cancellation) =>
        OnceAsync(
            new(channel, message.Text, message.Blocks) { Metadata = MessageMetadata.Of(nonce) }, nonce, mayBeThere,
            () => FindAsync(nonce, since, cancellation), cancellation);

    /// <summary>A reply in a message's thread.</summary>
    public Task<MessageReference> ReplyAsync(
        MessageReference parent, SlackMessage message, string nonce, bool broadcast, bool mayBeThere, CancellationToken cancellation) =>
        OnceAsync(
            new(parent.Channel, message.Text, message.Blocks)
            {
                ThreadTs = parent.Timestamp,
                ReplyBroadcast = broadcast ? true : null,
                Metadata = MessageMetadata.Of(nonce),
            },
            nonce, mayBeThere, () => FindReplyAsync(parent, nonce, cancellation), cancellation);

    /// <summary>Takes the place of what the message was.</summary>
    /// <param name="patience">Null: as long as it takes. False where its turn would come later; nothing was sent then.</param>
    public async Task<bool> UpdateAsync(
        MessageReference reference, SlackMessage message, string nonce, TimeSpan? patience, CancellationToken cancellation)
    {
        if (!await pace.WaitAsync(reference.Channel, patience ?? Patience, cancellation))
            return false;
        await slack.Chat.Update(
            new(reference.Channel, reference.Timestamp, message.Text, message.Blocks) { Metadata = MessageMetadata.Of(nonce) }, cancellation);
        return true;
    }

    /// <summary>The message with this nonce, or null. Throws <see cref="SlackException"/> where that can't be known.</summary>
    public async Task<MessageReference?> FindAsync(string nonce, DateTimeOffset since, CancellationToken cancellation)
    {
        var oldest = (since - ClockTolerance).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture) + ".000000";
        return await FindAsync(nonce, channel, cursor => slack.Conversations.History(channel, oldest, cursor, cancellation));
    }

    private async Task<MessageReference?> FindReplyAsync(MessageReference parent, string nonce, CancellationToken cancellation) =>
        await FindAsync(nonce, parent.Channel, cursor => slack.Conversations.Replies(parent.Channel, parent.Timestamp, cursor, cancellation));

    private static async Task<MessageReference?> FindAsync(string nonce, string channel, Func<string?, Task<HistoryResponse>> read)
    {
        string? cursor = null;
        for (var page = 0; page < PagesLookedAt; page++)
        {
            var answer = await read(cursor);
            if (answer.Messages.FirstOrDefault(m => m.Metadata?.Is(nonce) == true) is { Ts: { } ts } found)
                return new(channel, ts) { Team = found.Team, App = found.AppId };
            cursor = answer.ResponseMetadata?.NextCursor;
            if (string.IsNullOrEmpty(cursor))
                break;
        }

        return null;
    }

    private async Task<MessageReference> OnceAsync(
        PostMessageRequest request, string nonce, bool mayBeThere, Func<Task<MessageReference?>> find, CancellationToken cancellation)
    {
        if (mayBeThere && await LookAsync(find) is { } there)
            return there;
        if (!await pace.WaitAsync(request.Channel, Patience, cancellation))
            throw new SlackException("chat.postMessage", "more is to be told than Slack takes") { RetryAfter = Patience };
        try
        {
            return await PostAsync(request, cancellation);
        }
        catch (SlackException e) when (e.Ambiguous)
        {
            log.Warning("{Why} It is looked for before it is posted again", e.Message);
            await Task.Delay(Lag, time, cancellation);
            return await find() ?? await PostAsync(request, cancellation);
        }
    }

    /// <summary>Where nobody can look (a missing right, a channel by name), an ask that reaches people perhaps twice is better than one that
    /// reaches nobody.</summary>
    private async Task<MessageReference?> LookAsync(Func<Task<MessageReference?>> find)
    {
        try
        {
            return await find();
        }
        catch (SlackException e) when (e.Final)
        {
            log.Warning("Whether it was posted before can't be seen ({Why}): give the app channels:history, and the plan the channel's id", e.Message);
            return null;
        }
    }

    private async Task<MessageReference> PostAsync(PostMessageRequest request, CancellationToken cancellation)
    {
        var answer = await slack.Chat.Post(request, cancellation);
        if (answer is not { Channel: { } posted, Timestamp: { } timestamp })
            throw new SlackException("chat.postMessage", "an answer without channel and ts") { Ambiguous = true };
        if (request.Channel == channel)
            channel = posted;
        return new(posted, timestamp) { Team = answer.Message?.Team, App = answer.Message?.AppId };
    }
}
