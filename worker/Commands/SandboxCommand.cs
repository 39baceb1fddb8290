using System.CommandLine;
using System.Runtime.InteropServices;
using LuxHedge.Activities;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Sandbox;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

public sealed class SandboxCommand : OperatorCommand
{
    private static readonly Option<bool> Once = new("--once") { Description = "End after the story, with the verdict's exit code." };
    private static readonly Option<bool> NoStory = new("--no-story") { Description = "Stop after servers, plan and data: for a second terminal to use." };
    private static readonly Option<bool> NoWorker = new("--no-worker") { Description = "Leave the worker to another terminal." };
    private static readonly Option<bool> Yes = new("--yes", "-y") { Description = "Answer every question of the story; it also signs as one of the sandbox's people." };

    public SandboxCommand(Surroundings surroundings)
        : base(surroundings, "sandbox", "The whole job on this machine: servers, data, back up, lose it, get it back, and prove it with a clock.")
    {
        Add(Once);
        Add(NoStory);
        Add(NoWorker);
        Add(Yes);
        Examples =
        [
            ("luxhedge sandbox", "the story, asking where you would be asked; then it stays up until Ctrl-C"),
            ("luxhedge sandbox --once --yes --json", "the story by itself: {verdict, backup, restore, servers}"),
            ("luxhedge sandbox --no-story", "servers, plan, data and a worker, to try commands with --plan .sandbox/luxhedge.yaml"),
        ];
        ExitCodesInWords = "with --once the verdict's: 0 Proven, 1 Failed, 3 NotProven; 2 refused; 4 a server did not start; 130 interrupted";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var story = !context.Get(NoStory);
        if (story && !context.Get(Yes) && !context.Surroundings.Interactive)
        {
            throw new RefusalException(
                ErrorKinds.Usage, "The story asks before the database is dropped and before it is restored, and there is no terminal to ask at.", "--yes",
                "Add --yes to answer and to sign as one of the sandbox's people, or --no-story for the servers, the plan and the data alone.");
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // A terminal that is closed ends the sandbox as Ctrl-C does.
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        try
        {
            return await RunAsync(context, story, stop.Token);
        }
        catch (OperationCanceledException e) when (stop.IsCancellationRequested)
        {
            throw new RefusalException(ErrorKinds.Interrupted, "The sandbox was ended before it was through; nothing that it started is left running.", inner: e);
        }
    }

    private static async Task<int> RunAsync(CommandContext context, bool story, CancellationToken cancellation)
    {
        var console = context.View;
        await using var folder = SandboxFolder.Claim(context.Surroundings.Folder);
        console.MarkupLine($"[bold]A sandbox in {Words.Plain(folder.Root)}[/]");
        var finder = ServerFinder.ForThisProgram(line => console.MarkupLine($"  {Words.Plain(line)}"));
        await using var sandbox = await SandboxHost.StartAsync(folder, finder, !context.Get(NoWorker), console, cancellation);
        var inSandbox = context.WithPlan(Path.Combine(SandboxFolder.Name, SandboxPlan.FileName));
        var document = story
            ? await TellAsync(inSandbox, sandbox, context.Get(Yes), cancellation)
            : new StoryDocument(Verdict.NotProven, null, null, sandbox.Software);
        // The words were told step by step.
        context.Answer(document, _ => { });
        var code = story ? ExitCodes.Of(document.Verdict) : ExitCodes.Done;
        if (!context.Get(Once))
        {
            await StayUpAsync(inSandbox, sandbox, cancellation);
        }

        return code;
    }

    /// <summary>A story whose worker or server has ended would wait for ever: it ends instead, and says which and where its log is.</summary>
    private static async Task<StoryDocument> TellAsync(CommandContext context, SandboxHost sandbox, bool yes, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var telling = new SandboxStory(context, sandbox, yes).TellAsync(stop.Token);
        var ending = Task.WhenAny(sandbox.Processes.Values.Select(p => p.Exited));
        if (await Task.WhenAny(telling, ending) == telling)
        {
            return await telling;
        }

        await stop.CancelAsync();
        await ((Task)telling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        throw sandbox.Processes.Values.First(p => p.HasExited).Ended();
    }

    /// <summary>Until Ctrl-C, which is how it is meant to end. A process of the sandbox that ends is told of: somebody may have killed it on purpose.</summary>
    private static async Task StayUpAsync(CommandContext context, SandboxHost sandbox, CancellationToken cancellation)
    {
        var console = context.View;
        console.WriteLine();
        console.MarkupLine("Ready. In another terminal:");
        foreach (var command in new[] { "status", "backups list", $"backup run {SandboxPlan.Asset}", "oplog status", "runs list" })
        {
            console.MarkupLine($"  {Words.Plain(context.Line(command))}");
        }

        console.MarkupLine("The disaster, rehearsed, in isolation from production: the drill waits for two people.");
        foreach (var command in new[]
        {
            "drill run quarterly", "runs approve drill/quarterly --as alice", "runs approve drill/quarterly --as bob", "drill report quarterly",
        })
        {
            console.MarkupLine($"  {Words.Plain(context.Line(command))}");
        }

        console.MarkupLine("The same runbook as the real event, over production:");
        console.MarkupLine($"  {Words.Plain(context.Line("incident run database-loss"))}");
        if (sandbox.TemporalUi is { } ui)
        {
            console.MarkupLine($"  {Words.Plain(ui)} [grey]in a browser: every run, step by step[/]");
        }

        console.MarkupLine("[grey]Ctrl-C ends it and every process that it started.[/]");
        try
        {
            var left = sandbox.Processes.Values.ToList();
            while (true)
            {
                await Task.WhenAny([.. left.Select(p => p.Exited), Task.Delay(Timeout.Infinite, cancellation)]);
                cancellation.ThrowIfCancellationRequested();
                foreach (var process in left.Where(p => p.HasExited).ToList())
                {
                    left.Remove(process);
                    console.MarkupLine($"[yellow]{Words.Plain(process.Launch.Name)} has ended.[/] [grey]Its log: {Words.Plain(process.Launch.LogFile)}[/]");
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            console.WriteLine();
            console.WriteLine("Ending the sandbox.");
        }
    }
}
