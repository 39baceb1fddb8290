using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Watch;
using Temporalio.Client;
using Temporalio.Worker;

namespace LuxHedge.Tests.Workflow.Schedules;

/// <summary>
/// A quarter of a year in seconds: starts at the times that the plan's schedules say, an outage in the middle, people who answer early, late or
/// never. A model, written from the documents and not from the code, says what should have happened.
/// </summary>
public sealed class NinetyDaysTests
{
    private static readonly TimeZoneInfo Zone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
    private static readonly TimeSpan WatchEvery = TimeSpan.FromHours(12);

    private static readonly Dictionary<string, (string Workflow, Recurrence When, TimeSpan CatchUp)> Planned = new(StringComparer.Ordinal)
    {
        [$"backup/{World.Asset}"] = (Wire.DatabaseBackup, Recurrence.Daily(new(2, 0)), TimeSpan.FromDays(1)),
        [$"verify/{World.Asset}"] = (Wire.Verification, Recurrence.Weekly(DayOfWeek.Sunday, new(4, 0)), TimeSpan.FromDays(7)),
        ["drill/monthly"] = (Wire.Runbook, Recurrence.Monthly(10, new(9, 0)), PlannedSchedules.DrillCatchUp),
        ["drill/weekly"] = (Wire.Runbook, Recurrence.Weekly(DayOfWeek.Wednesday, new(10, 0)), PlannedSchedules.DrillCatchUp),
    };

    [Fact(Explicit = true)]
    public async Task Ninety_days_of_schedules_drills_and_escalations_go_as_a_model_of_them_says()
    {
        await using var server = await TemporalServer.StartTimeSkippingAsync();
        var queue = TemporalServer.NewTaskQueue();
        var begin = Begin(new DateTimeOffset(await server.GetCurrentTimeAsync(), TimeSpan.Zero));
        var (script, outage) = Script(begin);
        var options = (TemporalClientOptions)server.Client.Options.Clone();
        options.DataConverter = MaskingFailureConverter.Converter(new());
        var client = new TemporalClient(server.Client.Connection, options);
        var world = new World(script, queue) { Schedules = Planned.ToDictionary(p => p.Key, p => p.Value.When), Zone = Zone, Client = client };
        foreach (var (schedule, (_, when, _)) in Planned)
            world.Before(schedule, when.AtOrBefore(begin, Zone)!.Value);
        var settings = new TemporalWorkerOptions(queue) { Interceptors = [new ActivityBoundary(Serilog.Core.Logger.None, new())] };
        foreach (var definition in ActivityClasses.Definitions(typeof(World), () => world))
            settings.AddActivity(definition);
        settings.AddActivity(world.ScriptOf).AddActivity(world.DoneAsync).AddActivity(world.ApproveAsync)
            .AddWorkflow<SimulationWorkflow>().AddWorkflow<SimulatedBackup>().AddWorkflow<SimulatedVerification>()
            .AddWorkflow<ScheduledWorkflow>().AddWorkflow<WatchWorkflow>().AddWorkflow<RunbookWorkflow>();
        using var worker = new TemporalWorker(client, settings);
        await worker.ExecuteAsync(async () =>
        {
            var run = await client.StartWorkflowAsync((SimulationWorkflow w) => w.RunAsync(new Simulation(queue, script)), new("simulation", queue));
            Assert.Equal(script.Count, await run.GetResultAsync());
        });

        var model = Model.Of(script, begin);
        Assert.Equal(model.Done, world.Done.Select(d => (d.Schedule, d.Run.At.ToUnixTimeSeconds() / 60, d.Run.Verdict!.Value)).Order());
        foreach (var drill in model.Drills)
        {
            var events = world.Notices.Where(n => n.RunId.Contains($"-{drill.Schedule.Replace('/', '-')}-", StringComparison.Ordinal)
                && DrillHistory.TimeOf(n.RunId) is { } at && at.ToUnixTimeSeconds() / 60 == drill.Minute).Select(n => n.Event).ToList();
            Assert.Equal(1, events.Count(e => e == "opened"));
            Assert.Equal(drill.Reminders, events.Count(e => e == "reminder"));
            Assert.Equal(drill.Escalated ? 1 : 0, events.Count(e => e == "escalated"));
            Assert.Equal(1, events.Count(e => e == "closed"));
        }

        Assert.Equal(model.BadRuns, world.Alerts.Where(a => a.Kind != "overdue").Select(a => (a.Kind, DrillHistory.TimeOf(a.RunId!)!.Value.ToUnixTimeSeconds() / 60)).Order());
        Assert.Equal(model.Overdue, world.Alerts.Where(a => a.Kind == "overdue").Select(a => (a.Title, a.At.ToUnixTimeSeconds() / 60)).Order());
        Assert.Equal(script.Count(s => s.Workflow == Wire.Watch), world.DeadManCalls);
        // The outage was felt: one backup was caught up, and at least one thing was missed.
        Assert.Contains(script, s => s.Workflow == Wire.DatabaseBackup && s.At == outage.To);
        Assert.NotEmpty(model.Overdue);
    }

    /// <summary>
    /// The next winter, so that the clocks are put on in between. At a whole minute, since a start takes seconds and the model tells minutes; at one
    /// from which no look comes just when a run ends: who comes first then is luck.
    /// </summary>
    private static DateTimeOffset Begin(DateTimeOffset now) => new(now.Year + 1, 2, 1, 12, 7, 0, TimeSpan.Zero);

    /// <summary>What Temporal starts by these schedules, with an outage of three days over a Wednesday and a Sunday.</summary>
    private static (IReadOnlyList<SimulatedStart> Starts, (DateTimeOffset From, DateTimeOffset To) Outage) Script(DateTimeOffset begin)
    {
        var end = begin.AddDays(90);
        var wednesday = Planned["drill/weekly"].When.After(begin.AddDays(30), Zone)!.Value;
        (DateTimeOffset From, DateTimeOffset To) outage = (wednesday.AddHours(-1), wednesday.AddDays(4).AddHours(5));
        var starts = new List<SimulatedStart>();
        foreach (var (schedule, (workflow, when, catchUp)) in Planned)
        {
            var number = 0;
            DateTimeOffset? caughtUp = null;
            foreach (var time in when.Between(begin, end, Zone))
            {
                var down = time >= outage.From && time < outage.To;
                if (!down)
                    starts.Add(Start(schedule, workflow, time, number++));
                else if (outage.To - time <= catchUp)
                    caughtUp = outage.To;
            }

            // Several in one window start at once, and overlap Skip leaves one.
            if (caughtUp is { } late)
                starts.Add(Start(schedule, workflow, late, number));
        }

        for (var look = begin.AddHours(1); look < end; look += WatchEvery)
        {
            if (look < outage.From || look >= outage.To)
                starts.Add(new("watch", Wire.Watch, "", look, null, Verdict.Proven, TimeSpan.Zero));
        }

        return ([.. starts.OrderBy(s => s.At).ThenBy(s => s.Schedule, StringComparer.Ordinal)], outage);
    }

    private static SimulatedStart Start(string schedule, string workflow, DateTimeOffset at, int number)
    {
        TimeSpan?[] answers = [TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(6), null, TimeSpan.FromMinutes(9), null, null, TimeSpan.FromMinutes(4)];
        var drill = workflow == Wire.Runbook;
        var goes = number % 5 == 4 ? Verdict.Failed : !drill && number % 7 == 3 ? Verdict.NotProven : Verdict.Proven;
        // Each eleventh backup takes so long that the next one is skipped.
        var lasts = drill ? TimeSpan.Zero : workflow == Wire.DatabaseBackup && number % 11 == 6 ? TimeSpan.FromHours(25) : TimeSpan.FromMinutes(20);
        return new(schedule, workflow, schedule.Split('/')[1], at, drill ? answers[number % answers.Length] : null, goes, lasts);
    }

    /// <summary>What should have happened, told anew: minutes, since starts take seconds.</summary>
    private sealed record Model(
        IEnumerable<(string Schedule, long Minute, Verdict Verdict)> Done,
        IReadOnlyList<(string Schedule, long Minute, int Reminders, bool Escalated)> Drills,
        IEnumerable<(string Kind, long Minute)> BadRuns,
        IEnumerable<(string Title, long Minute)> Overdue)
    {
        public static Model Of(IReadOnlyList<SimulatedStart> script, DateTimeOffset begin)
        {
            var done = new List<(string Schedule, DateTimeOffset At, DateTimeOffset Ended, Verdict Verdict)>();
            var drills = new List<(string, long, int, bool)>();
            foreach (var (schedule, _) in Planned)
            {
                var busyUntil = DateTimeOffset.MinValue;
                foreach (var start in script.Where(s => s.Schedule == schedule))
                {
                    if (start.At < busyUntil)
                        continue;
                    var took = start.Lasts;
                    var verdict = start.Goes;
                    if (start.Workflow == Wire.Runbook)
                    {
                        took = start.AnswerAfter ?? World.Expiry;
                        if (start.AnswerAfter is null)
                            verdict = Verdict.NotProven;
                        drills.Add((schedule, Minute(start.At), World.Reminders.Count(r => r < took), World.Escalation < took));
                    }

                    busyUntil = start.At + took;
                    done.Add((schedule, start.At, busyUntil, verdict));
                }
            }

            var overdue = new List<(string, long)>();
            foreach (var (schedule, (_, when, _)) in Planned)
            {
                var told = new Dictionary<string, DateTimeOffset>();
                foreach (var look in script.Where(s => s.Workflow == Wire.Watch).Select(s => s.At))
                {
                    var seen = done.Where(d => d.Schedule == schedule && d.Ended <= look).ToList();
                    var counts = seen.Where(d => d.Verdict != Verdict.NotProven).Select(d => d.At).Append(when.AtOrBefore(begin, Zone)!.Value).Max();
                    // Late: a planned time after the last one that counts is longer ago than the grace.
                    var late = when.Between(counts, look, Zone).Any(p => p + Dues.Grace(when.Longest) < look);
                    // Another last run is another trouble, told at once; else once a day.
                    var trouble = seen.Count == 0 ? "before" : $"{seen.Max(d => d.At):u}";
                    if (!late)
                    {
                        told.Clear();
                    }
                    else if (!told.TryGetValue(trouble, out var at) || look - at >= TimeSpan.FromDays(1))
                    {
                        told.Clear();
                        told[trouble] = look;
                        overdue.Add(($"The drill {schedule} is overdue", Minute(look)));
                    }
                }
            }

            return new(
                done.Select(d => (d.Schedule, Minute(d.At), d.Verdict)).Order(),
                drills,
                done.Where(d => d.Verdict != Verdict.Proven).Select(d => (d.Verdict == Verdict.Failed ? "failed" : "not-proven", Minute(d.At))).Order(),
                overdue.Order());
        }

        private static long Minute(DateTimeOffset time) => time.ToUnixTimeSeconds() / 60;
    }
}
