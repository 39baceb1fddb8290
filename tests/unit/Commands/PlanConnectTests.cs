using LuxHedge.Activities.Database.Rights;
using LuxHedge.Worker.Commands;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class PlanConnectTests
{
    private const string Asset = "luxhedge_production";

    [Fact]
    public async Task Without_the_option_nothing_is_connected_to_and_the_document_is_as_ever()
    {
        await using var rig = CommandRig.Create();
        rig.Rights = [Of(Use(RightsUse.Backup, false))];
        Assert.Equal(0, await rig.RunAsync("plan", "check", "--json"));
        Assert.False(rig.Document.TryGetProperty("clusters", out _));
    }

    [Fact]
    public async Task What_is_missing_and_what_is_more_than_needed_is_said_for_each_asset()
    {
        await using var rig = CommandRig.Create();
        rig.Rights =
        [
            Of(
                Use(RightsUse.Backup, true, new MissingRight("config.transactions", ["find"], "the oplog is read further back")),
                Use(RightsUse.Restore, false, new MissingRight(Asset, ["insert", "update"], null))) with
            {
                More = ["it may make users and give roles, so it can give itself any right (grantRole)"],
            },
        ];

        Assert.Equal(0, await rig.RunAsync("plan", "check", "--connect"));

        Assert.Contains($"can back up {Asset} and capture its oplog", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("without find on config.transactions: the oplog is read further back", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains($"can't restore {Asset} over {Asset}", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains($"missing on {Asset}: insert, update", rig.Out.Output, StringComparison.Ordinal);
        Assert.Contains("more than needed  it may make users", rig.Out.Output, StringComparison.Ordinal);

        await rig.RunAsync("plan", "check", "--connect", "--json");
        var cluster = rig.Document.GetProperty("clusters")[0];
        Assert.Equal(
            ["cluster", "hosts", "version", "user", "roles", "authenticates", "unknown", "uses", "more", "verdict"], cluster.EnumerateObject().Select(p => p.Name));
        Assert.Equal("Restore", cluster.GetProperty("uses")[1].GetProperty("use").GetString());
    }

    [Theory]
    [InlineData(true, true, null, ExitCodes.Done)]
    [InlineData(false, true, null, ExitCodes.Failed)]
    [InlineData(true, false, null, ExitCodes.Done)]
    [InlineData(null, null, "MongoDB at a:1 did not answer.", ExitCodes.NotProven)]
    public async Task The_exit_code_speaks_of_backups(bool? backup, bool? restore, string? unknown, int code)
    {
        await using var rig = CommandRig.Create();
        rig.Rights = [Of(Use(RightsUse.Backup, backup), Use(RightsUse.Restore, restore)) with { Unknown = unknown }];
        Assert.Equal(code, await rig.RunAsync("plan", "check", "--connect"));
    }

    [Fact]
    public async Task A_server_that_asks_nobody_is_warned_of()
    {
        await using var rig = CommandRig.Create();
        rig.Rights = [Of(Use(RightsUse.Backup, true)) with { Authenticates = false, User = null }];
        Assert.Equal(0, await rig.RunAsync("plan", "check", "--connect"));
        Assert.Contains("asks nobody for a password", rig.Out.Output, StringComparison.Ordinal);
    }

    private static UseRights Use(RightsUse use, bool? able, params MissingRight[] missing) =>
        new(use, Asset, use is RightsUse.Backup or RightsUse.Restore ? Asset : "", able, missing);

    private static ClusterRights Of(params UseRights[] uses) => new("main", "db1:27017", "8.0.4", "luxhedge@admin", ["luxhedgeBackup@admin"], true, null, uses, []);
}
