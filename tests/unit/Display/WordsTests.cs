using LuxHedge.Worker.Display;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Display;

public sealed class WordsTests
{
    [Fact]
    public void Only_proven_is_green()
    {
        Assert.Contains("green", Words.Markup(Verdict.Proven), StringComparison.Ordinal);
        Assert.DoesNotContain("green", Words.Markup(Verdict.NotProven), StringComparison.Ordinal);
        Assert.DoesNotContain("green", Words.Markup(Verdict.Failed), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_from_outside_can_neither_be_markup_nor_redraw_the_screen()
    {
        Assert.Equal("[[red]]gotcha", Words.Plain("[red]gotcha"));
        Assert.Equal("\\u001b[[2J", Words.Plain("\u001b[2J"));
    }
}
