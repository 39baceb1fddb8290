using System.Globalization;
using System.Text.Json;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>Where a step stands: in which runbook, under which flat name, and what its expressions see.</summary>
internal sealed class StepScope
{
    private readonly string prefix;
    private readonly Dictionary<string, JsonElement> outputs;
    private readonly Scope values;

    public StepScope(RunbookDefinition definition, IReadOnlyDictionary<string, JsonElement> inputs, ModeFacts mode, RunFacts run)
        : this("", definition, inputs, new(StringComparer.Ordinal), new(inputs, new Dictionary<string, JsonElement>(), mode, run), 0, null, false)
    {
    }

    private StepScope(
        string prefix, RunbookDefinition definition, IReadOnlyDictionary<string, JsonElement> inputs, Dictionary<string, JsonElement> outputs,
        Scope values, int depth, bool? asks, bool isCleanUp)
    {
        this.prefix = prefix;
        this.outputs = outputs;
        this.values = values with { Steps = outputs };
        (Definition, Inputs, Depth, Asks, IsCleanUp) = (definition, inputs, depth, asks ?? false, isCleanUp);
    }

    public RunbookDefinition Definition { get; }

    /// <summary>Of the runbook that the step is in, bound.</summary>
    public IReadOnlyDictionary<string, JsonElement> Inputs { get; }

    public int Depth { get; }

    /// <summary>A group around the step says <c>on-failure: ask</c>: so does every step in it that says nothing itself.</summary>
    public bool Asks { get; }

    public bool IsCleanUp { get; }

    public Scope Values => values;

    /// <summary>Outputs of the steps of this runbook so far, by id.</summary>
    public IReadOnlyDictionary<string, JsonElement> Outputs => outputs;

    /// <summary>By name, of this runbook's own inputs.</summary>
    public IReadOnlyDictionary<string, string> InputTypes =>
        Definition.Inputs.ToDictionary(i => i.Name, i => i.Type, StringComparer.Ordinal);

    public string Id(string step) => prefix + step;

    public void Answer(string step, JsonElement output) => outputs[step] = output;

    public StepScope InGroup(bool asks) => new(prefix, Definition, Inputs, outputs, values, Depth + 1, Asks || asks, IsCleanUp);

    public StepScope InCleanUp() => new(prefix, Definition, Inputs, outputs, values, Depth, asks: false, isCleanUp: true);

    /// <summary>One round of a loop: its steps see those before the loop, and what they answer is this round's alone.</summary>
    public StepScope InRound(string loop, int round, string name, JsonElement item, bool asks) => new(
        string.Create(CultureInfo.InvariantCulture, $"{prefix}{loop}/{round}/"), Definition, Inputs, new(outputs, StringComparer.Ordinal),
        values.WithItem(name, item), Depth + 1, Asks || asks, IsCleanUp);

    public StepScope InNested(string step, RunbookDefinition nested, IReadOnlyDictionary<string, JsonElement> inputs, bool asks) => new(
        $"{prefix}{step}/", nested, inputs, new(StringComparer.Ordinal),
        values with { Inputs = inputs, Items = new Dictionary<string, JsonElement>() }, Depth + 1, Asks || asks, IsCleanUp);

    /// <summary>What a runbook is given, with what it says itself for the rest. A default may look at the inputs before it.</summary>
    public static Dictionary<string, JsonElement> Bind(
        RunbookDefinition definition, IReadOnlyDictionary<string, JsonElement> given, ModeFacts mode, RunFacts run)
    {
        var bound = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        var types = definition.Inputs.ToDictionary(i => i.Name, i => i.Type, StringComparer.Ordinal);
        foreach (var input in definition.Inputs)
        {
            if (given.TryGetValue(input.Name, out var value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined))
                bound[input.Name] = InputValues.Fit(input.Name, value, types);
            else if (input.Default is { } otherwise)
                bound[input.Name] = InputValues.Fit(
                    input.Name, Expressions.Resolve(otherwise, new(bound, new Dictionary<string, JsonElement>(), mode, run)), types);
            else if (!input.Optional)
                throw Runs.Failures.ToFailure(new(ErrorKinds.Usage, $"The runbook {definition.Runbook} needs its input '{input.Name}'.", input.Name));
        }

        return bound;
    }
}
