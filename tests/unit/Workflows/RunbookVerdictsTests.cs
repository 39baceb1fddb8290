using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using System.Text.Json;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class RunbookVerdictsTests
{
    private static readonly DateTimeOffset Moment = new(2026, 11, 23, 10, 15, 0, TimeSpan.Zero);
    private static readonly RtoMeasure OneHour = new(TimeSpan.Zero, TimeSpan.FromHours(1), TimeSpan.FromHours(1), TimeSpan.Zero, TimeSpan.Zero);

    [Theory]
    [InlineData("done", Verdict.Proven, Verdict.Proven)]
    [InlineData("done", Verdict.NotProven, Verdict.NotProven)]
    [InlineData("done", Verdict.Failed, Verdict.Failed)]
    [InlineData("failed", Verdict.Failed, Verdict.Failed)]
    [InlineData("failed", Verdict.NotProven, Verdict.NotProven)]
    [InlineData("skipped", Verdict.Proven, Verdict.NotProven)]
    public void The_negative_control_of_a_drill_decides(string state, Verdict ofStep, Verdict expected) =>
        Assert.Equal(expected, RunbookVerdicts.OfNegativeControl(RunMode.Drill, [Step("expect-failure", state, ofStep)])!.Verdict);

    [Fact]
    public void A_drill_needs_a_negative_control_and_the_real_event_none()
    {
        Assert.Equal(Verdict.NotProven, RunbookVerdicts.OfNegativeControl(RunMode.Drill, [Step("no-op", "done", Verdict.Proven)])!.Verdict);
        Assert.Null(RunbookVerdicts.OfNegativeControl(RunMode.Real, []));
    }

    [Fact]
    public void One_bad_backup_that_passed_as_good_outweighs_another_that_was_caught() =>
        Assert.Equal(Verdict.Failed, RunbookVerdicts.OfNegativeControl(
            RunMode.Drill, [Step("expect-failure", "done", Verdict.Proven), Step("expect-failure", "failed", Verdict.Failed)])!.Verdict);

    [Theory]
    [InlineData(ErrorKinds.Unreachable, Verdict.NotProven)]
    [InlineData(ErrorKinds.NotApproved, Verdict.NotProven)]
    [InlineData(ErrorKinds.Locked, Verdict.NotProven)]
    [InlineData(ErrorKinds.Restore, Verdict.Failed)]
    [InlineData(ErrorKinds.Integrity, Verdict.Failed)]
    [InlineData(ErrorKinds.Unexpected, Verdict.Failed)]
    public void What_could_not_be_reached_or_was_not_allowed_was_not_checked(string kind, Verdict expected) =>
        Assert.Equal(expected, RunbookVerdicts.OfFailure(new(kind, "why")));

    [Fact]
    public void A_restore_without_a_canary_makes_the_loss_unknown_whatever_the_others_brought()
    {
        Assert.Equal(TimeSpan.FromMinutes(5), RunbookVerdicts.Loss([Restored(5), Restored(2)], Moment));
        Assert.Null(RunbookVerdicts.Loss([Restored(5), Restored(null)], Moment));
        Assert.Null(RunbookVerdicts.Loss([], Moment));
    }

    [Fact]
    public void A_canary_from_after_the_moment_wanted_is_no_loss() =>
        Assert.Equal(TimeSpan.Zero, RunbookVerdicts.Loss([Restored(-3)], Moment));

    [Theory]
    [InlineData(2, 1, 30, true, Verdict.Proven)]
    [InlineData(0.5, 1, 30, true, Verdict.Failed)]
    [InlineData(2, 1, 90, true, Verdict.Failed)]
    [InlineData(2, 1, null, true, Verdict.NotProven)]
    [InlineData(0.5, 1, null, false, Verdict.NotProven)]
    [InlineData(0, 0, null, true, Verdict.Proven)]
    public void A_tier_is_proven_only_when_both_clocks_were_measured_and_kept(
        double rtoHours, double rpoHours, int? lostMinutes, bool completed, Verdict expected)
    {
        var tier = new TierTarget("critical", TimeSpan.FromHours(rtoHours), TimeSpan.FromHours(rpoHours));
        TimeSpan? loss = lostMinutes is { } m ? TimeSpan.FromMinutes(m) : null;

        var result = RunbookVerdicts.Of(tier, OneHour, loss, completed);

        Assert.Equal(expected, result.Verdict);
        Assert.Equal(expected, Verdicts.Worst([.. RunbookVerdicts.Checks(result, completed).Select(c => c.Verdict), Verdict.Proven]));
    }

    private static ActionOutcome Restored(int? minutesLost) => new(JsonSerializer.SerializeToElement(1), [])
    {
        MomentWanted = Moment,
        NewestCanary = minutesLost is { } lost ? Moment - TimeSpan.FromMinutes(lost) : null,
    };

    private static RunbookStepResult Step(string kind, string state, Verdict verdict) =>
        new("step", kind, state, Moment, Moment, 1, TimeSpan.Zero) { Verdict = verdict };
}
