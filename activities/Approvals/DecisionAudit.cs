using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// Verifies asks and decisions later, from the evidence and the plan's public keys alone: no server, no private key, no clock. It can't know
/// which decisions were left out; the run's history and the audit log can.
/// </summary>
public static class DecisionAudit
{
    /// <summary>Every ask of a runbook's run, and that who started it signed what was run.</summary>
    public static IReadOnlyList<AskFinding> Check(Plan plan, RunbookEvidence evidence)
    {
        var run = evidence.Request;
        var unsigned = run.RequestedBy is null && run.Mode == RunMode.Drill ? null : RequestSigner.ProblemOf(plan, run);
        return [.. evidence.Asks.Select(a => Check(plan, a, run.RequestedBy?.Person ?? "", RunbookClaim.Of(run), unsigned))];
    }

    /// <summary>Every ask of a restore: its own, and the one it was approved by before it began.</summary>
    public static IReadOnlyList<AskFinding> Check(Plan plan, RestoreEvidence evidence)
    {
        var request = evidence.Request;
        var unsigned = RequestSigner.ProblemOf(plan, request);
        var before = request.Approved is { } approved
            ? new[] { new AskRecord(approved.Ask, nameof(AskOutcome.Approved), approved.Decisions, null) }
            : [];
        return [.. before.Concat(evidence.Asks).Select(a => Check(plan, a, request.RequestedBy?.Person ?? "", request.Claim, unsigned))];
    }

    /// <param name="requester">Who signed the run's request: never one of its approvers. Empty: a schedule started it.</param>
    /// <param name="run">What the hash of an ask that is no restore is over; null: not known here, and then not compared.</param>
    /// <param name="unsigned">Why nobody signed the request, or null.</param>
    public static AskFinding Check(Plan plan, AskRecord record, string requester, RunbookClaim? run = null, string? unsigned = null)
    {
        var ask = record.Ask;
        var problems = new List<string>();
        Add(AskSigner.ProblemOf(plan, ask));
        Add(unsigned);
        Add(ask.RequestedBy == requester ? null : $"it was asked in the name of '{ask.RequestedBy}', and the run was started by '{requester}'");
        var hash = ask.Restore is { } restore ? RestoreAsk.Hash(restore)
            : run is not null ? RunbookAsk.Hash(run, ask.Step, ask.Kind, ask.Title, ask.Shows)
            : ask.Hash;
        Add(hash == ask.Hash ? null : "its hash is not that of what was shown");

        var rules = ApprovalRules.Of(ask);
        var findings = new List<DecisionFinding>();
        var counted = new List<Decision>();
        foreach (var decision in record.Decisions)
        {
            // The moment itself is the clock: what counts is who might decide then.
            var problem = counted.Exists(c => c.Person == decision.Person)
                ? $"'{decision.Person}' has decided already"
                : rules.ProblemOf(plan, ask, requester, DecisionSubject.Of(ask), decision, now: decision.At);
            findings.Add(new(decision.Person, decision.Kind, decision.At, decision.Signer, decision.BreakGlass, problem));
            if (problem is null)
            {
                counted.Add(decision);
            }
        }

        var comes = DecisionBook.OutcomeOf(ask, counted);
        var said = record.Outcome is nameof(AskOutcome.Approved) or nameof(AskOutcome.Denied);
        Add((said && comes.ToString() != record.Outcome) || (!said && comes != AskOutcome.Open)
            ? $"it ended as {record.Outcome}, and its decisions come to {comes}"
            : null);
        return new(ask.Step, ask.Nonce, record.Outcome, findings, problems);

        void Add(string? problem)
        {
            if (problem is not null)
            {
                problems.Add(problem);
            }
        }
    }
}

/// <summary>What an audit of one ask found.</summary>
/// <param name="Problems">Of the ask itself; those of its decisions are with them.</param>
public sealed record AskFinding(
    string Step, string Nonce, string Outcome, IReadOnlyList<DecisionFinding> Decisions, IReadOnlyList<string> Problems)
{
    public bool Verified => Problems.Count == 0 && Decisions.All(d => d.Problem is null);
}

/// <param name="Signer">The person's own key, or the endpoint that vouches for a click.</param>
/// <param name="Problem">Why it does not verify, or null.</param>
public sealed record DecisionFinding(string Person, DecisionKind Kind, DateTimeOffset At, string Signer, bool BreakGlass, string? Problem);
