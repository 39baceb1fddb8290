using System.Text.Json.Serialization;

namespace LuxHedge.Workflows;

/// <summary>
/// What was found out about a level that was asked. <see cref="NotProven"/> means that it could not be checked, and is never
/// shown as success.
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    Proven,
    NotProven,
    Failed,
}

public static class Verdicts
{
    /// <summary>Failed beats NotProven beats Proven. Nothing checked at all is NotProven.</summary>
    public static Verdict Worst(IEnumerable<Verdict> verdicts) => verdicts.DefaultIfEmpty(Verdict.NotProven).Max();
}
