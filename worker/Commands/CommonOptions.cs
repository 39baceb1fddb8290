using System.CommandLine;
using System.Globalization;
using LuxHedge.Activities;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

/// <summary>Options that several commands take, declared once so that they mean and say the same everywhere.</summary>
public static class CommonOptions
{
    public static readonly Option<string?> Plan = new("--plan")
    {
        Description = "The plan. Else LUXHEDGE_PLAN, else luxhedge.yaml from here upward.",
        HelpName = "FILE",
        Recursive = true,
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "One JSON document on stdout and nothing else there, errors too.",
        Recursive = true,
    };

    /// <summary>A time as people write it on the command line; without a zone it is UTC.</summary>
    /// <exception cref="RefusalException">Kind <c>usage</c>, naming the option.</exception>
    public static DateTimeOffset Time(string text, string option) => DateTimeOffset.TryParse(
        text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
        ? time
        : throw new RefusalException(ErrorKinds.Usage, $"'{text}' is no time.", option, "Write it as 2026-11-23T08:15:00Z.");

    /// <summary>A size as the plan writes it.</summary>
    /// <exception cref="RefusalException">Kind <c>usage</c>, naming the option.</exception>
    public static long Size(string text, string option) => Units.TrySize(text, out var bytes)
        ? bytes
        : throw new RefusalException(ErrorKinds.Usage, $"'{text}' is no size.", option, $"Write it as {Units.SizeForm}.");

    public static Option<string?> As() => new("--as")
    {
        Description = "The person of the plan who does this. Else LUXHEDGE_PERSON, else the person with your login.",
        HelpName = "PERSON",
    };

    public static Option<string?> Key() => new("--key")
    {
        Description = "The person's private key. Else people/PERSON.pem beside the plan, else in your configuration folder.",
        HelpName = "FILE",
    };

    public static Option<bool> Yes(string question) => new("--yes", "-y")
    {
        Description = $"Answers the question {question}. It is never an approval.",
    };

    public static Option<bool> Detach() => new("--detach", "-d")
    {
        Description = "Only start it: print the run's id and how to watch it, and end.",
    };

    public static Option<string?> Store(string description) => new("--store") { Description = description, HelpName = "STORE" };

    public static Argument<string> RunArgument() => new("RUN") { Description = "The run's id, or its workflow id (luxhedge runs list shows both)." };

    public static Argument<string> BackupArgument() => new("ID") { Description = "The backup's id (luxhedge backups list shows them)." };
}
