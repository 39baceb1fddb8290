using LuxHedge.Worker.Commands;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Worker.Display;

/// <summary>A run told in plain lines, for pipes and log files: each step when it begins and ends, progress now and then.</summary>
public sealed class RunLines(RunRow run, CommandContext context)
{
    /// <summary>Between two lines about the same progress.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, string> told = [];
    private DateTimeOffset progressToldAt = DateTimeOffset.MinValue;
    private List<string> waiting = [];
    private string? problemTold;
    private bool awayTold;
    private int refusedTold;

    public IEnumerable<string> First(RunWatch watch)
    {
        progressToldAt = watch.Now;
        yield return $"{CommandFailures.What(run.Workflow, run.Asset)}: run {run.RunId}, started {Amounts.Time(run.StartedAt)}";
    }

    public IEnumerable<string> Next(RunWatch watch)
    {
        if (watch.Away is { } why)
        {
            if (!awayTold)
            {
                awayTold = true;
                yield return $"Temporal does not answer just now ({Words.Printable(why)}); asking again";
            }

            yield break;
        }

        awayTold = false;
        if ((watch.Problem is null) != (problemTold is null))
        {
            problemTold = watch.Problem;
            yield return watch.Problem ?? "a worker answers";
        }

        foreach (var line in Steps(watch.State?.Steps ?? []))
        {
            yield return line;
        }

        foreach (var line in Refusals(watch.State))
        {
            yield return line;
        }

        foreach (var line in Question(watch))
        {
            yield return line;
        }

        foreach (var pending in watch.Pending.Where(p => p.Attempt > 1 && p.LastFailure is not null))
        {
            var line = $"{RunTexts.Name(pending)}: attempt {pending.Attempt}, since the one before failed: {Words.Printable(pending.LastFailure)}";
            if (told.GetValueOrDefault($"retry {pending.Id}") != line)
            {
                told[$"retry {pending.Id}"] = line;
                yield return line;
            }
        }

        if (watch.Now - progressToldAt >= Every)
        {
            progressToldAt = watch.Now;
            foreach (var pending in watch.Pending)
            {
                var line = RunTexts.Progress(watch, pending);
                if (line is not null && told.GetValueOrDefault($"progress {pending.Id}") != line)
                {
                    told[$"progress {pending.Id}"] = line;
                    yield return $"  {RunTexts.Name(pending)}: {line}";
                }
            }
        }
    }

    private IEnumerable<string> Steps(IReadOnlyList<StepTiming> steps)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            var key = $"step {i} {step.Step}";
            var stage = step.EndedAt is null ? "started" : "ended";
            var before = told.GetValueOrDefault(key);
            if (before == stage)
            {
                continue;
            }

            told[key] = stage;
            yield return step.EndedAt is null ? $"{step.Step} …" : RunTexts.Ended(step);
        }
    }

    private IEnumerable<string> Refusals(RunState? state)
    {
        foreach (var refused in (state?.Refused ?? []).Skip(refusedTold))
        {
            refusedTold++;
            yield return RunTexts.Refused(refused);
        }
    }

    /// <summary>Each question once, and again when somebody has decided; each failed step once for each time it fails.</summary>
    private IEnumerable<string> Question(RunWatch watch)
    {
        var waits = watch.Asks.Select(a => $"{a.Ask.Nonce} {a.State.Decisions.Count(d => d.Nonce == a.Ask.Nonce)}")
            .Concat(watch.WaitingSteps.Select(w => $"{w.Step} {w.Since:O}")).Append(watch.State?.Paused is { } p && !watch.Closed ? $"paused {p.At:O}" : "")
            .Where(w => w.Length > 0).ToList();
        var before = waiting;
        waiting = waits;
        var index = 0;
        foreach (var open in watch.Asks)
        {
            if (!before.Contains(waits[index++]))
            {
                foreach (var line in RunTexts.Ask(open, watch, context))
                {
                    yield return line;
                }
            }
        }

        foreach (var failed in watch.WaitingSteps)
        {
            if (!before.Contains(waits[index++]))
            {
                foreach (var line in RunTexts.Failed(failed, watch, context))
                {
                    yield return line;
                }
            }
        }

        if (index < waits.Count && !before.Contains(waits[index]))
        {
            yield return RunTexts.Paused(watch.State!.Paused!, watch, context);
        }

        if (waits.Count == 0 && before.Count > 0)
        {
            yield return "no longer waiting on people";
        }
    }
}
