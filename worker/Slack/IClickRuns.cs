using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Worker.Slack;

/// <summary>The runs, as far as a click needs them. Whatever keeps a call from being done is a <see cref="ClickNotTakenException"/>.</summary>
public interface IClickRuns
{
    /// <summary>What the newest run under this workflow id says of itself, ended or not; null: there never was one.</summary>
    Task<RunState?> StateAsync(string workflowId, CancellationToken cancellation);

    /// <summary>
    /// Hands a decision in. Returns once Temporal has it for good; the task in the result ends with what the run says of it. The same
    /// update id is taken once, and answered the same each time.
    /// </summary>
    Task<Task<DecisionAnswer>> HandInAsync(string workflowId, string updateId, Decision decision, CancellationToken cancellation);
}

/// <summary>It may or may not have arrived: the person has to see that it is not certain, and may press again.</summary>
public sealed class ClickNotTakenException(string message, Exception? inner = null) : Exception(message, inner);
