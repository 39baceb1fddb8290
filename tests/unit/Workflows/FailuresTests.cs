using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class FailuresTests
{
    [Fact]
    public void The_report_in_a_failure_comes_out_as_it_went_in_however_deep_it_lies()
    {
        var report = new ErrorReport(ErrorKinds.Integrity, "A chunk is not what it was.", "packs/0-1", "Restore from the other store.",
            [new("a", "b")]);

        var wrapped = Failures.ToFailure(Failures.ToReport(new InvalidOperationException("outer", Failures.ToFailure(report))));

        Assert.Equal(report, Failures.ToReport(wrapped));
        Assert.Equal((report.Kind, report.Message), (wrapped.ErrorType, wrapped.Message));
    }

    [Fact]
    public void What_nobody_foresaw_says_what_it_said()
    {
        Assert.Equal(new(ErrorKinds.Unexpected, "odd"), Failures.ToReport(new InvalidOperationException("odd")));
        Assert.Equal(new(ErrorKinds.Unexpected, "odd"), Failures.ToReport(new ApplicationFailureException("odd")));
    }

    [Fact]
    public void A_cancellation_is_an_end_and_no_failure_of_its_own() =>
        Assert.Equal(ErrorKinds.Ended, Failures.ToReport(new OperationCanceledException()).Kind);
}
