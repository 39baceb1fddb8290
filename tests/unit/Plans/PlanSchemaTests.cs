using System.Text.Json;
using LuxHedge.Activities.Plans;
using NJsonSchema;

namespace LuxHedge.Tests.Unit.Plans;

/// <summary>
/// The schema file is written from the shapes that the loader checks, so whatever the loader takes is in it and the reverse. To write it again
/// after a change of PlanShape: <c>LUXHEDGE_WRITE_SCHEMA=1 dotnet test --project tests/unit</c>.
/// </summary>
public sealed class PlanSchemaTests
{
    private static readonly string SchemaFile = Repository.Path("runbooks/plan.schema.json");

    [Fact]
    public void The_schema_file_is_what_the_loader_checks()
    {
        if (Environment.GetEnvironmentVariable("LUXHEDGE_WRITE_SCHEMA") == "1")
        {
            File.WriteAllText(SchemaFile, PlanSchema.Write());
        }

        Assert.Equal(PlanSchema.Write(), File.ReadAllText(SchemaFile));
    }

    [Fact]
    public async Task The_plan_of_LuxHedge_and_the_sandboxs_follow_the_schema()
    {
        var schema = await Schema();

        Assert.Empty(schema.Validate(Json(await File.ReadAllTextAsync(Repository.Path("luxhedge.yaml")))));
        Assert.Empty(schema.Validate(Json(SamplePlan.Sandbox)));
    }

    [Theory]
    [InlineData("lanes: 2", "lanes: many")]
    [InlineData("lanes: 2", "lane: 2")]
    [InlineData("rangeSize: 64MiB", "rangeSize: 64MB")]
    [InlineData("rto: 2h", "rto: 2 hours")]
    [InlineData("kind: database", "kind: datbase")]
    [InlineData("connection: ${file:keys/mongodb}", "connection: \"mongodb://root:secret@db/\"")]
    [InlineData("  luxhedge_production:\n", "  Lux/Hedge:\n")]
    [InlineData("version: 1\n", "")]
    public async Task What_the_loader_refuses_in_one_field_the_schema_refuses_too(string text, string by)
    {
        var yaml = SamplePlan.With(text, by);

        Assert.NotEmpty((await Schema()).Validate(Json(yaml)));
    }

    [Fact]
    public void The_plan_tells_editors_its_schema() =>
        Assert.Equal("# yaml-language-server: $schema=runbooks/plan.schema.json", File.ReadLines(Repository.Path("luxhedge.yaml")).First());

    private static Task<JsonSchema> Schema() => JsonSchema.FromFileAsync(SchemaFile);

    private static string Json(string yaml) => JsonSerializer.Serialize(YamlJson.Convert(YamlTree.Read(System.Text.Encoding.UTF8.GetBytes(yaml))));
}
