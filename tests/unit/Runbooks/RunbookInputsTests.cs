using LuxHedge.Activities;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Runbooks;

public sealed class RunbookInputsTests : IDisposable
{
    private readonly RunbookFolderOfTest folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Inputs_are_read_by_their_types_and_what_is_not_given_is_left_to_the_runbook()
    {
        var inputs = Parse("collections=users, positions", "settle=5m", "pointInTime=2026-11-23T08:00:00Z");

        Assert.Equal("""["users","positions"]""", inputs["collections"].GetRawText());
        Assert.Equal("\"PT5M\"", inputs["settle"].GetRawText());
        Assert.Equal("\"2026-11-23T08:00:00.000Z\"", inputs["pointInTime"].GetRawText());
        Assert.False(inputs.ContainsKey("backup"));
    }

    [Fact]
    public void Everything_wrong_is_told_at_once()
    {
        var report = Assert.Throws<RefusalException>(() => Parse("settle=soon", "setle=5m", "backup", "settle=1m", "settle=2m")).Report;

        Assert.Equal(ErrorKinds.Usage, report.Kind);
        Assert.Equal(
            [
                "'backup' is no KEY=VALUE.",
                "settle: \"soon\" is no duration; write 90s, 15m, 2h, 1d or 1h30m",
                "There is no input 'setle'; did you mean 'settle'?; database-loss has backup, pointInTime, collections, settle.",
                "settle is given twice.",
            ],
            report.Problems!.Select(p => p.Message));
    }

    [Theory]
    [InlineData("type: store", "who=s4", "is no store of the plan; did you mean 's3'?")]
    [InlineData("type: person", "who=mallory", "is no person of the plan")]
    [InlineData("type: asset", "who=other", "is no asset of the plan")]
    [InlineData("type: target", "who=elsewhere/x", "\"elsewhere/x\" is no cluster of the plan")]
    public void What_the_plan_does_not_have_is_refused(string type, string pair, string expected) =>
        Assert.Contains(expected, Assert.Throws<RefusalException>(() => Parse(type, [pair])).Message);

    [Fact]
    public void One_that_must_be_given_is_asked_for() =>
        Assert.Contains("The input 'who' (text) must be given: Whose", Assert.Throws<RefusalException>(() => Parse("type: text, title: Whose", [])).Message);

    [Fact]
    public void The_command_line_stands_before_the_plans_drill()
    {
        var inputs = RunbookInputs.Parse(
            Definition(SampleRunbook.Yaml), new Dictionary<string, string> { ["settle"] = "1m", ["backup"] = "latest" }, ["settle=2m"], folder.Plan);

        Assert.Equal("\"PT2M\"", inputs["settle"].GetRawText());
        Assert.Equal("\"latest\"", inputs["backup"].GetRawText());
    }

    private IReadOnlyDictionary<string, System.Text.Json.JsonElement> Parse(params string[] pairs) => RunbookInputs.Parse(Definition(SampleRunbook.Yaml), pairs, folder.Plan);

    private IReadOnlyDictionary<string, System.Text.Json.JsonElement> Parse(string type, string[] pairs) => RunbookInputs.Parse(
        Definition($"runbook: database-loss\nversion: 1\ntitle: x\ninputs: {{ who: {{ {type} }} }}\nsteps: [{{ id: a, wait: 1m }}]\n"), pairs, folder.Plan);

    private RunbookDefinition Definition(string yaml) => folder.Read(yaml).Definition!;
}
