using LuxHedge.Workflows.Approvals;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runs;

/// <summary>
/// Ends a run in order: an Update with who and why, since a cancellation carries no reason. Its token is cancelled by an abort and by
/// Temporal's own cancellation; what must run all the same (clean-up, evidence) uses <see cref="CancellationToken.None"/>.
/// </summary>
public sealed class AbortSwitch
{
    private const int LongestPerson = 200;
    private const int LongestReason = 2_000;

    private readonly CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(Workflow.CancellationToken);

    public CancellationToken Token => source.Token;

    /// <summary>Who aborted, and why; null while nobody did.</summary>
    public AbortOrder? Order { get; private set; }

    /// <summary>Why it is too late to abort; null while it isn't.</summary>
    public string? TooLate { get; set; }

    /// <summary>Whether this failure is the abort's own doing (and not a cancellation of Temporal's).</summary>
    public bool Caused(Exception e) => Order is not null && TemporalException.IsCanceledException(e);

    /// <summary>For the Update's validator: refuses only what is malformed or oversized.</summary>
    public static void Validate(AbortOrder? order)
    {
        if (string.IsNullOrWhiteSpace(order?.Person) || string.IsNullOrWhiteSpace(order.Reason))
            throw Failures.ToFailure(new(ErrorKinds.RefusedDecision, "An abort says who and why; neither may be empty."));
        if (order.Person.Length > LongestPerson || order.Reason.Length > LongestReason)
            throw Failures.ToFailure(new(ErrorKinds.RefusedDecision, $"The reason of an abort is at most {LongestReason} characters."));
    }

    /// <summary>Ends the run as cancelled when Temporal's own cancellation was asked for.</summary>
    public static void PassOnCancellation() => Workflow.CancellationToken.ThrowIfCancellationRequested();

    public DecisionAnswer Take(AbortOrder order)
    {
        if (Order is { } earlier)
            return new(false, $"{earlier.Person} has aborted it already: {earlier.Reason}");
        if (TooLate is { } why)
            return new(false, why);
        if (Workflow.CancellationToken.IsCancellationRequested)
            return new(false, "It was cancelled already, and is cleaning up.");
        Order = order;
        source.Cancel();
        return new(true, "It ends, and cleans up after itself.");
    }
}
