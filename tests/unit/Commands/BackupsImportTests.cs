using LuxHedge.Workflows.Backup;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class BackupsImportTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData("100GiB", 100L << 30)]
    public async Task How_far_a_dump_may_unpack_is_what_was_said(string? said, long? bytes)
    {
        await using var rig = CommandRig.Create();
        rig.Runs.Result = Samples.BackedUp();
        Assert.Equal(0, await rig.RunAsync(
            ["backups", "import", "/srv/friday.archive.gz", "--asset", Samples.Asset, .. said is null ? Array.Empty<string>() : ["--unpacks-to", said]]));
        var source = Assert.IsType<DatabaseBackupRequest>(Assert.Single(rig.Runs.Started)).Import!;
        Assert.Equal(("/srv/friday.archive.gz", bytes), (source.Path, source.UnpacksTo));
    }

    [Theory]
    [InlineData("100")]
    [InlineData("100GB")]
    [InlineData("-1GiB")]
    public async Task What_is_no_size_is_refused_before_anything_is_started(string said)
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(2, await rig.RunAsync("backups", "import", "/srv/friday.archive.gz", "--asset", Samples.Asset, $"--unpacks-to={said}"));
        Assert.Contains("--unpacks-to", rig.Error.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Runs.Started);
    }
}
