using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Display;

/// <summary>Words with one meaning and one colour. Green is for Proven alone: what could not be checked is never shown green.</summary>
public static class Words
{
    public static string Markup(Verdict verdict) => verdict switch
    {
        Verdict.Proven => "[green]Proven[/]",
        Verdict.Failed => "[red bold]Failed[/]",
        _ => "[yellow]NotProven[/]",
    };

    /// <summary>Text from outside (names, messages of servers): never markup, never a control character that could redraw the screen.</summary>
    public static string Plain(string? text) => Spectre.Console.Markup.Escape(Printable(text));

    public static string Printable(string? text) =>
        string.Concat((text ?? "").Select(c => c is '\n' or '\t' || !char.IsControl(c) ? c.ToString() : $"\\u{(int)c:x4}"));

    public static string List(IEnumerable<string> items, string none = "none")
    {
        var text = string.Join(", ", items);
        return text.Length == 0 ? none : text;
    }

    /// <summary><c>1 backup</c>, <c>3 backups</c>.</summary>
    public static string Many(long count, string one, string? many = null) =>
        $"{Amounts.Count(count)} {(count == 1 ? one : many ?? one + "s")}";
}
