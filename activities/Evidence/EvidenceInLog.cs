using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Audit;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// The audit log and the evidence in the stores vouch for each other: each evidence names the head of the log at its time, and the log names
/// each evidence by its hash. Whoever removes the end of the log everywhere is betrayed by the evidence, and whoever changes evidence by the log.
/// </summary>
public sealed class EvidenceInLog(Plan plan, StoreSet stores, TimeProvider time)
{
    /// <param name="head">Noted elsewhere, if any.</param>
    public async Task<AuditReport> VerifyAsync(AuditHead? head, CancellationToken cancellation)
    {
        var found = new List<(string Store, string Name, string Sha256, EvidenceDocument? Document)>();
        var problems = new List<AuditProblem>();
        var unread = false;
        var reader = new EvidenceReader(plan, stores);
        foreach (var store in plan.Stores.Keys)
        {
            try
            {
                await foreach (var (name, sha256, document) in reader.AllAsync(store, cancellation))
                    found.Add((store, name, sha256, document));
            }
            catch (Exception e) when (e is RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Plan } or IOException)
            {
                unread = true;
                problems.Add(new(AuditProblemKinds.Unreachable, Verdict.NotProven, store, null, $"its evidence can't be read: {e.Message}"));
            }
        }

        List<(AuditHead, string)> known = [.. found.Select(f => (Head: HeadOf(f.Document), f.Name)).Where(h => h.Head is not null).Select(h => (h.Head!, h.Name)).Distinct()];
        if (head is not null)
            known.Add((head, "the head that you gave"));
        var report = await new AuditVerification(plan, stores, time).RunAsync(known, cancellation);
        problems.AddRange(Compare(found, report, unread));
        List<AuditProblem> all = [.. report.Problems, .. problems];
        return report with { Problems = all, Verdict = Verdicts.Worst([report.Verdict, .. problems.Select(p => p.Verdict)]) };
    }

    private static IEnumerable<AuditProblem> Compare(
        List<(string Store, string Name, string Sha256, EvidenceDocument? Document)> found, AuditReport report, bool unread)
    {
        var entries = report.Links.Where(l => l.Link.Entry.Kind == AuditKinds.Evidence).DistinctBy(l => l.Link.Entry.RunId)
            .ToDictionary(l => l.Link.Entry.RunId, l => l.Link, StringComparer.Ordinal);
        foreach (var (store, name, sha256, document) in found)
        {
            if (document is null)
                yield return new(AuditProblemKinds.Evidence, Verdict.Failed, store, null, $"{name} is signed by no writer of the plan, or was changed");
            else if (!entries.TryGetValue(document.RunId, out var link))
                yield return new(AuditProblemKinds.Evidence, Verdict.NotProven, store, null, $"{name} is not in the log");
            else if (link.Entry.Facts.GetValueOrDefault("sha256") != sha256)
                yield return new(AuditProblemKinds.Evidence, Verdict.Failed, store, link.Number, $"{name} is another evidence than link {link.Number} names");
        }

        var there = found.Where(f => f.Document is not null).Select(f => f.Document!.RunId).ToHashSet(StringComparer.Ordinal);
        foreach (var (run, link) in entries.Where(e => !there.Contains(e.Key)))
        {
            yield return new(
                AuditProblemKinds.Evidence, unread ? Verdict.NotProven : Verdict.Failed, "", link.Number,
                $"link {link.Number} names the evidence of {run}, which is in no store{(unread ? " that could be read" : "")}");
        }
    }

    private static AuditHead? HeadOf(EvidenceDocument? document) => document switch
    {
        RunbookEvidenceDocument run => run.Stored.Audit,
        RestoreEvidenceDocument restore => restore.Stored.Audit,
        _ => null,
    };
}
