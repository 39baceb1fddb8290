using System.Collections.Concurrent;

namespace LuxHedge.Activities.Notifications.Slack;

/// <summary>About one message a second and channel, which is what Slack allows. Whoever comes waits for the next free second.</summary>
public sealed class ChannelPace(TimeProvider time)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> free = new(StringComparer.Ordinal);
    private readonly Lock choosing = new();

    /// <summary>Returns when it is this caller's turn; false, at once, where that would be later than <paramref name="patience"/> allows.</summary>
    public async Task<bool> WaitAsync(string channel, TimeSpan patience, CancellationToken cancellation)
    {
        TimeSpan wait;
        lock (choosing)
        {
            var now = time.GetUtcNow();
            var turn = free.TryGetValue(channel, out var next) && next > now ? next : now;
            wait = turn - now;
            if (wait > patience)
                return false;
            free[channel] = turn + Interval;
        }

        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, time, cancellation);
        return true;
    }
}
