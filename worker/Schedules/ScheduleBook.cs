using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Hosting;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Watch;
using Temporalio.Api.Enums.V1;
using Temporalio.Client;
using Temporalio.Client.Schedules;
using Temporalio.Converters;
using Temporalio.Exceptions;

namespace LuxHedge.Worker.Schedules;

/// <summary>A schedule as Temporal has it; the first five properties are the shape of <c>schedules list --json</c>.</summary>
/// <param name="Asset">Null where it is about none.</param>
/// <param name="Next">Null while it is paused, or when it has no time any more.</param>
public sealed record ScheduleRow(string Id, string Workflow, string? Asset, DateTimeOffset? Next, bool Paused)
{
    /// <summary>Why it is paused, or what was said last when it was resumed.</summary>
    public string? Note { get; init; }

    /// <summary>As the plan has it; null where the plan does not.</summary>
    public string? When { get; init; }

    public DateTimeOffset? Last { get; init; }
}

/// <summary>What has to be done so that Temporal's schedules are the plan's.</summary>
/// <param name="Create">Not there yet.</param>
/// <param name="Update">There with other times, policies or action, and why each: in words.</param>
/// <param name="Delete">Ours, and not in the plan any more.</param>
public sealed record ScheduleChanges(
    IReadOnlyList<PlannedSchedule> Create, IReadOnlyList<(PlannedSchedule Schedule, string What)> Update, IReadOnlyList<string> Delete, int Unchanged);

/// <summary>
/// Temporal's schedules of one plan. Ours are those that carry <see cref="Marker"/> with the plan's task queue: nobody else's is ever touched.
/// One writer owns them (<c>schedules apply</c>), since Temporal's updates carry no token that would tell of another.
/// </summary>
public sealed class ScheduleBook(ITemporalClient client, Plan plan)
{
    /// <summary>Memo of every schedule that we make: the plan's task queue.</summary>
    public const string Marker = "luxSchedules";

    /// <summary>What runs for ever, and is started and stopped with the schedules.</summary>
    public CaptureBook Captures { get; } = new(client, plan);

    public static async Task<ScheduleBook> ConnectAsync(Plan plan, CancellationToken cancellation) =>
        new(await TemporalConnections.ConnectAsync(plan.Temporal, cancellation), plan);

    /// <summary>Ours, in the order of their ids.</summary>
    public Task<IReadOnlyList<ScheduleRow>> ListAsync(IReadOnlyList<PlannedSchedule> planned, CancellationToken cancellation) =>
        ReachAsync<IReadOnlyList<ScheduleRow>>(async () => [.. (await OursAsync(planned, cancellation)).Select(d => Row(d, planned)).OrderBy(r => r.Id, StringComparer.Ordinal)]);

    /// <summary>One of ours; refuses (<c>usage</c>) any other.</summary>
    public Task<ScheduleRow> FindAsync(string id, IReadOnlyList<PlannedSchedule> planned, CancellationToken cancellation) => ReachAsync(async () =>
        Row(await (await OursAsync(id, cancellation)).DescribeAsync(Rpc(cancellation)), planned));

    public Task<ScheduleChanges> CompareAsync(IReadOnlyList<PlannedSchedule> planned, CancellationToken cancellation) => ReachAsync(async () =>
    {
        var ours = (await OursAsync(planned, cancellation)).ToDictionary(d => d.Id, StringComparer.Ordinal);
        var create = new List<PlannedSchedule>();
        var update = new List<(PlannedSchedule, string)>();
        foreach (var schedule in planned)
        {
            if (!ours.TryGetValue(schedule.Id, out var there))
            {
                create.Add(schedule);
            }
            else if (ScheduleText.Difference(await ScheduleText.OfAsync(there.Schedule), ScheduleText.Of(schedule, plan.Temporal.TaskQueue)) is { } what)
            {
                update.Add((schedule, what));
            }
        }

        var dropped = ours.Keys.Except(planned.Select(p => p.Id)).Order(StringComparer.Ordinal).ToList();
        return new ScheduleChanges(create, update, dropped, planned.Count - create.Count - update.Count);
    });

    /// <summary>Creates and updates; answers what was changed, and deletes nothing.</summary>
    public async Task<ScheduleChanges> ApplyAsync(IReadOnlyList<PlannedSchedule> planned, CancellationToken cancellation)
    {
        var changes = await CompareAsync(planned, cancellation);
        foreach (var schedule in changes.Create)
            await CreateAsync(schedule, cancellation);
        foreach (var (schedule, _) in changes.Update)
            await UpdateAsync(schedule, cancellation);
        return changes;
    }

    /// <summary>A new schedule runs from now on. Watch looks at once, so that whoever waits for the dead man's call hears of it.</summary>
    public Task CreateAsync(PlannedSchedule schedule, CancellationToken cancellation) => ReachAsync(async () =>
    {
        try
        {
            await client.CreateScheduleAsync(schedule.Id, Make(schedule), new ScheduleOptions
            {
                Memo = new Dictionary<string, object> { [Marker] = plan.Temporal.TaskQueue },
                TriggerImmediately = schedule.Workflow == Wire.Watch,
                Rpc = Rpc(cancellation),
            });
        }
        catch (ScheduleAlreadyRunningException)
        {
            // Another apply was faster.
            await UpdateAsync(schedule, cancellation);
        }

        return true;
    });

    /// <summary>New times, policies and action. Whether it is paused, and why, stays as it is.</summary>
    public Task UpdateAsync(PlannedSchedule schedule, CancellationToken cancellation) => ReachAsync(async () =>
    {
        await client.GetScheduleHandle(schedule.Id).UpdateAsync(
            input => new ScheduleUpdate(Make(schedule) with { State = input.Description.Schedule.State }), Rpc(cancellation));
        return true;
    });

    public Task DeleteAsync(string id, CancellationToken cancellation) => ReachAsync(async () =>
    {
        await (await OursAsync(id, cancellation)).DeleteAsync(Rpc(cancellation));
        return true;
    });

    public Task PauseAsync(string id, string note, CancellationToken cancellation) => ReachAsync(async () =>
    {
        await (await OursAsync(id, cancellation)).PauseAsync(note, Rpc(cancellation));
        return true;
    });

    public Task ResumeAsync(string id, string note, CancellationToken cancellation) => ReachAsync(async () =>
    {
        await (await OursAsync(id, cancellation)).UnpauseAsync(note, Rpc(cancellation));
        return true;
    });

    /// <summary>Starts what the schedule would have started from (with) one moment to (with) another, one after the other.</summary>
    public Task BackfillAsync(PlannedSchedule schedule, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation) => ReachAsync(async () =>
    {
        var handle = await OursAsync(schedule.Id, cancellation);
        // Temporal leaves the start out, and compares the times with their jitter.
        var backfill = new ScheduleBackfill(from.UtcDateTime.AddSeconds(-1), (to + schedule.Jitter).UtcDateTime, ScheduleOverlapPolicy.BufferAll);
        await handle.BackfillAsync([backfill], Rpc(cancellation));
        return true;
    });

    internal Schedule Make(PlannedSchedule schedule)
    {
        var queue = plan.Temporal.TaskQueue;
        var action = schedule.Workflow == Wire.Watch
            ? ScheduleActionStartWorkflow.Create(
                Wire.Watch, [new WatchRequest(queue)], new(schedule.Id, queue) { StaticSummary = "Is anything overdue, failed or lost?" })
            : ScheduleActionStartWorkflow.Create(
                Wire.Scheduled, [new ScheduledRun(schedule.Id, schedule.Workflow, schedule.Name, schedule.Asset, queue)],
                new(WorkflowIds.ScheduledPrefix + schedule.Id, queue) { StaticSummary = $"{schedule.Id}, {schedule.When.Text}" });
        return new Schedule(action, Spec(schedule))
        {
            Policy = new()
            {
                Overlap = ScheduleOverlapPolicy.Skip,
                CatchupWindow = schedule.CatchUp,
            },
        };
    }

    internal static ScheduleSpec Spec(PlannedSchedule schedule) => schedule.When.Every is { } every
        ? new() { Intervals = [new(every)], Jitter = schedule.Jitter, TimeZoneName = schedule.TimeZone }
        : new() { Calendars = [Calendar(schedule.When)], Jitter = schedule.Jitter, TimeZoneName = schedule.TimeZone };

    private static ScheduleCalendarSpec Calendar(Recurrence when) => new()
    {
        Hour = [new(when.At.Hour)],
        Minute = [new(when.At.Minute)],
        DayOfMonth = when.Days.Count == 0 ? ScheduleCalendarSpec.AllMonthDays : [.. when.Days.Select(d => new ScheduleRange(d))],
        Month = when.Months.Count == 0 ? ScheduleCalendarSpec.AllMonths : [.. when.Months.Select(m => new ScheduleRange(m))],
        DayOfWeek = when.Weekdays.Count == 0 ? ScheduleCalendarSpec.AllWeekDays : [.. when.Weekdays.Select(d => new ScheduleRange((int)d))],
        Comment = when.Text,
    };

    private static ScheduleRow Row(ScheduleDescription there, IReadOnlyList<PlannedSchedule> planned)
    {
        var mine = planned.FirstOrDefault(p => p.Id == there.Id);
        var state = there.Schedule.State;
        var last = there.Info.RecentActions.LastOrDefault();
        return new(there.Id, mine?.Workflow ?? Workflow(there.Id), mine is null ? AssetOf(there.Id) : mine.Asset,
            state.Paused || there.Info.NextActionTimes.Count == 0 ? null : Utc(there.Info.NextActionTimes.First()), state.Paused)
        {
            Note = string.IsNullOrEmpty(state.Note) ? null : state.Note,
            When = mine?.When.Text,
            Last = last is null ? null : Utc(last.StartedAt),
        };
    }

    /// <summary>Of a schedule that the plan has dropped: its id says what it is.</summary>
    private static string Workflow(string id) => id.Split('/')[0] switch
    {
        "backup" => Wire.DatabaseBackup,
        "verify" => Wire.Verification,
        "drill" => Wire.Runbook,
        _ => Wire.Watch,
    };

    private static string? AssetOf(string id) => id.StartsWith("backup/", StringComparison.Ordinal) || id.StartsWith("verify/", StringComparison.Ordinal)
        ? id[(id.IndexOf('/') + 1)..]
        : null;

    /// <summary>The planned ones are asked for one by one, since the list lags behind; the list is for what the plan has dropped.</summary>
    private async Task<List<ScheduleDescription>> OursAsync(IReadOnlyList<PlannedSchedule> planned, CancellationToken cancellation)
    {
        var ours = new List<ScheduleDescription>();
        foreach (var schedule in planned)
        {
            if (await DescribeAsync(schedule.Id, cancellation) is not { } there)
                continue;
            if (!await IsOursAsync(there.Memo))
            {
                throw new RefusalException(
                    ErrorKinds.Locked, $"There is a schedule '{schedule.Id}' in the namespace {plan.Temporal.Namespace} that this plan did not make.",
                    schedule.Id, "Another plan (another task queue) or a person made it. Delete it there, or give this plan a namespace of its own.");
            }

            ours.Add(there);
        }

        await foreach (var listed in client.ListSchedulesAsync(new() { Rpc = Rpc(cancellation) }).WithCancellation(cancellation))
        {
            if (ours.TrueForAll(o => o.Id != listed.Id) && await IsOursAsync(listed.Memo) && await DescribeAsync(listed.Id, cancellation) is { } there)
                ours.Add(there);
        }

        return ours;
    }

    private async Task<ScheduleDescription?> DescribeAsync(string id, CancellationToken cancellation)
    {
        try
        {
            return await client.GetScheduleHandle(id).DescribeAsync(Rpc(cancellation));
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return null;
        }
    }

    private async Task<ScheduleHandle> OursAsync(string id, CancellationToken cancellation) =>
        await DescribeAsync(id, cancellation) is { } there && await IsOursAsync(there.Memo)
            ? client.GetScheduleHandle(id)
            : throw new RefusalException(ErrorKinds.Usage, $"There is no schedule '{id}' of this plan.", id, "luxhedge schedules list shows them.");

    private async Task<bool> IsOursAsync(IReadOnlyDictionary<string, IEncodedRawValue> memo) =>
        memo.TryGetValue(Marker, out var value) && await value.ToValueAsync<string>() == plan.Temporal.TaskQueue;

    private Task<T> ReachAsync<T>(Func<Task<T>> work) => TemporalConnections.ReachAsync(plan.Temporal, work);

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    private static RpcOptions Rpc(CancellationToken cancellation) => new() { CancellationToken = cancellation };
}
