using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Atlas;

/// <summary>
/// How a run waits for Atlas: timers of the workflow between short activities, so that no worker is held and a restart loses nothing. Often at
/// first, since most snapshots take minutes; seldom later, since Atlas limits requests.
/// </summary>
internal sealed class AtlasPatience(TimeSpan limit, CancellationToken cancellation)
{
    /// <summary>No snapshot of ours takes so long; one that does is looked at by a person.</summary>
    public static readonly TimeSpan ForSnapshot = TimeSpan.FromHours(12);

    /// <summary>Terabytes are copied in less.</summary>
    public static readonly TimeSpan ForRestore = TimeSpan.FromHours(24);

    /// <summary>An outage of Atlas' API, or a key that is being replaced, says nothing of what Atlas does meanwhile.</summary>
    private static readonly TimeSpan MostSilence = TimeSpan.FromHours(1);

    private readonly DateTimeOffset until = Steps.Now + limit;
    private DateTimeOffset? silentSince;
    private int looks;

    /// <summary>What went wrong while asking, and passed.</summary>
    public List<string> Notes { get; } = [];

    public bool IsOver => Steps.Now >= until;

    /// <summary>Between one look and the next.</summary>
    private TimeSpan Interval => looks switch
    {
        < 20 => TimeSpan.FromSeconds(30),
        < 60 => TimeSpan.FromMinutes(2),
        _ => TimeSpan.FromMinutes(5),
    };

    public Task WaitAsync(string summary)
    {
        var left = until - Steps.Now;
        var wait = Interval < left ? Interval : left;
        looks++;
        return Workflow.DelayWithOptionsAsync(new(wait > TimeSpan.Zero ? wait : TimeSpan.FromSeconds(1), summary, cancellation));
    }

    /// <summary>Looks until it is over. Null: it was not within the limit.</summary>
    public async Task<T?> UntilAsync<T>(string what, Func<Task<T>> look, Func<T, bool> isOver)
        where T : class
    {
        while (true)
        {
            if (await LookAsync(look) is { } seen && isOver(seen))
                return seen;
            if (IsOver)
                return null;
            await WaitAsync($"until Atlas has finished {what}");
        }
    }

    private async Task<T?> LookAsync<T>(Func<Task<T>> look)
        where T : class
    {
        try
        {
            var seen = await look();
            silentSince = null;
            return seen;
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e) && Failures.ToReport(e).Kind == ErrorKinds.Unreachable)
        {
            silentSince ??= Steps.Now;
            if (Steps.Now - silentSince > MostSilence)
                throw;
            var note = $"Atlas could not be asked for a while: {Failures.ToReport(e).Message}";
            if (!Notes.Contains(note, StringComparer.Ordinal))
                Notes.Add(note);
            return null;
        }
    }
}
