using System.Text;
using CsCheck;
using LuxHedge.Activities.Plans;

namespace LuxHedge.Tests.Unit.Plans;

public sealed class YamlTreeTests
{
    private static readonly string[] Pieces =
    [
        "a", ": ", "- ", "\n", "  ", "{", "}", "[", "]", "&x ", "*x", "${env:A}", "\"", "'", "|\n", "? ", "!t ", "#", ",", "---\n", "\t", "%YAML 1.2\n", "\0",
    ];

    [Fact]
    public void Every_value_knows_its_line_and_column()
    {
        var root = (YamlMapping)Read("a: 1\nb:\n  - x\n  - { c: ${file:keys/c}, d: [1] }\n");

        Assert.Equal(new Place(1, 4), root["a"]!.At);
        var second = (YamlMapping)((YamlList)root["b"]!).Items[1];
        Assert.Equal(new Place(4, 5), second.At);
        Assert.Equal("${file:keys/c}", second.Text("c"));
        Assert.Equal(new Place(4, 29), second["d"]!.At);
    }

    [Theory]
    [InlineData("", "The file is empty.", 1, 1)]
    [InlineData("# only a comment\n", "The file is empty.", 1, 1)]
    [InlineData("a: 1\n---\nb: 2\n", "A second document begins here", 2, 1)]
    [InlineData("a: !!binary aGk=\n", "The tag tag:yaml.org,2002:binary is not read here.", 1, 4)]
    [InlineData("? [a]\n: 1\n", "A key must be plain text.", 1, 3)]
    [InlineData("a: &x [ *x ]\n", "The alias *x stands inside what it stands for.", 1, 9)]
    [InlineData("a: [1, 2\nb: 3\n", "This is not YAML: what stands here is never closed.", 1, 4)]
    [InlineData("a: \uE000\n", "A character of the private use area stands here.", 1, 4)]
    public void What_no_plan_needs_is_refused_where_it_stands(string yaml, string expected, int line, int column)
    {
        var refusal = Assert.Throws<YamlRefusal>(() => Read(yaml));

        Assert.Contains(expected, refusal.Message);
        Assert.Equal(new Place(line, column), refusal.At);
    }

    [Fact]
    public void An_alias_that_names_nothing_is_refused() => Assert.Throws<YamlRefusal>(() => Read("a: *nowhere\n"));

    [Fact]
    public void Aliases_are_read_and_what_they_expand_to_is_bounded()
    {
        var shared = (YamlMapping)Read("a: &x [1, 2]\nb: *x\n");
        Assert.Equal(2, ((YamlList)shared["b"]!).Items.Count);

        var laughs = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 9; i++)
        {
            laughs.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]\n");
        }

        Assert.Contains("More than 100,000 values, aliases written out.", Assert.Throws<YamlRefusal>(() => Read(laughs.ToString())).Message);
    }

    [Fact]
    public void Depth_and_size_are_bounded()
    {
        Assert.Contains("Nested deeper than 24 levels.", Assert.Throws<YamlRefusal>(() => Read("a: " + new string('[', 2000))).Message);
        Assert.Contains("more than 1,048,576 bytes, and is not read", Assert.Throws<YamlRefusal>(() => Read(new string('#', YamlTree.MaxBytes + 1))).Message);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused() =>
        Assert.Equal("The file is not UTF-8 text.", Assert.Throws<YamlRefusal>(() => YamlTree.Read([0x61, 0x3A, 0x20, 0xFF])).Message);

    [Fact]
    public void Any_bytes_are_either_values_or_refused_with_a_place() =>
        Gen.OneOf(
            Gen.Byte.Array[0, 60],
            Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 40].Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts))))
            .Sample(bytes =>
            {
                try
                {
                    return YamlTree.Read(bytes).Size > 0;
                }
                catch (YamlRefusal refusal)
                {
                    return refusal.At is { Line: > 0, Column: > 0 };
                }
            }, iter: 5000);

    private static YamlValue Read(string yaml) => YamlTree.Read(Encoding.UTF8.GetBytes(yaml));
}
