using System.CommandLine;
using LuxHedge.Worker.Commands;

namespace LuxHedge.Tests.Unit.Commands;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("bakcups", "list")]
    [InlineData("backups", "lst")]
    [InlineData("backups")]
    [InlineData("backup", "run")]
    [InlineData("backup", "run", "luxhedge_production", "--colection", "users")]
    [InlineData("backups", "list", "extra")]
    [InlineData("backups", "verify", "ID", "--level", "thorough")]
    [InlineData("backups", "verify", "ID", "--level", "1")]
    [InlineData("runs", "list", "--limit", "many")]
    [InlineData("drill", "rum", "quarterly")]
    public async Task What_can_not_be_understood_is_wrong_usage(params string[] arguments)
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(2, await rig.RunBareAsync(arguments));
        Assert.StartsWith("Refused: ", rig.Error.Output, StringComparison.Ordinal);
        Assert.Contains("--help", rig.Error.Output, StringComparison.Ordinal);
        Assert.Empty(rig.Out.Output);
    }

    [Fact]
    public async Task With_json_wrong_usage_is_a_document_on_stdout_and_nothing_else_there()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(2, await rig.RunBareAsync("backups", "lst", "--json"));
        Assert.Equal(
            """
            {
              "error": {
                "kind": "usage",
                "message": "'lst' is not known here. Did you mean 'list'?",
                "where": "luxhedge backups",
                "hint": "luxhedge backups --help",
                "problems": []
              }
            }

            """,
            rig.Json);
        Assert.Empty(rig.Out.Output);
        Assert.Empty(rig.Error.Output);
    }

    [Fact]
    public async Task No_command_at_all_shows_the_help_as_wrong_usage()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(2, await rig.RunBareAsync());
        Assert.Contains("In a hurry:", rig.Error.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_command_has_help_with_what_it_does_and_its_exit_codes()
    {
        await using var rig = CommandRig.Create();
        foreach (var path in Paths(LuxCommandLine.Create(Nothing()), []))
        {
            await using var one = CommandRig.Create();
            Assert.Equal(0, await one.RunBareAsync([.. path, "--help"]));
            Assert.Contains("Usage:", one.Out.Output, StringComparison.Ordinal);
            Assert.Contains("--plan", one.Out.Output, StringComparison.Ordinal);
            if (path.Length != 1 || path[0] is "status" or "worker" or "sandbox")
            {
                Assert.Contains("Exit codes:", one.Out.Output, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task The_version_is_told()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(0, await rig.RunBareAsync("--version"));
        Assert.Matches(@"^\d+\.\d+\.\d+", rig.Out.Output);
    }

    [Fact]
    public async Task An_argument_that_begins_with_at_is_a_name_not_a_file()
    {
        await using var rig = CommandRig.Create();
        Assert.Equal(2, await rig.RunAsync("backup", "run", "@nope"));
        Assert.Contains("no asset '@nope'", rig.Error.Output, StringComparison.Ordinal);
    }

    /// <summary>Every line of the documents that begins with <c>luxhedge</c> or <c>./luxhedge</c> in a block of commands.</summary>
    public static TheoryData<string> DocumentedCommands()
    {
        var lines = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (document, least) in new[] { ("docs/commands.md", 21), ("docs/sandbox.md", 3), ("README.md", 3) })
        {
            var found = File.ReadLines(Path.Combine(Root(), document)).Select(CommandOf).OfType<string>().ToList();
            Assert.True(found.Count >= least, $"{document} lost its commands");
            lines.UnionWith(found);
        }

        return [.. lines];
    }

    /// <summary>Without what explains it: after <c> # </c>, or after three spaces.</summary>
    private static string? CommandOf(string line)
    {
        var command = line.Trim();
        command = command.StartsWith("./", StringComparison.Ordinal) ? command[2..] : command;
        return command.StartsWith("luxhedge ", StringComparison.Ordinal) ? command.Split(" # ", 2)[0].Split("   ", 2)[0].Trim() : null;
    }

    [Theory]
    [MemberData(nameof(DocumentedCommands))]
    public void Every_documented_command_parses(string line)
    {
        var parsed = LuxCommandLine.Create(Nothing()).Parse(Split(line).Skip(1).ToArray());
        Assert.Empty(parsed.Errors.Select(e => e.Message));
        Assert.NotNull(parsed.Action);
    }

    [Fact]
    public void Every_command_is_documented()
    {
        var text = File.ReadAllText(Path.Combine(Root(), "docs", "commands.md"));
        Assert.All(
            Paths(LuxCommandLine.Create(Nothing()), []).Where(p => p.Length == 2 || p is ["status"] or ["worker"] or ["sandbox"]),
            path => Assert.Contains($"`luxhedge {string.Join(' ', path)}", text, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_example_of_the_help_parses()
    {
        foreach (var command in All(LuxCommandLine.Create(Nothing())).OfType<OperatorCommand>())
        {
            Assert.NotEmpty(command.Examples);
            Assert.All(command.Examples, example =>
            {
                var words = Split(example.Line).SkipWhile(w => w != "luxhedge").Skip(1).ToArray();
                Assert.Empty(LuxCommandLine.Create(Nothing()).Parse(words).Errors.Select(e => e.Message));
            });
        }
    }

    internal static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "LuxHedge.Workflows.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("not in the repository");
        }

        return folder.FullName;
    }

    private static Surroundings Nothing() => new()
    {
        Out = new Spectre.Console.Testing.TestConsole(),
        Error = new Spectre.Console.Testing.TestConsole(),
        Json = TextWriter.Null,
        Interactive = false,
        Variable = _ => null,
        Folder = "/",
        Login = "nobody",
        Clock = TimeProvider.System,
        ConnectRuns = (_, _) => throw new NotSupportedException(),
        LookAtTarget = (_, _, _) => throw new NotSupportedException(),
        ReadBackups = (_, _, _) => throw new NotSupportedException(),
    };

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);

    private static IEnumerable<string[]> Paths(Command command, string[] above)
    {
        string[] path = command is RootCommand ? [] : [.. above, command.Name];
        return command.Subcommands.SelectMany(c => Paths(c, path)).Prepend(path);
    }

    private static List<string> Split(string line)
    {
        var words = new List<string>();
        foreach (System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(line, "\"([^\"]*)\"|\\S+"))
        {
            words.Add(match.Groups[1].Success ? match.Groups[1].Value : match.Value);
        }

        return words;
    }
}
