using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class RestoreVerdictsTests
{

    [Theory]
    // What the checks found, when everything ran.
    [InlineData(RestorePurpose.Recovery, new[] { Verdict.Proven, Verdict.Proven }, null, null, true, Verdict.Proven)]
    [InlineData(RestorePurpose.Recovery, new[] { Verdict.Proven, Verdict.NotProven }, null, null, true, Verdict.NotProven)]
    [InlineData(RestorePurpose.Recovery, new[] { Verdict.NotProven, Verdict.Failed }, null, null, true, Verdict.Failed)]
    // Never Proven without a cut-over, and never without a check.
    [InlineData(RestorePurpose.Recovery, new[] { Verdict.Proven }, null, null, false, Verdict.NotProven)]
    [InlineData(RestorePurpose.Recovery, new[] { Verdict.Failed }, null, null, false, Verdict.Failed)]
    [InlineData(RestorePurpose.Recovery, new Verdict[0], null, null, true, Verdict.NotProven)]
    // Whatever ended it early is NotProven.
    [InlineData(RestorePurpose.Recovery, new[] { Verdict.Failed }, "Aborted", null, false, Verdict.NotProven)]
    [InlineData(RestorePurpose.Recovery, new Verdict[0], "Denied", null, false, Verdict.NotProven)]
    [InlineData(RestorePurpose.Recovery, new Verdict[0], "NotApproved", ErrorKinds.NotApproved, false, Verdict.NotProven)]
    // A step that failed: a recovery has failed; a test that reached nothing has proved nothing.
    [InlineData(RestorePurpose.Recovery, new Verdict[0], null, ErrorKinds.Unreachable, false, Verdict.Failed)]
    [InlineData(RestorePurpose.RestoreTest, new Verdict[0], null, ErrorKinds.Unreachable, false, Verdict.NotProven)]
    [InlineData(RestorePurpose.RestoreTest, new Verdict[0], null, ErrorKinds.Integrity, false, Verdict.Failed)]
    public void The_verdict_of_a_restore(RestorePurpose purpose, Verdict[] checks, string? ended, string? error, bool replaced,
        Verdict expected) =>
        Assert.Equal(expected, RestoreVerdicts.Of(purpose, [.. checks.Select((v, i) => new Check($"check {i}", v, ""))], ended,
            error is null ? null : new(error, "why"), replaced));

    [Fact]
    public void What_an_aborted_restore_left_behind_is_a_failure() =>
        Assert.Equal(Verdict.Failed, RestoreVerdicts.Of(RestorePurpose.Recovery, [new("clean-up", Verdict.Failed, "still there")],
            "Aborted", null, false));

    [Theory]
    [InlineData(60, 120, Verdict.Proven)]
    [InlineData(120, 120, Verdict.Proven)]
    [InlineData(121, 120, Verdict.Failed)]
    public void The_clock_is_held_against_the_target(int took, int target, Verdict expected)
    {
        var rto = new RtoMeasure(TimeSpan.FromSeconds(target), TimeSpan.FromSeconds(took), default, default, TimeSpan.FromHours(9));

        Assert.Equal(expected, RestoreVerdicts.Targets(rto, new(TimeSpan.Zero, null)).Single().Verdict);
    }

    [Theory]
    [InlineData(30, Verdict.Proven)]
    [InlineData(61, Verdict.Failed)]
    [InlineData(null, Verdict.NotProven)]
    public void The_loss_is_held_against_the_target(int? lost, Verdict expected)
    {
        var rpo = new RpoMeasure(TimeSpan.FromSeconds(60), lost is { } s ? TimeSpan.FromSeconds(s) : null);

        Assert.Equal(expected, RestoreVerdicts.Targets(new(default, default, default, default, default), rpo).Single().Verdict);
    }

    [Fact]
    public void A_canary_from_after_the_moment_wanted_is_no_loss()
    {
        var plan = CreatePlan();

        Assert.Equal(TimeSpan.Zero, RestoreVerdicts.Measure(plan, plan.MomentWanted.AddSeconds(2)).Measured);
        Assert.Equal(TimeSpan.FromSeconds(2), RestoreVerdicts.Measure(plan, plan.MomentWanted.AddSeconds(-2)).Measured);
        Assert.Null(RestoreVerdicts.Measure(plan, null).Measured);
    }

    private static RestorePlan CreatePlan() =>
        new("b", "m", ["s3"], "h", "d", false, default, new(2026, 11, 23, 0, 0, 0, TimeSpan.Zero), [], [], [], 1, 0, 0, null, "",
        null, [], [], TimeSpan.FromHours(2), TimeSpan.FromHours(1));
}
