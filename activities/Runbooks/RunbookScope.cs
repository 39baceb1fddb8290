using System.Globalization;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>What a step answers, as far as it is known before anything is run.</summary>
/// <param name="Fields">Null: anything may be in it.</param>
internal sealed record StepAnswer(string Type, IReadOnlyDictionary<string, StepAnswer>? Fields)
{
    public static readonly StepAnswer Anything = new(InputTypes.Object, null);

    public static readonly StepAnswer Nothing = new(InputTypes.Object, new Dictionary<string, StepAnswer>());

    public static StepAnswer Of(string type) => type is InputTypes.Object or InputTypes.List ? new(type, null) : new(type, Nothing.Fields);

    public static StepAnswer Of(IEnumerable<(string Name, StepAnswer Answer)> fields) =>
        new(InputTypes.Object, fields.ToDictionary(f => f.Name, f => f.Answer, StringComparer.Ordinal));
}

/// <summary>What expressions at one place of a runbook may name, and what is wrong with one that names something else.</summary>
internal sealed class RunbookScope
{
    private static readonly Dictionary<string, StepAnswer> ModeFields = new(StringComparer.Ordinal)
    {
        ["name"] = StepAnswer.Of(InputTypes.Text),
        ["target"] = StepAnswer.Of(InputTypes.Target),
        ["host"] = StepAnswer.Of(InputTypes.Text),
        ["database"] = StepAnswer.Of(InputTypes.Text),
    };

    private static readonly Dictionary<string, StepAnswer> RunFields = new(StringComparer.Ordinal)
    {
        ["id"] = StepAnswer.Of(InputTypes.Text),
        ["asset"] = StepAnswer.Of(InputTypes.Asset),
        ["declaredAt"] = StepAnswer.Of(InputTypes.Time),
        ["requestedBy"] = StepAnswer.Of(InputTypes.Person),
    };

    /// <summary>Names that expressions give a meaning to, so nothing else may have them.</summary>
    public static readonly IReadOnlyList<string> Words = ["inputs", "steps", "mode", "run", "drill", "real", "true", "false", "null"];

    private readonly Dictionary<string, StepAnswer> inputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StepAnswer> steps;
    private readonly IReadOnlyDictionary<string, string> elsewhere;
    private readonly Dictionary<string, StepAnswer> items;

    /// <param name="elsewhere">Every step of the runbook that can't be seen from everywhere, and why not yet.</param>
    public RunbookScope(IReadOnlyDictionary<string, string> elsewhere)
        : this([], [], [], elsewhere)
    {
    }

    private RunbookScope(
        Dictionary<string, StepAnswer> inputs, Dictionary<string, StepAnswer> steps, Dictionary<string, StepAnswer> items,
        IReadOnlyDictionary<string, string> elsewhere)
    {
        this.inputs = inputs;
        this.steps = steps;
        this.items = items;
        this.elsewhere = elsewhere;
    }

    public IReadOnlyDictionary<string, StepAnswer> Inputs => inputs;

    public IEnumerable<string> Items => items.Keys;

    public void AddInput(string name, StepAnswer answer) => inputs[name] = answer;

    public void AddStep(string id, StepAnswer answer) => steps[id] = answer;

    /// <summary>As one of several that begin together sees it: what one answers, its siblings don't see.</summary>
    public RunbookScope Branch() => new(inputs, new(steps, StringComparer.Ordinal), items, elsewhere);

    public RunbookScope WithItem(string name) =>
        new(inputs, new(steps, StringComparer.Ordinal), new(items, StringComparer.Ordinal) { [name] = StepAnswer.Anything }, elsewhere);

    /// <summary>What stands at the end of a path, or what is wrong with it.</summary>
    public (StepAnswer Answer, string? Wrong) Look(ExpressionReference reference)
    {
        var path = reference.Path;
        return path[0] switch
        {
            "inputs" => path.Count == 1
                ? (StepAnswer.Anything, "inputs is no value by itself; write inputs.NAME")
                : inputs.TryGetValue(path[1], out var input)
                    ? Into(input, path, 2)
                    : (StepAnswer.Anything, $"there is no input '{path[1]}' here{Suggestion.For(path[1], inputs.Keys)}"),
            "steps" => path.Count == 1
                ? (StepAnswer.Anything, "steps is no value by itself; write steps.ID.NAME")
                : steps.TryGetValue(path[1], out var step)
                    ? Into(step, path, 2)
                    : (StepAnswer.Anything, elsewhere.TryGetValue(path[1], out var why)
                        ? $"step '{path[1]}' {why}"
                        : $"there is no step '{path[1]}'{Suggestion.For(path[1], steps.Keys)}"),
            "mode" => path.Count == 1 ? (StepAnswer.Of(InputTypes.Text), null) : Into(new(InputTypes.Object, ModeFields), path, 1),
            "run" => path.Count == 1
                ? (StepAnswer.Anything, $"run is no value by itself; write {Scalars.Words([.. RunFields.Keys.Select(k => $"run.{k}")])}")
                : Into(new(InputTypes.Object, RunFields), path, 1),
            _ => items.TryGetValue(path[0], out var item) ? Into(item, path, 1) : (StepAnswer.Anything, Unknown(path[0])),
        };
    }

    private string Unknown(string name)
    {
        var known = Words.Where(w => w is not ("true" or "false" or "null")).Concat(items.Keys).ToList();
        var prefix = inputs.ContainsKey(name) ? $"; did you mean 'inputs.{name}'?" : steps.ContainsKey(name) ? $"; did you mean 'steps.{name}'?" : Suggestion.For(name, known);
        return $"there is no '{name}' here{(prefix.Length > 0 ? prefix : $"; there are {Scalars.Words(known)}, and texts stand in single quotes")}";
    }

    private static (StepAnswer Answer, string? Wrong) Into(StepAnswer at, IReadOnlyList<string> path, int from)
    {
        for (var i = from; i < path.Count; i++)
        {
            if (at.Fields is not { } fields)
            {
                return (StepAnswer.Anything, null);
            }

            var above = string.Join('.', path.Take(i));
            if (!fields.TryGetValue(path[i], out var field))
            {
                return (StepAnswer.Anything, fields.Count == 0
                    ? at.Type == InputTypes.Object ? $"{above} answers nothing" : $"{above} is a {at.Type} and has nothing in it"
                    : string.Create(CultureInfo.InvariantCulture,
                        $"{above} has no '{path[i]}'{Suggestion.For(path[i], fields.Keys)}; it has {Scalars.Words([.. fields.Keys])}"));
            }

            at = field;
        }

        return (at, null);
    }
}
