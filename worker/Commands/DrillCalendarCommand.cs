using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary>One element of <c>drill calendar --json</c>; the first five properties are a contract.</summary>
/// <param name="LastRun">When it was begun last; null: never.</param>
/// <param name="LastVerdict">Null: never, or it goes on.</param>
/// <param name="Overdue">Null: it is not known.</param>
public sealed record DrillRow(string Drill, DateTimeOffset? LastRun, Verdict? LastVerdict, DateTimeOffset? Due, bool? Overdue)
{
    public string? LastRunId { get; init; }

    /// <summary>As the plan has it.</summary>
    public string? When { get; init; }

    /// <summary>Why it is not started by itself; null: its schedule can.</summary>
    public string? Later { get; init; }
}

/// <summary><c>drill calendar</c>: when each drill was done, how it ended, and when it is due.</summary>
public sealed class DrillCalendarCommand : OperatorCommand
{
    /// <summary>Runs without evidence are few and new.</summary>
    private const int RunsLookedAt = 200;

    public DrillCalendarCommand(Surroundings surroundings)
        : base(surroundings, "calendar", "When each drill of the plan was done, how it ended, and when it is due. Reads the evidence itself; needs no worker.")
    {
        Examples =
        [
            ("luxhedge drill calendar", "what is overdue first"),
            ("luxhedge drill calendar --json", "an array of {drill, lastRun, lastVerdict, due, overdue, lastRunId, when, later}"),
        ];
        ExitCodesInWords = "0 whatever it shows; read overdue, which is null where it is not known";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var evidence = await context.Surroundings.ReadDrills(context.Plan, cancellation);
        var (runs, why) = await RunsAsync(context, cancellation);
        var rows = Rows(context.Plan, evidence, runs, context.Now);
        IReadOnlyList<string> unknown = why is null ? evidence.Unknown : [.. evidence.Unknown, why];
        context.Answer(rows, console => DrillViews.Calendar(console, rows, context));
        foreach (var one in unknown)
        {
            // With --json on stderr, as in lists of backups.
            (context.Json ? context.Surroundings.Error : context.View).Write(new Spectre.Console.Markup($"[yellow]unknown[/]  {Words.Plain(one)}\n"));
        }

        return ExitCodes.Done;
    }

    /// <param name="runs">As Temporal has them: those that left no evidence count as what they are.</param>
    public static IReadOnlyList<DrillRow> Rows(Plan plan, DrillEvidence evidence, IReadOnlyList<DoneRun> runs, DateTimeOffset now)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(plan.TimeZone);
        var later = PlanSchedules.Of(plan).Later.ToDictionary(l => l.Id, l => l.Why, StringComparer.Ordinal);
        return
        [
            .. plan.Drills.Values.Select(drill =>
            {
                var kept = evidence.Runs.GetValueOrDefault(drill.Name, []);
                var all = kept.Concat(runs.Where(r => DrillHistory.DrillOf(plan, r.RunId) == drill.Name && kept.All(k => k.RunId != r.RunId))).ToList();
                var when = Recurrence.OfDrill(plan, drill.Name);
                var state = Dues.Of(when, all, evidence.Unknown.Count == 0, now, zone);
                return new DrillRow(drill.Name, state.Last?.At, state.Last?.Verdict, state.Due, state.Overdue)
                {
                    LastRunId = state.Last?.RunId,
                    When = when?.Text,
                    Later = later.GetValueOrDefault(WorkflowIds.Drill(drill.Name)),
                };
            }),
        ];
    }

    /// <summary>A Temporal that is away leaves the evidence to speak.</summary>
    private static async Task<(IReadOnlyList<DoneRun> Runs, string? Why)> RunsAsync(CommandContext context, CancellationToken cancellation)
    {
        try
        {
            var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
            var listed = await runs.ListAsync(RunsLookedAt, cancellation);
            return ([.. listed.Where(r => DrillHistory.DrillOf(context.Plan, r.RunId) is not null)
                .Select(r => new DoneRun(r.RunId, r.StartedAt, r.Open ? null : r.Verdict ?? Verdict.NotProven))], null);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return ([], CommandFailures.Explain(e, context.Line).Report.Message);
        }
    }
}
