using Temporalio.Exceptions;

namespace LuxHedge.Workflows.Runs;

/// <summary>From a failure as Temporal wraps it to what a person is told.</summary>
public static class Failures
{
    /// <summary>
    /// The <see cref="ErrorReport"/> in the innermost failure's details, however many activities and child workflows it came through; for a
    /// time-out, a cancellation or an exception that nothing foresaw, one made from what there is.
    /// </summary>
    public static ErrorReport ToReport(Exception failure)
    {
        string? where = null;
        for (var e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case ActivityFailureException activity:
                    where = activity.ActivityType;
                    break;
                case ApplicationFailureException application when application.Details.Count > 0:
                    return Detail(application) ?? Plain(application, where);
                case ApplicationFailureException application:
                    return Plain(application, where);
                case TimeoutFailureException timeout:
                    return new(ErrorKinds.Unreachable,
                        $"{where ?? "The run"} timed out ({timeout.TimeoutType}): no worker finished it, or none reported progress.",
                        where, "Look whether a worker runs (luxhedge worker) and what its log says.");
                case CanceledFailureException:
                    return new(ErrorKinds.Ended, "The run was cancelled.", where);
                case TerminatedFailureException:
                    return new(ErrorKinds.Ended, "The run was terminated: what it had begun was not cleaned up.", where);
                case OperationCanceledException:
                    return new(ErrorKinds.Ended, "The run was cancelled.", where);
                default:
                    break;
            }
        }

        return new(ErrorKinds.Unexpected, failure.Message, where);
    }

    /// <summary>The failure of a workflow that ends for this reason.</summary>
    public static ApplicationFailureException ToFailure(ErrorReport report, Exception? inner = null) =>
        new(report.Message, inner, errorType: report.Kind, nonRetryable: true, details: [report]);

    private static ErrorReport Plain(ApplicationFailureException e, string? where) => new(ErrorKinds.Unexpected, e.Message, where);

    private static ErrorReport? Detail(ApplicationFailureException e)
    {
        try
        {
            return e.Details.ElementAt<ErrorReport>(0) is { Kind: not null, Message: not null } report ? report : null;
        }
        catch (Exception unreadable) when (unreadable is not OutOfMemoryException)
        {
            return null; // details of another shape: somebody else's failure
        }
    }
}
