using LuxHedge.Workflows.Notifications;

namespace LuxHedge.Workflows.Watch;

/// <summary>Input of <c>Watch</c>.</summary>
/// <param name="Before">What the look before this one came to; null: what the schedule's last run returned.</param>
public sealed record WatchRequest(string TaskQueue, WatchResult? Before = null);

/// <summary>One thing that is not as it should be.</summary>
/// <param name="Key">The same trouble always has the same key.</param>
/// <param name="Kind">As in the plan's <c>alerts.on</c>: failed, not-proven, suspect, overdue, tampering, …</param>
/// <param name="Title">In a few words, without numbers that grow by themselves: another title is told at once.</param>
/// <param name="Text">What is known of it.</param>
public sealed record WatchFinding(string Key, string Kind, string Title, string Text, string? RunId);

/// <summary>Answer of <c>watch-look</c>.</summary>
/// <param name="Unknown">What could not be looked at, and why.</param>
public sealed record WatchLook(IReadOnlyList<WatchFinding> Findings, IReadOnlyList<string> Unknown);

/// <summary>A finding that people were told of.</summary>
public sealed record ToldFinding(string Key, string Title, DateTimeOffset At);

/// <summary>What one cycle comes to. The next one reads it.</summary>
/// <param name="LookedAt">Runs that closed before it are not looked at again.</param>
/// <param name="DeadMan"><c>called</c>, <c>none</c>, or why the call failed.</param>
public sealed record WatchResult(DateTimeOffset LookedAt, IReadOnlyList<ToldFinding> Told, int Alerts, IReadOnlyList<string> Unknown, string DeadMan);
