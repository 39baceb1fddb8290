using System.Runtime.InteropServices;
using System.Text;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Stores;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>The real surroundings: this process's terminal, environment, clock and signals.</summary>
public static class Terminal
{
    /// <summary>Where there is no terminal nothing wraps: a log file's lines are as long as what they say.</summary>
    private const int WidthOfPipes = 10_000;

    public static async Task<int> RunAsync(string[] arguments)
    {
        using var stopping = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        System.Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        return await LuxCommandLine.RunAsync(Surroundings(), arguments, stopping.Token);

        // The first asks: a run goes on in Temporal, a worker drains. The second, by default, ends the process.
        void Stop(PosixSignalContext signal)
        {
            if (!stopping.IsCancellationRequested)
            {
                signal.Cancel = true;
                stopping.Cancel();
            }
        }
    }

    public static Surroundings Surroundings() => new()
    {
        Out = Console(System.Console.Out, System.Console.IsOutputRedirected),
        Error = Console(System.Console.Error, System.Console.IsErrorRedirected),
        Json = System.Console.Out,
        Interactive = !System.Console.IsInputRedirected && !(System.Console.IsOutputRedirected && System.Console.IsErrorRedirected),
        Variable = name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null,
        Folder = Environment.CurrentDirectory,
        Login = Environment.UserName,
        Clock = TimeProvider.System,
        ConnectRuns = TemporalRuns.ConnectAsync,
        LookAtTarget = TargetLook.LookAsync,
        ReadBackups = async (plan, asset, cancellation) =>
        {
            await using var stores = new StoreSet(plan);
            return await new BackupCatalog(plan, stores, TimeProvider.System).ListAsync(asset, cancellation);
        },
    };

    private static IAnsiConsole Console(TextWriter writer, bool redirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        if (redirected)
        {
            console.Profile.Width = WidthOfPipes;
            console.Profile.Capabilities.Links = false;
        }

        return console;
    }
}
