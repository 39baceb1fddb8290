using System.Globalization;
using System.Text;

namespace LuxHedge.Activities.Runbooks;

/// <summary>Writes docs/actions.md from what the actions say of themselves.</summary>
internal static class ActionPage
{
    /// <summary>The whole file's text, ending in a line feed.</summary>
    public static string Write(ActionCatalog catalog)
    {
        var page = new StringBuilder("""
            # Actions

            What a step of a runbook can `uses`. This page is written from the actions' own classes; a test compares it, and
            `LUXHEDGE_WRITE_DOCS=1 dotnet test --project tests/unit` writes it again. How a step is written is in [runbooks.md](runbooks.md).

            An input that is not required is as its text says when it is left out, or when what it is given is nothing. Every input takes
            `${…}` in place of a value. An answer is read by the steps after it as `${steps.ID.NAME}`.


            """);
        foreach (var action in catalog.Actions)
        {
            page.Append(CultureInfo.InvariantCulture, $"- [`{action.Name}`](#{action.Name})\n");
        }

        foreach (var action in catalog.Actions)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {action.Name}\n\n");
            Wrap(page, action.Summary);
            Table(page, "input", action.Inputs, f => f.Required ? "yes" : "");
            Table(page, "answer", action.Outputs, null);
            if (action.Inputs.Count == 0)
            {
                page.Append("\nIt has no inputs.\n");
            }
        }

        return page.ToString();
    }

    private static void Table(StringBuilder page, string what, IReadOnlyList<ActionField> fields, Func<ActionField, string>? required)
    {
        if (fields.Count == 0)
        {
            return;
        }

        page.Append(required is null ? $"\n| {what} | type | |\n| --- | --- | --- |\n" : $"\n| {what} | type | required | |\n| --- | --- | --- | --- |\n");
        foreach (var field in fields)
        {
            var words = field.Values.Count > 0 ? $" One of {string.Join(", ", field.Values.Select(v => $"`{v}`"))}." : "";
            page.Append(CultureInfo.InvariantCulture, $"| `{field.Name}` | {field.Type} |");
            if (required is not null)
            {
                page.Append(CultureInfo.InvariantCulture, $" {required(field)} |");
            }

            page.Append(CultureInfo.InvariantCulture, $" {field.Summary.Replace("|", "\\|", StringComparison.Ordinal)}{words} |\n");
        }
    }

    /// <summary>Lines of prose are at most as long as the rest of the documentation's.</summary>
    private static void Wrap(StringBuilder page, string text)
    {
        const int Longest = 140;
        var length = 0;
        foreach (var word in text.Split(' '))
        {
            if (length > 0 && length + 1 + word.Length > Longest)
            {
                page.Append('\n');
                length = 0;
            }

            page.Append(length > 0 ? " " : "").Append(word);
            length += word.Length + (length > 0 ? 1 : 0);
        }

        page.Append('\n');
    }
}
