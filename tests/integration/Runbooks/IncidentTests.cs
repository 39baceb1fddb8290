using System.Text.Json;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Runbooks;

/// <summary>The real event: the same files over production.</summary>
public sealed class IncidentTests(DrillSite site) : IClassFixture<DrillSite>
{
    [Fact]
    public async Task Production_that_was_dropped_comes_back_with_two_approvers_and_is_proven()
    {
        await site.UntilQuietAsync();
        var before = Without(await site.StateOfProductionAsync());
        await site.Client.DropDatabaseAsync(site.Production.DatabaseNamespace.DatabaseName);

        var run = await site.StartAsync("incident", "database-loss", "--yes", "--input", "application=true", "--declared", DateTimeOffset.UtcNow.AddMinutes(-1).ToString("O"));
        await site.ApproveAsync(run);
        await ConfirmAsync(run);
        var (code, summary) = await site.RunAsync("runs", "watch", run);

        Assert.True(code == 0, DrillSite.Tell(summary));
        Assert.Equal("Proven", summary.GetProperty("verdict").GetString());
        Assert.Equal("real", summary.GetProperty("mode").GetString());
        Assert.Equal(before, Without(await site.StateOfProductionAsync()));
        Assert.Equal(["alice", "bob"], summary.GetProperty("approvals").EnumerateArray()
            .Where(a => a.GetProperty("step").GetString() == "declare").Select(a => a.GetProperty("by").GetString()).Order());
        var rto = summary.GetProperty("rto");
        Assert.True(System.Xml.XmlConvert.ToTimeSpan(rto.GetProperty("total").GetString()!) >= TimeSpan.FromMinutes(1), "the clock runs from the declaration");
    }

    [Fact(Explicit = true)]
    public async Task Nobody_awake_until_the_approval_expires_then_a_retry_asks_again_and_it_goes_on()
    {
        await site.UntilQuietAsync();
        var before = Without(await site.StateOfProductionAsync());
        site.Lay("short-patience", "database-loss", ("      quorum: 2\n", "      quorum: 2\n      expires: 10s\n"));
        await site.Client.DropDatabaseAsync(site.Production.DatabaseNamespace.DatabaseName);

        var run = await site.StartAsync("incident", "short-patience", "--yes");
        Assert.NotNull(await site.UntilAsync(run, "person"));
        var (code, retried) = await site.RunAsync("runs", "retry", run, "--step", "declare", "--as", "operator", "--reason", "everybody is awake now");
        Assert.True(code == 0, retried.ToString());
        await site.ApproveAsync(run);
        (code, var summary) = await site.RunAsync("runs", "watch", run);

        Assert.True(code == 0, DrillSite.Tell(summary));
        Assert.Equal(before, Without(await site.StateOfProductionAsync()));
    }

    [Fact]
    public async Task Without_a_terminal_or_yes_nothing_is_started()
    {
        var (code, refused) = await site.RunAsync("incident", "run", "database-loss", "--as", "operator");

        Assert.Equal(2, code);
        Assert.Equal("--yes", refused.GetProperty("error").GetProperty("where").GetString());
    }

    [Fact]
    public async Task A_drill_of_the_plan_is_no_real_event()
    {
        var (code, _) = await site.RunAsync("incident", "run", "quarterly", "--as", "operator", "--yes");

        Assert.Equal(2, code);
    }

    [Fact]
    public async Task A_declaration_yet_to_come_is_wrong_usage()
    {
        var (code, _) = await site.RunAsync("incident", "run", "database-loss", "--as", "operator", "--yes", "--declared", DateTimeOffset.UtcNow.AddHours(1).ToString("O"));

        Assert.Equal(2, code);
    }

    /// <summary>Where it is asked for, the real event ends with a person who has seen the application work.</summary>
    private async Task ConfirmAsync(string run)
    {
        Assert.NotNull(await site.UntilAsync(run, null, "application"));
        var (code, answer) = await site.RunAsync("runs", "confirm", run, "--step", "application", "--as", "alice", "--reason", "signed in, saw my positions");
        Assert.True(code == 0, answer.ToString());
    }

    /// <summary>Canaries come with every backup.</summary>
    private static string Without(string state) =>
        string.Join('\n', state.Split('\n').Where(l => !l.StartsWith("luxhedge_canary", StringComparison.Ordinal)));
}
