using System.Globalization;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>How a run's verdict comes about (docs/workflows.md, "Runbooks"). Pure.</summary>
public static class RunbookVerdicts
{
    /// <summary>The action that must catch a backup that was planted bad.</summary>
    public const string NegativeControl = "expect-failure";

    /// <summary>What a failed step says: what could not be reached, or was not allowed, was not checked; everything else is Failed.</summary>
    public static Verdict OfFailure(ErrorReport report) =>
        report.Kind is ErrorKinds.Unreachable or ErrorKinds.NotApproved or ErrorKinds.Ended or ErrorKinds.Locked or ErrorKinds.Interrupted
            ? Verdict.NotProven
            : Verdict.Failed;

    /// <summary>A drill that could not tell a bad backup from a good one proves nothing.</summary>
    public static Check? OfNegativeControl(RunMode mode, IReadOnlyList<RunbookStepResult> steps)
    {
        if (mode != RunMode.Drill)
            return null;
        var controls = steps.Where(s => s.Kind == NegativeControl).ToList();
        if (controls.Exists(s => s.Verdict == Verdict.Failed))
            return new("negative control", Verdict.Failed, "A backup that was planted bad was not caught.");
        return controls.Exists(s => s is { State: StepStates.Done, Verdict: Verdict.Proven })
            ? new("negative control", Verdict.Proven, "A backup that was planted bad was caught.")
            : new("negative control", Verdict.NotProven, "No negative control was done: nobody knows whether a bad backup would be caught.");
    }

    /// <summary>The worst loss of all restores: null where one of them brought no canary back, and where nothing was restored.</summary>
    /// <param name="otherwise">The moment wanted where an action knows none.</param>
    public static TimeSpan? Loss(IEnumerable<ActionOutcome> outcomes, DateTimeOffset otherwise)
    {
        var restores = outcomes.Where(o => o.MomentWanted is not null || o.NewestCanary is not null).ToList();
        if (restores.Count == 0 || restores.Exists(o => o.NewestCanary is null))
            return null;
        // A canary from after the moment wanted is no loss.
        return restores.Max(o => (o.MomentWanted ?? otherwise) - o.NewestCanary!.Value) is var worst && worst > TimeSpan.Zero
            ? worst
            : TimeSpan.Zero;
    }

    /// <summary>One tier's targets against what was measured. A run that ended early was not measured.</summary>
    public static TierResult Of(TierTarget tier, RtoMeasure rto, TimeSpan? loss, bool completed)
    {
        var verdicts = new List<Verdict>();
        if (tier.Rto > TimeSpan.Zero)
            verdicts.Add(!completed ? Verdict.NotProven : rto.Total > tier.Rto ? Verdict.Failed : Verdict.Proven);
        if (tier.Rpo > TimeSpan.Zero)
            verdicts.Add(loss is not { } lost ? Verdict.NotProven : lost > tier.Rpo ? Verdict.Failed : Verdict.Proven);
        return new(tier.Name, rto with { Target = tier.Rto }, new(tier.Rpo, loss),
            verdicts.Count == 0 ? (completed ? Verdict.Proven : Verdict.NotProven) : Verdicts.Worst(verdicts));
    }

    /// <summary>The tier as a check, in words.</summary>
    public static IEnumerable<Check> Checks(TierResult tier, bool completed)
    {
        if (tier.Rto.Target > TimeSpan.Zero)
        {
            yield return !completed
                ? new($"rto of {tier.Tier}", Verdict.NotProven, "The run ended before its checks were green.")
                : tier.Rto.Total <= tier.Rto.Target
                    ? new($"rto of {tier.Tier}", Verdict.Proven, $"{Text(tier.Rto.Total)} of {Text(tier.Rto.Target)}")
                    : new($"rto of {tier.Tier}", Verdict.Failed, $"It took {Text(tier.Rto.Total)}; {tier.Tier} allows {Text(tier.Rto.Target)}.");
        }

        if (tier.Rpo.Target > TimeSpan.Zero)
        {
            yield return tier.Rpo.Measured switch
            {
                null => new($"rpo of {tier.Tier}", Verdict.NotProven, "No canary came back, so what was lost can't be measured."),
                { } loss when loss <= tier.Rpo.Target => new($"rpo of {tier.Tier}", Verdict.Proven, $"{Text(loss)} of {Text(tier.Rpo.Target)}"),
                { } loss => new($"rpo of {tier.Tier}", Verdict.Failed, $"{Text(loss)} were lost; {tier.Tier} allows {Text(tier.Rpo.Target)}."),
            };
        }
    }

    /// <summary>Everything that is not proven, and why, for a person.</summary>
    public static IReadOnlyList<string> NotProven(IReadOnlyList<RunbookStepResult> steps, IReadOnlyList<Check> checks) =>
    [
        .. steps.Where(s => s.Verdict == Verdict.NotProven)
            .Select(s => $"{s.Id}: {s.Detail ?? (s.State == StepStates.Skipped ? "it was skipped" : "it could not be checked")}"),
        .. checks.Where(c => c.Verdict == Verdict.NotProven).Select(c => $"{c.Name}: {c.Detail}"),
    ];

    public static string Text(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours}:{span:mm\\:ss\\.f}");
}
