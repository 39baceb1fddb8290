using System.Text.Json;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>How actions answer.</summary>
public static class ActionOutcomes
{
    /// <param name="output">A record: the action's <see cref="ActionAttribute.Output"/>.</param>
    public static ActionOutcome Of<TOutput>(TOutput output, params IReadOnlyList<Check> checks) =>
        new(JsonSerializer.SerializeToElement(output, LuxJson.Options), checks);
}

/// <summary>The output of an action that answers nothing.</summary>
public sealed record Nothing;
