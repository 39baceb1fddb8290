using Google.Protobuf.WellKnownTypes;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Tests.Support;
using LuxHedge.Worker.Schedules;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using Temporalio.Client.Schedules;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Integration.Schedules;

/// <summary>On a dev server of their own, which each leaves without schedules: they have fixed ids, and one plan's must not meet another's.</summary>
public sealed class ScheduleBookTests(ScheduleBookTests.Server own) : IClassFixture<ScheduleBookTests.Server>, IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporalServer server = own.Temporal;
    private readonly TestPlan plan = TestPlan.Create(p => p with { TemporalAddress = own.Temporal.Address });
    private ScheduleBook book = null!;

    public ValueTask InitializeAsync()
    {
        book = new(server.Client, plan.Plan);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await plan.DisposeAsync();
        var left = 1;
        while (left > 0)
        {
            left = 0;
            await foreach (var schedule in server.Client.ListSchedulesAsync())
            {
                left++;
                try
                {
                    await server.Client.GetScheduleHandle(schedule.Id).DeleteAsync();
                }
                catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
                {
                    // The list lags behind.
                }
            }
        }
    }

    [Fact]
    public async Task Applying_creates_what_the_plan_says_and_applying_again_changes_nothing()
    {
        var planned = PlanSchedules.Of(plan.Plan).Planned;
        var before = DateTimeOffset.UtcNow;
        await ApplyAsync(planned);
        var rows = await UntilListedAsync(planned);
        var after = DateTimeOffset.UtcNow;
        Assert.Equal(planned.Select(p => p.Id).Order(StringComparer.Ordinal), rows.Select(r => r.Id));
        Assert.All(rows, r => Assert.False(r.Paused));
        var zone = TimeZoneInfo.FindSystemTimeZoneById(plan.Plan.TimeZone);
        // Jitter puts off by up to a minute. What is next was told in between: one of the times may have come meanwhile.
        Assert.All(rows, r => Assert.Contains(
            new[] { before, after }, at => r.Next!.Value - planned.Single(p => p.Id == r.Id).When.After(at, zone)!.Value is var put
                && put >= TimeSpan.Zero && put <= TimeSpan.FromMinutes(5)));

        var again = await book.CompareAsync(planned, None);
        Assert.Empty(again.Create);
        Assert.Empty(again.Update);
        Assert.Empty(again.Delete);
        Assert.Equal(planned.Count, again.Unchanged);
    }

    [Fact]
    public async Task What_temporal_is_given_has_a_calendar_skips_overlap_and_catches_up_as_the_plan_says()
    {
        var planned = PlanSchedules.Of(plan.Plan).Planned;
        await ApplyAsync(planned);
        var backup = planned.Single(p => p.Workflow == Wire.DatabaseBackup);
        var there = (await server.Client.GetScheduleHandle(backup.Id).DescribeAsync()).Schedule;
        Assert.Equal(Temporalio.Api.Enums.V1.ScheduleOverlapPolicy.Skip, there.Policy.Overlap);
        Assert.Equal(backup.CatchUp, there.Policy.CatchupWindow);
        Assert.Equal(backup.Jitter, there.Spec.Jitter);
        Assert.Equal(plan.Plan.TimeZone, there.Spec.TimeZoneName);
        Assert.Empty(there.Spec.CronExpressions);
        Assert.Equal(2, Assert.Single(there.Spec.Calendars).Hour.Single().Start);
    }

    [Fact]
    public async Task A_paused_schedule_stays_paused_with_its_note_when_its_times_change()
    {
        var planned = PlanSchedules.Of(plan.Plan).Planned;
        await ApplyAsync(planned);
        await UntilListedAsync(planned);
        var id = planned.Single(p => p.Workflow == Wire.DatabaseBackup).Id;
        await book.PauseAsync(id, "Paused by operator: the cluster moves", None);

        IReadOnlyList<PlannedSchedule> changed = [.. planned.Select(p => p.Id == id ? p with { When = Recurrence.Daily(new(3, 15)) } : p)];
        var changes = await book.CompareAsync(changed, None);
        var update = Assert.Single(changes.Update);
        Assert.Equal(id, update.Schedule.Id);
        Assert.Contains("times", update.What, StringComparison.Ordinal);
        await ApplyAsync(changed);

        var there = await server.Client.GetScheduleHandle(id).DescribeAsync();
        Assert.True(there.Schedule.State.Paused);
        Assert.Equal("Paused by operator: the cluster moves", there.Schedule.State.Note);
        Assert.Equal(15, there.Schedule.Spec.Calendars.Single().Minute.Single().Start);
        Assert.Null((await book.FindAsync(id, changed, None)).Next);
        Assert.Equal(planned.Count, (await book.CompareAsync(changed, None)).Unchanged);

        await book.ResumeAsync(id, "Resumed by operator: it has moved", None);
        Assert.False((await book.FindAsync(id, changed, None)).Paused);
    }

    [Fact]
    public async Task What_the_plan_dropped_is_ours_to_delete_and_what_others_made_is_not()
    {
        var planned = PlanSchedules.Of(plan.Plan).Planned;
        await ApplyAsync(planned);
        await server.Client.CreateScheduleAsync("nightly-report", Foreign());
        var other = new ScheduleBook(server.Client, plan.Plan with { Temporal = plan.Plan.Temporal with { TaskQueue = "another" } });
        await other.CreateAsync(planned[0] with { Id = "backup/of_another_plan" }, None);
        await UntilListedAsync(planned);

        var kept = planned.Where(p => p.Workflow == Wire.Watch).ToList();
        var changes = await book.CompareAsync(kept, None);
        Assert.Equal(planned.Except(kept).Select(p => p.Id).Order(StringComparer.Ordinal), changes.Delete);
        foreach (var id in changes.Delete)
            await book.DeleteAsync(id, None);
        await Assert.ThrowsAsync<RpcException>(() => server.Client.GetScheduleHandle(changes.Delete[0]).DescribeAsync());
        Assert.NotNull(await server.Client.GetScheduleHandle("nightly-report").DescribeAsync());
        Assert.NotNull(await server.Client.GetScheduleHandle("backup/of_another_plan").DescribeAsync());

        await Assert.ThrowsAsync<Activities.RefusalException>(() => book.DeleteAsync("nightly-report", None));
        await Assert.ThrowsAsync<Activities.RefusalException>(() => book.PauseAsync("backup/of_another_plan", "no", None));
        await Assert.ThrowsAsync<Activities.RefusalException>(() => book.CompareAsync([planned[0] with { Id = "nightly-report" }], None));
    }

    [Fact]
    public async Task A_backfill_starts_the_first_and_the_last_of_its_times_too_one_after_the_other()
    {
        var backup = PlanSchedules.Of(plan.Plan).Planned.Single(p => p.Workflow == Wire.DatabaseBackup);
        await book.CreateAsync(backup, None);
        var from = backup.When.AtOrBefore(DateTimeOffset.UtcNow.AddDays(-5), TimeZoneInfo.Utc)!.Value;
        await book.BackfillAsync(backup, from, from.AddDays(2), None);
        // No worker takes the first, so the two others wait for it.
        while (true)
        {
            var there = await server.Client.WorkflowService.DescribeScheduleAsync(new() { Namespace = server.Namespace, ScheduleId = backup.Id });
            if (there.Info is { ActionCount: 1, BufferSize: 2 })
                break;
            Assert.True(there.Info.BufferSize <= 3, "more than three times were taken");
            await Task.Delay(50);
        }

        await server.Client.GetWorkflowHandle((await RunningAsync(backup.Id)).WorkflowId).TerminateAsync();
    }

    /// <summary>The server computes times with its own calendars; the typed schedules say the same without asking it.</summary>
    [Theory]
    [InlineData("Europe/Berlin")]
    [InlineData("America/New_York")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("UTC")]
    public async Task The_typed_times_are_those_of_the_server_when_clocks_jump_and_in_leap_years(string zone)
    {
        var from = new DateTimeOffset(2027, 2, 1, 12, 0, 0, TimeSpan.Zero);
        // It answers a thousand times at most.
        var to = from.AddDays(400);
        var clocks = TimeZoneInfo.FindSystemTimeZoneById(zone);
        // In the night when the clocks are put back the server does as it likes: at 02:30 for 01:30 in Berlin, twice in New York.
        bool ToldApart(DateTimeOffset time) => clocks.GetUtcOffset(time.AddHours(-3)) <= clocks.GetUtcOffset(time.AddHours(3));
        Recurrence[] recurrences =
        [
            Recurrence.Daily(new(2, 0)), Recurrence.Daily(new(2, 30)), Recurrence.Daily(new(1, 30)), Recurrence.Weekly(DayOfWeek.Sunday, new(2, 15)),
            Recurrence.Monthly(28, new(2, 30)), Recurrence.Quarterly(15, new(9, 0)), Recurrence.Yearly(2, 28, new(9, 0)), Recurrence.Each(TimeSpan.FromHours(11)),
        ];
        foreach (var recurrence in recurrences)
        {
            var schedule = new PlannedSchedule("x", Wire.Watch, "", null, recurrence, zone, TimeSpan.Zero, TimeSpan.FromHours(1));
            var id = $"times-{Guid.NewGuid():N}";
            await server.Client.CreateScheduleAsync(id, book.Make(schedule) with { State = new() { Paused = true } });
            var matching = await server.Client.WorkflowService.ListScheduleMatchingTimesAsync(new()
            {
                Namespace = server.Namespace,
                ScheduleId = id,
                StartTime = Timestamp.FromDateTimeOffset(from),
                EndTime = Timestamp.FromDateTimeOffset(to),
            });
            var theirs = matching.StartTime.Select(t => t.ToDateTimeOffset()).ToList();
            Assert.NotEmpty(theirs);
            var ours = recurrence.Between(from, to, clocks);
            Assert.Equal(theirs.Where(ToldApart), ours.Where(ToldApart));
        }
    }

    private static Schedule Foreign() => new(
        ScheduleActionStartWorkflow.Create("Report", [], new("report", "reports")), new() { Intervals = [new(TimeSpan.FromDays(1))] });

    private async Task<ScheduleActionExecutionStartWorkflow> RunningAsync(string id) =>
        (ScheduleActionExecutionStartWorkflow)(await server.Client.GetScheduleHandle(id).DescribeAsync()).Info.RunningActions.Single();

    private Task ApplyAsync(IReadOnlyList<PlannedSchedule> planned) => book.ApplyAsync(planned, None);

    /// <summary>The list lags behind.</summary>
    private async Task<IReadOnlyList<ScheduleRow>> UntilListedAsync(IReadOnlyList<PlannedSchedule> planned)
    {
        while (true)
        {
            var rows = await book.ListAsync(planned, None);
            if (rows.Count == planned.Count)
                return rows;
            await Task.Delay(50);
        }
    }

    /// <summary>One for all of them.</summary>
    public sealed class Server : IAsyncLifetime
    {
        public TemporalServer Temporal { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Temporal = await TemporalServer.StartOwnAsync();

        public ValueTask DisposeAsync() => Temporal.DisposeAsync();
    }
}
