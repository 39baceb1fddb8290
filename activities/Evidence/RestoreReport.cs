using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Evidence;

internal static class RestoreReport
{
    public static RunReport Of(RestoreEvidenceDocument document)
    {
        var stored = document.Stored;
        var (request, plan, summary, state) = (stored.Evidence.Request, stored.Evidence.Plan, stored.Evidence.Summary, stored.Evidence.State);
        var steps = state.Steps.Where(s => s.EndedAt is not null || s.State == StepStates.Failed).Select(s => new ReportStep(
            s.Step, "", "", s.State, s.StartedAt, s.EndedAt ?? stored.WrittenAt, s.Attempts, s.Waiting,
            s.State == StepStates.Failed ? Verdict.Failed : Verdict.Proven, s.Detail, [], 0, s.Step == "clean up", [])).ToList();
        var test = request.Purpose == RestorePurpose.RestoreTest;
        return new(
            summary.RunId,
            test ? $"Restore test of {request.Asset}" : $"Restore of {request.Asset}",
            $"{(plan?.Production == true ? "Over production" : "Beside production")}: {(plan is null ? summary.Target : $"{plan.Host}/{plan.Database}")}",
            summary.Verdict,
            Sentence(summary),
            state.StartedAt,
            state.StartedAt + summary.Rto.Total,
            steps.Count > 0 ? steps.Max(s => s.EndedAt) : stored.WrittenAt,
            summary.Rto,
            summary.Rpo,
            [],
            RunReport.Sorted(summary.Verdict, Findings(summary, steps)),
            steps,
            summary.Checks,
            DecisionReports.Of(stored),
            state.Refused,
            state.RefusedBeyondKept,
            state.AbortedBy is { } by ? [new("abort", null, by, state.AbortReason ?? "", stored.WrittenAt)] : state.Interventions,
            summary.Notes,
            Facts(request, plan, summary),
            [
                new("run", summary.RunId),
                .. RunbookReport.IdentityOf(stored.Origin, stored.Writer, stored.WrittenAt, stored.Audit, document.Sha256),
            ]);
    }

    private static IEnumerable<ReportFinding> Findings(RestoreSummary summary, IReadOnlyList<ReportStep> steps)
    {
        if (summary.Error is { } error)
            yield return new(Verdict.Failed, error.Where ?? "the restore", $"{error.Message} {error.Hint}".TrimEnd());
        if (summary.Ended is { } ended)
            yield return new(Verdict.NotProven, ended, RunReport.Ended(ended, summary.Target));
        foreach (var step in steps.Where(s => s.State == StepStates.Failed))
            yield return new(Verdict.Failed, step.Id, step.Detail ?? "The step failed.");
        foreach (var check in summary.Checks.Where(c => c.Verdict != Verdict.Proven))
            yield return new(check.Verdict, check.Name, check.Detail);
    }

    private static string Sentence(RestoreSummary summary) => summary.Ended is { } ended
        ? RunReport.Ended(ended, summary.Target)
        : summary.Verdict switch
        {
            Verdict.Proven => $"{summary.Target} is back: {ReportWords.Count(summary.Documents)} documents, and everything was checked.",
            Verdict.Failed => $"{summary.Target} did not come back as it was. What failed is below, first of all.",
            _ => $"{summary.Target} was restored, but not everything could be checked. What is missing is below, first of all.",
        };

    private static List<ReportFact> Facts(RestoreRequest request, RestorePlan? plan, RestoreSummary summary)
    {
        List<ReportFact> facts =
        [
            new("asset", request.Asset),
            new("requested by", request.RequestedBy is { } by ? $"{by.Person}, signed at {ReportWords.Time(by.At)}" : "a workflow"),
            new("backup", summary.Backup),
            new("safety backup", summary.SafetyBackup ?? ""),
            new("documents", ReportWords.Count(summary.Documents)),
        ];
        if (plan is not null)
        {
            facts.AddRange(
            [
                new("manifest SHA-256", plan.ManifestSha256),
                new("read from", string.Join(", ", plan.Stores)),
                new("target", $"{plan.Host}/{plan.Database}"),
                new("restored to", $"{plan.To} ({ReportWords.Time(plan.MomentWanted)})"),
                new("replaced", string.Join(", ", plan.Dropped)),
                new("left as they were", string.Join(", ", plan.Left)),
            ]);
        }

        return [.. facts.Where(f => f.Value.Length > 0)];
    }
}
