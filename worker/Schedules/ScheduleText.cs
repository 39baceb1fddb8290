using System.Globalization;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Schedules;
using LuxHedge.Workflows.Watch;
using Temporalio.Client.Schedules;
using Temporalio.Converters;

namespace LuxHedge.Worker.Schedules;

/// <summary>A schedule in one canonical form, so that what Temporal gives back can be compared with what the plan says: the server fills in
/// defaults and writes ranges its own way.</summary>
internal static class ScheduleText
{
    private const string Action = "action";

    public static IReadOnlyDictionary<string, string> Of(PlannedSchedule schedule, string taskQueue)
    {
        var spec = ScheduleBook.Spec(schedule);
        var argument = schedule.Workflow == Wire.Watch
            ? Json(new WatchRequest(taskQueue))
            : Json(new ScheduledRun(schedule.Id, schedule.Workflow, schedule.Name, schedule.Asset, taskQueue));
        return Of(spec, Temporalio.Api.Enums.V1.ScheduleOverlapPolicy.Skip, schedule.CatchUp, pauseOnFailure: false,
            $"{(schedule.Workflow == Wire.Watch ? Wire.Watch : Wire.Scheduled)} on {taskQueue} {argument}");
    }

    public static async Task<IReadOnlyDictionary<string, string>> OfAsync(Schedule there)
    {
        var action = there.Action is ScheduleActionStartWorkflow start && start.Args is { Count: 1 } && start.Args.First() is IEncodedRawValue argument
            ? $"{start.Workflow} on {start.Options.TaskQueue} {await ArgumentAsync(start.Workflow, argument)}"
            : "another";
        return Of(there.Spec, there.Policy.Overlap, there.Policy.CatchupWindow, there.Policy.PauseOnFailure, action);
    }

    /// <summary>What differs, in words for a person; null: nothing.</summary>
    public static string? Difference(IReadOnlyDictionary<string, string> there, IReadOnlyDictionary<string, string> wanted)
    {
        var different = wanted.Where(w => there[w.Key] != w.Value)
            .Select(w => w.Key == Action ? "what it starts" : $"{w.Key} {there[w.Key]} → {w.Value}").ToList();
        return different.Count == 0 ? null : string.Join(", ", different);
    }

    private static Dictionary<string, string> Of(
        ScheduleSpec spec, Temporalio.Api.Enums.V1.ScheduleOverlapPolicy overlap, TimeSpan? catchUp, bool pauseOnFailure, string action) =>
        new(StringComparer.Ordinal)
        {
            ["times"] = string.Join("; ", [
                .. spec.Calendars.Select(Calendar), .. spec.Intervals.Select(i => $"every {Span(i.Every)} + {Span(i.Offset)}"),
                .. spec.CronExpressions.Select(c => $"cron {c}"), .. spec.Skip.Select(s => $"not {Calendar(s)}"),
                .. spec.StartAt is { } start ? [$"from {start:u}"] : Array.Empty<string>(),
                .. spec.EndAt is { } end ? [$"until {end:u}"] : Array.Empty<string>(),
            ]),
            ["zone"] = string.IsNullOrEmpty(spec.TimeZoneName) ? "UTC" : spec.TimeZoneName,
            ["jitter"] = Span(spec.Jitter),
            ["overlap"] = overlap.ToString(),
            ["catch-up"] = Span(catchUp),
            ["pause on failure"] = pauseOnFailure ? "yes" : "no",
            [Action] = action,
        };

    private static string Calendar(ScheduleCalendarSpec calendar) =>
        $"{Ranges(calendar.Hour)}:{Ranges(calendar.Minute)}:{Ranges(calendar.Second)} day {Ranges(calendar.DayOfMonth)} "
        + $"month {Ranges(calendar.Month)} weekday {Ranges(calendar.DayOfWeek)} year {Ranges(calendar.Year)}";

    /// <summary>An end before its start is the start, a step of 0 is 1.</summary>
    private static string Ranges(IReadOnlyCollection<ScheduleRange> ranges) => ranges.Count == 0 ? "*" : string.Join(
        ',', ranges.SelectMany(Values).Distinct().Order().Select(v => v.ToString(CultureInfo.InvariantCulture)));

    private static IEnumerable<int> Values(ScheduleRange range)
    {
        for (var value = range.Start; value <= Math.Max(range.End, range.Start); value += Math.Max(range.Step, 1))
            yield return value;
    }

    private static async Task<string> ArgumentAsync(string workflow, IEncodedRawValue argument)
    {
        try
        {
            return workflow == Wire.Watch ? Json(await argument.ToValueAsync<WatchRequest>()) : Json(await argument.ToValueAsync<ScheduledRun>());
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or ArgumentException or InvalidOperationException)
        {
            return "another argument";
        }
    }

    private static string Json<T>(T value) => System.Text.Json.JsonSerializer.Serialize(value, LuxJson.Indented);

    private static string Span(TimeSpan? span) => span is { } s ? Units.Write(s) : "0";
}
