using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Activities.Approvals;

/// <summary>What a decision is about. A decision about anything else, in any of these, is not about this.</summary>
/// <param name="Nonce">The ask's: random, so that no decision fits a second ask.</param>
/// <param name="Hash">Lower-case hex SHA-256 of what is asked.</param>
public sealed record DecisionSubject(string Namespace, string RunId, string Step, string Nonce, string Hash)
{
    public static DecisionSubject Of(Ask ask) => new(ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash);
}

/// <summary>Signs decisions on the person's machine, and checks them at the worker's.</summary>
public static class DecisionSigner
{
    private const string Domain = "luxhedge-decision/1";

    /// <param name="breakGlass">By the policy's break-glass, in an incident: it needs a reason.</param>
    public static Decision Sign(PersonKey key, Ask ask, DecisionKind kind, string reason, DateTimeOffset at, bool breakGlass = false) =>
        Sign(key, DecisionSubject.Of(ask), kind, reason, at, breakGlass);

    public static Decision Sign(
        PersonKey key, DecisionSubject subject, DecisionKind kind, string reason, DateTimeOffset at, bool breakGlass = false)
    {
        var decision = new Decision(
            subject.Namespace, subject.RunId, subject.Step, subject.Nonce, subject.Hash, kind, key.Person, reason, Times.ToMilliseconds(at),
            Signer: key.Person, Signature: "")
        {
            BreakGlass = breakGlass,
        };
        return decision with { Signature = key.Sign(SignedBytes(decision)) };
    }

    /// <summary>For a decision made by a click, whose Slack signature and person the endpoint has checked.</summary>
    /// <param name="person">The plan's id of the person with <paramref name="via"/>'s Slack id.</param>
    public static Decision SignForClick(
        EndpointKey key, Ask ask, DecisionKind kind, string person, string reason, DecisionVia via, DateTimeOffset at)
    {
        var decision = new Decision(
            ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash, kind, person, reason, Times.ToMilliseconds(at), key.Name, Signature: "")
        {
            Via = via,
        };
        return decision with { Signature = key.Sign(SignedBytes(decision)) };
    }

    /// <summary>
    /// Why this is no decision of its person about the subject, or null: another subject, an unknown person, another's key, a signature
    /// that does not verify. Says nothing about policy and time.
    /// </summary>
    /// <param name="ownKey">Only the person's own key will do; else the plan's endpoint may have signed for a click.</param>
    public static string? ProblemOf(Plan plan, DecisionSubject subject, Decision decision, bool ownKey = true)
    {
        var about = decision.Namespace != subject.Namespace ? "namespace"
            : decision.RunId != subject.RunId ? "run"
            : decision.Step != subject.Step ? "step"
            : decision.Nonce != subject.Nonce ? "ask"
            : decision.Hash != subject.Hash ? "subject: what would be done is not what was decided"
            : null;
        if (about is not null)
        {
            return $"it was signed for another {about}";
        }

        if (!plan.People.TryGetValue(decision.Person, out var person))
        {
            return $"the plan has no person '{decision.Person}'";
        }

        if (!Enum.IsDefined(decision.Kind))
        {
            return "it neither approves nor denies";
        }

        return decision.Signer == decision.Person
            ? Verifies(person, decision.At, decision.Signature, () => SignedBytes(decision))
            : ProblemOfClick(plan, person, decision, ownKey);
    }

    private static string? ProblemOfClick(Plan plan, PersonPlan person, Decision decision, bool ownKey)
    {
        if (ownKey || ClickSigner(plan, decision.Signer) is null)
        {
            return $"it is signed by '{decision.Signer}', not with the own key of '{decision.Person}'";
        }

        return decision.Via is not { } via
            ? $"by the plan it is no click of '{decision.Person}'"
            : VerifiesForSlack(plan, person, decision.Signer, via.User, via.Team, decision.Signature, () => SignedBytes(decision));
    }

    /// <summary>Null, or why an endpoint of the plan did not sign this for that person's account in Slack.</summary>
    internal static string? VerifiesForSlack(
        Plan plan, PersonPlan person, string signer, string user, string team, string signature, Func<byte[]> signed)
    {
        if (ClickSigner(plan, signer) is not { } publicKey)
        {
            return $"'{signer}' is no endpoint of the plan";
        }

        if (user != person.SlackId)
        {
            return $"by the plan it is no click of '{person.Name}'";
        }

        return plan.Slack?.Team is { } ours && team != ours
            ? "the click came from another workspace"
            : Verifies(publicKey, $"'{signer}'", signature, signed);
    }

    private static string? ClickSigner(Plan plan, string name)
    {
        try
        {
            return plan.ClickSigners.GetValueOrDefault(name);
        }
        catch (RefusalException)
        {
            return null; // The file of its public half is not there: nobody could check it.
        }
    }

    /// <summary>The bytes that are signed; docs/format.md has a vector.</summary>
    internal static byte[] SignedBytes(Decision decision) => new Fields()
        .Text(Domain)
        .Text(decision.Namespace)
        .Text(decision.RunId)
        .Text(decision.Step)
        .Text(decision.Nonce)
        .Text(decision.Hash)
        .Text(decision.Kind.ToString())
        .Text(decision.Person)
        .Text(decision.Reason)
        .Time(decision.At)
        .Text(decision.Signer)
        .Flag(decision.BreakGlass)
        .Text(decision.Via?.User)
        .Text(decision.Via?.Team)
        .Text(decision.Via?.Channel)
        .Text(decision.Via?.Timestamp)
        .Text(decision.Via?.ActionTimestamp)
        .ToArray();

    /// <summary>Null, or why the signature is not that person's.</summary>
    internal static string? Verifies(PersonPlan person, DateTimeOffset at, string signature, Func<byte[]> signed)
    {
        if (person.PublicKeyAt(at) is not { } publicKey)
        {
            return person.PublicKey is null
                ? $"the plan has no public key of '{person.Name}'"
                : $"the key of '{person.Name}' expired on {person.KeyExpires:yyyy-MM-dd}";
        }

        return Verifies(publicKey, $"'{person.Name}'", signature, signed);
    }

    private static string? Verifies(string publicKey, string owner, string signature, Func<byte[]> signed)
    {
        try
        {
            using var key = EllipticSignature.PublicKey(publicKey, owner);
            return EllipticSignature.Verify(key, signed(), signature)
                ? null
                : $"its signature is not that of the key the plan has for {owner}, or it was changed";
        }
        catch (ArgumentException)
        {
            return "it holds text that is no Unicode";
        }
        catch (RefusalException e)
        {
            return e.Report.Message;
        }
    }
}

internal static class Times
{
    /// <summary>How far two machines' clocks may be apart.</summary>
    public static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    /// <summary>JSON keeps no more, and what is signed must come out of it as it went in.</summary>
    public static DateTimeOffset ToMilliseconds(DateTimeOffset time) =>
        DateTimeOffset.FromUnixTimeMilliseconds(time.ToUnixTimeMilliseconds());
}
