using System.Text.Json;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// A drill never reaches production: before every step the workflow looks at everything that the step is given. It goes by what the loader
/// says of the inputs' types, and does not believe it: a word that can mean nothing but production is refused wherever it stands. (The last
/// door asks its own plan again.) Pure.
/// </summary>
public static class RunbookIsolation
{
    public const string Production = "production";

    /// <summary>Why a drill may not run this step; null: it may.</summary>
    /// <param name="types">Of the inputs whose type is known, one of <see cref="InputTypes"/>.</param>
    public static string? WhyNot(
        RunbookSite site, IEnumerable<KeyValuePair<string, JsonElement>> inputs, IReadOnlyDictionary<string, string> types)
    {
        if (IsProduction(site, site.Target, isTarget: true))
            return $"A drill has to have a target of its own, and this one's is '{site.Target}', which is production.";
        foreach (var (name, value) in inputs)
        {
            var isTarget = types.TryGetValue(name, out var type) && type == InputTypes.Target;
            if (Texts(value).FirstOrDefault(t => IsProduction(site, t, isTarget)) is { } text)
                return $"A drill never reaches production, and '{name}' is '{text}'.";
        }

        return null;
    }

    /// <summary>An asset's id and its database's name are words for production only where a target stands: elsewhere they say what is
    /// backed up.</summary>
    private static bool IsProduction(RunbookSite site, string text, bool isTarget)
    {
        var word = text.Trim();
        return word.Equals(Production, StringComparison.OrdinalIgnoreCase)
            || site.Production.Any(p => (isTarget || p.Contains('/')) && p.Equals(word, StringComparison.OrdinalIgnoreCase));
    }

    private static IEnumerable<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => value.EnumerateObject().SelectMany(p => Texts(p.Value)),
        _ => [],
    };
}
