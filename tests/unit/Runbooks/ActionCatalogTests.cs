using System.Reflection;
using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using NJsonSchema;

namespace LuxHedge.Tests.Unit.Runbooks;

/// <summary>
/// An action is one class; its schema, its checks and its documentation come from it. After adding one:
/// <c>LUXHEDGE_WRITE_DOCS=1 LUXHEDGE_WRITE_SCHEMA=1 dotnet test --project tests/unit</c>.
/// </summary>
public sealed class ActionCatalogTests
{
    private static readonly string SchemaFile = Repository.Path("runbooks/runbook.schema.json");

    [Fact]
    public void The_page_of_the_actions_is_what_they_say_of_themselves() => Compare("LUXHEDGE_WRITE_DOCS", Repository.Path("docs/actions.md"), ActionPage.Write(ActionCatalog.All));

    [Fact]
    public void The_schema_of_runbooks_is_what_the_loader_checks() => Compare("LUXHEDGE_WRITE_SCHEMA", SchemaFile, RunbookSchema.Write(ActionCatalog.All));

    [Fact]
    public void Every_action_is_found_with_its_inputs_and_answers()
    {
        var look = SampleRunbook.Actions["look"]!;

        Assert.True(look.DoesIO);
        Assert.Equal(new ActionField("what", InputTypes.Text, "At what.", Required: true, []), look.Inputs[0] with { Values = [] });
        Assert.Equal(["presence", "integrity"], look.Inputs[1].Values);
        Assert.Equal(["found"], look.Outputs.Select(o => o.Name));
        Assert.False(SampleRunbook.Actions["take-back"]!.DoesIO);
        Assert.Null(SampleRunbook.Actions["nothing"]);
    }

    [Fact]
    public void Every_action_is_well_described() => Assert.All(ActionCatalog.All.Actions, action =>
    {
        Assert.Matches("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", action.Name);
        Assert.EndsWith(".", action.Summary);
        Assert.Equal(action.Inputs.Count, action.Inputs.Select(i => i.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.All(action.Inputs.Concat(action.Outputs), field =>
        {
            Assert.Contains(field.Type, InputTypes.All);
            Assert.EndsWith(".", field.Summary);
        });
    });

    [Fact]
    public void An_input_that_is_not_required_may_be_left_out_of_what_an_action_is_given() => Assert.All(ActionCatalog.All.Actions, action =>
    {
        var input = action.Class.BaseType!.GetGenericArguments()[0];
        var unmarked = input.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.GetCustomAttribute<InputAttribute>() is null).Select(p => p.Name);
        Assert.Empty(unmarked);
        var given = action.Inputs.Where(i => i.Required).ToDictionary(i => i.Name, Sample);
        Assert.NotNull(JsonSerializer.SerializeToElement(given, LuxJson.Options).Deserialize(input, LuxJson.Options));
    });

    [Fact]
    public async Task The_runbooks_of_this_repository_follow_the_schema_and_name_it()
    {
        var schema = await JsonSchema.FromFileAsync(SchemaFile);
        var runbooks = Repository.Files("*.yaml", "runbooks").ToList();

        Assert.NotEmpty(runbooks);
        Assert.All(runbooks, file =>
        {
            Assert.Empty(schema.Validate(Json(File.ReadAllText(Repository.Path(file)))));
            Assert.Equal("# yaml-language-server: $schema=runbook.schema.json", File.ReadLines(Repository.Path(file)).First());
        });
    }

    [Fact]
    public void The_runbooks_of_this_repository_are_good_by_LuxHedges_own_plan()
    {
        var loader = RunbookLoader.Of(PlanLoader.Load(Repository.Path("luxhedge.yaml")));

        Assert.NotEmpty(loader.Names());
        Assert.All(loader.Names(), name => Assert.Equal(name, loader.Load(name).Runbook));
    }

    [Theory]
    [InlineData("uses: take-back", "uses: take-bak")]
    [InlineData("timeout: 90m", "timeout: long")]
    [InlineData("on-failure: ask", "on-failure: panic")]
    [InlineData("- id: settle\n", "- id: settle\n    uses: look\n    with: { what: a }\n")]
    [InlineData("version: 3\n", "")]
    [InlineData("quorum: 2", "quorums: 2")]
    public async Task What_the_loader_refuses_in_one_field_the_schema_refuses_too(string text, string by)
    {
        var schema = await JsonSchema.FromJsonAsync(RunbookSchema.Write(SampleRunbook.Actions));

        Assert.Empty(schema.Validate(Json(SampleRunbook.Yaml)));
        Assert.NotEmpty(schema.Validate(Json(SampleRunbook.With(text, by))));
    }

    [Fact]
    public void The_inputs_of_each_action_are_in_the_schema_where_it_is_used()
    {
        var step = JsonElement.Parse(RunbookSchema.Write(SampleRunbook.Actions)).GetProperty("definitions").GetProperty("step");
        var uses = step.GetProperty("properties").GetProperty("uses");
        Assert.Equal(["look", "take-back"], uses.GetProperty("enum").EnumerateArray().Select(e => e.GetString()));
        Assert.Equal("Looks at something.", uses.GetProperty("anyOf")[0].GetProperty("description").GetString());

        var look = step.GetProperty("allOf").EnumerateArray().Single(c =>
            c.GetProperty("if").GetProperty("properties").GetProperty("uses").GetProperty("const").GetString() == "look").GetProperty("then");
        Assert.Equal("with", look.GetProperty("required")[0].GetString());
        var with = look.GetProperty("properties").GetProperty("with");
        Assert.False(with.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal("what", with.GetProperty("required")[0].GetString());
        var level = with.GetProperty("properties").GetProperty("level");
        Assert.Equal("How closely.", level.GetProperty("description").GetString());
        Assert.Equal(["presence", "integrity"], level.GetProperty("anyOf")[0].GetProperty("enum").EnumerateArray().Select(e => e.GetString()));
    }

    private static void Compare(string variable, string file, string written)
    {
        if (Environment.GetEnvironmentVariable(variable) == "1")
        {
            File.WriteAllText(file, written);
        }

        Assert.Equal(written, File.ReadAllText(file));
    }

    private static object Sample(ActionField field) => field.Type switch
    {
        InputTypes.Number => 1,
        InputTypes.Flag => true,
        InputTypes.List => new[] { "a" },
        InputTypes.Object => new Dictionary<string, string>(),
        InputTypes.Duration => "PT1M",
        InputTypes.Time => "2026-11-23T08:00:00.000Z",
        InputTypes.Moment => "latest",
        _ => field.Values is [var word, ..] ? word : "a",
    };

    private static string Json(string yaml) => JsonSerializer.Serialize(YamlJson.Convert(YamlTree.Read(System.Text.Encoding.UTF8.GetBytes(yaml))));
}
