using System.Xml.Linq;

namespace LuxHedge.Tests.Unit.Architecture;

/// <summary>What keeps the repository as it is meant to be, beyond what the compiler sees.</summary>
public sealed class RepositoryTests
{
    private static readonly string[] DecisionHeadings = ["## Context", "## Decision", "## Consequences"];

    [Fact]
    public void Workflow_code_is_compiled_against_the_banned_symbols()
    {
        var project = XDocument.Load(Repository.Path("workflows/LuxHedge.Workflows.csproj"));

        Assert.Contains(project.Descendants("PackageReference"), p => p.Attribute("Include")?.Value == "Microsoft.CodeAnalysis.BannedApiAnalyzers");
        Assert.Contains(project.Descendants("AdditionalFiles"), f => f.Attribute("Include")?.Value == "BannedSymbols.txt");
        var banned = File.ReadAllLines(Repository.Path("workflows/BannedSymbols.txt")).Where(l => l.Length > 0).ToList();
        Assert.Equal(banned.Count, banned.Select(l => l.Split(';')[0]).Distinct(StringComparer.Ordinal).Count());
        Assert.All(banned, line => Assert.Matches("^[TMPFN]:[^;]+;.+$", line));
        Assert.Contains(banned, l => l.StartsWith("P:System.DateTimeOffset.UtcNow;", StringComparison.Ordinal));
        Assert.Contains(banned, l => l.StartsWith("N:System.IO;", StringComparison.Ordinal));
    }

    [Fact]
    public void Warnings_are_errors_and_nothing_turns_them_off_wholesale()
    {
        var props = File.ReadAllText(Repository.Path("Directory.Build.props"));
        Assert.Contains("<TreatWarningsAsErrors>true</TreatWarningsAsErrors>", props);
        Assert.Contains("<Nullable>enable</Nullable>", props);
        Assert.DoesNotContain("<NoWarn>", string.Concat(Projects().Prepend("Directory.Build.props").Select(p => File.ReadAllText(Repository.Path(p)))));
    }

    [Fact]
    public void Every_project_is_in_the_solution_and_has_its_lock_file()
    {
        var solution = File.ReadAllText(Repository.Path("LuxHedge.Workflows.sln"));

        Assert.NotEmpty(Projects());
        Assert.All(Projects(), project =>
        {
            Assert.Contains($"\"{project.Replace('/', '\\')}\"", solution);
            Assert.True(File.Exists(Repository.Path(Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json"))), $"{project} has no packages.lock.json");
        });
    }

    [Fact]
    public void Package_versions_are_central_sorted_and_each_once()
    {
        var versions = XDocument.Load(Repository.Path("Directory.Packages.props")).Descendants("PackageVersion").Select(p => p.Attribute("Include")!.Value).ToList();

        Assert.Equal(versions.Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase), versions);
        Assert.All(Projects(), project =>
            Assert.DoesNotContain(XDocument.Load(Repository.Path(project)).Descendants("PackageReference"), p => p.Attribute("Version") is not null));
    }

    [Fact]
    public void Every_decision_says_context_decision_and_consequences()
    {
        var decisions = Repository.Files("*.md", "docs/decisions").ToList();

        Assert.NotEmpty(decisions);
        Assert.Equal(decisions.Count, decisions.Select(d => Path.GetFileName(d)[..4]).Distinct(StringComparer.Ordinal).Count());
        Assert.All(decisions, decision =>
        {
            Assert.Matches("^[0-9]{4}-[a-z0-9-]+\\.md$", Path.GetFileName(decision));
            var lines = File.ReadAllLines(Repository.Path(decision));
            Assert.StartsWith("# ", lines[0]);
            Assert.True(
                DecisionHeadings.SequenceEqual(lines.Where(l => l.StartsWith("## ", StringComparison.Ordinal)), StringComparer.Ordinal),
                $"{decision} must have exactly {string.Join(", ", DecisionHeadings)}");
        });
    }

    [Fact]
    public void The_index_of_the_documentation_names_every_page()
    {
        var index = File.ReadAllText(Repository.Path("docs/README.md"));

        Assert.All(Repository.Files("*.md", "docs").Where(f => f.Count(c => c == '/') == 1 && f != "docs/README.md"), page =>
            Assert.Contains($"({Path.GetFileName(page)})", index));
    }

    [Fact]
    public void Nothing_of_the_machine_it_was_built_on_is_in_the_repository()
    {
        var texts = new[] { "*.cs", "*.csproj", "*.props", "*.yaml", "*.yml", "*.md", "*.json", "Dockerfile" }.SelectMany(p => Repository.Files(p))
            .Where(f => !f.EndsWith("RepositoryTests.cs", StringComparison.Ordinal));

        // Put together here, so that this file does not hold what it looks for.
        string[] machine = ["/work" + "/", "/tmp/" + "brief", "/root" + "/"];
        Assert.Empty(from file in texts
                     let text = File.ReadAllText(Repository.Path(file))
                     from word in machine
                     where text.Contains(word, StringComparison.Ordinal)
                     select $"{file} holds {word}");
    }

    private static IEnumerable<string> Projects() => Repository.Files("*.csproj");
}
