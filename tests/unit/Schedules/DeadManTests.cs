using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Schedules;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace LuxHedge.Tests.Unit.Schedules;

public sealed class DeadManTests
{
    [Fact]
    public async Task A_call_that_fails_says_why_without_the_address_and_throws_nothing()
    {
        await using var plan = TestPlan.Create();
        var logged = new Sink();
        await using var log = new LoggerConfiguration().WriteTo.Sink(logged).CreateLogger();
        // Port 1 refuses at once.
        var said = await Call(plan.Plan with { DeadMan = new SecretReference("http://127.0.0.1:1/ping/secret-of-ours", plan.Folder) }, log);
        Assert.NotEqual("called", said);
        Assert.NotEmpty(logged.Lines);
        Assert.All(logged.Lines.Append(said), line =>
        {
            Assert.DoesNotContain("secret-of-ours", line, StringComparison.Ordinal);
            Assert.DoesNotContain("127.0.0.1", line, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_reference_that_names_nothing_is_told_by_its_name_and_a_plan_without_one_calls_nobody()
    {
        await using var plan = TestPlan.Create();
        Assert.Contains("LUXHEDGE_NO_SUCH_VARIABLE", await Call(plan.Plan with { DeadMan = new SecretReference("${env:LUXHEDGE_NO_SUCH_VARIABLE}", plan.Folder) }, Logger.None), StringComparison.Ordinal);
        Assert.Equal("none", await Call(plan.Plan, Logger.None));
    }

    private static async Task<string> Call(Plan plan, ILogger log)
    {
        await using var stores = new StoreSet(plan);
        return await new WatchActivities(plan, stores, null!, null!, TimeProvider.System, log).CallDeadManAsync();
    }

    private sealed class Sink : ILogEventSink
    {
        public List<string> Lines { get; } = [];

        public void Emit(LogEvent logEvent) => Lines.Add(logEvent.RenderMessage(null));
    }
}
