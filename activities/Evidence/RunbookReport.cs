using System.Globalization;
using System.Text.Json;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Evidence;

internal static class RunbookReport
{
    public static RunReport Of(RunbookEvidenceDocument document)
    {
        var stored = document.Stored;
        var (request, summary) = (stored.Evidence.Request, stored.Evidence.Summary);
        var definition = request.Definition;
        var titles = Titles(definition, "").ToLookup(t => t.Id, t => t.Step, StringComparer.Ordinal);
        var cleanUp = definition.Cleanup.Select(s => s.Id).ToHashSet(StringComparer.Ordinal);
        var durations = stored.Evidence.Site?.LastDurations;
        var steps = summary.Steps.Select(s => new ReportStep(
            s.Id, TitleOf(titles, s.Id), s.Kind, s.State, s.StartedAt, s.EndedAt, s.Attempts, s.Waiting, s.Verdict, s.Detail, s.Interventions,
            s.Id.Count(c => c == '/'), cleanUp.Contains(s.Id.Split('/')[0]), durations?.GetValueOrDefault(s.Id) ?? [])).ToList();
        var drill = request.Mode == RunMode.Drill;
        var started = summary.DeclaredAt != default ? summary.DeclaredAt : request.DeclaredAt ?? FirstOf(steps, stored.WrittenAt);
        return new(
            summary.RunId,
            definition.Title,
            $"{(drill ? "Drill" : "Incident")} of {request.Asset}, runbook {definition.Runbook} version {definition.Version}",
            summary.Verdict,
            Sentence(summary, drill, drill ? stored.Evidence.Site?.Target ?? summary.Target : request.Asset),
            started,
            summary.StoppedAt != default ? summary.StoppedAt : started + summary.Rto.Total,
            summary.EndedAt != default ? summary.EndedAt : steps.Count > 0 ? steps.Max(s => s.EndedAt) : stored.WrittenAt,
            summary.Rto,
            summary.Rpo,
            summary.Tiers,
            RunReport.Sorted(summary.Verdict, Findings(summary, steps)),
            steps,
            summary.Checks,
            DecisionReports.Of(stored),
            stored.Evidence.Refused,
            stored.Evidence.RefusedBeyondKept,
            stored.Evidence.Interventions.Count > 0 ? stored.Evidence.Interventions : summary.Interventions,
            summary.Notes,
            Facts(stored.Evidence),
            Identity(stored, document.Sha256));
    }

    private static IEnumerable<ReportFinding> Findings(RunbookSummary summary, IReadOnlyList<ReportStep> steps)
    {
        if (summary.Error is { } error)
            yield return new(Verdict.Failed, error.Where ?? "the run", $"{error.Message} {error.Hint}".TrimEnd());
        if (summary.Ended is { } ended)
            yield return new(Verdict.NotProven, ended, RunReport.Ended(ended, summary.Target is { Length: > 0 } and not "production" ? summary.Target : "production"));
        foreach (var step in steps.Where(s => s.State == StepStates.Failed))
            yield return new(Verdict.Failed, step.Id, step.Detail ?? "The step failed.");
        foreach (var check in summary.Checks.Where(c => c.Verdict != Verdict.Proven))
            yield return new(check.Verdict, check.Name, check.Detail);
        foreach (var tier in summary.Tiers.Where(t => t.Verdict != Verdict.Proven))
        {
            // A tier that kept its targets is not proven only because the run is not; what a check says already is not said twice.
            if (!summary.Checks.Any(c => c.Name.EndsWith($" of {tier.Tier}", StringComparison.Ordinal)) && Missed(tier) is { Length: > 0 } missed)
                yield return new(tier.Verdict, $"tier {tier.Tier}", missed);
        }

        foreach (var step in steps.Where(s => s.State != StepStates.Failed && s.Verdict != Verdict.Proven))
            yield return new(step.Verdict, step.Id, step.Detail ?? (step.State == StepStates.Skipped ? "The step was skipped." : "It could not be checked."));
        var told = steps.Select(s => $"{s.Id}: {s.Detail}").Concat(summary.Checks.Select(c => $"{c.Name}: {c.Detail}")).ToHashSet(StringComparer.Ordinal);
        foreach (var line in summary.NotProven.Where(l => !told.Contains(l)))
            yield return new(Verdict.NotProven, "not proven", line);
    }

    private static string Missed(TierResult tier)
    {
        var parts = new List<string>();
        if (tier.Rto.Target > TimeSpan.Zero && tier.Rto.Total > tier.Rto.Target)
            parts.Add($"back after {ReportWords.Span(tier.Rto.Total)}, {ReportWords.Span(tier.Rto.Target)} are allowed");
        if (tier.Rpo.Measured is not { } lost)
            parts.Add("how much was lost could not be measured");
        else if (lost > tier.Rpo.Target)
            parts.Add($"{ReportWords.Span(lost)} lost, {ReportWords.Span(tier.Rpo.Target)} are allowed");
        return parts.Count > 0 ? $"{ReportWords.Capital(string.Join("; ", parts))}." : "";
    }

    private static string Sentence(RunbookSummary summary, bool drill, string target) => summary.Ended is { } ended
        ? RunReport.Ended(ended, target)
        : (summary.Verdict, drill) switch
        {
            (Verdict.Proven, true) => "Everything came back, was checked, and was cleaned up.",
            (Verdict.Proven, false) => $"{target} is back, and everything was checked.",
            (Verdict.Failed, true) => "This would not have worked. What failed is below, first of all.",
            (Verdict.Failed, false) => "It did not come back as it was. What failed is below, first of all.",
            _ => "Not everything could be checked: this proves nothing yet. What is missing is below, first of all.",
        };

    private static List<ReportFact> Facts(RunbookEvidence evidence)
    {
        var request = evidence.Request;
        List<ReportFact> facts =
        [
            new("asset", request.Asset),
            new("mode", request.Mode == RunMode.Drill ? "drill, isolated from production" : "real"),
            new("target", evidence.Site is { } site ? $"{site.Target} on {site.Host}" : evidence.Summary.Target),
            new("requested by", request.RequestedBy is not { } by ? "a schedule"
                : $"{by.Person}, signed {(by.Via is { } via ? $"by '{via.Signer}' for a command in Slack " : "")}at {ReportWords.Time(by.At)}"),
        ];
        facts.AddRange(request.Inputs.Select(i => new ReportFact($"input {i.Key}", ReportWords.Json(i.Value))));
        foreach (var ask in evidence.Asks.Select(a => a.Ask))
        {
            facts.AddRange(ask.Restore is { } restore
                ? [new($"backup ({ask.Step})", restore.BackupId), new($"manifest SHA-256 ({ask.Step})", restore.ManifestSha256)]
                : ask.Shows.Where(s => s.Label.Contains("backup", StringComparison.OrdinalIgnoreCase)).Select(s => new ReportFact($"{s.Label} ({ask.Step})", s.Value)));
        }

        return [.. facts.Where(f => f.Value.Length > 0).DistinctBy(f => (f.Name, f.Value))];
    }

    private static List<ReportFact> Identity(StoredRunEvidence stored, string sha256)
    {
        var request = stored.Evidence.Request;
        return
        [
            new("run", request.RunId),
            new("runbook SHA-256", request.Definition.Sha256),
            .. request.Definition.Steps.Where(s => s.Nested is not null).Select(s => s.Nested!).DistinctBy(n => n.Sha256)
                .Select(n => new ReportFact($"nested {n.Runbook} SHA-256", n.Sha256)),
            .. IdentityOf(stored.Origin, stored.Writer, stored.WrittenAt, stored.Audit, sha256),
        ];
    }

    internal static IEnumerable<ReportFact> IdentityOf(
        Approvals.EvidenceOrigin? origin, string writer, DateTimeOffset writtenAt, Audit.AuditHead? audit, string sha256)
    {
        if (origin is not null)
        {
            yield return new("Temporal", $"namespace {origin.Namespace}, workflow {origin.WorkflowId}, execution {origin.WorkflowRunId}");
            if (origin.PlanSha256 is { } plan)
                yield return new("plan SHA-256", plan);
        }

        yield return new("signed by", $"{writer}, {ReportWords.Time(writtenAt)}");
        yield return new("evidence SHA-256", sha256);
        yield return new("audit log before it", audit is { } head
            ? string.Create(CultureInfo.InvariantCulture, $"link {head.Number}, {head.Sha256}")
            : "could not be reached");
    }

    private static DateTimeOffset FirstOf(List<ReportStep> steps, DateTimeOffset otherwise) =>
        steps.Count > 0 ? steps.Min(s => s.StartedAt) : otherwise;

    /// <summary>Every step by the path of ids that leads to it in the definition; a loop's items repeat theirs.</summary>
    private static IEnumerable<(string Id, RunbookStep Step)> Titles(RunbookDefinition definition, string prefix) =>
        definition.Steps.Concat(definition.Cleanup).SelectMany(s => Titles(s, prefix));

    private static IEnumerable<(string Id, RunbookStep Step)> Titles(RunbookStep step, string prefix) =>
    [
        (prefix + step.Id, step),
        .. (step.Parallel ?? []).SelectMany(s => Titles(s, prefix)),
        .. (step.Parallel ?? []).SelectMany(s => Titles(s, $"{prefix}{step.Id}/")),
        .. (step.ForEach?.Steps ?? []).SelectMany(s => Titles(s, $"{prefix}{step.Id}/")),
        .. step.Nested is { } nested ? Titles(nested, $"{prefix}{step.Id}/") : [],
    ];

    private static string TitleOf(ILookup<string, RunbookStep> titles, string id)
    {
        var path = string.Join('/', id.Split('/').Where(p => !int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out _)));
        var step = titles[id].Concat(titles[path]).FirstOrDefault();
        return step?.Title ?? step?.Nested?.Title ?? "";
    }
}
