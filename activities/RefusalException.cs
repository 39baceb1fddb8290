using LuxHedge.Workflows;

namespace LuxHedge.Activities;

/// <summary>
/// Something is wrong that trying again does not mend, told for a person. In an activity it becomes a non-retryable failure whose
/// details carry the <see cref="ErrorReport"/>; in a command it is printed, and its kind decides the exit code.
/// </summary>
public sealed class RefusalException(ErrorReport report, Exception? inner = null) : Exception(report.Message, inner)
{
    public RefusalException(string kind, string message, string? where = null, string? hint = null, Exception? inner = null)
        : this(new ErrorReport(kind, message, where, hint), inner)
    {
    }

    public ErrorReport Report { get; } = report;

    /// <summary>It may pass by itself (a server that answered a moment ago and does not now): an activity is then retried by its policy.</summary>
    public bool MayPass { get; init; }
}
