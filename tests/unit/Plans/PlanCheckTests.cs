using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using Microsoft.Extensions.Time.Testing;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class PlanCheckTests : IDisposable
{
    private readonly PlanFolder folder = new();
    private readonly FakeTimeProvider clock = new(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_plan_of_LuxHedge_is_valid_and_says_what_runs_now_and_what_is_later_work()
    {
        var report = PlanCheck.Run(Repository.Path("luxhedge.yaml"), clock);

        Assert.True(report.Valid, string.Join("\n", report.Problems));
        Assert.Equal(
            ["luxhedge_production", "kyc-documents", "support-files", "car-images", "announcements", "source-code", "container-images", "configuration"],
            report.Assets.Select(a => a.Asset));
        var database = report.Assets[0];
        Assert.True(database.RunsNow);
        Assert.Contains("luxhedge backup run luxhedge_production", database.Now);
        Assert.Equal(["store gcs", "retention"], database.Later.Select(l => l.Split(':')[0]));
        Assert.All(report.Assets.Skip(1), asset =>
        {
            Assert.False(asset.RunsNow);
            Assert.Empty(asset.Now);
            Assert.StartsWith($"assets of kind {asset.Kind} can't be backed up or restored by this version", Assert.Single(asset.Later));
        });
        Assert.Contains(report.Later, l => l.StartsWith("drill/", StringComparison.Ordinal) && l.Contains("can't be run by this version", StringComparison.Ordinal));
    }

    [Fact]
    public void A_time_that_the_clocks_jump_over_is_warned_of_with_its_day()
    {
        var place = Directory.CreateTempSubdirectory("luxhedge-check-").FullName;
        var file = Path.Combine(place, "luxhedge.yaml");
        File.WriteAllText(file, File.ReadAllText(Repository.Path("luxhedge.yaml"))
            .Replace("timezone: UTC", "timezone: Europe/Berlin", StringComparison.Ordinal));
        var warnings = PlanCheck.Run(file, clock).Warnings.Where(w => w.Message.Contains("jump over", StringComparison.Ordinal)).Select(w => w.Message).ToList();
        // 02:00 and 02:30 are not there on one Sunday in March; 03:00 is.
        Assert.Contains(warnings, w => w.StartsWith("assets.luxhedge_production.schedule.backup: on 20", StringComparison.Ordinal));
        Assert.DoesNotContain(warnings, w => w.Contains("support-files", StringComparison.Ordinal));
        Directory.Delete(place, recursive: true);
    }

    [Fact]
    public void The_plan_of_the_compose_file_is_valid()
    {
        var report = PlanCheck.Run(Repository.Path("luxhedge.compose.yaml"), clock);

        Assert.True(report.Valid, string.Join("\n", report.Problems));
        Assert.True(Assert.Single(report.Assets).RunsNow);
    }

    [Fact]
    public void Who_has_not_enrolled_is_named_and_so_is_the_policy_that_nobody_can_meet()
    {
        var yaml = SamplePlan.With($"\"{SamplePlan.Alice}\"", "${file:people/alice.pub}").Replace($"\"{SamplePlan.Bob}\"", "${file:people/bob.pub}");

        var nobody = PlanCheck.Run(folder.Write(yaml), clock);
        Assert.True(nobody.Valid);
        Assert.Contains(nobody.Warnings, w => w.Message.StartsWith("people.alice.publicKey: ${file:people/alice.pub} is not there: alice has not enrolled", StringComparison.Ordinal));
        Assert.Contains(nobody.Warnings, w => w.Message.StartsWith("policies.restore-production: 1 must approve, and 0 of 2 have a key today", StringComparison.Ordinal));

        folder.Write(SamplePlan.Alice, "people/alice.pub");
        var alice = PlanCheck.Run(folder.Write(yaml), clock);
        Assert.DoesNotContain(alice.Warnings, w => w.Message.Contains("alice", StringComparison.Ordinal) || w.Message.Contains("policies.", StringComparison.Ordinal));
    }

    [Fact]
    public void A_public_key_file_that_holds_something_else_is_a_problem()
    {
        folder.Write("not a key", "people/alice.pub");

        var report = PlanCheck.Run(folder.Write(SamplePlan.With($"\"{SamplePlan.Alice}\"", "${file:people/alice.pub}")), clock);

        Assert.False(report.Valid);
        Assert.Contains("people.alice.publicKey: what its file holds is no public key of ECDSA P-256", Assert.Single(report.Problems).Message);
    }

    [Fact]
    public void A_refused_plan_is_reported_with_all_its_problems()
    {
        var report = PlanCheck.Run(folder.Write(SamplePlan.With("lanes: 2", "lane: 2").Replace("canary: true", "canary: on")), clock);

        Assert.False(report.Valid);
        Assert.Equal(2, report.Problems.Count);
        Assert.Empty(report.Assets);
    }

    [Fact]
    public void The_report_is_JSON_and_back()
    {
        var report = PlanCheck.Run(folder.Write(SamplePlan.Sandbox), clock);
        var json = JsonSerializer.Serialize(report, LuxJson.Options);

        Assert.Contains("\"rto\":\"PT2H\"", json);
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize<PlanReport>(json, LuxJson.Options), LuxJson.Options));
    }
}
