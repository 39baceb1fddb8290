using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;

namespace LuxHedge.Tests.Unit.Commands;

/// <summary>What a person is told before a runbook with a point in time begins: the base that would be chosen for it, by the project's own
/// runbooks.</summary>
public sealed class PlannedPointTests
{
    private static readonly BackupSummary Older = Samples.Backup("20261123T070000Z-luxhedge_production-0001", verdict: Verdict.Proven, consistentAt: Samples.At(7, 0, 5));

    private static CatalogBackup InNas(BackupSummary backup) => Samples.InCatalog(backup with { Copies = [new CopySummary("nas", Samples.At(8, 1))] });

    private static CommandRig CreateRig()
    {
        var rig = CommandRig.Create();
        var plan = File.ReadAllText(rig.Plan.Path);
        File.WriteAllText(rig.Plan.Path, $"runbooks: {Repository.Path("runbooks")}\n" + string.Join('\n', plan.Split('\n').Where(l => !l.StartsWith("runbooks:", StringComparison.Ordinal))));
        // 07:00:05 and 08:00:33; slices over both but for a gap from 07:40 to 07:50.
        rig.Backups = Samples.Catalog(InNas(Older), InNas(Samples.Backup()));
        rig.Slices =
        [
            Samples.Slice(Samples.At(6, 59), Samples.At(7, 20)) with { NewestCanary = Samples.At(7, 19, 30) },
            Samples.Slice(Samples.At(7, 20), Samples.At(7, 40)) with { NewestCanary = Samples.At(7, 39, 30) },
            Samples.Slice(Samples.At(7, 50), Samples.At(8, 10)) with { NewestCanary = Samples.At(8, 9, 30) },
        ];
        return rig;
    }

    [Theory]
    [InlineData("point-in-time")]
    [InlineData("database-loss")]
    [InlineData("collection-loss")]
    public async Task A_dry_run_names_the_base_of_the_point_and_its_loss(string runbook)
    {
        await using var rig = CreateRig();
        Assert.Equal(0, await rig.RunAsync("drill", "plan", runbook, "--input", "pointInTime=2026-11-23T07:25:00Z", "--json"));
        var backup = rig.Document.GetProperty("backup");
        Assert.Equal(Older.Id, backup.GetProperty("id").GetString());
        var point = backup.GetProperty("point");
        Assert.Equal("2026-11-23T07:25:00.000Z", point.GetProperty("time").GetString());
        Assert.Equal("2026-11-23T07:25:00.000Z", point.GetProperty("wanted").GetString());
        Assert.Equal(2, point.GetProperty("slices").GetInt32());
        // From the canary of 07:19:30: what the slice that is read in part holds, its manifest can't say.
        Assert.Equal("PT5M30S", point.GetProperty("rpo").GetString());
        Assert.Equal("PT50M2.123S", point.GetProperty("age").GetString());
        Assert.Equal(0, await rig.RunAsync("drill", "plan", runbook, "--input", "pointInTime=2026-11-23T07:25:00Z"));
        Assert.Contains("by 2 slices after the backup", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("RPO at most 5 min 30 s", rig.Out.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_without_a_point_is_of_the_newest_backup()
    {
        await using var rig = CreateRig();
        Assert.Equal(0, await rig.RunAsync("drill", "plan", "database-loss", "--json"));
        var backup = rig.Document.GetProperty("backup");
        Assert.Equal(Samples.BackupId, backup.GetProperty("id").GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, backup.GetProperty("point").ValueKind);
    }

    [Fact]
    public async Task A_dry_run_of_the_loss_to_an_intruder_names_the_last_known_good_copy()
    {
        await using var rig = CreateRig();
        Assert.Equal(0, await rig.RunAsync("drill", "plan", "ransomware", "--json"));
        Assert.Equal(Older.Id, rig.Document.GetProperty("backup").GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_dry_run_says_of_a_point_that_can_not_be_reached_what_can()
    {
        await using var rig = CreateRig();
        Assert.Equal(0, await rig.RunAsync("drill", "plan", "point-in-time", "--input", "pointInTime=2026-11-23T07:45:00Z", "--json"));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, rig.Document.GetProperty("backup").ValueKind);
        var why = rig.Document.GetProperty("notNow").EnumerateArray().Select(p => p.GetProperty("what").GetString()!).Single(w => w.Contains("can't be brought to", StringComparison.Ordinal));
        Assert.Contains("the nearest before: 2026-11-23T07:40:00Z", why, StringComparison.Ordinal);
        Assert.Contains("the nearest after: 2026-11-23T08:00:33Z", why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("point-in-time", "2026-11-23T07:25:00Z", "by 2 slices (2 MiB) after the backup")]
    [InlineData("database-loss", "2026-11-23T07:25:00Z", "by 2 slices (2 MiB) after the backup")]
    [InlineData("collection-loss", "2026-11-23T07:25:00Z", "by 2 slices (2 MiB) after the backup")]
    public async Task The_question_before_an_incident_names_the_base_of_the_point_and_its_loss(string runbook, string point, string by)
    {
        await using var rig = CreateRig();
        rig.Interactive = true;
        rig.Out.Input.PushTextWithEnter("no");
        string[] named = runbook == "collection-loss" ? ["--input", "collections=users"] : [];
        Assert.Equal(3, await rig.RunAsync(["incident", "run", runbook, "--input", $"pointInTime={point}", .. named]));
        Assert.Contains(Older.Id, rig.Out.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Samples.BackupId, rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains(by, rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("of 50 min 2 s ago; RPO at most 5 min 30 s", rig.Out.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Runs.Started);
    }

    [Theory]
    [InlineData("database-loss", false)]
    [InlineData("store-lost", true)]
    public async Task The_question_says_that_another_may_be_chosen_only_where_a_step_before_decides_it(string runbook, bool expected)
    {
        await using var rig = CreateRig();
        rig.Interactive = true;
        rig.Out.Input.PushTextWithEnter("no");
        Assert.Equal(3, await rig.RunAsync("incident", "run", runbook));
        Assert.Contains(Samples.BackupId, rig.Out.Output, StringComparison.Ordinal);
        Assert.Equal(expected, rig.Out.Output.Contains("unless the runbook chooses another", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_incident_to_a_point_that_can_not_be_reached_is_refused_with_the_nearest_that_can()
    {
        await using var rig = CreateRig();
        Assert.Equal(2, await rig.RunAsync("incident", "run", "point-in-time", "--input", "pointInTime=2026-11-23T07:45:00Z", "--yes", "--json"));
        var problems = rig.Document.GetProperty("error").GetProperty("problems");
        Assert.Equal("the nearest before: 2026-11-23T07:40:00Z", problems[0].GetProperty("message").GetString());
        Assert.Empty(rig.Runs.Started);
    }

    [Fact]
    public async Task An_incident_whose_store_can_not_be_read_is_not_refused_for_that()
    {
        await using var rig = CreateRig();
        rig.Backups = rig.Backups! with { Unknown = [new UnknownStore("s3", "it does not answer")] };
        rig.Interactive = true;
        rig.Out.Input.PushTextWithEnter("no");
        Assert.Equal(3, await rig.RunAsync("incident", "run", "point-in-time", "--input", "pointInTime=2026-11-23T07:45:00Z"));
        Assert.Contains("the run chooses, and its approvers see which", rig.Out.Output, StringComparison.Ordinal);
    }
}
