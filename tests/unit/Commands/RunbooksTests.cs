using System.Text.Json;

namespace LuxHedge.Tests.Unit.Commands;

/// <summary><c>runbooks check</c>, <c>runbooks list</c> and <c>drill plan</c> as a script and as a person see them.</summary>
public sealed class RunbooksTests
{
    private const string Small = """
        runbook: small
        version: 2
        title: One step
        inputs: { wanted: { type: text, default: nothing } }
        steps:
          - id: agree
            approve: { by: [operator], expires: 15m }
          - id: rest
            wait: 1m

        """;

    [Fact]
    public async Task A_good_folder_is_checked_and_listed()
    {
        await using var rig = Create(("small", Small));

        Assert.Equal(0, await rig.RunAsync("runbooks", "check", "--json"));
        var only = Assert.Single(rig.Document.EnumerateArray());
        Assert.Equal(("small", 2, "One step", 2), (
            only.GetProperty("runbook").GetString(), only.GetProperty("version").GetInt32(), only.GetProperty("title").GetString(), only.GetProperty("steps").GetInt32()));
    }

    [Fact]
    public async Task A_list_has_runbook_version_and_title_and_leaves_out_what_is_refused()
    {
        await using var rig = Create(("small", Small), ("wrong", "runbook: wrong\n"));

        Assert.Equal(0, await rig.RunAsync("runbooks", "list", "--json"));
        Assert.Equal("""[{"runbook":"small","version":2,"title":"One step"}]""", JsonSerializer.Serialize(rig.Document));
        Assert.Contains("wrong.yaml", rig.Error.Output);
    }

    [Fact]
    public async Task A_refused_runbook_exits_with_2_and_all_problems_with_their_places()
    {
        await using var rig = Create(("small", Small.Replace("wait: 1m", "wait: soon").Replace("version: 2", "version: two")));

        Assert.Equal(2, await rig.RunAsync("runbooks", "check", "--json"));
        var error = rig.Document.GetProperty("error");
        Assert.Equal("plan", error.GetProperty("kind").GetString());
        Assert.Equal([2, 9], error.GetProperty("problems").EnumerateArray().Select(p => int.Parse(p.GetProperty("where").GetString()!.Split(':')[^2])));
    }

    [Fact]
    public async Task A_file_of_any_name_is_checked_and_its_problems_are_told_as_it_was_typed()
    {
        await using var rig = Create();
        await File.WriteAllTextAsync(Path.Combine(rig.Plan.Folder, "draft.txt"), Small);
        Assert.Equal(0, await rig.RunAsync("runbooks", "check", "draft.txt"));

        await File.WriteAllTextAsync(Path.Combine(rig.Plan.Folder, "draft.txt"), Small + "x: 1\n");
        Assert.Equal(2, await rig.RunAsync("runbooks", "check", "draft.txt"));
        Assert.Contains("draft.txt:10:1", rig.Error.Output);
        Assert.Contains("x: is not known here", rig.Error.Output);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_refused()
    {
        await using var rig = Create();

        Assert.Equal(2, await rig.RunAsync("runbooks", "check", "nowhere.yaml"));
    }

    [Fact]
    public async Task A_dry_run_needs_no_server()
    {
        await using var rig = Create(("small", Small));
        rig.Runs.Unreachable = new LuxHedge.Activities.RefusalException("unreachable", "Nothing may be asked of Temporal.");

        Assert.Equal(0, await rig.RunAsync("drill", "plan", "small", "--input", "wanted=this", "--json"));
        var document = rig.Document;
        Assert.Equal(
            "name runbook version title asset target targets inputs backup steps notNow unknown",
            string.Join(' ', document.EnumerateObject().Select(p => p.Name)));
        Assert.Equal("given", document.GetProperty("inputs")[0].GetProperty("from").GetString());
        Assert.Equal("approve", document.GetProperty("steps")[0].GetProperty("kind").GetString());
        Assert.Equal("PT15M", document.GetProperty("steps")[0].GetProperty("approval").GetProperty("expires").GetString());
        Assert.Contains(document.GetProperty("notNow").EnumerateArray(), p => p.GetProperty("step").GetString() == "agree");
    }

    [Fact]
    public async Task A_dry_run_is_a_table_for_people()
    {
        await using var rig = Create(("small", Small));

        Assert.Equal(0, await rig.RunAsync("drill", "plan", "small"));
        Assert.Contains("One step (small version 2, drill of luxhedge_production; nothing is run)", rig.Out.Output);
        Assert.Contains("what could not be done now", rig.Out.Output);
        Assert.Contains("agree", rig.Out.Output);
    }

    [Theory]
    [InlineData("nothing-like-it")]
    [InlineData("small", "--input", "wnted=this")]
    public async Task What_does_not_exist_is_refused(params string[] arguments)
    {
        await using var rig = Create(("small", Small));

        Assert.Equal(2, await rig.RunAsync(["drill", "plan", .. arguments]));
    }

    private static CommandRig Create(params (string Name, string Yaml)[] runbooks)
    {
        var rig = CommandRig.Create();
        var folder = Path.Combine(rig.Plan.Folder, "runbooks");
        Directory.CreateDirectory(folder);
        var plan = File.ReadAllLines(rig.Plan.Path).Where(l => !l.StartsWith("runbooks:", StringComparison.Ordinal));
        File.WriteAllLines(rig.Plan.Path, ["runbooks: runbooks", .. plan]);
        foreach (var (name, yaml) in runbooks)
        {
            File.WriteAllText(Path.Combine(folder, name + ".yaml"), yaml);
        }

        return rig;
    }
}
