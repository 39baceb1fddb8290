using LuxHedge.Activities;
using LuxHedge.Workflows;

namespace LuxHedge.Worker.Commands;

public sealed class WorkerCommand : OperatorCommand
{
    public WorkerCommand(Surroundings surroundings)
        : base(surroundings, "worker", "Take work from the plan's task queue until Ctrl-C. Any number of workers on any number of machines share it.")
    {
        Examples = [("luxhedge worker --plan /etc/luxhedge/luxhedge.yaml", "run it where the plan's secrets are; logs go to stderr")];
        ExitCodesInWords = "0 stopped as asked; 2 the plan is refused; 4 Temporal can't be reached";
    }

    protected override Task<int> RunAsync(CommandContext context, CancellationToken cancellation) =>
        throw new RefusalException(ErrorKinds.Usage, "The worker's host is not in this build.", "worker");
}
