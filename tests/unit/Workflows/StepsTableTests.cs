using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class StepsTableTests
{
    [Fact]
    public void Each_step_is_one_line_whatever_its_detail_holds()
    {
        var at = new DateTimeOffset(2026, 11, 23, 10, 15, 0, TimeSpan.Zero);

        var table = Steps.Table([
            new("approval", at, at.AddMinutes(61), 1, TimeSpan.FromMinutes(61), StepStates.Done, "alice | bob\r\nsaid yes"),
            new("load", at, null, 1, TimeSpan.Zero, StepStates.Running, null)]);

        Assert.Equal("""
            | step | state | started | took | waited on people | |
            | --- | --- | --- | --- | --- | --- |
            | approval | done | 10:15:00 | 1:01:00.0 | 1:01:00.0 | alice \| bob said yes |
            | load | running | 10:15:00 |  |  |  |

            """, table, ignoreLineEndingDifferences: true);
    }
}
