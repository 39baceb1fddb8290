using System.Text.RegularExpressions;

namespace LuxHedge.Tests.Unit.Architecture;

/// <summary>docs/invariants.md: what must always hold, each with the tests that hold it. A renamed or deleted test is missed here.</summary>
public sealed partial class InvariantTests
{
    /// <summary>Invariants of parts that are not built yet; the page says so in their section. Nothing is added here without that.</summary>
    private static readonly int[] OfLaterWork = [6, 10];

    [Fact]
    public void Every_invariant_names_tests_that_exist()
    {
        var sections = Sections().ToList();
        var tests = Tests().ToHashSet(StringComparer.Ordinal);

        Assert.Equal(Enumerable.Range(1, 10), sections.Select(s => s.Number));
        Assert.All(sections, section =>
        {
            var missing = section.Tests.Where(t => !tests.Contains(t)).ToList();
            Assert.True(missing.Count == 0, $"Invariant {section.Number} names tests that do not exist: {string.Join(", ", missing)}");
            Assert.True(
                section.Tests.Count > 0 || (OfLaterWork.Contains(section.Number) && section.Text.Contains("Later work", StringComparison.Ordinal)),
                $"Invariant {section.Number} names no test.");
        });
    }

    private static IEnumerable<(int Number, string Text, List<string> Tests)> Sections()
    {
        var page = File.ReadAllText(Repository.Path("docs/invariants.md"));
        foreach (Match section in SectionExpression().Matches(page))
        {
            var text = section.Groups["text"].Value;
            yield return (int.Parse(section.Groups["number"].Value), text, [.. TestExpression().Matches(text).Select(t => t.Groups["test"].Value)]);
        }
    }

    /// <summary>Class.Method of everything under a [Fact] or [Theory], read from the sources of every test project.</summary>
    private static IEnumerable<string> Tests()
    {
        foreach (var file in Repository.Files("*.cs", "tests"))
        {
            var type = "";
            var attribute = false;
            foreach (var line in File.ReadLines(Repository.Path(file)))
            {
                if (ClassExpression().Match(line) is { Success: true } c)
                {
                    type = c.Groups["name"].Value;
                }
                else if (line.TrimStart() is var text && (text.StartsWith("[Fact", StringComparison.Ordinal) || text.StartsWith("[Theory", StringComparison.Ordinal)))
                {
                    attribute = true;
                }
                else if (attribute && MethodExpression().Match(line) is { Success: true } m)
                {
                    attribute = false;
                    yield return $"{type}.{m.Groups["name"].Value}";
                }
            }
        }
    }

    [GeneratedRegex(@"^## (?<number>\d+)\.(?<text>.*?)(?=^## |\z)", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.CultureInvariant)]
    private static partial Regex SectionExpression();

    [GeneratedRegex(@"^- `(?<test>\w+\.\w+)`", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex TestExpression();

    [GeneratedRegex(@"^(public|internal) [\w ]*class (?<name>\w+)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex ClassExpression();

    [GeneratedRegex(@"^\s+public (async )?(Task|ValueTask|void) (?<name>\w+)\(", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex MethodExpression();
}
