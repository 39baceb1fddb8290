using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>people enrol --json</c> ends in.</summary>
public sealed record Enrolment(string Person, string PublicKey, string KeyFile);

/// <summary><c>people enrol PERSON</c>: makes the key a person decides with.</summary>
public sealed class PeopleEnrolCommand : OperatorCommand
{
    private static readonly Argument<string> Person = new("PERSON") { Description = "The person's id in the plan (it need not be there yet)." };
    private static readonly Option<string?> Key = new("--key") { Description = "Where the private half goes. Else your configuration folder.", HelpName = "FILE" };

    public PeopleEnrolCommand(Surroundings surroundings)
        : base(surroundings, "enrol", "Make a person's key: the private half under a passphrase, for you alone; the public half for the plan.")
    {
        Add(Person);
        Add(Key);
        Examples =
        [
            ("luxhedge people enrol alice", "asks for a passphrase twice, then prints what goes into the plan"),
            ("LUXHEDGE_PASSPHRASE=… luxhedge people enrol alice --key ./alice.pem --json", "the same for a script: {person, publicKey, keyFile}"),
        ];
        ExitCodesInWords = "0 done; 2 refused: the file exists, or there is no way to ask for a passphrase";
    }

    protected override Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var person = context.Get(Person);
        var file = context.FullPath(context.Get(Key)) ?? PersonKey.InUserConfiguration(person);
        if (File.Exists(file))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"There is a key of {person} already; a key is never overwritten.", file, "Move it away first, or name another file with --key FILE.");
        }

        using var key = PersonKey.Create(person, file, NewPassphrase(context));
        context.Answer(new Enrolment(person, key.PublicKey, file), console =>
        {
            console.MarkupLine($"The private half is in [bold]{Words.Plain(file)}[/], for you alone. Keep a copy where only you can reach it.");
            console.MarkupLine("Have this put into the plan by somebody who reviews it:");
            console.WriteLine();
            // Written without a console's wrapping: these lines are copied.
            console.Profile.Out.Writer.WriteLine("people:");
            console.Profile.Out.Writer.WriteLine($"  {person}:");
            console.Profile.Out.Writer.WriteLine($"    name: {person}");
            console.Profile.Out.Writer.WriteLine($"    login: {context.Surroundings.Login}");
            console.Profile.Out.Writer.WriteLine($"    publicKey: \"{key.PublicKey}\"");
        });
        return Task.FromResult(ExitCodes.Done);
    }

    private static string NewPassphrase(CommandContext context)
    {
        if (context.Surroundings.Variable(Operators.PassphraseVariable) is { } given)
        {
            return given;
        }

        if (!context.Surroundings.Interactive)
        {
            throw new RefusalException(
                ErrorKinds.Usage, "A person's key needs a passphrase, and there is no terminal to ask at.", Operators.PassphraseVariable, $"Set {Operators.PassphraseVariable} for this command.");
        }

        while (true)
        {
            var first = context.View.Prompt(new TextPrompt<string>("A passphrase for it:").Secret(null));
            var second = context.View.Prompt(new TextPrompt<string>("The same again:").Secret(null));
            if (first == second)
            {
                return first;
            }

            context.View.MarkupLine("[red]They differ.[/] Once more:");
        }
    }
}
