using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>The inputs of a run as a person or the plan gives them, checked against what the runbook asks for. What is not given stays out:
/// the workflow takes the runbook's defaults.</summary>
public static class RunbookInputs
{
    /// <summary>From <c>--input KEY=VALUE</c>, however often.</summary>
    /// <exception cref="RefusalException">Kind <c>usage</c>, with everything that is wrong.</exception>
    public static IReadOnlyDictionary<string, JsonElement> Parse(RunbookDefinition definition, IEnumerable<string> pairs, Plan plan)
    {
        var given = new List<(string Name, string Text)>();
        var problems = new List<Problem>();
        foreach (var pair in pairs)
        {
            if (pair.IndexOf('=', StringComparison.Ordinal) is > 0 and var at)
            {
                given.Add((pair[..at], pair[(at + 1)..]));
            }
            else
            {
                problems.Add(new Problem($"'{pair}' is no KEY=VALUE.", "--input"));
            }
        }

        return Parse(definition, given, plan, problems);
    }

    /// <summary>From a drill of the plan.</summary>
    /// <param name="more">What the command line gives: it stands before what the plan gives.</param>
    public static IReadOnlyDictionary<string, JsonElement> Parse(
        RunbookDefinition definition, IReadOnlyDictionary<string, string> given, IEnumerable<string> more, Plan plan)
    {
        var pairs = more.ToList();
        var named = pairs.Select(p => p.Split('=', 2)[0]).ToHashSet(StringComparer.Ordinal);
        return Parse(definition, [.. given.Where(g => !named.Contains(g.Key)).Select(g => $"{g.Key}={g.Value}"), .. pairs], plan);
    }

    private static Dictionary<string, JsonElement> Parse(
        RunbookDefinition definition, List<(string Name, string Text)> given, Plan plan, List<Problem> problems)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var (name, text) in given)
        {
            if (definition.Inputs.FirstOrDefault(i => i.Name == name) is not { } input)
            {
                problems.Add(new Problem(
                    $"There is no input '{name}'{Suggestion.For(name, definition.Inputs.Select(i => i.Name))}; {Known(definition)}", $"--input {name}"));
            }
            else if (!InputValues.TryRead(input.Type, text, out var value, out var why)
                || (why = PlanNames.WhyUnknown(plan, input.Type, text)) is not null)
            {
                problems.Add(new Problem($"{name}: {ShapeCheck.Echo(text)} {why}", $"--input {name}"));
            }
            else if (!values.TryAdd(name, value))
            {
                problems.Add(new Problem($"{name} is given twice.", $"--input {name}"));
            }
        }

        foreach (var missing in definition.Inputs.Where(i => i is { Optional: false, Default: null } && given.TrueForAll(g => g.Name != i.Name)))
        {
            problems.Add(new Problem(
                $"The input '{missing.Name}' ({missing.Type}) must be given{(missing.Title is { } title ? $": {title}" : "")}.", $"--input {missing.Name}"));
        }

        return problems.Count == 0
            ? values
            : throw new RefusalException(new ErrorReport(
                ErrorKinds.Usage,
                problems is [var only] ? only.Message : $"The inputs of {definition.Runbook} have {problems.Count} problems.",
                problems is [var one] ? one.Where : "--input",
                $"Its inputs: luxhedge drill plan {definition.Runbook}",
                problems));
    }

    private static string Known(RunbookDefinition definition) =>
        definition.Inputs.Count == 0 ? $"{definition.Runbook} has none." : $"{definition.Runbook} has {string.Join(", ", definition.Inputs.Select(i => i.Name))}.";
}

/// <summary>Whether the plan knows what a value names.</summary>
internal static class PlanNames
{
    /// <returns>Null: it does, or the type names nothing of the plan.</returns>
    public static string? WhyUnknown(Plan plan, string type, string name) => type switch
    {
        InputTypes.Asset => Unknown("asset", name, plan.Assets.Keys),
        InputTypes.Store => Unknown("store", name, plan.Stores.Keys),
        InputTypes.Person => Unknown("person", name, plan.People.Keys),
        InputTypes.Target when name.Split('/') is [var cluster, _] => Unknown("cluster", cluster, plan.Clusters.Keys),
        _ => null,
    };

    private static string? Unknown(string what, string name, IEnumerable<string> known)
    {
        var names = known.ToList();
        return names.Contains(name, StringComparer.Ordinal) ? null : $"is no {what} of the plan{Suggestion.For(name, names)}";
    }
}
