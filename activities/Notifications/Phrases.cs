using LuxHedge.Activities.Notifications.Slack;
using LuxHedge.Activities.Plans;

namespace LuxHedge.Activities.Notifications;

/// <summary>Names, spans and lists the way they are said, for messages.</summary>
internal sealed class Phrases(Plan plan)
{
    /// <summary>As people say the name.</summary>
    public string Name(string person) => Mrkdwn.Escape(plan.People.GetValueOrDefault(person)?.FullName ?? person, 100);

    /// <summary>Calls the person where the plan knows the Slack id, else names.</summary>
    public string Call(string person) => plan.People.GetValueOrDefault(person)?.SlackId is { Length: > 0 } id ? $"<@{id}>" : Name(person);

    public string Names(IEnumerable<string> people, string last) => List([.. people.Select(Name)], last);

    public string Calls(IEnumerable<string> people, string last) => List([.. people.Select(Call)], last);

    public static string List(IReadOnlyList<string> words, string last) => words.Count switch
    {
        0 => "nobody",
        1 => words[0],
        _ => $"{string.Join(", ", words.Take(words.Count - 1))} {last} {words[^1]}",
    };

    /// <summary><c>4 s</c>, <c>3 min 5 s</c>, <c>2 h 10 min</c>, <c>9 d 4 h</c>.</summary>
    public static string Span(TimeSpan span)
    {
        span = TimeSpan.FromSeconds(Math.Max(0, Math.Round(span.TotalSeconds)));
        return span switch
        {
            { TotalMinutes: < 1 } => $"{span.Seconds} s",
            { TotalHours: < 1 } => Two(span.Minutes, "min", span.Seconds, "s"),
            { TotalDays: < 1 } => Two(span.Hours, "h", span.Minutes, "min"),
            _ => Two((int)span.TotalDays, "d", span.Hours, "h"),
        };
    }

    public static string Clock(DateTimeOffset time) => $"{time.UtcDateTime:HH:mm} UTC";

    private static string Two(int large, string largeUnit, int small, string smallUnit) =>
        small == 0 ? $"{large} {largeUnit}" : $"{large} {largeUnit} {small} {smallUnit}";
}
