using System.Text;
using System.Text.Json;
using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Runbooks;

public sealed class RunbookLoaderTests : IDisposable
{
    private static readonly string[] Pieces = ["", " ", "\n", ":", "{", "}", "[", "]", "${", "'", "\"", "!", "-", "&a ", "*a", "x", "0"];

    private readonly RunbookFolderOfTest folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_runbook_is_read_into_its_definition()
    {
        var reading = folder.Read(SampleRunbook.Yaml);
        Assert.Empty(reading.Problems);
        var runbook = reading.Definition!;

        Assert.Equal(("database-loss", 3), (runbook.Runbook, runbook.Version));
        Assert.Equal(new RunbookTargets(TimeSpan.FromHours(2), TimeSpan.FromHours(1)), runbook.Targets);
        Assert.Equal(["backup", "pointInTime", "collections", "settle"], runbook.Inputs.Select(i => i.Name));
        Assert.Equal("""["users","2024"]""", runbook.Inputs[2].Default!.Value.GetRawText());
        Assert.Equal("\"PT1M30S\"", runbook.Inputs[3].Default!.Value.GetRawText());
        Assert.Equal(["declare", "restore", "checks", "settle", "each", "negative-control"], runbook.Steps.Select(s => s.Id));
        var declare = runbook.Steps[0].Approve!;
        Assert.Equal((2, TimeSpan.FromMinutes(15), "restore"), (declare.Quorum, declare.Expires, declare.For));
        Assert.Equal(new EscalationTier(TimeSpan.FromMinutes(5), "operator"), Assert.Single(declare.Escalate));
        var restore = runbook.Steps[1];
        Assert.Equal("\"${inputs.backup}\"", restore.With["backup"].GetRawText());
        Assert.Equal("\"PT5M\"", restore.With["patience"].GetRawText());
        Assert.Equal("0.5", restore.With["share"].GetRawText());
        Assert.Equal(InputTypes.Target, restore.Types["to"]);
        Assert.False(restore.Types.ContainsKey("drop"));
        Assert.Equal((new StepRetry(3, TimeSpan.FromSeconds(10)), TimeSpan.FromMinutes(90), OnFailure.Ask), (restore.Retry, restore.Timeout, restore.OnFailure));
        Assert.Equal(["count", "ask-users"], runbook.Steps[2].Parallel!.Select(s => s.Id));
        Assert.Contains("Open the application", runbook.Steps[2].Parallel![1].Manual!.Do);
        Assert.Equal("${inputs.settle}", runbook.Steps[3].Wait);
        Assert.Equal("inputs.collections", runbook.Steps[4].ForEach!.In);
        Assert.Equal("mode == drill && steps.restore.documents > 0", runbook.Steps[5].When);
        Assert.Equal(64, runbook.Sha256.Length);

        var json = JsonSerializer.Serialize(runbook, LuxJson.Options);
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize<RunbookDefinition>(json, LuxJson.Options), LuxJson.Options));
    }

    [Fact]
    public void Everything_wrong_is_told_at_once_in_the_order_of_the_file_with_place_and_field()
    {
        var path = folder.Write(SampleRunbook.Yaml
            .Replace("version: 3", "version: three")
            .Replace("uses: take-back", "uses: take-bak")
            .Replace("${steps.restore.database}\"", "${steps.each.database}\"")
            .Replace("by: [alice]", "by: [alise]")
            .Replace("on-failure: continue", "on-falure: continue"));

        var refusal = Assert.Throws<RefusalException>(() => folder.Loader.Load("database-loss")).Report;

        Assert.Equal(ErrorKinds.Plan, refusal.Kind);
        Assert.Equal("The runbook database-loss.yaml has 5 problems.", refusal.Message);
        Assert.Equal(
            [
                new Problem("version: \"three\" must be a whole number from 1 to 1000000", $"{path}:2:10"),
                new Problem("steps[1].uses: \"take-bak\" is no action; did you mean 'take-back'?; docs/actions.md has them all", $"{path}:14:11"),
                new Problem("steps[2] (checks).parallel[0] (count).with.what: step 'each' does not come before this one", $"{path}:23:35"),
                new Problem("steps[2].parallel[1].manual.by[0]: there is no person or group \"alise\" in people or groups; did you mean 'alice'?", $"{path}:30:16"),
                new Problem("steps[5].on-falure: is not known here; did you mean 'on-failure'?", $"{path}:46:5"),
            ],
            refusal.Problems);
    }

    [Theory]
    [InlineData("with: { what: planted }", "with: { wat: planted }", "with.wat: is no input; did you mean 'what'?; the action look has what or level")]
    [InlineData("with: { what: planted }", "with: {}", "with.what: is missing; the action look needs it (At what)")]
    [InlineData("    with: { what: planted }\n", "", "with.what: is missing")]
    [InlineData("level: presence", "level: restore", "with.level: \"restore\" must be presence or integrity")]
    [InlineData("share: 0.5", "share: half", "with.share: \"half\" is no number")]
    [InlineData("share: 0.5", "share: ${inputs.backup}", "inputs.backup is a backup, and a number is needed")]
    [InlineData("share: 0.5", "share: \"${inputs.settle} more\"", "must be a number, and a text with something around ${…} is a text")]
    [InlineData("share: 0.5", "drop: yes", "with.drop: \"yes\" must be true or false")]
    [InlineData("patience: 5m", "patience: 5", "with.patience: \"5\" is no duration")]
    [InlineData("patience: 5m", "patience: [5m]", "with.patience: must be a duration, not a list")]
    [InlineData("asset: luxhedge_production, backup", "asset: luxhedge, backup", "with.asset: \"luxhedge\" is no asset of the plan")]
    [InlineData("collections: ${inputs.collections}", "collections: users", "with.collections: \"users\" must be a list")]
    [InlineData("collections: ${inputs.collections}", "collections: ${steps.restore.checks}", "step 'restore' does not come before this one")]
    [InlineData("collections: ${inputs.collections}", "collections: ${steps.declare.votes}", "steps.declare has no 'votes'; it has by")]
    [InlineData("${steps.restore.database}\"", "${steps.ask-users.by}\"", "step 'ask-users' does not come before this one")]
    [InlineData("${steps.restore.database}\"", "${steps.restore.rows}\"", "steps.restore has no 'rows'; it has database, documents or checks")]
    [InlineData("${steps.restore.database}\"", "${steps.restore.database.name}\"", "steps.restore.database is a text and has nothing in it")]
    [InlineData("${steps.restore.database}\"", "${steps.nowhere.x}\"", "there is no step 'nowhere'")]
    [InlineData("${default(steps.restore.database, 'none')}", "${steps.one.found}", "step 'one' is inside the loop 'each'")]
    [InlineData("${inputs.backup}", "${inputs.bakup}", "there is no input 'bakup' here; did you mean 'backup'?")]
    [InlineData("${inputs.backup}", "${backup}", "there is no 'backup' here; did you mean 'inputs.backup'?")]
    [InlineData("${inputs.backup}", "${env:HOME}", "':' has no meaning here")]
    [InlineData("${inputs.backup}", "${run.environment}", "run has no 'environment'; it has id, asset, declaredAt or requestedBy")]
    [InlineData("${name}: ", "${nam}: ", "there is no 'nam' here; did you mean 'name'?")]
    [InlineData("when: mode == drill &&", "when: mode == dril &&", "there is no 'dril' here; did you mean 'drill'?")]
    [InlineData("when: mode == drill &&", "when: mode = drill &&", "compare with ==")]
    [InlineData("in: inputs.collections", "in: inputs.backup", "inputs.backup is a backup, and a list is needed")]
    [InlineData("as: name", "as: steps", "'steps' has a meaning of its own in expressions")]
    [InlineData("wait: ${inputs.settle}", "wait: soon", "there is no 'soon' here")]
    [InlineData("wait: ${inputs.settle}", "wait: 0", "is no time to wait")]
    [InlineData("- id: count", "- id: declare", "two steps have this id; the first is in line 11")]
    [InlineData("- id: count", "- id: Count", "\"Count\" is no id of a step")]
    [InlineData("- id: settle\n", "- id: settle\n    uses: look\n", "must hold exactly one of uses, approve, manual, wait, parallel, for-each or runbook, not 2")]
    [InlineData("    wait: ${inputs.settle}\n", "", "must hold exactly one of")]
    [InlineData("    wait: ${inputs.settle}\n", "    wait: 1m\n    retry: { attempts: 2 }\n", "retry: stands only with uses")]
    [InlineData("    wait: ${inputs.settle}\n", "    wait: 1m\n    with: { a: 1 }\n", "with: stands only with uses and runbook")]
    [InlineData("timeout: 90m", "timeout: 90", "timeout: \"90\" has no unit")]
    [InlineData("timeout: 90m", "timeout: 0", "timeout: nothing is done in no time")]
    [InlineData("on-failure: ask", "on-failure: panic", "on-failure: \"panic\" must be stop, continue, ask or cleanup")]
    [InlineData("quorum: 2", "quorum: 3", "approve.quorum: 3 must approve, but only 2 can decide")]
    [InlineData("by: [incident-commanders], quorum: 2, ", "", "must name a policy of the plan, or say who may decide (by)")]
    [InlineData("by: [incident-commanders]", "policy: restore-prod, by: [incident-commanders]", "there is no policy \"restore-prod\" in policies")]
    [InlineData("reminders: [3m]", "reminders: [30m]", "30m is not before it expires (15m)")]
    [InlineData("for: restore", "for: restor", "there is no step \"restor\"; did you mean 'restore'?")]
    [InlineData("for: restore", "for: declare", "step 'declare' does not come after this one")]
    [InlineData("for: restore", "for: settle", "step 'settle' uses no action")]
    [InlineData("shows: [backup,", "shows: [bakup,", "there is no 'bakup' here")]
    [InlineData("default: latest }", "default: latest, optional: true }", "with a default it is never nothing")]
    [InlineData("default: latest }", "default: ${inputs.settle} }", "there is no input 'settle' here")]
    [InlineData("default: 90s", "default: soon", "inputs.settle.default: \"soon\" is no duration")]
    [InlineData("type: time, optional", "type: instant, optional", "\"instant\" must be text, number")]
    [InlineData("type: time, optional", "type: time, asset: luxhedge_production, optional", "stands only with type backup")]
    [InlineData("runbook: database-loss", "runbook: database-gone", "must be the file's name")]
    [InlineData("title: Complete loss of the production database\n", "", "title: is missing")]
    [InlineData("rto: 2h", "rto: 0", "nothing is restored in no time")]
    [InlineData("when: mode == drill && steps.restore.documents > 0", "when: !inputs.x", "A text that begins with ! stands in quotes.")]
    [InlineData("steps:\n  - id: declare", "stepps: []\nsteps:\n  - id: declare", "stepps: is not known here")]
    public void What_is_wrong_is_refused_by_place_and_reason(string text, string by, string expected)
    {
        var problems = folder.Read(SampleRunbook.With(text, by)).Problems;

        Assert.Contains(problems, p => p.Message.Contains(expected, StringComparison.Ordinal));
        Assert.All(problems, p => Assert.Matches(@"database-loss\.yaml:\d+:\d+$", p.Where));
    }

    [Theory]
    [InlineData("${inputs.bakup}", "${inputs.backup}")]
    [InlineData("\"x ${steps.nowhere.x}\"", "\"users of ${steps.restore.database}\"")]
    public void The_place_of_an_expression_is_its_own(string wrong, string right)
    {
        var yaml = SampleRunbook.With(right, wrong);
        var line = yaml.Split('\n').ToList().FindIndex(l => l.Contains(wrong, StringComparison.Ordinal));
        var column = yaml.Split('\n')[line].IndexOf(wrong.Contains("inputs", StringComparison.Ordinal) ? "inputs.bakup" : "steps.nowhere", StringComparison.Ordinal);

        Assert.EndsWith($":{line + 1}:{column + 1}", Assert.Single(folder.Read(yaml).Problems).Where);
    }

    [Fact]
    public void A_nested_runbook_is_read_from_the_folder_embedded_and_its_inputs_are_checked()
    {
        folder.Write(SampleRunbook.Yaml);
        var runbook = folder.Read(Outer("runbook: database-loss\n    with: { backup: latest, settle: 1h }"), "monthly");
        Assert.Empty(runbook.Problems);
        var nested = runbook.Definition!.Steps[0];
        Assert.Equal("database-loss", nested.Nested!.Runbook);
        Assert.Equal("\"PT1H\"", nested.With["settle"].GetRawText());

        Assert.Contains("with.bakup: is no input; did you mean 'backup'?", Only(Outer("runbook: database-loss\n    with: { bakup: latest }")));
        Assert.Contains("there is no runbook \"database-los\"", Only(Outer("runbook: database-los")));
        Assert.Contains("there is no runbook \"plan\"", Only(Outer("runbook: plan")));
        Assert.Contains("is no id", Only(Outer("runbook: ../database-loss")));
    }

    [Fact]
    public void What_a_nested_runbook_answers_is_known_by_its_steps()
    {
        folder.Write(SampleRunbook.Yaml);
        const string After = "runbook: database-loss\n  - id: after\n    uses: look\n    with: { what: \"${steps.inner.";
        Assert.Empty(folder.Read(Outer(After + "restore.database}\" }"), "monthly").Problems);
        Assert.Contains("steps.inner has no 'restor'; did you mean 'restore'?", Only(Outer(After + "restor.database}\" }")));
    }

    [Fact]
    public void Problems_of_a_nested_runbook_are_told_in_its_own_file()
    {
        var inner = folder.Write(SampleRunbook.With("uses: take-back", "uses: nothing-known"));

        var problem = Assert.Single(folder.Read(Outer("runbook: database-loss"), "monthly").Problems);
        Assert.Equal($"{inner}:14:11", problem.Where);
    }

    [Fact]
    public void Runbooks_that_run_each_other_are_refused()
    {
        folder.Write(Outer("runbook: b", "a"), "a");
        folder.Write(Outer("runbook: c", "b"), "b");
        folder.Write(Outer("runbook: a", "c"), "c");

        var problem = Assert.Single(folder.Loader.Read(Path.Combine(folder.Path, "a.yaml")).Problems);
        Assert.Equal("runbook: a runs b runs c runs a: it would never end", problem.Message);
        Assert.EndsWith("c.yaml:6:14", problem.Where);
    }

    [Fact]
    public void Runbooks_stand_at_most_four_deep_in_each_other()
    {
        for (var i = 0; i < 6; i++)
        {
            folder.Write(Outer(i == 5 ? "wait: 1m" : $"runbook: r{i + 1}", $"r{i}"), $"r{i}");
        }

        Assert.Contains("at most 4 deep", Assert.Single(folder.Loader.Read(Path.Combine(folder.Path, "r0.yaml")).Problems).Message);
        Assert.Empty(folder.Loader.Read(Path.Combine(folder.Path, "r1.yaml")).Problems);
    }

    [Fact]
    public void Steps_are_counted_with_those_of_the_runbooks_in_them()
    {
        folder.Write(Many("inner", 300, "wait: 1m"), "inner");

        Assert.Contains("there are 1,204 steps, those of the runbooks in it counted", Assert.Single(folder.Read(Many("outer", 4, "runbook: inner"), "outer").Problems).Message);
        Assert.Contains("there are 1,500 steps", Assert.Single(folder.Read(Many("wide", 1_500, "wait: 1m"), "wide").Problems).Message);
        Assert.Empty(folder.Read(Many("outer", 3, "runbook: inner"), "outer").Problems);
    }

    [Fact]
    public void A_file_that_is_no_runbook_of_the_folder_may_have_any_name()
    {
        var path = Path.Combine(Path.GetDirectoryName(folder.Path)!, "draft.yml");
        File.WriteAllText(path, SampleRunbook.Yaml);

        Assert.Empty(folder.Loader.Read(path).Problems);
    }

    [Fact]
    public void Without_a_plan_its_names_are_not_judged() =>
        Assert.Empty(new RunbookLoader(null, folder.Path, SampleRunbook.Actions).Read(folder.Write(SampleRunbook.With("by: [alice]", "by: [somebody]"))).Problems);

    [Fact]
    public void A_runbook_that_is_not_there_is_named_with_those_that_are()
    {
        folder.Write(SampleRunbook.Yaml);
        var refusal = Assert.Throws<RefusalException>(() => folder.Loader.Load("database-los")).Report;

        Assert.Equal(ErrorKinds.Usage, refusal.Kind);
        Assert.Contains("did you mean 'database-loss'?", refusal.Message);
    }

    public static TheoryData<string, string> Hostile() => new()
    {
        { "five megabytes", new string('#', 5 * 1024 * 1024) },
        { "five megabytes of steps", "runbook: x\nsteps:\n" + string.Concat(Enumerable.Repeat("  - { id: a, wait: 1m }\n", 220_000)) },
        { "laughs", Laughs() },
        { "long texts by aliases", "runbook: x\na: &a \"" + new string('x', 200_000) + "\"\nsteps: [" + string.Join(", ", Enumerable.Repeat("*a", 20_000)) + "]\n" },
        { "deep lists", "steps: " + new string('[', 100_000) },
        { "deep mappings", "steps: " + string.Concat(Enumerable.Repeat("{a: ", 40_000)) },
        { "deep groups", "runbook: x\nsteps: " + string.Concat(Enumerable.Repeat("[{ id: a, parallel: ", 5_000)) },
        { "an alias in itself", "runbook: x\nsteps: &s\n  - { id: a, parallel: *s }\n" },
        { "unknown fields", "runbook: x\n" + string.Concat(Enumerable.Range(0, 14_000).Select(i => $"field{i}: 1\n")) },
        { "one field again and again", string.Concat(Enumerable.Repeat("runbook: x\n", 22_000)) },
        { "unknown inputs of an action", "runbook: x\nversion: 1\ntitle: x\nsteps: [{ id: a, uses: look, with: {" + string.Join(", ", Enumerable.Range(0, 14_000).Select(i => $"a{i}: 1")) + "} }]" },
        { "deep brackets", Escaping("${" + new string('(', 1_900) + "}") },
        { "long expression", Escaping("${" + string.Join(" || ", Enumerable.Repeat("true", 30_000)) + "}") },
        { "many expressions", Escaping(string.Concat(Enumerable.Repeat("${mode}", 30_000))) },
        { "a type of the runtime", Escaping("${System.Environment.Exit(1)}") },
        { "a method", Escaping("${mode.GetType()}") },
        { "an environment variable", Escaping("${env:AWS_SECRET_ACCESS_KEY}") },
        { "a file", Escaping("${file:/etc/passwd}") },
        { "a shell", Escaping("${exec('curl evil')}") },
        { "an assignment", Escaping("${mode = real}") },
        { "inside an expression", Escaping("${'${inputs.x}'") },
        { "tags", "runbook: !!python/object/apply:os.system [x]" },
        { "not text", "\0\u0001\u0002" },
    };

    [Theory]
    [MemberData(nameof(Hostile), DisableDiscoveryEnumeration = true)]
    public void Hostile_runbooks_are_refused_with_the_place(string what, string yaml)
    {
        Assert.NotEmpty(what);
        var reading = folder.Read(yaml, "x");

        Assert.Null(reading.Definition);
        Assert.InRange(reading.Problems.Count, 1, 401);
        Assert.All(reading.Problems, p => Assert.Matches(@"x\.yaml:\d+:\d+$", p.Where));
        Assert.All(reading.Problems, p => Assert.InRange(p.Message.Length, 1, 2_000));
    }

    [Fact]
    public void Embedding_a_large_runbook_many_times_is_refused_before_it_is_written_out()
    {
        folder.Write("runbook: large\nversion: 1\ntitle: x\nsteps: [{ id: a, uses: look, with: { what: \"" + new string('x', 3_900) + "\" } }]\n", "large");
        folder.Write(Many("larger", 300, "runbook: large"), "larger");

        Assert.Contains("at most 1,048,576 can be run", Assert.Single(folder.Loader.Read(Path.Combine(folder.Path, "larger.yaml")).Problems).Message);
    }

    [Fact]
    public void Any_change_of_a_runbook_is_read_or_refused_with_a_place() =>
        Gen.Select(Gen.Int[0, SampleRunbook.Yaml.Length - 1], Gen.Int[0, 40], Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]))
            .Sample((at, length, by) =>
            {
                var end = Math.Min(SampleRunbook.Yaml.Length, at + length);
                var reading = folder.Read(string.Concat(SampleRunbook.Yaml.AsSpan(0, at), by, SampleRunbook.Yaml.AsSpan(end)));
                return reading.Definition is not null
                    ? reading.Problems.Count == 0
                    : reading.Problems.Count > 0 && reading.Problems.All(p => p.Where!.Contains(".yaml:", StringComparison.Ordinal));
            }, iter: 600, threads: 1);

    private string Only(string yaml) => Assert.Single(folder.Read(yaml, "monthly").Problems).Message;

    private static string Outer(string step, string name = "monthly") => $"runbook: {name}\nversion: 1\ntitle: Outer\nsteps:\n  - id: inner\n    {step}\n";

    private static string Many(string name, int steps, string step) =>
        $"runbook: {name}\nversion: 1\ntitle: Many\nsteps:\n{string.Concat(Enumerable.Range(0, steps).Select(i => $"  - {{ id: s{i}, {step} }}\n"))}";

    private static string Escaping(string text) =>
        $"runbook: x\nversion: 1\ntitle: x\nsteps:\n  - id: a\n    uses: look\n    with:\n      what: \"{text}\"\n";

    private static string Laughs()
    {
        var laughs = new StringBuilder("runbook: x\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 12; i++)
        {
            laughs.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]\n");
        }

        return laughs.ToString();
    }
}
