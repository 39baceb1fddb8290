using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// Stands before every write to production. What a workflow's input says decides nothing here: people, keys and policies are those of the
/// worker's own plan, the hash is the caller's own, of what it is about to do, and the times are those of an ask that a worker signed.
/// </summary>
public static class LastDoor
{
    /// <summary>A run that was approved yesterday and lay idle meets another production than the approvers saw.</summary>
    public static readonly TimeSpan DecisionLifetime = Decisions.Lifetime;

    /// <summary>The approvals that open the door: one a person, as many as the policy's quorum or more; or those of its break-glass.</summary>
    /// <exception cref="RefusalException"><c>not-approved</c>: says what is missing, and in its problems why each decision did not
    /// count.</exception>
    public static IReadOnlyList<Decision> Check(DoorQuestion question)
    {
        var plan = question.Plan;
        if (!plan.Policies.TryGetValue(question.Policy, out var policy))
        {
            throw Shut(question, $"this worker's plan has no policy '{question.Policy}'", []);
        }

        var scope = question.Request;
        var unsigned = RequestSigner.ProblemOf(
            plan, question.RequestedBy, plan.Temporal.Namespace, scope.RunId, scope.WorkflowId, scope.Hash);
        if (unsigned is not null)
        {
            throw Shut(question, unsigned, []);
        }

        if (question.Ask is not { } ask)
        {
            throw Shut(question, "nobody has approved, since nobody was asked", []);
        }

        if (ProblemOf(question, ask) is { } other)
        {
            throw Shut(question, other, []);
        }

        var requester = question.RequestedBy!.Person;
        var subject = DecisionSubject.Of(ask);
        var incident = question.Incident && ask.BreakGlass is not null;
        var rules = ApprovalRules.Of(plan, policy, ask.AskedAt, incident).Within(ApprovalRules.Of(ask));
        var problems = new List<Problem>();
        var approvals = new Dictionary<string, Decision>(StringComparer.Ordinal);
        var denials = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var decision in question.Decisions)
        {
            if (rules.ProblemOf(plan, ask, requester, subject, decision, question.Now) is { } problem)
            {
                problems.Add(new Problem($"The decision of '{decision.Person}' does not count: {problem}.", decision.Person));
            }
            else if (decision.Kind == DecisionKind.Denied)
            {
                denials.Add(decision.Person);
            }
            else
            {
                approvals[decision.Person] = decision;
            }
        }

        if (denials.Count >= rules.Deny)
        {
            throw Shut(question, $"denied by {string.Join(", ", denials)}", problems);
        }

        // Who has denied does not count for it as well, in whichever order the two came.
        foreach (var person in denials)
        {
            approvals.Remove(person);
        }

        // Break-glass counts for break-glass only: it is another question than the policy's.
        List<Decision> glass = [.. approvals.Values.Where(d => d.BreakGlass)];
        List<Decision> full = [.. approvals.Values.Where(d => !d.BreakGlass)];
        if (full.Count >= rules.Quorum || (incident && glass.Count >= rules.GlassQuorum))
        {
            return [.. approvals.Values];
        }

        var missing = $"the policy wants {rules.Quorum} of {string.Join(", ", rules.From.Keys.Where(p => p != requester))}, " +
                      (full.Count == 0 ? "nobody has approved" : $"only {string.Join(", ", full.Select(d => d.Person))} approved");
        throw Shut(
            question,
            problems.Count == 0 ? missing : $"{missing}. {string.Join(" ", problems.Select(p => p.Message))}".TrimEnd('.'),
            problems);
    }

    /// <summary>Why this ask is not the one that opens this door, or null.</summary>
    private static string? ProblemOf(DoorQuestion question, Ask ask) =>
        AskSigner.ProblemOf(question.Plan, ask) is { } forged ? forged
        : ask.Namespace != question.Plan.Temporal.Namespace || !question.Runs.Contains(ask.RunId, StringComparer.Ordinal) ? "what was approved is of another run"
        : ask.Kind != AskKinds.Approval ? "what was confirmed is no approval"
        : ask.Hash != question.Hash ? "what would be done is not what was asked"
        : null;

    private static RefusalException Shut(DoorQuestion question, string why, IReadOnlyList<Problem> problems) =>
        new(new ErrorReport(
            ErrorKinds.NotApproved,
            $"Not approved ({question.Policy}): {why}.",
            question.Runs.Count > 0 ? question.Runs[0] : null,
            "Nothing was changed. Start it again and have it approved (luxhedge runs approve RUN) by somebody else than who asks.",
            problems));
}

/// <summary>All that the last door judges by.</summary>
/// <param name="Plan">This worker's own.</param>
/// <param name="Policy">Name in that plan: of the production target that is about to be written, by that plan too.</param>
/// <param name="Request">What <paramref name="RequestedBy"/> must have been signed for.</param>
/// <param name="Runs">Whose ask may open it: the writing run's own, and the one's that it is a step of.</param>
/// <param name="Hash">Of what is about to be done, as the caller computed it itself.</param>
public sealed record DoorQuestion(
    Plan Plan,
    string Policy,
    SignedRequest? RequestedBy,
    RequestScope Request,
    IReadOnlyList<string> Runs,
    Ask? Ask,
    string Hash,
    IReadOnlyList<Decision> Decisions,
    DateTimeOffset Now)
{
    /// <summary>The request that was signed is of a runbook in real mode: only then is there a glass to break.</summary>
    public bool Incident { get; init; }
}

/// <summary>What a request was signed for.</summary>
/// <param name="Hash"><see cref="RequestSigner.HashOf(Workflows.Restore.RestoreRequest)"/> or that of a runbook.</param>
public sealed record RequestScope(string RunId, string WorkflowId, string Hash);
