using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Schedules;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>schedules apply --json</c> ends in: the ids.</summary>
/// <param name="Later">What the plan schedules and this version does not run, and why.</param>
/// <param name="Capture">Oplog capture: workflow ids of what was started and stopped.</param>
public sealed record AppliedSchedules(
    IReadOnlyList<string> Created, IReadOnlyList<string> Updated, IReadOnlyList<string> Deleted, int Unchanged, IReadOnlyList<UnplannedSchedule> Later,
    AppliedCaptures Capture);

public sealed record AppliedCaptures(IReadOnlyList<string> Started, IReadOnlyList<string> Stopped);

/// <summary><c>schedules apply</c>: Temporal's schedules become the plan's.</summary>
public sealed class SchedulesApplyCommand : OperatorCommand
{
    private static readonly Option<bool> Yes = CommonOptions.Yes("whether to delete what the plan dropped");

    public SchedulesApplyCommand(Surroundings surroundings)
        : base(surroundings, "apply", "Make Temporal's schedules, and oplog capture, equal the plan's. A paused one stays paused; what the plan dropped is deleted after asking.")
    {
        Add(Yes);
        Examples =
        [
            ("luxhedge schedules apply", "create and update; ask before one is deleted"),
            ("luxhedge schedules apply --yes --json", "from a pipeline: {created, updated, deleted, unchanged, later: [{id, why}], capture: {started, stopped}}"),
        ];
        ExitCodesInWords = "0 they are the plan's; 2 one would be deleted and nobody said yes, or a schedule of that id is somebody else's; 4 Temporal did not answer";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var book = await context.Surroundings.ConnectSchedules(context.Plan, cancellation);
        var (planned, later) = PlanSchedules.Of(context.Plan);
        var changes = await book.CompareAsync(planned, cancellation);
        var delete = changes.Delete;
        if (delete.Count > 0)
        {
            context.Confirm(
                context.Get(Yes),
                $"Delete {Words.Many(delete.Count, "schedule")} that the plan does not have: {Words.List(delete)}?",
                $"It deletes {Words.Many(delete.Count, "schedule")} that the plan does not have: {Words.List(delete)}.");
        }

        var captures = await book.Captures.CompareAsync(cancellation);
        if (captures.Stop.Count > 0)
        {
            var names = Words.List(captures.Stop.Select(s => s.WorkflowId));
            context.Confirm(
                context.Get(Yes),
                $"Stop oplog capture that the plan does not have: {names}? From then on no point in time can be reached.",
                $"It stops oplog capture that the plan does not have: {names}.");
        }

        changes = await book.ApplyAsync(planned, cancellation);
        foreach (var schedule in changes.Create)
        {
            context.View.MarkupLine($"[green]created[/]  {Words.Plain(schedule.Id)}: {Words.Plain(schedule.When.Text)}");
        }

        foreach (var (schedule, what) in changes.Update)
        {
            context.View.MarkupLine($"[blue]updated[/]  {Words.Plain(schedule.Id)}: {Words.Plain(what)}");
        }

        foreach (var id in delete)
        {
            await book.DeleteAsync(id, cancellation);
            context.View.MarkupLine($"[yellow]deleted[/]  {Words.Plain(id)}");
        }

        foreach (var asset in captures.Start)
        {
            var run = await book.Captures.StartAsync(asset, context.NewRunId("oplog", asset), cancellation);
            context.View.MarkupLine($"[green]started[/]  {Words.Plain(run.WorkflowId)}: slices of {Amounts.Span(context.Plan.Assets[asset].Capture!.Slice)}");
        }

        foreach (var run in captures.Stop)
        {
            await book.Captures.StopAsync(run, context.Surroundings.Login, "The plan does not capture it any more (schedules apply).", cancellation);
            context.View.MarkupLine($"[yellow]stopped[/]  {Words.Plain(run.WorkflowId)}");
        }

        var applied = new AppliedSchedules(
            [.. changes.Create.Select(c => c.Id)], [.. changes.Update.Select(u => u.Schedule.Id)], delete, changes.Unchanged, later,
            new([.. captures.Start.Select(WorkflowIds.Oplog)], [.. captures.Stop.Select(s => s.WorkflowId)]));
        context.Answer(applied, console =>
        {
            foreach (var one in later)
            {
                console.MarkupLine($"[grey]later[/]    {Words.Plain(one.Id)}: {Words.Plain(one.Why)}");
            }

            console.MarkupLine(
                $"{Words.Many(planned.Count, "schedule")} in Temporal as the plan has them, {applied.Unchanged} of them unchanged. "
                + $"Times are in {Words.Plain(context.Plan.TimeZone)}.");
        });
        return ExitCodes.Done;
    }
}

/// <summary><c>schedules list</c>: an array of <see cref="ScheduleRow"/>.</summary>
public sealed class SchedulesListCommand : OperatorCommand
{
    public SchedulesListCommand(Surroundings surroundings)
        : base(surroundings, "list", "What starts by itself, and when next. Needs no worker.")
    {
        Examples =
        [
            ("luxhedge schedules list", "every schedule of this plan in Temporal"),
            ("luxhedge schedules list --json", "an array of {id, workflow, asset, next, paused, note, when, last}"),
        ];
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var book = await context.Surroundings.ConnectSchedules(context.Plan, cancellation);
        var planned = PlanSchedules.Of(context.Plan).Planned;
        var rows = await book.ListAsync(planned, cancellation);
        var captures = context.Json ? null : await book.Captures.CompareAsync(cancellation);
        context.Answer(rows, console => ScheduleViews.List(console, rows, planned, captures!, context));
        return ExitCodes.Done;
    }
}

/// <summary><c>schedules pause</c> and <c>schedules resume</c>.</summary>
public sealed class SchedulesPauseCommand : OperatorCommand
{
    private static readonly Argument<string> Id = ScheduleArgument();
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why; lists show it. Asked for on a terminal.", HelpName = "TEXT" };
    private static readonly Option<string?> As = CommonOptions.As();
    private readonly bool pause;

    public SchedulesPauseCommand(Surroundings surroundings, bool pause)
        : base(
            surroundings, pause ? "pause" : "resume",
            pause ? "Start nothing by this schedule until it is resumed. What runs goes on; what is due then counts as overdue." : "Let a paused schedule start runs again, from its next time on.")
    {
        this.pause = pause;
        Add(Id);
        Add(Reason);
        Add(As);
        Examples = pause
            ? [("luxhedge schedules pause backup/luxhedge_production --reason \"the cluster moves tonight\"", "no backups until somebody resumes it")]
            : [("luxhedge schedules resume backup/luxhedge_production --reason \"it has moved\"", "backups again; luxhedge backup run makes one now")];
        ExitCodesInWords = "0 done; 2 no such schedule of this plan, or no reason; 4 Temporal did not answer";
    }

    internal static Argument<string> ScheduleArgument() => new("ID") { Description = "The schedule's id (luxhedge schedules list shows them)." };

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var id = context.Get(Id);
        var person = Operators.Current(context, context.Get(As));
        var book = await context.Surroundings.ConnectSchedules(context.Plan, cancellation);
        var note = $"{(pause ? "Paused" : "Resumed")} by {person.Name}: {context.ReasonOrAsk(context.Get(Reason))}";
        await (pause ? book.PauseAsync(id, note, cancellation) : book.ResumeAsync(id, note, cancellation));
        var planned = PlanSchedules.Of(context.Plan).Planned;
        var row = await book.FindAsync(id, planned, cancellation);
        context.Answer(row, console => console.MarkupLine(
            pause
                ? $"[yellow]paused[/]  {Words.Plain(id)}: it starts nothing until {Words.Plain(context.Line($"schedules resume {id} --reason TEXT"))}"
                : $"[green]resumed[/]  {Words.Plain(id)}: next {Amounts.Time(row.Next, "never")}"));
        return ExitCodes.Done;
    }
}

/// <summary><c>schedules backfill ID --from TIME --to TIME</c>: runs that were missed.</summary>
public sealed class SchedulesBackfillCommand : OperatorCommand
{
    /// <summary>More is a mistake in a date: each of them is a whole backup or drill.</summary>
    private const int MostStarts = 50;

    private static readonly Argument<string> Id = SchedulesPauseCommand.ScheduleArgument();
    private static readonly Option<string> From = new("--from") { Description = "The first moment, ISO 8601.", HelpName = "TIME", Required = true };
    private static readonly Option<string> To = new("--to") { Description = "The last moment, ISO 8601.", HelpName = "TIME", Required = true };
    private static readonly Option<bool> Yes = CommonOptions.Yes("whether to start them");

    public SchedulesBackfillCommand(Surroundings surroundings)
        : base(surroundings, "backfill", "Start now what a schedule would have started in a stretch of the past, one after the other.")
    {
        Add(Id);
        Add(From);
        Add(To);
        Add(Yes);
        Examples = [("luxhedge schedules backfill verify/luxhedge_production --from 2026-11-01 --to 2026-11-23", "the restore tests that a pause has left out")];
        ExitCodesInWords = "0 they will start; 2 no such schedule, no such times, or nobody said yes; 4 Temporal did not answer";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var id = context.Get(Id);
        var planned = PlanSchedules.Of(context.Plan).Planned;
        var schedule = planned.FirstOrDefault(p => p.Id == id)
            ?? throw new RefusalException(ErrorKinds.Usage, $"The plan has no schedule '{id}'.", "ID", $"It has: {Words.List(planned.Select(p => p.Id))}.");
        var (from, to) = (CommonOptions.Time(context.Get(From)!, "--from"), CommonOptions.Time(context.Get(To)!, "--to"));
        var zone = TimeZoneInfo.FindSystemTimeZoneById(context.Plan.TimeZone);
        var times = from <= to && to <= context.Now
            ? schedule.When.Between(from.AddTicks(-1), to, zone).Take(MostStarts + 1).ToList()
            : throw new RefusalException(ErrorKinds.Usage, "A backfill goes from an earlier moment to a later one, both in the past.", "--from, --to");
        if (times.Count is 0 or > MostStarts)
        {
            throw new RefusalException(
                ErrorKinds.Usage,
                times.Count == 0 ? $"{schedule.When.Text} has no time between them." : $"That would start more than {MostStarts} runs, one after the other.",
                "--from, --to");
        }

        context.Confirm(
            context.Get(Yes), $"Start {Words.Many(times.Count, "run")} of {id}, one after the other?", $"It starts {Words.Many(times.Count, "run")} of {id}.");
        var book = await context.Surroundings.ConnectSchedules(context.Plan, cancellation);
        await book.BackfillAsync(schedule, from, to, cancellation);
        context.Answer(new { id, starts = times }, console =>
            console.MarkupLine($"{Words.Many(times.Count, "run")} of {Words.Plain(id)} will start one after the other: {Words.Plain(context.Line("runs list"))}"));
        return ExitCodes.Done;
    }
}
