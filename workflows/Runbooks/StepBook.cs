using System.Text.Json;
using System.Text.Json.Serialization;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>How a list of steps goes on after one of them.</summary>
internal enum Flow
{
    GoOn,

    /// <summary>The steps after it are not reached; a group around it may still go on (<c>on-failure: continue</c>).</summary>
    Stop,

    /// <summary>The run ends: aborted, cancelled, or a drill that would have reached production. No group goes on after that.</summary>
    End,
}

/// <summary>One step of the run as it stands: carried whole when the run goes on in a new execution.</summary>
internal sealed class StepEntry
{
    /// <summary>Flat.</summary>
    public required string Id { get; init; }
    public required string Kind { get; init; }
    public string? Title { get; init; }
    public bool IsCleanUp { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>One of <see cref="StepStates"/>.</summary>
    public required string State { get; set; }
    public int Attempts { get; set; }
    public string? Detail { get; set; }
    public Verdict Verdict { get; set; } = Verdict.Proven;
    public ActionOutcome? Outcome { get; set; }
    public Flow Flow { get; set; }

    /// <summary>What the newest attempt failed of; a person's retry takes it away.</summary>
    public ErrorReport? Failure { get; set; }

    /// <summary><c>Denied</c>, <c>Expired</c>, <c>Aborted</c>, <c>NotApproved</c>: more than a failure.</summary>
    public string? Ended { get; set; }

    /// <summary>Of a wait.</summary>
    public DateTimeOffset? Until { get; set; }

    /// <summary>Of an approve step: the flat id of the step that it stands for.</summary>
    public string? StandsFor { get; set; }

    /// <summary>When people were waited for in it; the last one may be open.</summary>
    public List<Waited> Waits { get; init; } = [];

    public List<string> Interventions { get; init; } = [];

    /// <summary>It waits for people or for a time and nothing of it runs: it can be put down here and taken up in a new execution.</summary>
    [JsonIgnore]
    public bool Parked { get; set; }

    [JsonIgnore]
    public bool IsOpen => EndedAt is null;

    public TimeSpan WaitedUntil(DateTimeOffset now) => Waits.Aggregate(TimeSpan.Zero, (sum, w) => sum + ((w.To ?? now) - w.From));

    /// <summary>When it was open and waited for nobody.</summary>
    public IEnumerable<Span> Worked(DateTimeOffset now)
    {
        var from = StartedAt;
        foreach (var wait in Waits)
        {
            yield return new(from, wait.From);
            from = wait.To ?? now;
        }

        yield return new(from, EndedAt ?? now);
    }

    public void WaitFrom(DateTimeOffset now)
    {
        if (Waits.Count == 0 || Waits[^1].To is not null)
            Waits.Add(new(now, null));
    }

    public void WaitTo(DateTimeOffset now)
    {
        if (Waits.Count > 0 && Waits[^1].To is null)
            Waits[^1] = Waits[^1] with { To = now };
    }
}

/// <param name="To">Null: still.</param>
internal readonly record struct Waited(DateTimeOffset From, DateTimeOffset? To);

/// <summary>Every step that the run has begun, in the order they began, and what each came to.</summary>
internal sealed class StepBook
{
    private readonly List<StepEntry> entries = [];
    private readonly Dictionary<string, StepEntry> byId = new(StringComparer.Ordinal);

    public IReadOnlyList<StepEntry> Entries => entries;

    /// <summary>Grows with every change: what people are told of the run is as new as this.</summary>
    public int Version { get; private set; }

    /// <summary>Steps that began or ended in this execution.</summary>
    public int Moves { get; private set; }

    /// <summary>There were more steps to do than a run may have: it ended there.</summary>
    public bool IsOverfull { get; set; }

    /// <summary>Nothing runs: every open step is parked.</summary>
    public bool IsQuiet => entries.TrueForAll(e => !e.IsOpen || e.Parked);

    public StepEntry? Find(string id) => byId.GetValueOrDefault(id);

    public void TakeUp(IEnumerable<StepEntry> carried)
    {
        foreach (var entry in carried)
            Add(entry);
        Moves = 0;
    }

    public StepEntry Begin(string id, string kind, string? title, bool isCleanUp) => Add(new()
    {
        Id = id,
        Kind = kind,
        Title = title,
        IsCleanUp = isCleanUp,
        StartedAt = Steps.Now,
        State = StepStates.Running,
    });

    /// <summary>A step that is not done, and why: it makes nothing worse by itself.</summary>
    public void Skip(string id, string kind, string? title, string why)
    {
        if (byId.ContainsKey(id))
            return;
        var entry = Begin(id, kind, title, isCleanUp: false);
        End(entry, StepStates.Skipped, Verdict.Proven, why, Flow.GoOn);
    }

    public void Done(StepEntry entry, ActionOutcome outcome)
    {
        entry.Failure = null;
        entry.Outcome = outcome;
        End(entry, StepStates.Done, outcome.Checks.Count == 0 ? Verdict.Proven : Verdicts.Worst(outcome.Checks.Select(c => c.Verdict)),
            outcome.Detail, Flow.GoOn);
    }

    public void End(StepEntry entry, string state, Verdict verdict, string? detail, Flow flow)
    {
        entry.WaitTo(Steps.Now);
        entry.Parked = false;
        entry.State = state;
        entry.Verdict = verdict;
        entry.Detail = detail;
        entry.Flow = flow;
        entry.EndedAt = Steps.Now;
        Moves++;
        Show();
    }

    /// <summary>Shows what has changed as a table in the Temporal UI. Nothing of it goes into the history.</summary>
    public void Show()
    {
        Version++;
        Workflow.CurrentDetails = Steps.Table(Timings.TakeLast(ShownSteps));
    }

    public IReadOnlyList<StepTiming> Timings =>
    [
        .. entries.Select(e => new StepTiming(e.Id, e.StartedAt, e.EndedAt, e.Attempts, e.WaitedUntil(e.EndedAt ?? Steps.Now), e.State, e.Detail)),
    ];

    public IReadOnlyList<RunbookStepResult> Results =>
    [
        .. entries.Select(e => new RunbookStepResult(
            e.Id, e.Kind, e.State is StepStates.Done or StepStates.Skipped ? e.State : StepStates.Failed, e.StartedAt, e.EndedAt ?? Steps.Now,
            e.Attempts, e.WaitedUntil(e.EndedAt ?? Steps.Now))
        {
            Detail = e.Detail,
            Interventions = e.Interventions,
            Verdict = e.Verdict,
        }),
    ];

    private const int ShownSteps = 100;

    private StepEntry Add(StepEntry entry)
    {
        entries.Add(entry);
        byId.Add(entry.Id, entry);
        Moves++;
        Show();
        return entry;
    }
}
