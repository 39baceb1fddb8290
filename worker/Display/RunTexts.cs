using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Worker.Display;

/// <summary>The sentences about a run, the same on a terminal and in plain lines.</summary>
public static class RunTexts
{
    /// <summary>What it says it does, else its name. 'collections  10 collections' says nothing that the name does not.</summary>
    public static string Name(ActivityView pending) =>
        pending.Progress is { What.Length: > 0 } progress && progress.What != progress.Unit ? progress.What : pending.Activity.Replace('-', ' ');

    /// <summary>Null where nothing is known yet.</summary>
    public static string? Progress(RunWatch watch, ActivityView pending)
    {
        if (pending.Progress is not { } progress)
        {
            return null;
        }

        var parts = new List<string>
        {
            progress.Total > 0
                ? $"{Amounts.Of(Math.Min(progress.Done, progress.Total), progress.Unit)} of {Amounts.Of(progress.Total, progress.Unit)} ({Percent(progress)})"
                : Amounts.Of(progress.Done, progress.Unit),
        };
        // Less than one a second is no rate to read.
        if (watch.Rate(pending) is >= 1 and var rate)
        {
            parts.Add($"{Amounts.Of(rate, progress.Unit)}/s");
        }

        if (watch.Left(pending) is { } left)
        {
            parts.Add($"about {Amounts.Span(left)} left");
        }

        return string.Join(", ", parts);
    }

    /// <summary>Never 100 % before it is over.</summary>
    public static string Percent(Progress progress) =>
        $"{Math.Clamp(Math.Floor(100.0 * progress.Done / progress.Total), 0, progress.Done < progress.Total ? 99 : 100):0} %";

    public static string Ended(StepTiming step)
    {
        var took = step.EndedAt is { } ended ? Amounts.Span(ended - step.StartedAt) : "";
        var waited = step.Waiting > TimeSpan.Zero ? $", {Amounts.Span(step.Waiting)} of it waiting on people" : "";
        var attempts = step.Attempts > 1 ? $", {step.Attempts} attempts" : "";
        var word = step.State == StepStates.Done ? "" : $" {step.State.ToUpperInvariant()}";
        var detail = step.Detail is { Length: > 0 } text ? $": {Words.Printable(text)}" : "";
        return $"{step.Step}{word} ({took}{waited}{attempts}){detail}";
    }

    public static string Refused(RefusedDecision refused) =>
        $"refused: {refused.Order ?? (refused.Kind == DecisionKind.Approved ? "an approval" : "a denial")} by {Words.Printable(refused.Person)}{(refused.Step.Length > 0 ? $" for {refused.Step}" : "")}: "
        + Words.Printable(refused.Why);

    /// <summary>What a run waits for, in a few words.</summary>
    public static string Waiting(WaitingFor waiting) => waiting.Until is { } until
        ? $"{waiting.Step} by {Words.List(waiting.Approvers, "nobody")} until {Amounts.Time(until)}"
        : $"{waiting.Step}, which failed, by anybody who retries or skips it";

    /// <summary>Who may still decide now: a person decides once, and those of a later tier from its time on.</summary>
    public static IReadOnlyList<string> StillToDecide(Ask ask, RunState? state, DateTimeOffset now)
    {
        var decided = DecidedOn(ask, state).Select(d => d.Person).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. ask.Approvers.Concat(ask.Tiers.Where(t => t.From <= now).SelectMany(t => t.People)).Distinct(StringComparer.Ordinal)
                .Where(p => !decided.Contains(p)),
        ];
    }

    public static IEnumerable<string> Ask(OpenAsk open, RunWatch watch, CommandContext context)
    {
        var ask = open.Ask;
        var manual = ask.Kind == AskKinds.Manual;
        yield return manual
            ? $"Waiting for a person to do '{ask.Step}':"
            : $"Waiting for approval of '{ask.Step}', asked by {(ask.RequestedBy.Length > 0 ? Words.Printable(ask.RequestedBy) : "a schedule")}:";
        var width = ask.Shows.Select(s => s.Label.Length).DefaultIfEmpty(0).Max();
        foreach (var shown in ask.Shows)
        {
            yield return $"  {shown.Label.PadRight(width)}  {Words.Printable(shown.Value)}";
        }

        yield return $"  {WhoAndUntil(ask, open.State, watch.Now)}";
        var step = open.State.Asks.Count > 1 ? $" --step {ask.Step}" : "";
        yield return manual
            ? $"  Done:     {context.Line($"runs confirm {open.RunId}{step}")}"
            : $"  Approve:  {context.Line($"runs approve {open.RunId}{step}")}";
        yield return $"  Deny:     {context.Line($"runs deny {open.RunId}{step} --reason TEXT")}";
    }

    /// <summary>A failed step that waits for a person, and what the person can do.</summary>
    public static IEnumerable<string> Failed(WaitingStep failed, RunWatch watch, CommandContext context)
    {
        var step = watch.WaitingSteps.Count > 1 ? $" --step {failed.Step}" : "";
        yield return $"'{failed.Step}' failed and waits for a person, since {Amounts.Time(failed.Since)}:";
        yield return $"  {Words.Printable(failed.Why)}";
        yield return $"  {(failed.Kind == "approve" ? "Ask again:" : "Try again:")}  {context.Line($"runs retry {watch.Run.RunId}{step}")}";
        if (failed.MaySkip)
        {
            yield return $"  Without it: {context.Line($"runs skip {watch.Run.RunId}{step} --reason TEXT")} (NotProven at best)";
        }

        yield return $"  End it:     {context.Line($"runs abort {watch.Run.RunId} --reason TEXT")}";
    }

    public static string Paused(Intervention paused, RunWatch watch, CommandContext context) =>
        $"Paused by {Words.Printable(paused.Person)} since {Amounts.Time(paused.At)}: {Words.Printable(paused.Reason)}. Go on: "
        + context.Line($"runs resume {watch.Run.RunId}");

    public static string WhoAndUntil(Ask ask, RunState? state, DateTimeOffset now)
    {
        var approved = DecidedOn(ask, state).Count(d => d is { Kind: DecisionKind.Approved, BreakGlass: false });
        var have = ask.Quorum == 1 ? "" : $" ({approved} of {ask.Quorum} approvals are in)";
        var later = ask.Tiers.FirstOrDefault(t => t.From > now) is { } tier ? $"; {tier.To} too from {Amounts.Time(tier.From)}" : "";
        var left = StillToDecide(ask, state, now);
        var who = left.Count == 1 ? left[0] : $"{ask.Quorum - approved} of {Words.List(left, "nobody")}";
        return $"{who} must {(ask.Kind == AskKinds.Manual ? "confirm" : "approve")}{have}, "
            + $"until {Amounts.Time(ask.Until)} ({(ask.Until > now ? Amounts.Span(ask.Until - now) + " left" : "over")}){later}";
    }

    private static IEnumerable<Decision> DecidedOn(Ask ask, RunState? state) =>
        (state?.Decisions ?? []).Where(d => d.Step == ask.Step && d.Nonce == ask.Nonce);
}
