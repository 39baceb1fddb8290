using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// Stands before every write to production. What a workflow's input says decides nothing here: people, keys and policies are those of the
/// worker's own plan, and the hash is the caller's own, of what it is about to do.
/// </summary>
public static class LastDoor
{
    /// <summary>A run that was approved yesterday and lay idle meets another production than the approvers saw.</summary>
    public static readonly TimeSpan DecisionLifetime = TimeSpan.FromHours(24);

    /// <summary>The approvals that open the door: one a person, as many as the policy's quorum or more.</summary>
    /// <exception cref="RefusalException"><c>not-approved</c>: says what is missing, and in its problems why each decision did not
    /// count.</exception>
    public static IReadOnlyList<Decision> Check(DoorQuestion question)
    {
        var plan = question.Plan;
        if (!plan.Policies.TryGetValue(question.Policy, out var policy))
        {
            throw Shut(question, $"this worker's plan has no policy '{question.Policy}'", []);
        }

        var subject = question.Subject;
        var unsigned = RequestSigner.ProblemOf(
            plan, question.RequestedBy, subject.Namespace, subject.RunId, question.WorkflowId, question.RequestHash);
        if (unsigned is not null)
        {
            throw Shut(question, unsigned, []);
        }

        var requester = question.RequestedBy!.Person;
        var problems = new List<Problem>();
        var approvals = new Dictionary<string, Decision>(StringComparer.Ordinal);
        var denials = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var decision in question.Decisions)
        {
            if (ProblemOf(plan, policy, requester, subject, decision, question.Now) is { } problem)
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

        if (denials.Count >= Math.Max(1, policy.DenyThreshold))
        {
            throw Shut(question, $"denied by {string.Join(", ", denials)}", problems);
        }

        // Who has denied does not count for it as well, in whichever order the two came.
        foreach (var person in denials)
        {
            approvals.Remove(person);
        }

        var quorum = Math.Max(1, policy.Quorum);
        if (approvals.Count >= quorum)
        {
            return [.. approvals.Values];
        }

        var missing = $"the policy wants {quorum} of {string.Join(", ", policy.By.Where(p => p != requester))}, " +
                      (approvals.Count == 0 ? "nobody has approved" : $"only {string.Join(", ", approvals.Keys)} approved");
        throw Shut(
            question,
            problems.Count == 0 ? missing : $"{missing}. {string.Join(" ", problems.Select(p => p.Message))}".TrimEnd('.'),
            problems);
    }

    /// <summary>Why a decision does not count under a policy, or null: whose it is, and of when.</summary>
    internal static string? ProblemOf(
        Plan plan, PolicyPlan policy, string requester, DecisionSubject subject, Decision decision, DateTimeOffset now)
    {
        if (DecisionSigner.ProblemOf(plan, subject, decision) is { } unsigned)
        {
            return unsigned;
        }

        if (!policy.By.Contains(decision.Person, StringComparer.Ordinal))
        {
            return $"the policy '{policy.Name}' does not name '{decision.Person}'";
        }

        // The requester may well deny: that only stops what he began.
        if (decision.Person == requester && decision.Kind == DecisionKind.Approved)
        {
            return $"'{requester}' asked for it, and can't approve it";
        }

        if (decision.At > now + Times.ClockTolerance)
        {
            return $"it is dated {decision.At:u}, which is yet to come";
        }

        return decision.At < now - DecisionLifetime
            ? $"it is of {decision.At:u}, and after {DecisionLifetime.TotalHours:0} hours it has to be asked again"
            : null;
    }

    private static RefusalException Shut(DoorQuestion question, string why, IReadOnlyList<Problem> problems) =>
        new(new ErrorReport(
            ErrorKinds.NotApproved,
            $"Not approved ({question.Policy}): {why}.",
            question.Subject.RunId,
            "Nothing was changed. Start it again and have it approved (luxhedge runs approve RUN) by somebody else than who asks.",
            problems));
}

/// <summary>All that the last door judges by.</summary>
/// <param name="Plan">This worker's own.</param>
/// <param name="Policy">Name in that plan: of the production target that is about to be written, by that plan too.</param>
/// <param name="WorkflowId">Of the restore, by its own target: <c>WorkflowIds.Restore</c>.</param>
/// <param name="RequestHash"><see cref="RequestSigner.HashOf"/> of the request at hand.</param>
/// <param name="Subject">Namespace (this worker's), run, step and nonce, with the hash that the caller computed itself.</param>
public sealed record DoorQuestion(
    Plan Plan,
    string Policy,
    SignedRequest? RequestedBy,
    string WorkflowId,
    string RequestHash,
    DecisionSubject Subject,
    IReadOnlyList<Decision> Decisions,
    DateTimeOffset Now);
