using System.Text.Json;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class RunbookIsolationTests
{
    [Theory]
    [InlineData("production", null)]
    [InlineData(" Production ", null)]
    [InlineData("main/luxhedge_production", null)]
    [InlineData("MAIN/LuxHedge_Production", null)]
    [InlineData("production", InputTypes.Text)]
    [InlineData("luxhedge_production", InputTypes.Target)]
    public void Every_word_for_production_is_refused(string value, string? type) =>
        Assert.NotNull(WhyNot(JsonSerializer.SerializeToElement(value), type));

    [Fact]
    public void A_word_for_production_is_found_in_lists_and_objects_too()
    {
        Assert.NotNull(WhyNot(JsonSerializer.SerializeToElement(new[] { "drill/x", "production" }), InputTypes.List));
        Assert.NotNull(WhyNot(JsonSerializer.SerializeToElement(new { deep = new { to = "main/luxhedge_production" } }), InputTypes.Object));
    }

    [Theory]
    [InlineData("luxhedge_production", InputTypes.Asset)]
    [InlineData("drill/luxhedge_drill_7f3a", InputTypes.Target)]
    [InlineData("production is down", InputTypes.Text)]
    [InlineData("20261123T020000Z-luxhedge_production-7f3a", InputTypes.Backup)]
    public void What_only_speaks_of_production_is_not(string value, string type) =>
        Assert.Null(WhyNot(JsonSerializer.SerializeToElement(value), type));

    [Theory]
    [InlineData("production")]
    [InlineData("luxhedge_production")]
    [InlineData("main/luxhedge_production")]
    public void A_site_whose_own_target_is_production_lets_nothing_run(string target) =>
        Assert.NotNull(RunbookIsolation.WhyNot(Site(target), [], new Dictionary<string, string>()));

    private static string? WhyNot(JsonElement value, string? type) => RunbookIsolation.WhyNot(
        Site("drill/luxhedge_drill_7f3a"), [KeyValuePair.Create("to", value)],
        type is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["to"] = type });

    private static RunbookSite Site(string target) =>
        new(target, "db1", "luxhedge_drill_7f3a", [], [], new Dictionary<string, IReadOnlyList<TimeSpan>>(), [])
        {
            Production = ["luxhedge_production", "main/luxhedge_production"],
        };
}
