using LuxHedge.Tests.Unit.Commands;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Runs;
using Microsoft.Extensions.Time.Testing;

namespace LuxHedge.Tests.Unit.Display;

public sealed class RunWatchTests
{
    private const long MiB = 1 << 20;

    private static (RunWatch Watch, FakeTimeProvider Clock) CreateWatch()
    {
        var clock = new FakeTimeProvider(Samples.At(8, 15));
        return (new RunWatch(Samples.Run(), clock), clock);
    }

    private static RunView View(params ActivityView[] activities) =>
        new(Samples.Run().Reference, "running", Samples.State(), activities, []);

    private static ActivityView Lane(long done, int attempt = 1, string id = "7") =>
        new(id, "dump-lane", attempt, new Progress("dump lane 0", done, 100 * MiB, "bytes"), null, Samples.At(8, 15));

    [Fact]
    public void A_rate_needs_two_heartbeats_that_differ()
    {
        var (watch, clock) = CreateWatch();
        watch.Note(View(Lane(10 * MiB)));
        Assert.Null(watch.Rate(watch.Pending[0]));
        Assert.Equal("10 MiB of 100 MiB (10 %)", RunTexts.Progress(watch, watch.Pending[0]));
        clock.Advance(TimeSpan.FromSeconds(2));
        watch.Note(View(Lane(30 * MiB)));
        Assert.Equal(10 * MiB, watch.Rate(watch.Pending[0]));
        Assert.Equal(TimeSpan.FromSeconds(7), watch.Left(watch.Pending[0]));
        Assert.Equal("30 MiB of 100 MiB (30 %), 10 MiB/s, about 7 s left", RunTexts.Progress(watch, watch.Pending[0]));
    }

    [Fact]
    public void A_new_attempt_starts_a_new_rate()
    {
        var (watch, clock) = CreateWatch();
        watch.Note(View(Lane(80 * MiB)));
        clock.Advance(TimeSpan.FromSeconds(2));
        watch.Note(View(Lane(10 * MiB, attempt: 2)));
        Assert.Null(watch.Rate(watch.Pending[0]));
    }

    [Fact]
    public void Activities_of_child_runs_are_shown_and_kept_apart_by_their_workflow()
    {
        var (watch, clock) = CreateWatch();
        var child = new RunView(Samples.Run().Reference with { WorkflowId = "restore/main/scratch" }, "running", null, [Lane(50 * MiB)], []);
        watch.Note(View(Lane(10 * MiB)) with { Children = [child] });
        clock.Advance(TimeSpan.FromSeconds(1));
        watch.Note(View(Lane(20 * MiB)) with { Children = [child with { Activities = [Lane(51 * MiB)] }] });
        Assert.Equal([10.0 * MiB, 1.0 * MiB], watch.Pending.Select(p => watch.Rate(p)!.Value));
    }

    [Fact]
    public void It_is_never_shown_as_whole_before_it_is() =>
        Assert.Equal("99 %", RunTexts.Percent(new Progress("x", 9_999, 10_000, "bytes")));

    [Fact]
    public void A_worker_that_has_been_silent_for_long_is_a_problem_and_one_that_answers_is_none()
    {
        var (watch, clock) = CreateWatch();
        watch.Note(View() with { State = null });
        Assert.Null(watch.Problem);
        clock.Advance(TimeSpan.FromSeconds(9));
        watch.Note(View() with { State = null });
        Assert.Equal("No worker has answered for 9 s. Is one running? luxhedge worker", watch.Problem);
        watch.Note(View());
        Assert.Null(watch.Problem);
    }

    [Fact]
    public void The_last_known_state_stays_when_no_worker_answers()
    {
        var (watch, _) = CreateWatch();
        watch.Note(View() with { State = Samples.State(Samples.Ask()) });
        watch.Note(View() with { State = null, Problem = "No worker takes work from the queue 'luxhedge'." });
        Assert.NotNull(watch.Ask);
        Assert.NotNull(watch.Problem);
    }
}
