using System.Text;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// Verifies evidence from its file alone, without any server: signature, page, request, every ask and decision. What the file can't vouch for by
/// itself (whose keys those are, whether the audit log has it) is checked against the plan and the log where they are there, and NotProven where
/// they are not.
/// </summary>
public static class EvidenceVerification
{
    /// <param name="file">An <c>evidence.json</c>, or the report that carries one.</param>
    /// <param name="plan">Null: there is none here.</param>
    /// <param name="log">The audit log as it was read; null: no store could be reached. Its own verdict counts too.</param>
    public static EvidenceVerdict Check(byte[] file, string name, Plan? plan, AuditReport? log)
    {
        var checks = new List<Check>();
        if (Unwrap(file, name, checks) is not { } bytes)
            return new("", Verdict.Failed, null, checks, []);
        EvidenceDocument document;
        try
        {
            document = EvidenceDocument.Parse(bytes);
        }
        catch (RefusalException e)
        {
            checks.Add(new("signature", Verdict.Failed, e.Report.Message));
            return new("", Verdict.Failed, null, checks, []);
        }

        var (trust, origin) = document switch
        {
            RunbookEvidenceDocument run => (run.Stored.Trust, run.Stored.Origin),
            RestoreEvidenceDocument restore => (restore.Stored.Trust, restore.Stored.Origin),
            _ => (null, null),
        };
        checks.Add(Signature(bytes, name, plan, trust));
        checks.Add(Keys(plan, trust, document));
        var asks = trust is null || origin is null ? [] : Asks(document, trust.ToPlan(origin.Namespace), checks);
        checks.Add(Consistent(document));
        checks.Add(Logged(document, log));
        return new(document.RunId, Verdicts.Worst(checks.Select(c => c.Verdict)), RunVerdict(document), checks, asks);
    }

    /// <summary>The signed document; of a page, after comparing it with what the document gives.</summary>
    private static byte[]? Unwrap(byte[] file, string name, List<Check> checks)
    {
        if (file is [(byte)'{', ..])
            return file;
        var html = Encoding.UTF8.GetString(file);
        if (EvidenceHtml.Read(html) is not var (bytes, version))
        {
            checks.Add(new("file", Verdict.Failed, $"{name} is no evidence, and no report that carries one."));
            return null;
        }

        if (version != EvidenceHtml.Version)
        {
            checks.Add(new("page", Verdict.NotProven,
                $"The page is of report version {version}, this program writes {EvidenceHtml.Version}: what it shows can't be compared. The document in it can be verified."));
            return bytes;
        }

        var same = false;
        try
        {
            same = Encoding.UTF8.GetBytes(EvidenceHtml.Write(bytes)).AsSpan().SequenceEqual(file);
        }
        catch (RefusalException)
        {
            // Told by the signature's check.
        }

        checks.Add(same
            ? new("page", Verdict.Proven, "The page shows what its document says, word for word.")
            : new("page", Verdict.Failed, "The page shows something else than the document that it carries: somebody changed it."));
        return bytes;
    }

    private static Check Signature(byte[] bytes, string name, Plan? plan, TrustSnapshot? trust)
    {
        const string What = "signature";
        try
        {
            if (plan is not null)
                return new(What, Verdict.Proven, $"Signed by {EvidenceDocument.Read(bytes, plan.Writer.PublicKeys, name).Writer}, by the plan's key.");
            if (trust is null)
                return new(What, Verdict.NotProven, "There is no plan here, and so no key to verify it with. Name one with --plan.");
            var writer = EvidenceDocument.Read(bytes, trust.WriterKeys, name).Writer;
            return new(What, Verdict.NotProven, $"Signed by {writer} with the key that the file itself carries: whose that is, only a plan can say. Name one with --plan.");
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
        {
            return new(What, Verdict.Failed, e.Report.Message);
        }
    }

    /// <summary>The keys in the evidence are the writer's word; the plan's are the organisation's.</summary>
    private static Check Keys(Plan? plan, TrustSnapshot? trust, EvidenceDocument document)
    {
        const string What = "keys";
        if (trust is null)
            return new(What, Verdict.NotProven, "The evidence carries no keys: no decision in it can be verified.");
        if (plan is null)
            return new(What, Verdict.NotProven, "The people's keys are those that the file carries: whose they are, only a plan can say. Name one with --plan.");
        var signers = SignersOf(document).ToHashSet(StringComparer.Ordinal);
        var other = trust.People.Where(p => signers.Contains(p.Name) && plan.People.GetValueOrDefault(p.Name)?.PublicKey != p.PublicKey).Select(p => p.Name)
            .Concat(trust.ClickKeys.Where(k => signers.Contains(k.Key) && plan.ClickSigners.GetValueOrDefault(k.Key) != k.Value).Select(k => k.Key))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return other.Count == 0
            ? new(What, Verdict.Proven, signers.Count == 0 ? "Nobody's key was needed." : $"The keys of {string.Join(", ", signers.Order(StringComparer.Ordinal))} are those of the plan.")
            : new(What, Verdict.NotProven, $"The plan has another key of {string.Join(", ", other)} today, or none: compare with the plan of that time.");
    }

    private static IReadOnlyList<AskFinding> Asks(EvidenceDocument document, Plan then, List<Check> checks)
    {
        var (request, asks) = document switch
        {
            RunbookEvidenceDocument run => (Request(run, then), DecisionAudit.Check(then, run.Stored.Evidence)),
            RestoreEvidenceDocument restore => (Request(restore, then), DecisionAudit.Check(then, restore.Stored.Evidence)),
            _ => throw new ArgumentException("unknown evidence", nameof(document)),
        };
        checks.Add(request);
        foreach (var ask in asks)
        {
            var wrong = ask.Problems.Concat(ask.Decisions.Where(d => d.Problem is not null).Select(d => $"the decision of '{d.Person}': {d.Problem}")).ToList();
            checks.Add(wrong.Count == 0
                ? new($"ask {ask.Step}", Verdict.Proven, $"{ask.Outcome}: {Told(ask)}")
                : new($"ask {ask.Step}", Verdict.Failed, ReportWords.Capital(string.Join("; ", wrong)) + "."));
        }

        return asks;
    }

    private static string Told(AskFinding ask) => ask.Decisions.Count == 0
        ? "nobody decided."
        : $"{string.Join(", ", ask.Decisions.Select(d => $"{d.Person} {(d.Kind == DecisionKind.Approved ? "approved" : "denied")}{(d.BreakGlass ? " (break-glass)" : "")}"))}, each signature verified.";

    private static Check Request(RunbookEvidenceDocument run, Plan then)
    {
        var request = run.Stored.Evidence.Request;
        if (request.RequestedBy is not { } by)
        {
            return request.Mode == Workflows.Runbooks.RunMode.Drill
                ? new("request", Verdict.Proven, "Nobody asked for it: a schedule started the drill.")
                : new("request", Verdict.Failed, "Nobody signed the request of an incident.");
        }

        return RequestSigner.ProblemOf(then, request) is { } problem
            ? new("request", Verdict.Failed, ReportWords.Capital(problem) + ".")
            : new("request", Verdict.Proven, by.Via is { } via
                ? $"{by.Person} asked for exactly this drill by a command in Slack, which '{via.Signer}' checked and signed."
                : $"{by.Person} asked for exactly this runbook, and signed it.");
    }

    private static Check Request(RestoreEvidenceDocument restore, Plan then)
    {
        var (request, plan) = (restore.Stored.Evidence.Request, restore.Stored.Evidence.Plan);
        if (request.RequestedBy is not { } by)
        {
            return plan?.Production == true && restore.Stored.Replaced
                ? new("request", Verdict.Failed, "Nobody signed the request of a restore over production.")
                : new("request", Verdict.Proven, "Nobody signed the request, and nothing of production was replaced.");
        }

        return RequestSigner.ProblemOf(then, request) is { } problem
            ? new("request", Verdict.Failed, ReportWords.Capital(problem) + ".")
            : new("request", Verdict.Proven, $"{by.Person} asked for exactly this, and signed it.");
    }

    /// <summary>A verdict is never better than what it is made of.</summary>
    private static Check Consistent(EvidenceDocument document)
    {
        const string What = "verdict";
        var verdict = RunVerdict(document)!.Value;
        var (worst, ended, asks, production) = document switch
        {
            RunbookEvidenceDocument { Stored.Evidence: var e } => (
                Verdicts.Worst([Verdict.Proven, .. e.Summary.Checks.Select(c => c.Verdict), .. e.Summary.Steps.Select(s => s.Verdict), .. e.Summary.Tiers.Select(t => t.Verdict),
                    .. e.Summary.NotProven.Select(_ => Verdict.NotProven)]), e.Summary.Ended, e.Asks, false),
            RestoreEvidenceDocument { Stored: var s } => (
                Verdicts.Worst([Verdict.Proven, .. s.Evidence.Summary.Checks.Select(c => c.Verdict)]), s.Evidence.Summary.Ended, s.Evidence.Asks,
                s is { Replaced: true, Evidence: { Plan.Production: true, Request.Approved: null } }),
            _ => (Verdict.NotProven, null, [], false),
        };
        if (verdict == Verdict.Proven && (worst != Verdict.Proven || ended is not null))
            return new(What, Verdict.Failed, $"It says Proven, and its own checks say {(ended is null ? worst.ToString() : ended)}.");
        if (production && !asks.Any(a => a.Outcome == nameof(AskOutcome.Approved)))
            return new(What, Verdict.Failed, "Production was replaced, and no approval is in the evidence.");
        return new(What, Verdict.Proven, $"The run ended {verdict}, and nothing in it says otherwise.");
    }

    private static Check Logged(EvidenceDocument document, AuditReport? log)
    {
        const string What = "audit log";
        if (log is null)
            return new(What, Verdict.NotProven, "The audit log could not be read here: whether it knows this evidence is not checked.");
        var entry = log.Links.FirstOrDefault(l => l.Link.Entry.Kind == AuditKinds.Evidence && l.Link.Entry.RunId == document.RunId);
        if (entry is null)
            return new(What, Verdict.NotProven, "The audit log has no entry of this evidence: it could not be written then, or its end was cut off.");
        if (entry.Link.Entry.Facts.GetValueOrDefault("sha256") != document.Sha256)
            return new(What, Verdict.Failed, $"Link {entry.Link.Number} of the audit log names another evidence of this run.");
        var head = document switch
        {
            RunbookEvidenceDocument run => run.Stored.Audit,
            RestoreEvidenceDocument restore => restore.Stored.Audit,
            _ => null,
        };
        if (head is not null && log.Links.FirstOrDefault(l => l.Link.Number == head.Number)?.Sha256 != head.Sha256)
            return new(What, Verdict.Failed, $"The evidence names link {head.Number} of the audit log, and the log has another one there, or none.");
        return log.Verdict == Verdict.Proven
            ? new(What, Verdict.Proven, $"Link {entry.Link.Number} names exactly this evidence, and the chain is whole.")
            : new(What, log.Verdict, $"Link {entry.Link.Number} names exactly this evidence, but the chain is {log.Verdict}: luxhedge audit verify.");
    }

    private static Verdict? RunVerdict(EvidenceDocument document) => document switch
    {
        RunbookEvidenceDocument run => run.Stored.Evidence.Summary.Verdict,
        RestoreEvidenceDocument restore => restore.Stored.Evidence.Summary.Verdict,
        _ => null,
    };

    private static IEnumerable<string> SignersOf(EvidenceDocument document) => document switch
    {
        RunbookEvidenceDocument { Stored.Evidence: var e } => Signers(e.Request.RequestedBy, e.Asks.SelectMany(a => a.Decisions)),
        RestoreEvidenceDocument { Stored.Evidence: var e } => Signers(
            e.Request.RequestedBy, e.Asks.SelectMany(a => a.Decisions).Concat(e.Request.Approved?.Decisions ?? [])),
        _ => [],
    };

    private static IEnumerable<string> Signers(SignedRequest? request, IEnumerable<Decision> decisions) =>
        [.. request is null ? [] : new[] { request.Via?.Signer ?? request.Person }, .. decisions.Select(d => d.Signer)];
}

/// <summary>What <c>drill verify --json</c> shows.</summary>
/// <param name="Verdict">Of the evidence: whether it is what it says.</param>
/// <param name="RunVerdict">What the run came to, by the evidence; null: it could not be read.</param>
public sealed record EvidenceVerdict(
    string RunId, Verdict Verdict, Verdict? RunVerdict, IReadOnlyList<Check> Checks, IReadOnlyList<AskFinding> Asks);
