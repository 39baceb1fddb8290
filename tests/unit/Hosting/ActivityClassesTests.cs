using System.Reflection;
using LuxHedge.Worker.Hosting;
using Temporalio.Activities;

namespace LuxHedge.Tests.Unit.Hosting;

public sealed class ActivityClassesTests
{
    [Fact]
    public void Every_activity_of_the_workflows_is_done_by_exactly_one_class()
    {
        var asked = ActivityClasses.Interfaces.SelectMany(i => i.GetMethods()).Select(m =>
            m.GetCustomAttribute<ActivityAttribute>()!.Name!);

        var done = ActivityClasses.All.SelectMany(type => ActivityClasses.Definitions(type,
            () => throw new InvalidOperationException())).Select(d => d.Name!);

        Assert.Equal(asked.Order(StringComparer.Ordinal), done.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_interface_of_activities_is_known_to_the_worker()
    {
        var interfaces = typeof(LuxHedge.Workflows.Verdict).Assembly.GetExportedTypes()
            .Where(t => t.IsInterface && t.GetMethods().Any(m => m.GetCustomAttribute<ActivityAttribute>() is not null));

        Assert.Equal(interfaces.OrderBy(t => t.FullName), ActivityClasses.Interfaces.OrderBy(t => t.FullName));
    }
}
