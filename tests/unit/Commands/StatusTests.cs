using LuxHedge.Activities.Catalog;
using LuxHedge.Worker.Commands;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class StatusTests
{
    private static readonly DateTimeOffset Now = Samples.At(8, 30);

    private static BackupSummary Good(string id = Samples.BackupId, Verdict verdict = Verdict.Proven, DateTimeOffset? consistentAt = null) =>
        Samples.Backup(id, verdict: verdict, consistentAt: consistentAt ?? Samples.At(8, 0)) with { Copies = [new CopySummary("nas", Samples.At(8, 1))] };

    private static async Task<AssetStatus> JudgeAsync(CatalogView view)
    {
        await using var rig = CommandRig.Create();
        return StatusCommand.Judge(rig.Plan.Plan.Assets[Samples.Asset], view, Now);
    }

    [Fact]
    public async Task A_recent_backup_verified_in_every_store_and_restored_once_is_proven()
    {
        var status = await JudgeAsync(Samples.Catalog(Samples.InCatalog(Good())));
        Assert.Equal(Verdict.Proven, status.Verdict);
        Assert.Empty(status.Problems);
        Assert.Equal(TimeSpan.FromMinutes(30), status.Rpo);
        Assert.Equal(TimeSpan.FromMinutes(30), status.Age);
    }

    [Fact]
    public async Task No_backup_is_not_proven_and_loses_everything()
    {
        var status = await JudgeAsync(Samples.Catalog());
        Assert.Equal(Verdict.NotProven, status.Verdict);
        Assert.Null(status.NewestVerified);
        Assert.Null(status.Rpo);
    }

    [Fact]
    public async Task An_overdue_backup_is_not_proven()
    {
        var status = await JudgeAsync(Samples.Catalog(Samples.InCatalog(Good(consistentAt: Now - TimeSpan.FromDays(2)))));
        Assert.Equal(Verdict.NotProven, status.Verdict);
        Assert.Contains(status.Problems, p => p.StartsWith("a backup is overdue", StringComparison.Ordinal));
        Assert.Contains(status.Problems, p => p.Contains("would be lost now", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_store_that_can_not_be_read_is_unknown_not_empty()
    {
        var status = await JudgeAsync(Samples.Catalog(Samples.InCatalog(Good())) with { Unknown = [new UnknownStore("nas", "it does not answer")] });
        Assert.Equal(Verdict.NotProven, status.Verdict);
        Assert.Equal(["unknown what nas holds: it does not answer"], status.Problems);
    }

    [Fact]
    public async Task A_failed_verification_of_the_newest_backup_is_failed()
    {
        var status = await JudgeAsync(Samples.Catalog(Samples.InCatalog(Good(verdict: Verdict.Failed))));
        Assert.Equal(Verdict.Failed, status.Verdict);
    }

    [Fact]
    public async Task A_backup_that_was_never_restored_is_not_proven()
    {
        var status = await JudgeAsync(Samples.Catalog(Samples.InCatalog(Good(verdict: Verdict.NotProven))));
        Assert.Equal(Verdict.NotProven, status.Verdict);
        Assert.Equal(["no restore of any backup was tested"], status.Problems);
    }

    [Fact]
    public async Task A_suspect_backup_is_not_the_newest_verified_and_is_named()
    {
        var suspect = Samples.Backup("20261123T082000Z-luxhedge_production-ffff", eligible: false, consistentAt: Samples.At(8, 20), notes: "suspect: it lost the collection cars")
            with
        { Copies = [new CopySummary("nas", Samples.At(8, 21))] };
        var status = await JudgeAsync(Samples.Catalog(Samples.InCatalog(Good()), Samples.InCatalog(suspect)));
        Assert.Equal(Verdict.NotProven, status.Verdict);
        Assert.Equal(Samples.BackupId, status.NewestVerified);
        Assert.Contains(status.Problems, p => p.Contains("it lost the collection cars", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Temporal_away_is_a_line_not_an_error()
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Unreachable = new LuxHedge.Activities.RefusalException(ErrorKinds.Unreachable, "No Temporal answers at 127.0.0.1:1.");
        Assert.Equal(0, await rig.RunAsync("status"));
        Assert.Contains("what is under way: No Temporal answers", rig.Out.Output, StringComparison.Ordinal);
    }
}
