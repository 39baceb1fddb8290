namespace LuxHedge.Workflows.Approvals;

/// <summary>What a person did to a run under way, unsigned and always kept.</summary>
/// <param name="Kind"><c>retry</c>, <c>skip</c>, <c>pause</c>, <c>resume</c> or <c>abort</c>.</param>
/// <param name="Step">Null: the whole run.</param>
public sealed record Intervention(string Kind, string? Step, string Person, string Reason, DateTimeOffset At);
