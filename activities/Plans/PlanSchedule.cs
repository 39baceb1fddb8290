namespace LuxHedge.Activities.Plans;

/// <summary>What a <c>schedule</c> entry of the plan comes to.</summary>
internal static class PlanSchedule
{
    /// <summary>The longest time between two runs; null: it runs on an event (<c>on: change</c>), or nothing is said.</summary>
    public static TimeSpan? Interval(YamlMapping? when) => when switch
    {
        null => null,
        _ when when.Text("every") is { } text => Units.TryDuration(text, out var every) ? every : null,
        _ when when.Text("daily") is not null => TimeSpan.FromDays(1),
        _ when when.Text("weekly") is not null => TimeSpan.FromDays(7),
        _ when when.Text("monthly") is not null => TimeSpan.FromDays(31),
        _ when when.Text("quarterly") is not null => TimeSpan.FromDays(92),
        _ when when.Text("yearly") is not null => TimeSpan.FromDays(366),
        _ => null,
    };
}
