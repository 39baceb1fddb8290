using System.Globalization;
using System.Text;

namespace LuxHedge.Activities.Notifications.Slack;

/// <summary>Text for Slack: escaped, on one line, and cut by whole characters as a person sees them, never inside one or inside an escape.</summary>
public static class Mrkdwn
{
    private const char Ellipsis = '…';

    /// <summary>Somebody else's words: nothing in them calls anybody, links anywhere, or begins a line of its own.</summary>
    /// <param name="room">Most characters of the result, its ending '…' included.</param>
    public static string Escape(string? text, int room = SlackLimits.SectionText) => Take(text, room, escape: true, oneLine: true);

    /// <summary>The same for plain text, where nothing needs escaping.</summary>
    public static string Cut(string? text, int room) => Take(text, room, escape: false, oneLine: true);

    /// <summary>Cuts mrkdwn of our own making by whole lines, or inside its only one.</summary>
    public static string CutLines(IEnumerable<string> lines, int room)
    {
        var text = new StringBuilder();
        var left = lines.ToList();
        for (var i = 0; i < left.Count; i++)
        {
            var more = left.Count - i - 1;
            var ending = more == 0 ? 0 : $"\n… and {more} more lines".Length;
            if (text.Length + left[i].Length + 1 + ending > room)
            {
                return text.Length == 0 ? Take(left[i], room, escape: false, oneLine: false) : text.Append($"\n… and {left.Count - i} more lines").ToString();
            }

            text.Append(text.Length == 0 ? "" : "\n").Append(left[i]);
        }

        return text.ToString();
    }

    /// <summary>The moment in each reader's own time zone, and in UTC beside it.</summary>
    public static string Time(DateTimeOffset time) =>
        $"<!date^{time.ToUnixTimeSeconds()}^{{date_short_pretty}} {{time}}|{time.UtcDateTime:yyyy-MM-dd}> ({time.UtcDateTime:HH:mm} UTC)";

    private static string Take(string? text, int room, bool escape, bool oneLine)
    {
        var taken = new StringBuilder();
        var marks = new Stack<int>(); // where each character begins, to take back as many as the ending needs
        var characters = StringInfo.GetTextElementEnumerator(text ?? "");
        while (characters.MoveNext())
        {
            var character = characters.GetTextElement();
            var shown = oneLine && IsControl(character) ? " " : escape ? Escaped(character) : character;
            if (taken.Length + shown.Length > room)
            {
                while (marks.Count > 0 && taken.Length + 1 > room)
                    taken.Length = marks.Pop();
                return taken.Append(Ellipsis).ToString();
            }

            marks.Push(taken.Length);
            taken.Append(shown);
        }

        return taken.ToString();
    }

    private static string Escaped(string character) => character switch
    {
        "&" => "&amp;",
        "<" => "&lt;",
        ">" => "&gt;",
        _ when character.AsSpan().IndexOfAny("&<>") >= 0 => character.Replace("&", "&amp;", StringComparison.Ordinal)
            .Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal),
        _ => character,
    };

    // Line ends, and what turns the direction of the line round: "drop" must not be readable as something else.
    private static bool IsControl(string character) => character.EnumerateRunes().All(r =>
        Rune.GetUnicodeCategory(r) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || r.Value is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069));
}
