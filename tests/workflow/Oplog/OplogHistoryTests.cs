using LuxHedge.Tests.Workflow.Runs;
using LuxHedge.Workflows.Oplog;
using Temporalio.Client;

namespace LuxHedge.Tests.Workflow.Oplog;

/// <summary>The recorded runs of capture, which <see cref="ReplayTests"/> replays with all others. Recorded in the same way, by
/// <c>-class '*OplogHistoryTests'</c>.</summary>
public sealed class OplogHistoryTests
{
    private static readonly Dictionary<string, Func<OplogRig, Task<WorkflowHandle>>> Stories = new(StringComparer.Ordinal)
    {
        ["stopped"] = async rig =>
        {
            rig.Plan = rig.Plan with { Canary = true };
            rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
            rig.Script.Enqueue(w => new(null, w.From, null, "No majority has it.", null, []));
            rig.Script.Enqueue(w => OplogRig.Slice(w, 10, more: true));
            return await StoppedAsync(rig, cuts: 4);
        },
        ["gap"] = async rig =>
        {
            rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
            rig.Script.Enqueue(w => new(null, w.From, null, null, "It rolled over.", []));
            rig.Script.Enqueue(w =>
            {
                rig.Base = "20261123T020000Z-shop-7f3a";
                return OplogRig.Slice(w, 10);
            });
            return await StoppedAsync(rig, cuts: 4);
        },
        ["continued"] = async rig =>
        {
            for (var i = 0; i < 102; i++)
                rig.Script.Enqueue(w => OplogRig.Slice(w, 1));
            return await StoppedAsync(rig, cuts: 103);
        },
    };

    public static TheoryData<string> Names => [.. Stories.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_story_of_capture_is_recorded(string name) => Assert.True(File.Exists(FileOf(name)), FileOf(name));

    [Theory(Explicit = true)]
    [MemberData(nameof(Names))]
    public async Task Record(string name)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("LUXHEDGE_RECORD") == "1",
            "Recording overwrites the histories: say LUXHEDGE_RECORD=1.");
        await using var rig = await OplogRig.CreateAsync();
        var run = await Stories[name](rig);
        Directory.CreateDirectory(Path.GetDirectoryName(FileOf(name))!);
        await File.WriteAllTextAsync(FileOf(name), ReplayTests.Anonymous((await run.FetchHistoryAsync()).ToJson()) + "\n");
    }

    private static string FileOf(string name) => Path.Combine(ReplayTests.Recorded, "OplogCapture", $"{name}.json");

    private static async Task<WorkflowHandle> StoppedAsync(OplogRig rig, int cuts)
    {
        var run = await rig.StartAsync();
        await TestWorker.UntilAsync(() => rig.Cuts.Count == cuts);
        await rig.StopAsync(run);
        return run;
    }
}
