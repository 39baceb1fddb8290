using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Worker.Display;

/// <summary>What is known of a run that is watched, and what follows from two looks at it: rates and the time left.</summary>
public sealed class RunWatch(RunRow run, TimeProvider clock)
{
    /// <summary>A rate is taken over so much of the past: long enough to be steady, short enough to follow a change.</summary>
    private static readonly TimeSpan RateWindow = TimeSpan.FromSeconds(20);

    /// <summary>A worker that lives answers at once, or within the few seconds that a query may take; a server goes on listing one that was
    /// killed for minutes.</summary>
    private static readonly TimeSpan LongSilence = TimeSpan.FromSeconds(8);

    private readonly Dictionary<string, Queue<(DateTimeOffset At, long Done)>> samples = [];

    private DateTimeOffset answeredAt = clock.GetUtcNow();

    public RunRow Run { get; } = run;

    public RunState? State { get; private set; }

    /// <summary>Activities of the run and of the runs that are its steps.</summary>
    public IReadOnlyList<ActivityView> Pending { get; private set; } = [];

    /// <summary>Why Temporal can't be asked just now; null: it answers.</summary>
    public string? Away { get; set; }

    /// <summary>Why nothing moves, if that is known.</summary>
    public string? Problem { get; private set; }

    public bool Closed { get; private set; }

    public DateTimeOffset Now => clock.GetUtcNow();

    public TimeSpan Age => (Run.ClosedAt ?? Now) - Run.StartedAt;

    /// <summary>Everything that waits for a decision just now: of the run, and of the runs that are its steps.</summary>
    public IReadOnlyList<OpenAsk> Asks { get; private set; } = [];

    public Ask? Ask => Asks.Count > 0 ? Asks[0].Ask : null;

    /// <summary>Failed steps that a person has to retry or skip.</summary>
    public IReadOnlyList<WaitingStep> WaitingSteps => Closed ? [] : State?.WaitingSteps ?? [];

    public void Note(RunView view)
    {
        Closed = !view.Open;
        Pending = [.. Activities(view)];
        State = view.State ?? State;
        Asks = Closed ? [] : view.State is null ? Asks : [.. OpenAsks(view, Run.RunId)];
        if (view.State is not null || Closed)
        {
            answeredAt = Now;
        }

        Problem = view.Problem ?? (Now - answeredAt > LongSilence
            ? $"No worker has answered for {Amounts.Span(TimeSpan.FromSeconds((long)(Now - answeredAt).TotalSeconds))}. Is one running? luxhedge worker"
            : null);
        foreach (var pending in Pending)
        {
            if (pending.Progress is not { } progress)
            {
                continue;
            }

            if (!samples.TryGetValue(pending.Id, out var past))
            {
                samples[pending.Id] = past = new();
            }

            // A new attempt counts from the start again: its rate has nothing to do with the one before.
            if (past.Count > 0 && past.Last().Done > progress.Done)
            {
                past.Clear();
            }

            if (past.Count == 0 || past.Last().Done != progress.Done)
            {
                past.Enqueue((Now, progress.Done));
            }

            while (past.Count > 2 && Now - past.Peek().At > RateWindow)
            {
                past.Dequeue();
            }
        }
    }

    private static IEnumerable<OpenAsk> OpenAsks(RunView view, string? runId)
    {
        var own = view.State switch
        {
            null => [],
            { Asks.Count: > 0 } state => state.Asks,
            { WaitingFor: { } one } => [one],
            _ => Array.Empty<Ask>(),
        };
        return own.Select(a => new OpenAsk(a, view.State!, runId ?? view.State!.RunId)).Concat(view.Children.SelectMany(c => OpenAsks(c, null)));
    }

    /// <summary>In the order in which they were scheduled, which is that of their ids; those are unique within one workflow only.</summary>
    private static IEnumerable<ActivityView> Activities(RunView view) =>
        view.Activities.OrderBy(a => a.Id.Length).ThenBy(a => a.Id, StringComparer.Ordinal).Select(a => a with { Id = $"{view.Run.WorkflowId} {a.Id}" }).Concat(view.Children.SelectMany(Activities));

    /// <summary>Units a second, or null before two heartbeats have differed.</summary>
    public double? Rate(ActivityView pending)
    {
        if (!samples.TryGetValue(pending.Id, out var past) || past.Count < 2)
        {
            return null;
        }

        var (firstAt, firstDone) = past.Peek();
        var seconds = (Now - firstAt).TotalSeconds;
        return seconds <= 0 ? null : (past.Last().Done - firstDone) / seconds;
    }

    /// <summary>At the present rate; null where there is no rate or no total.</summary>
    public TimeSpan? Left(ActivityView pending) =>
        pending.Progress is { Total: > 0 } progress && Rate(pending) is > 0 and var rate
            ? TimeSpan.FromSeconds(Math.Max(0, progress.Total - progress.Done) / rate)
            : null;

    /// <summary>The longest of the parts that are running now: what is known of when this run's present step ends.</summary>
    public TimeSpan? Left() => Pending.Select(Left).Max();
}

/// <summary>A question that is open now, in the run that is watched or in one that is a step of it.</summary>
/// <param name="RunId">Of the run that asks: what <c>runs approve</c> takes.</param>
public sealed record OpenAsk(Ask Ask, RunState State, string RunId);
