using System.Globalization;
using System.Text;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runs;

/// <summary>
/// The ordered list of what a run does, as a person would tell it: runs a named step, keeps its clock, and shows all of them as a table in
/// the Temporal UI (<c>CurrentDetails</c>). Steps may overlap. A step that throws is kept as failed or cancelled, and throws on.
/// </summary>
public sealed class Steps(string runId, string workflow, string asset)
{
    private readonly List<StepTiming> timings = [];

    public DateTimeOffset StartedAt { get; } = Now;

    /// <summary>What all steps together have waited on people.</summary>
    public TimeSpan Waiting => timings.Aggregate(TimeSpan.Zero, (sum, t) => sum + t.Waiting);

    /// <summary>The newest step that failed.</summary>
    public string? LastFailed => timings.Where(t => t.State == StepStates.Failed).Select(t => t.Step).LastOrDefault();

    /// <summary>The workflow's clock: the same in every replay.</summary>
    public static DateTimeOffset Now => new(DateTime.SpecifyKind(Workflow.UtcNow, DateTimeKind.Utc));

    /// <param name="detail">What came out, in a few words.</param>
    public Task<T> RunAsync<T>(string step, Func<Task<T>> work, Func<T, string?>? detail = null) =>
        RunAsync(step, work, detail, StepStates.Running);

    public Task RunAsync(string step, Func<Task> work) => RunAsync(step, () => Nothing(work), null);

    /// <summary>A step whose whole time is waiting on people.</summary>
    public Task<T> WaitOnPeopleAsync<T>(string step, Func<Task<T>> work, Func<T, string?> detail) =>
        RunAsync(step, work, detail, StepStates.Waiting);

    /// <summary>A step that is not done, and why.</summary>
    public void Skip(string step, string why)
    {
        timings.Add(new(step, Now, Now, 0, TimeSpan.Zero, StepStates.Skipped, why));
        Show();
    }

    /// <summary>What the query <c>state</c> answers, without approvals.</summary>
    public RunState State(Verdict? verdict, AbortOrder? abort) =>
        new(runId, workflow, asset, StartedAt, [.. timings], null, [], [], 0, abort?.Person, abort?.Reason, verdict);

    private async Task<T> RunAsync<T>(string step, Func<Task<T>> work, Func<T, string?>? detail, string state)
    {
        var at = timings.Count;
        timings.Add(new(step, Now, null, 1, TimeSpan.Zero, state, null));
        Show();
        try
        {
            var result = await work();
            End(at, StepStates.Done, detail?.Invoke(result));
            return result;
        }
        catch (Exception e) when (TemporalException.IsCanceledException(e))
        {
            End(at, StepStates.Cancelled, null);
            throw;
        }
        catch (FailureException e)
        {
            End(at, StepStates.Failed, Failures.ToReport(e).Message);
            throw;
        }
    }

    private void End(int at, string state, string? detail)
    {
        var started = timings[at];
        var waited = started.State == StepStates.Waiting ? Now - started.StartedAt : TimeSpan.Zero;
        timings[at] = started with { EndedAt = Now, State = state, Waiting = waited, Detail = detail };
        Show();
    }

    private static async Task<bool> Nothing(Func<Task> work)
    {
        await work();
        return true;
    }

    private void Show() => Workflow.CurrentDetails = Table(timings);

    /// <summary>The steps as a Markdown table.</summary>
    public static string Table(IEnumerable<StepTiming> timings)
    {
        var table = new StringBuilder("| step | state | started | took | waited on people | |\n| --- | --- | --- | --- | --- | --- |\n");
        foreach (var t in timings)
        {
            table.Append(CultureInfo.InvariantCulture, $"| {Cell(t.Step)} | {t.State} | {t.StartedAt:HH:mm:ss} ");
            table.Append(CultureInfo.InvariantCulture, $"| {Span(t.EndedAt - t.StartedAt)} | {Span(t.Waiting)} | {Cell(t.Detail)} |\n");
        }

        return table.ToString();
    }

    private static string Span(TimeSpan? span) =>
        span is { } s && s > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"{(int)s.TotalHours}:{s:mm\\:ss\\.f}") : "";

    // A cell is one line, whatever a server's message has in it.
    private static string Cell(string? text) =>
        (text ?? "").Replace("|", "\\|", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal).Replace('\n', ' ');
}
