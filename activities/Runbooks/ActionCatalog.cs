using System.Reflection;
using System.Text.Json;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>One input or output of an action.</summary>
/// <param name="Name">As runbooks write it.</param>
/// <param name="Type">One of <see cref="InputTypes"/>.</param>
/// <param name="Values">The words it may be; empty: any.</param>
public sealed record ActionField(string Name, string Type, string Summary, bool Required, IReadOnlyList<string> Values);

/// <summary>What a runbook's <c>uses</c> can name.</summary>
/// <param name="Summary">What it does and when it fails, in a sentence or two.</param>
/// <param name="Class">A <see cref="WorkflowAction{TInput}"/> or an <see cref="ActivityAction{TInput}"/>.</param>
public sealed record ActionDescription(
    string Name, string Summary, Type Class, IReadOnlyList<ActionField> Inputs, IReadOnlyList<ActionField> Outputs)
{
    /// <summary>Runs in the activity <c>run-action</c>; else in the workflow.</summary>
    public bool DoesIO => typeof(IActivityAction).IsAssignableFrom(Class);

    public ActionField? Input(string name) => Inputs.FirstOrDefault(i => i.Name == name);
}

/// <summary>Every action there is, found by its attribute: to add one is to write its class, and nothing else.</summary>
public sealed class ActionCatalog
{
    private readonly Dictionary<string, ActionDescription> byName;

    /// <param name="classes">Classes with <see cref="ActionAttribute"/>; tests give their own.</param>
    public ActionCatalog(IEnumerable<Type> classes)
    {
        Actions = [.. classes.Select(Describe).OrderBy(a => a.Name, StringComparer.Ordinal)];
        byName = Actions.ToDictionary(a => a.Name, StringComparer.Ordinal);
    }

    /// <summary>Those of this software: workflows' and activities'.</summary>
    public static ActionCatalog All { get; } = new(
        new[] { typeof(ActionAttribute).Assembly, typeof(ActionCatalog).Assembly }
            .SelectMany(a => a.GetTypes())
            .Where(t => t is { IsClass: true, IsAbstract: false } && t.IsDefined(typeof(ActionAttribute), inherit: false)));

    /// <summary>By name.</summary>
    public IReadOnlyList<ActionDescription> Actions { get; }

    /// <summary>Null: there is no such action.</summary>
    public ActionDescription? this[string name] => byName.GetValueOrDefault(name);

    private static ActionDescription Describe(Type type)
    {
        var attribute = type.GetCustomAttribute<ActionAttribute>()!;
        return new(
            attribute.Name,
            attribute.Summary,
            type,
            Fields(InputOf(type)),
            attribute.Output is { } output ? Fields(output) : []);
    }

    private static Type InputOf(Type type)
    {
        for (var at = type.BaseType; at is not null; at = at.BaseType)
        {
            if (at.IsGenericType && at.GetGenericTypeDefinition() is var generic
                && (generic == typeof(WorkflowAction<>) || generic == typeof(ActivityAction<>)))
            {
                return at.GetGenericArguments()[0];
            }
        }

        throw new InvalidOperationException($"{type} has [Action] and is neither a WorkflowAction nor an ActivityAction.");
    }

    private static ActionField[] Fields(Type record) =>
    [
        .. record.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(p => (Name: JsonNamingPolicy.CamelCase.ConvertName(p.Name), Of: p.GetCustomAttribute<InputAttribute>()))
            .Where(p => p.Of is not null)
            .Select(p => new ActionField(p.Name, p.Of!.Type, p.Of.Summary, p.Of.Required, p.Of.Values)),
    ];
}
