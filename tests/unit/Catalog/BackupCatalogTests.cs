using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Verification;

namespace LuxHedge.Tests.Unit.Catalog;

public sealed class BackupCatalogTests
{
    [Fact]
    public async Task A_backup_is_shown_with_its_copies_and_when_each_was_verified()
    {
        await using var backup = SampleBackup.Create();
        var manifest = await backup.SealAsync();
        await backup.CopyAsync();
        await backup.VerifyAndRecordAsync("s3");

        var summary = (await backup.FindAsync()).Summary;

        Assert.Equal((manifest.Id, SampleBackup.Asset, "database", 30L, manifest.RawBytes, manifest.StoredBytes),
            (summary.Id, summary.Asset, summary.Kind, summary.Documents, summary.RawBytes, summary.StoredBytes));
        Assert.Equal(["s3", "nas"], summary.Copies.Select(c => c.Store));
        Assert.Equal([SampleBackup.Created.AddHours(3), null], summary.Copies.Select(c => c.VerifiedAt));
        Assert.True(summary.Eligible);
        Assert.Equal(Verdict.NotProven, summary.Verdict);
    }

    [Fact]
    public async Task Without_a_manifest_there_is_no_backup_only_something_unsealed()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        backup.S3.Lose(backup.Name("/manifest.json"));

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Empty(view.Backups);
        Assert.Equal([SampleBackup.Id()], view.Unsealed);
        Assert.Equal(ErrorKinds.Usage, (await Assert.ThrowsAsync<RefusalException>(() => backup.Catalog.FindAsync(SampleBackup.Id(), default))).Report.Kind);
    }

    [Fact]
    public async Task A_planted_backup_is_reported_and_not_used()
    {
        await using var backup = SampleBackup.Create();
        using var stranger = WriterKey.Create("stranger");
        using var impostor = WriterKey.Create(backup.Writer.Name);
        await backup.SealAsync();
        await backup.SealAsync(SampleBackup.Id(1), signer: stranger);
        await backup.SealAsync(SampleBackup.Id(2), signer: impostor);
        backup.S3.LayOver(ObjectNames.Manifest(SampleBackup.Asset, SampleBackup.Id(3)), "{}\n"u8.ToArray());

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Equal(SampleBackup.Id(), Assert.Single(view.Backups).Id);
        Assert.Equal(
            [.. new[] { 1, 2, 3 }.Select(d => ObjectNames.Manifest(SampleBackup.Asset, SampleBackup.Id(d)))], view.Problems.Select(p => p.Object).Order(StringComparer.Ordinal));
        Assert.Contains("a writer that the plan does not have", view.Problems.Single(p => p.Object.Contains(SampleBackup.Id(1), StringComparison.Ordinal)).Text, StringComparison.Ordinal);
        var refusal = await Assert.ThrowsAsync<RefusalException>(() => backup.Catalog.FindAsync(SampleBackup.Id(2), default));
        Assert.Equal(ErrorKinds.Integrity, refusal.Report.Kind);
    }

    [Fact]
    public async Task A_signed_manifest_under_another_backup_or_asset_is_reported_and_not_used()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        backup.S3.LayOver(ObjectNames.Manifest(SampleBackup.Asset, SampleBackup.Id(1)), backup.S3.Content(backup.Name("/manifest.json")));

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Equal(SampleBackup.Id(), Assert.Single(view.Backups).Id);
        Assert.Contains("moved or copied", Assert.Single(view.Problems).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_that_was_overwritten_is_read_from_its_oldest_version_and_reported()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        var name = backup.Name("/manifest.json");
        backup.S3.LayOver(name, "planted"u8.ToArray());
        backup.S3.Mark(name);

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Equal(SampleBackup.Id(), Assert.Single(view.Backups).Id);
        var problem = Assert.Single(view.Problems);
        Assert.Equal(("s3", name), (problem.Store, problem.Object));
        Assert.Contains("1 newer version was laid over it and a delete marker was laid over it", problem.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_cannot_be_reached_is_unknown_and_the_others_are_shown()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.CopyAsync();
        backup.S3.Down = new RefusalException(ErrorKinds.Unreachable, "Store 's3' can't be reached.");

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Equal(["nas"], Assert.Single(view.Backups).Copies.Select(c => c.Store));
        Assert.Equal("s3", Assert.Single(view.Unknown).Store);
        Assert.Equal(ErrorKinds.Unreachable, (await Assert.ThrowsAsync<RefusalException>(() => backup.Catalog.FindAsync(SampleBackup.Id(1), default))).Report.Kind);
    }

    [Fact]
    public async Task The_missing_manifest_of_a_copy_is_reported()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.CopyAsync();
        backup.Nas.Lose(backup.Name("/manifest.json", backup.Nas));

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Equal(["s3"], Assert.Single(view.Backups).Copies.Select(c => c.Store));
        var problem = Assert.Single(view.Problems);
        Assert.Equal("nas", problem.Store);
        Assert.Contains("is missing", problem.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_good_record_of_one_store_counts_for_no_other()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.CopyAsync();
        await backup.VerifyAndRecordAsync("s3");
        var record = backup.Name("-verified-");
        backup.Nas.LayOver(record, backup.S3.Content(record));
        backup.Nas.LayOver(record.Replace("-s3-", "-nas-", StringComparison.Ordinal), backup.S3.Content(record));

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Null(view.Backups[0].Copies.Single(c => c.Store == "nas").VerifiedAt);
        Assert.Equal(2, view.Problems.Count(p => p.Store == "nas"));
    }

    [Fact]
    public async Task A_record_that_a_writer_of_the_plan_did_not_sign_counts_for_nothing()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        using var impostor = WriterKey.Create(backup.Writer.Name);
        var hash = (await backup.FindAsync()).ManifestSha256;
        var record = backup.Records.Create(RecordKinds.Verified, SampleBackup.Asset, SampleBackup.Id(), "run", hash) with
        {
            Level = VerificationLevel.Restore,
            Verdict = Verdict.Proven,
        };
        await new RecordWriter(backup.Stores, impostor, backup.Clock).WriteAsync("s3", record, default);

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Equal(Verdict.NotProven, view.Backups[0].Summary.Verdict);
        Assert.Contains("does not verify", Assert.Single(view.Problems).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Latest_is_the_newest_eligible_one()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.SealAsync(SampleBackup.Id(-1));
        await backup.SealAsync(SampleBackup.Id(-2));
        await backup.SealAsync(SampleBackup.Id(-3), m => m with { Safety = true });
        foreach (var day in new[] { -1, -2, -3 })
            await backup.VerifyAndRecordAsync(id: SampleBackup.Id(day));

        var view = await backup.Catalog.ListAsync(SampleBackup.Asset, default);

        Assert.Equal([.. new[] { -3, -2, -1, 0 }.Select(d => SampleBackup.Id(d))], view.Backups.Select(b => b.Id));
        Assert.Equal(SampleBackup.Id(-1), view.NewestEligible!.Id);
        Assert.Null(view.NewestProven);
        Assert.Equal(["not verified in any store"], view.Find(SampleBackup.Id())!.Summary.Notes);
    }

    [Theory]
    [InlineData("20261123T020000Z-luxhedge_production-7f3a", "luxhedge_production")]
    [InlineData("20261123T020000Z-a-b-c-7f3a", "a-b-c")]
    [InlineData("20261123T020000Z-luxhedge_production-7F3A", null)]
    [InlineData("20261123T020000Z--7f3a", null)]
    [InlineData("20261323T020000Z-a-7f3a", null)]
    [InlineData("20261123T020000Z-a/b-7f3a", null)]
    [InlineData("luxhedge_production", null)]
    [InlineData("", null)]
    public void The_asset_is_in_the_id(string id, string? asset) =>
        Assert.Equal(asset, BackupIds.TryParse(id, out _, out var named) ? named : null);
}
