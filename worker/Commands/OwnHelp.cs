using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace LuxHedge.Worker.Commands;

/// <summary>The library's help, then examples to copy and what the exit codes mean.</summary>
public sealed class OwnHelp : SynchronousCommandLineAction
{
    private readonly HelpAction standard = new();

    public override bool Terminating => true;

    public override int Invoke(ParseResult parseResult)
    {
        standard.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is not OperatorCommand command)
        {
            if (parseResult.CommandResult.Command is RootCommand)
            {
                output.WriteLine("In a hurry:");
                output.WriteLine("  luxhedge status                                   can we get everything back, and how much would be lost?");
                output.WriteLine("  luxhedge backups list                             what there is to restore from");
                output.WriteLine("  luxhedge restore run ASSET --into SCRATCH         look at the data beside production, which stays as it is");
                output.WriteLine("  luxhedge restore run ASSET --drop                 get production back: asks first, then waits for an approval");
                output.WriteLine("  luxhedge runs list                                what is going on, and what it waits for");
                output.WriteLine();
                WriteExitCodes(output, null);
            }

            return 0;
        }

        if (command.Examples.Count > 0)
        {
            output.WriteLine("Examples:");
            foreach (var (line, does) in command.Examples)
            {
                output.WriteLine($"  {line}");
                output.WriteLine($"      {does}");
            }

            output.WriteLine();
        }

        WriteExitCodes(output, command.ExitCodesInWords);
        return 0;
    }

    private static void WriteExitCodes(TextWriter output, string? special)
    {
        output.WriteLine("Exit codes:");
        output.WriteLine($"  {special ?? "0 done or Proven; 1 Failed; 2 wrong usage or plan, a held lock, a refused decision;"}");
        if (special is null)
        {
            output.WriteLine("  3 NotProven (denied, expired and aborted too); 4 a run could not be started or followed;");
            output.WriteLine("  130 interrupted: the run goes on in Temporal");
        }

        output.WriteLine();
    }
}
