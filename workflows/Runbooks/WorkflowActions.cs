using System.Reflection;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// The actions that run in the workflow, by name: every class of this assembly with <see cref="ActionAttribute"/>. The same in every replay,
/// since nothing but the assembly decides. What is not here is done by the activity <c>run-action</c>.
/// </summary>
public static class WorkflowActions
{
    private static readonly Dictionary<string, Type> ByName = typeof(IWorkflowAction).Assembly.GetTypes()
        .Where(t => t is { IsClass: true, IsAbstract: false } && typeof(IWorkflowAction).IsAssignableFrom(t))
        .OrderBy(t => t.FullName, StringComparer.Ordinal)
        .ToDictionary(t => t.GetCustomAttribute<ActionAttribute>()?.Name
            ?? throw new InvalidOperationException($"{t} has no [Action]."), StringComparer.Ordinal);

    /// <summary>A new one for each step; null: an activity does it.</summary>
    public static IWorkflowAction? Create(string name) =>
        ByName.TryGetValue(name, out var type) ? (IWorkflowAction)Activator.CreateInstance(type)! : null;
}
