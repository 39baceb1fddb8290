using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Unit.Evidence;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using Serilog.Core;

namespace LuxHedge.Tests.Unit.Commands;

/// <summary>drill report, drill verify and audit verify over the directory store of a real plan.</summary>
public sealed class EvidenceCommandsTests
{
    [Fact]
    public async Task A_report_is_shown_by_run_id_and_by_the_drills_name()
    {
        await using var rig = CommandRig.Create();
        await KeepAsync(rig, Verdict.Failed);

        Assert.Equal(0, await rig.RunAsync("drill", "report", SampleRun.RunId));
        Assert.Contains("documents of positions", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("Failed", rig.Out.Output, StringComparison.Ordinal);
        Assert.Equal(0, await rig.RunAsync("drill", "report", "quarterly", "--json"));
        Assert.Equal("luxhedge-evidence/1", rig.Document.GetProperty("format").GetString());
        Assert.Equal(SampleRun.RunId, rig.Document.GetProperty("evidence").GetProperty("request").GetProperty("runId").GetString());
    }

    [Fact]
    public async Task A_run_without_evidence_is_wrong_usage()
    {
        await using var rig = CommandRig.Create();

        Assert.Equal(2, await rig.RunAsync("drill", "report", "20261123T090000Z-drill-none-0000"));
    }

    [Fact]
    public async Task The_written_page_verifies_and_a_changed_word_in_it_does_not()
    {
        await using var rig = CommandRig.Create();
        await KeepAsync(rig);
        var page = Path.Combine(rig.Plan.Folder, "report.html");

        Assert.Equal(0, await rig.RunAsync("drill", "report", "quarterly", "--html", page));
        Assert.Equal(0, await rig.RunAsync("drill", "verify", page));
        Assert.Equal(3, await rig.RunAsync("drill", "verify", page, "--offline"));
        await File.WriteAllTextAsync(page, (await File.ReadAllTextAsync(page)).Replace("13 min 5 s", "3 min 5 s", StringComparison.Ordinal));
        Assert.Equal(1, await rig.RunAsync("drill", "verify", page));
        Assert.Equal(2, await rig.RunAsync("drill", "verify", "no-such-file.html"));
    }

    [Fact]
    public async Task An_auditor_without_a_plan_is_told_what_that_leaves_open()
    {
        await using var rig = CommandRig.Create();
        await KeepAsync(rig);
        var alone = Directory.CreateTempSubdirectory("luxhedge-auditor");
        var file = Path.Combine(alone.FullName, "evidence.json");
        await using (var stores = new StoreSet(rig.Plan.Plan))
            await File.WriteAllBytesAsync(file, await stores["nas"].ReadOldestAsync(ObjectNames.Evidence(SampleRun.RunId, "evidence.json"), default));
        File.Move(rig.Plan.Path, rig.Plan.Path + ".away");
        try
        {
            Assert.Equal(3, await rig.RunBareAsync("drill", "verify", file, "--json"));
            var checks = rig.Document.GetProperty("checks").EnumerateArray().ToDictionary(c => c.GetProperty("name").GetString()!, c => c.GetProperty("verdict").GetString());
            Assert.Equal(("NotProven", "NotProven", "Proven"), (checks["signature"], checks["keys"], checks["ask declare"]));
        }
        finally
        {
            File.Move(rig.Plan.Path + ".away", rig.Plan.Path);
            alone.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task The_log_is_whole_until_a_link_is_gone()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(3, await rig.RunAsync("audit", "verify"));
        await KeepAsync(rig);

        Assert.Equal(0, await rig.RunAsync("audit", "verify", "--json"));
        Assert.Equal(("Proven", 7), (rig.Document.GetProperty("verdict").GetString(), rig.Document.GetProperty("entries").GetInt32()));
        File.Delete(Directory.GetFiles(rig.Plan.Folder, "00000003.json", SearchOption.AllDirectories).Single());
        Assert.Equal(1, await rig.RunAsync("audit", "verify"));
        Assert.Contains("missing", rig.Out.Output, StringComparison.Ordinal);
        Assert.Equal(2, await rig.RunAsync("audit", "verify", "--head", "3"));
    }

    /// <summary>A drill of this plan's own people, kept as a worker does.</summary>
    private static async Task KeepAsync(CommandRig rig, Verdict verdict = Verdict.Proven)
    {
        var plan = rig.Plan.Plan;
        using var run = new SampleRun(
            plan, person => PersonKey.Load(person, rig.Plan.PersonKeyFile(person), null));
        using var writer = WriterKey.Load(plan.Writer);
        await using var stores = new StoreSet(plan);
        using var log = new AuditLog(plan, stores, writer, rig.Clock, Logger.None);
        IReadOnlyList<EvidenceObject> kept =
            (await new EvidenceStore(plan, stores, writer, log, rig.Clock, Logger.None).KeepAsync(run.Create(verdict), default)).Objects;
        Assert.Equal(2, kept.Count);
    }
}
