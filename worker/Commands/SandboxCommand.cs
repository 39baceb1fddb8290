using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Workflows;

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
        ExitCodesInWords = "with --once the verdict's: 0 Proven, 1 Failed, 3 NotProven; 2 refused; 4 a server did not start";
    }

    protected override Task<int> RunAsync(CommandContext context, CancellationToken cancellation) =>
        throw new RefusalException(ErrorKinds.Usage, "The sandbox is not in this build.", "sandbox");
}
