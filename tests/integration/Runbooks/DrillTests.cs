using System.Text.Json;
using System.Text.RegularExpressions;
using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Runbooks;

/// <summary>Every runbook in drill mode on real servers, and what a drill must not call proven.</summary>
public sealed class DrillTests(DrillSite site) : IClassFixture<DrillSite>
{
    [Theory]
    [InlineData("collection-loss")]
    [InlineData("database-loss")]
    [InlineData("ransomware", Explicit = true)]
    [InlineData("store-lost", Explicit = true)]
    [InlineData("kms-lost", Explicit = true)]
    [InlineData("monthly")]
    public async Task A_drill_of_every_runbook_is_proven_leaves_nothing_and_leaves_production_alone(string runbook)
    {
        var before = await site.StateOfProductionAsync();

        var (code, summary) = await site.DrillAsync(runbook);

        Assert.True(code == 0, DrillSite.Tell(summary));
        Assert.Equal("Proven", summary.GetProperty("verdict").GetString());
        Assert.Equal("drill", summary.GetProperty("mode").GetString());
        Assert.Empty(summary.GetProperty("notProven").EnumerateArray());
        Assert.Contains(summary.GetProperty("steps").EnumerateArray(), s => Kind(s) == "expect-failure" && State(s) == "done");
        Assert.NotEqual(JsonValueKind.Null, summary.GetProperty("rpo").GetProperty("measured").ValueKind);
        Assert.Equal(before, await site.StateOfProductionAsync());
        Assert.Empty(await site.LeftAsync());
    }

    [Theory]
    [InlineData("point-in-time", Explicit = true)]
    [InlineData("collection-loss", Explicit = true)]
    [InlineData("database-loss", Explicit = true)]
    public async Task A_drill_to_a_moment_between_backups_is_proven_by_base_slices_and_count(string runbook)
    {
        var moment = await site.GoOnAsync();

        var (code, summary) = await site.DrillAsync(runbook, "--input", $"pointInTime={moment}");

        Assert.True(code == 0, DrillSite.Tell(summary));
        Assert.Equal("Proven", summary.GetProperty("verdict").GetString());
        var checks = summary.GetProperty("checks").EnumerateArray().Select(c => c.GetProperty("detail").GetString()!).ToList();
        Assert.Contains(checks, c => Regex.IsMatch(c, "^(1 slice leads|[0-9]+ slices lead) from the base's end mark"));
        Assert.Contains(checks, c => c.Contains("none of which missed its document", StringComparison.Ordinal));
        Assert.Contains(summary.GetProperty("steps").EnumerateArray(), s => Id(s) == "choose" && s.GetProperty("detail").GetString()!.Contains("slices after it to", StringComparison.Ordinal));
        Assert.Empty(await site.LeftAsync());
    }

    [Fact(Explicit = true)]
    public async Task The_quarterly_drill_takes_a_moment_by_lot_of_what_can_be_recovered()
    {
        await site.GoOnAsync();

        var (code, summary) = await site.DrillAsync("quarterly", "--input", "seed=again", "--recovery-key", site.Plan.RecoveryKeyFile);

        Assert.True(code == 0, DrillSite.Tell(summary));
        Assert.Contains(summary.GetProperty("steps").EnumerateArray(), s => Id(s) == "point" && s.GetProperty("detail").GetString()!.Contains("by lot", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_drill_of_one_named_collection_brings_only_that_back()
    {
        var (code, summary) = await site.DrillAsync("collection-loss", "--input", "collections=cars");

        Assert.True(code == 0, DrillSite.Tell(summary));
        Assert.Contains(summary.GetProperty("steps").EnumerateArray(), s => Id(s) == "lose" && s.GetProperty("detail").GetString() == "cars");
    }

    [Fact]
    public async Task A_negative_control_that_passes_as_good_fails_the_drill()
    {
        site.Lay("blind", "database-loss", ("plant: backup", "plant: nothing"));

        var (code, summary) = await site.DrillAsync("blind");

        Assert.Equal(1, code);
        Assert.Equal("Failed", summary.GetProperty("verdict").GetString());
        Assert.Contains(summary.GetProperty("steps").EnumerateArray(), s =>
            Id(s) == "bad-backup" && State(s) == "failed" && s.GetProperty("detail").GetString()!.Contains("passed as good", StringComparison.Ordinal));
        Assert.Empty(await site.LeftAsync());
    }

    [Fact]
    public async Task A_drill_whose_canary_is_missing_is_not_proven()
    {
        site.Lay("no-canary", "database-loss", ("  - id: checks\n", """
              - id: gone
                uses: lose-collection
                with: { target: "${mode.target}", collections: [luxhedge_canary] }

              - id: checks

            """.Replace("            ", "", StringComparison.Ordinal)), (
            "target: \"${mode.target}\" }\n      - id: canary",
            "target: \"${mode.target}\", collections: [users, cars] }\n      - id: canary"));

        var (code, summary) = await site.DrillAsync("no-canary");

        Assert.True(code == 3, DrillSite.Tell(summary));
        Assert.Equal("NotProven", summary.GetProperty("verdict").GetString());
        Assert.Equal(JsonValueKind.Null, summary.GetProperty("rpo").GetProperty("measured").ValueKind);
    }

    [Fact]
    public async Task A_drill_with_a_check_that_could_not_run_is_not_proven()
    {
        // Without the recovery key nobody can say whether the loss of the KMS would be survived.
        var hidden = site.Plan.RecoveryKeyFile + ".away";
        File.Move(site.Plan.RecoveryKeyFile, hidden);
        try
        {
            var (code, summary) = await site.DrillAsync("kms-lost");

            Assert.True(code == 3, DrillSite.Tell(summary));
            Assert.Equal("NotProven", summary.GetProperty("verdict").GetString());
            Assert.Contains(summary.GetProperty("notProven").EnumerateArray(), n => n.GetString()!.Contains("--recovery-key", StringComparison.Ordinal));
        }
        finally
        {
            File.Move(hidden, site.Plan.RecoveryKeyFile);
        }
    }

    [Fact]
    public async Task A_clean_up_that_leaves_the_drills_database_fails_the_drill_and_names_it()
    {
        var yaml = await File.ReadAllTextAsync(Path.Combine(site.RunbookFolder, "database-loss.yaml"));
        site.Lay("untidy", "database-loss", (yaml[yaml.IndexOf("cleanup:", StringComparison.Ordinal)..], ""));

        var (code, summary) = await site.DrillAsync("untidy");

        var left = DrillDatabases.Of(summary.GetProperty("runId").GetString()!);
        Assert.True(code == 1, DrillSite.Tell(summary));
        Assert.Contains(summary.GetProperty("checks").EnumerateArray(), c =>
            c.GetProperty("name").GetString() == "clean-up" && c.GetProperty("detail").GetString()!.Contains(left, StringComparison.Ordinal));
        await site.Client.DropDatabaseAsync(left);
    }

    [Fact]
    public async Task A_runbook_that_names_production_is_stopped_in_a_drill()
    {
        var before = await site.StateOfProductionAsync();
        var database = site.Production.DatabaseNamespace.DatabaseName;
        site.Lay("astray", "database-loss", ("to: ${mode.target}\n", $"to: main/{database}\n"), ("    on-failure: ask\n", ""), ("      for: restore\n", ""));

        var (code, summary) = await site.DrillAsync("astray");

        Assert.NotEqual(0, code);
        Assert.NotEqual("Proven", summary.GetProperty("verdict").GetString());
        Assert.Equal(before, await site.StateOfProductionAsync());
    }

    [Fact]
    public async Task A_drill_that_was_denied_is_not_proven_and_has_made_nothing()
    {
        var run = await site.StartAsync("drill", "database-loss");
        await site.UntilAsync(run, "approval");
        var (code, _) = await site.RunAsync("runs", "deny", run, "--as", "alice", "--reason", "not today");
        Assert.Equal(0, code);

        (code, var summary) = await site.RunAsync("runs", "watch", run);

        Assert.True(code == 3, DrillSite.Tell(summary));
        Assert.Equal("denied", summary.GetProperty("approvals")[0].GetProperty("decision").GetString());
        Assert.Empty(await site.LeftAsync());
    }

    [Fact]
    public async Task An_unknown_name_and_a_wrong_input_are_wrong_usage()
    {
        var (code, _) = await site.RunAsync("drill", "run", "nope", "--as", "operator");
        Assert.Equal(2, code);

        (code, _) = await site.RunAsync("drill", "run", "store-lost", "--input", "lost=nope", "--as", "operator");
        Assert.Equal(2, code);
    }

    private static string Id(JsonElement step) => step.GetProperty("id").GetString()!;

    private static string Kind(JsonElement step) => step.GetProperty("kind").GetString()!;

    private static string State(JsonElement step) => step.GetProperty("state").GetString()!;
}
