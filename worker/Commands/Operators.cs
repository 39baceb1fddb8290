using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>Who is at the keyboard, and that person's key.</summary>
public static class Operators
{
    public const string PersonVariable = "LUXHEDGE_PERSON";
    public const string PassphraseVariable = "LUXHEDGE_PASSPHRASE";

    /// <summary>Typing errors happen; guessing takes longer.</summary>
    private const int PassphraseTries = 3;

    /// <summary>The person that <c>--as</c> names, else <see cref="PersonVariable"/>, else the plan's person with this login.</summary>
    public static PersonPlan Current(CommandContext context, string? named)
    {
        var people = context.Plan.People;
        var all = Words.List(people.Keys.Order(StringComparer.Ordinal));
        var (id, source) = named is not null ? (named, "--as") : (context.Surroundings.Variable(PersonVariable), PersonVariable);
        if (id is not null)
        {
            return people.TryGetValue(id, out var person)
                ? person
                : throw new RefusalException(ErrorKinds.Usage, $"The plan has no person '{id}'.", source, $"It has: {all}.");
        }

        var login = context.Surroundings.Login;
        return people.Values.Where(p => p.Login == login).ToList() switch
        {
            [var only] => only,
            [] => throw new RefusalException(
                ErrorKinds.Usage, $"Nobody in the plan has the login '{login}'.", "people", $"Say who you are: --as PERSON, or {PersonVariable}. The plan has: {all}."),
            var several => throw new RefusalException(
                ErrorKinds.Usage, $"Several people in the plan have the login '{login}'.", "people", $"Say who you are with --as: {Words.List(several.Select(p => p.Name))}."),
        };
    }

    /// <summary>Opens the person's private key, asking for its passphrase where it has one, and checks that it is the one of the plan.</summary>
    public static PersonKey OpenKey(CommandContext context, PersonPlan person, string? keyFile)
    {
        var file = PersonKey.Find(context.Plan, person.Name, context.FullPath(keyFile));
        string? passphrase = null;
        if (PersonKey.NeedsPassphrase(file))
        {
            passphrase = Passphrase(context, file, candidate =>
            {
                using var opened = PersonKey.Load(person.Name, file, candidate);
            });
        }

        return PersonKey.Load(context.Plan, person.Name, file, passphrase);
    }

    /// <summary>The passphrase of a key file: from <see cref="PassphraseVariable"/>, else typed; never an argument, which others can see.</summary>
    /// <param name="attempt">Opens the file with it, or refuses (<c>usage</c>).</param>
    public static string Passphrase(CommandContext context, string file, Action<string> attempt)
    {
        if (context.Surroundings.Variable(PassphraseVariable) is { } given)
        {
            attempt(given);
            return given;
        }

        if (!context.Surroundings.Interactive)
        {
            throw new RefusalException(ErrorKinds.Usage, "The key is under a passphrase, and there is no terminal to ask at.", file, $"Set {PassphraseVariable} for this command.");
        }

        for (var left = PassphraseTries - 1; ; left--)
        {
            var typed = context.View.Prompt(new TextPrompt<string>($"Passphrase of {Words.Plain(file)}:").Secret(null));
            try
            {
                attempt(typed);
                return typed;
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Usage && left > 0)
            {
                context.View.MarkupLine($"[red]{Words.Plain(e.Report.Message)}[/]");
            }
        }
    }
}
