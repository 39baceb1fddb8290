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
}
