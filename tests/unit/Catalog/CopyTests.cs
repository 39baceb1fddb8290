using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Catalog;

public sealed class CopyTests
{
    [Fact]
    public async Task A_copy_has_every_object_byte_for_byte_its_key_object_and_a_copied_record()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();

        var result = await backup.Copies.CopyAsync(new("run", SampleBackup.Asset, SampleBackup.Id(), "s3", "nas"));

        Assert.Equal(8, result.Objects);
        Assert.Equal(0, result.AlreadyThere);
        foreach (var below in new[] { "/backups/", "/keys/" })
        {
            var names = backup.S3.Names().Where(n => n.Contains(below, StringComparison.Ordinal)).ToList();
            Assert.Equal(names, backup.Nas.Names().Where(n => n.Contains(below, StringComparison.Ordinal)));
            Assert.All(names, n => Assert.Equal(backup.S3.Content(n), backup.Nas.Content(n)));
            Assert.NotEmpty(names);
        }

        var copied = Assert.Single((await backup.FindAsync()).RecordsOf(RecordKinds.Copied));
        Assert.Equal(("nas", "from s3"), (copied.Store, copied.Record.Reason));
    }

    [Fact]
    public async Task A_use_is_written_to_both_stores_and_released_at_the_end()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.CopyAsync();

        var records = (await backup.FindAsync()).Records;

        Assert.Equal(["nas", "s3"], records.Where(r => r.Record.Kind == RecordKinds.Using).Select(r => r.Store).Order(StringComparer.Ordinal));
        Assert.Empty(BackupStanding.Standing(RecordKinds.Using, records));
    }

    [Fact]
    public async Task Copying_again_leaves_what_is_there()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        await backup.CopyAsync();

        var again = await backup.Copies.CopyAsync(new("run", SampleBackup.Asset, SampleBackup.Id(), "s3", "nas"));

        Assert.Equal(8, again.AlreadyThere);
        Assert.Equal(Verdict.Proven, (await backup.VerifyAsync("nas")).Verdict);
    }

    [Theory]
    [InlineData("/packs/0-0-")]
    [InlineData("/index")]
    [InlineData("/objects.json")]
    [InlineData("/manifest.json")]
    [InlineData("/keys/")]
    public async Task After_a_lost_answer_the_copy_is_finished_by_adopting(string part)
    {
        var hostile = default(HostileStore);
        await using var backup = SampleBackup.Create(nasOver: s => hostile = new HostileStore(s));
        await backup.SealAsync();
        hostile!.LoseAnswerOnce(part);

        Assert.True((await Assert.ThrowsAsync<RefusalException>(() => backup.CopyAsync())).MayPass);
        await backup.CopyAsync();

        Assert.Empty((await backup.VerifyAsync("nas")).Problems);
        Assert.Empty(BackupStanding.Standing(RecordKinds.Using, (await backup.FindAsync()).Records));
    }

    [Theory]
    [InlineData("/packs/0-0-")]
    [InlineData("/packs/oplog-")]
    [InlineData("/index")]
    public async Task A_write_that_fails_midway_leaves_no_object_and_no_manifest(string part)
    {
        var hostile = default(HostileStore);
        await using var backup = SampleBackup.Create(nasOver: s => hostile = new HostileStore(s));
        await backup.SealAsync();
        hostile!.FailWriteOnce(part);

        await Assert.ThrowsAsync<IOException>(() => backup.CopyAsync());

        Assert.DoesNotContain(backup.Nas.Names(), n => n.Contains(part, StringComparison.Ordinal) || n.EndsWith("manifest.json", StringComparison.Ordinal));
        Assert.Equal(0, await backup.Nas.SweepUnfinishedAsync("", default));
        await backup.CopyAsync();
        Assert.Equal(Verdict.Proven, (await backup.VerifyAsync("nas")).Verdict);
    }

    [Theory]
    [InlineData("/packs/1-0-")]
    [InlineData("/ranges")]
    [InlineData("/objects.json")]
    public async Task A_bad_byte_at_the_source_is_never_copied_under_a_good_name(string part)
    {
        await using var backup = SampleBackup.Create(s => new HostileStore(s).FlipBit(part, 50));
        await backup.SealAsync();

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => backup.CopyAsync());

        Assert.Equal(ErrorKinds.Integrity, refusal.Report.Kind);
        Assert.Contains(part, refusal.Report.Where, StringComparison.Ordinal);
        Assert.DoesNotContain(backup.Nas.Names(), n => n.Contains(part, StringComparison.Ordinal) || n.EndsWith("manifest.json", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/packs/1-0-")]
    [InlineData("/index")]
    [InlineData("/objects.json")]
    [InlineData("/manifest.json")]
    [InlineData("/keys/")]
    public async Task Another_object_under_the_name_is_an_error_that_names_it_and_is_left(string part)
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        var name = backup.Name(part);
        var other = backup.S3.Content(name).ToArray();
        other[^3] ^= 1;
        backup.Nas.LayOver(name, other);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => backup.CopyAsync());

        Assert.Equal((ErrorKinds.Integrity, name), (refusal.Report.Kind, refusal.Report.Where));
        Assert.Equal(other, backup.Nas.Content(name));
        Assert.DoesNotContain((await backup.FindAsync()).Copies, c => c.Store == "nas");
    }

    [Fact]
    public async Task The_source_is_read_in_the_version_with_the_recorded_hash()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        foreach (var part in new[] { "/packs/0-0-", "/index", "/objects.json", "/manifest.json", "/keys/" })
        {
            var name = backup.Name(part);
            backup.S3.LayOver(name, [.. backup.S3.Content(name).Select(b => (byte)~b)]);
            backup.S3.Mark(name);
        }

        await backup.CopyAsync();

        Assert.Empty((await backup.VerifyAsync("nas")).Problems);
    }

    [Fact]
    public async Task A_planted_key_object_is_not_spread()
    {
        await using var backup = SampleBackup.Create();
        var manifest = await backup.SealAsync();
        var planted = ObjectNames.Key(SampleBackup.Asset, manifest.KeyIds[0], 2);
        backup.S3.LayOver(planted, backup.S3.Content(backup.Name("/keys/")));

        await backup.CopyAsync();

        Assert.DoesNotContain(planted, backup.Nas.Names());
    }

    [Fact]
    public async Task A_backup_that_retention_is_deleting_is_not_copied()
    {
        await using var backup = SampleBackup.Create();
        await backup.SealAsync();
        var expired = backup.Records.Create(RecordKinds.Expired, SampleBackup.Asset, SampleBackup.Id(), "run", (await backup.FindAsync()).ManifestSha256);
        await backup.Records.WriteEverywhereAsync(["s3", "nas"], expired, default);

        Assert.Contains("expired", (await Assert.ThrowsAsync<RefusalException>(() => backup.CopyAsync())).Message, StringComparison.Ordinal);
        Assert.Empty(BackupStanding.Standing(RecordKinds.Using, (await backup.FindAsync()).Records));
    }

    [Fact]
    public async Task What_was_never_sealed_is_not_copied()
    {
        await using var backup = SampleBackup.Create();

        Assert.Equal(ErrorKinds.Usage, (await Assert.ThrowsAsync<RefusalException>(() => backup.CopyAsync())).Report.Kind);
    }
}
