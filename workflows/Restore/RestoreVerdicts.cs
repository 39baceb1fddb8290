using System.Globalization;

namespace LuxHedge.Workflows.Restore;

/// <summary>How a restore's verdict comes about (docs/workflows.md, "Verdicts").</summary>
public static class RestoreVerdicts
{
    /// <summary>
    /// What ended early is NotProven; what a step stopped is as that step's error says (<see cref="OfStopped"/>), and never better than the
    /// checks made before it; else the worst check. Trouble with the clean-up counts in every case.
    /// </summary>
    /// <param name="replaced">The cut-over was done.</param>
    public static Verdict Of(RestorePurpose purpose, IReadOnlyList<Check> checks, string? ended, ErrorReport? error, bool replaced)
    {
        if (ended is not null)
            return Verdicts.Worst([Verdict.NotProven, .. checks.Where(c => c.Name == "clean-up").Select(c => c.Verdict)]);
        if (error is not null)
            return Verdicts.Worst([OfStopped(purpose, error), .. checks.Select(c => c.Verdict)]);
        var worst = Verdicts.Worst(checks.Select(c => c.Verdict));
        return replaced || worst == Verdict.Failed ? worst : Verdict.NotProven;
    }

    /// <summary>A restore that a step's error stopped is Failed; a restore test that could not reach something has proved nothing, either
    /// way.</summary>
    public static Verdict OfStopped(RestorePurpose purpose, ErrorReport error) =>
        error.Kind == ErrorKinds.NotApproved || (purpose == RestorePurpose.RestoreTest
            && Verification.Verifications.Of(error) == Verdict.NotProven)
            ? Verdict.NotProven
            : Verdict.Failed;

    /// <summary>The moment wanted − the newest canary that came back. A canary from after that moment is no loss.</summary>
    public static RpoMeasure Measure(RestorePlan? plan, DateTimeOffset? newestCanary)
    {
        TimeSpan? loss = plan is null || newestCanary is null ? null : plan.MomentWanted - newestCanary;
        return new(plan?.RpoTarget ?? TimeSpan.Zero, loss < TimeSpan.Zero ? TimeSpan.Zero : loss);
    }

    /// <summary>The clock and the loss against the plan's targets. No target, no check.</summary>
    public static IEnumerable<Check> Targets(RtoMeasure rto, RpoMeasure rpo)
    {
        if (rto.Target > TimeSpan.Zero)
        {
            yield return rto.Total <= rto.Target
                ? new("rto", Verdict.Proven, $"{Span(rto.Total)} of {Span(rto.Target)}")
                : new("rto", Verdict.Failed, $"It took {Span(rto.Total)}; the plan allows {Span(rto.Target)}.");
        }

        if (rpo.Target > TimeSpan.Zero)
        {
            yield return rpo.Measured switch
            {
                null => new("rpo", Verdict.NotProven, "No canary came back, so what was lost can't be measured."),
                { } loss when loss <= rpo.Target => new("rpo", Verdict.Proven, $"{Span(loss)} of {Span(rpo.Target)}"),
                { } loss => new("rpo", Verdict.Failed, $"{Span(loss)} were lost; the plan allows {Span(rpo.Target)}."),
            };
        }
    }

    private static string Span(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours}:{span:mm\\:ss\\.f}");
}
