using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// HTML in which nothing can be forgotten: every value in a piece of markup is escaped, unless it is markup itself. Names and messages come from
/// people and servers, and a report is opened by those who must trust it.
/// </summary>
internal sealed class Html
{
    private readonly StringBuilder text = new();

    public Html Add([InterpolatedStringHandlerArgument("")] ref Piece piece) => this;

    /// <summary>Markup of our own, without a value in it.</summary>
    public Html Raw(string markup)
    {
        text.Append(markup);
        return this;
    }

    public override string ToString() => text.ToString();

    /// <summary>Also what can't be seen is shown: control characters, and those that turn the direction of a text, as <c>\u202e</c>.</summary>
    public static string Escape(string? value)
    {
        if (value is null)
            return "";
        var escaped = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            var pair = char.IsHighSurrogate(c) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]);
            if (pair)
                escaped.Append(c).Append(value[++i]);
            else
                _ = c switch
                {
                    '&' => escaped.Append("&amp;"),
                    '<' => escaped.Append("&lt;"),
                    '>' => escaped.Append("&gt;"),
                    '"' => escaped.Append("&quot;"),
                    '\'' => escaped.Append("&#39;"),
                    '\n' or '\t' => escaped.Append(c),
                    _ when char.IsControl(c) || char.IsSurrogate(c) || IsInvisible(c) =>
                        escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                    _ => escaped.Append(c),
                };
        }

        return escaped.ToString();
    }

    private static bool IsInvisible(char c) => char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse;

    [InterpolatedStringHandler]
    public readonly ref struct Piece
    {
        private readonly StringBuilder text;

        public Piece(int literalLength, int formattedCount, Html html)
        {
            _ = (literalLength, formattedCount);
            text = html.text;
        }

        public void AppendLiteral(string markup) => text.Append(markup);

        public void AppendFormatted(string? value) => text.Append(Escape(value));

        public void AppendFormatted(int value) => text.Append(value.ToString(CultureInfo.InvariantCulture));

        /// <summary>A length in an SVG: two places are enough.</summary>
        public void AppendFormatted(double value) => text.Append(value.ToString("0.##", CultureInfo.InvariantCulture));

        public void AppendFormatted(Html markup) => text.Append(markup.text);
    }
}
