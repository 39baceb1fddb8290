using System.Reflection;
using LuxHedge.Activities;
using LuxHedge.Workflows;
using Temporalio.Activities;

namespace LuxHedge.Worker.Hosting;

/// <summary>The classes that do what the workflows ask for: those of <c>activities/</c> that implement one of the workflows'
/// interfaces.</summary>
public static class ActivityClasses
{
    public static readonly IReadOnlyList<Type> Interfaces =
    [
        .. typeof(Verdict).Assembly.GetExportedTypes()
            .Where(t => t.IsInterface && t.GetMethods().Any(m => m.GetCustomAttribute<ActivityAttribute>() is not null))
            .OrderBy(t => t.FullName, StringComparer.Ordinal),
    ];

    public static readonly IReadOnlyList<Type> All =
    [
        .. typeof(RefusalException).Assembly.GetExportedTypes()
            .Where(t => t is { IsClass: true, IsAbstract: false } && Interfaces.Any(i => i.IsAssignableFrom(t)))
            .OrderBy(t => t.FullName, StringComparer.Ordinal),
    ];

    /// <summary>
    /// What a worker registers for a class: every activity of the interfaces it implements, under the interface's name for it. (The SDK by
    /// itself looks for the attribute on the class only.)
    /// </summary>
    /// <param name="instance">Asked for at every call.</param>
    public static IEnumerable<ActivityDefinition> Definitions(Type type, Func<object> instance)
    {
        foreach (var contract in Interfaces.Where(i => i.IsAssignableFrom(type)))
        {
            foreach (var method in contract.GetMethods())
            {
                var name = method.GetCustomAttribute<ActivityAttribute>()?.Name
                    ?? throw new InvalidOperationException($"{method} has no activity name.");
                var parameters = method.GetParameters();
                yield return ActivityDefinition.Create(
                    name, method.ReturnType, [.. parameters.Select(p => p.ParameterType)], parameters.Length,
                    arguments => method.Invoke(instance(), BindingFlags.DoNotWrapExceptions, null, arguments, null));
            }
        }
    }
}
