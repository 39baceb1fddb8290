using System.Text.Json;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>How actions answer.</summary>
public static class ActionOutcomes
{
    /// <param name="output">A record: the action's <see cref="ActionAttribute.Output"/>.</param>
    public static ActionOutcome Of<TOutput>(TOutput output, params IReadOnlyList<Check> checks) =>
        new(JsonSerializer.SerializeToElement(output, LuxJson.Options), checks);

    /// <summary>How each store's copy of a backup came out, as a check.</summary>
    /// <param name="good">What is said of a copy where nothing is wrong.</param>
    public static IReadOnlyList<Check> ChecksOf(string backup, IEnumerable<StoreVerification> stores, string good) =>
    [
        .. stores.Select(s => new Check($"{backup} in {s.Store}", s.Verdict,
            s.Problems.Count == 0 ? good : string.Join("; ", s.Problems.Take(5).Select(p => $"{p.Object}: {p.Text}")))),
    ];
}

/// <summary>The output of an action that answers nothing.</summary>
public sealed record Nothing;
