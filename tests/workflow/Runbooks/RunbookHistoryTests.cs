using LuxHedge.Tests.Workflow.Runs;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;
using static LuxHedge.Tests.Workflow.Runbooks.RunbookRig;

namespace LuxHedge.Tests.Workflow.Runbooks;

/// <summary>The recorded runs of runbooks, which <see cref="ReplayTests"/> replays with all others. Recorded in the same way, by
/// <c>-class '*RunbookHistoryTests'</c>.</summary>
public sealed class RunbookHistoryTests
{
    private static readonly Dictionary<string, Func<RunbookRig, Task<WorkflowHandle>>> Stories = new(StringComparer.Ordinal)
    {
        ["whole"] = rig => EndedAsync(rig.StartAsync(Define(
            Act("one"), Parallel("both", Act("a"), Act("b") with { Timeout = TimeSpan.FromMinutes(5) }), Wait("wait", "PT1M"),
            Nested("inner", Define(Act("restore")) with { Cleanup = [Act("tidy")] })) with
        { Cleanup = [Act("tidy")] })),
        ["retried"] = async rig =>
        {
            rig.Fail("bad", times: 1);
            var run = await rig.StartAsync(Define(Approve("declare"), Act("bad", "bad"), Act("last")));
            await RunbookPeopleTests.DecideAsync(run, "alice");
            await WaitsAsync(run);
            await OrderAsync(run, Wire.Retry);
            return await EndedAsync(Task.FromResult(run));
        },
        ["denied-drill"] = async rig =>
        {
            var run = await rig.StartAsync(Define(Approve("declare"), Act("restore")) with { Cleanup = [Act("tidy")] }, RunMode.Drill);
            await RunbookPeopleTests.DecideAsync(run, "bob", DecisionKind.Denied);
            return await EndedAsync(Task.FromResult(run));
        },
        ["aborted"] = async rig =>
        {
            rig.Hang("hang");
            var run = await rig.StartAsync(Define(Act("one", "hang"), Act("two")) with { Cleanup = [Act("tidy")] });
            await rig.UntilRanAsync("one");
            await TestWorker.AbortAsync(run);
            return await EndedAsync(Task.FromResult(run));
        },
    };

    public static TheoryData<string> Names => [.. Stories.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_story_of_a_runbook_is_recorded(string name) => Assert.True(File.Exists(FileOf(name)), FileOf(name));

    [Theory(Explicit = true)]
    [MemberData(nameof(Names))]
    public async Task Record(string name)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("LUXHEDGE_RECORD") == "1",
            "Recording overwrites the histories: say LUXHEDGE_RECORD=1.");
        await using var rig = await CreateAsync();
        var run = await Stories[name](rig);
        Directory.CreateDirectory(Path.GetDirectoryName(FileOf(name))!);
        await File.WriteAllTextAsync(FileOf(name), ReplayTests.Anonymous((await run.FetchHistoryAsync()).ToJson()) + "\n");
    }

    private static string FileOf(string name) => Path.Combine(ReplayTests.Recorded, "Runbook", $"{name}.json");

    private static async Task<WorkflowHandle> EndedAsync(Task<WorkflowHandle> start)
    {
        var run = await start;
        await run.GetResultAsync<RunbookSummary>();
        return run;
    }
}
