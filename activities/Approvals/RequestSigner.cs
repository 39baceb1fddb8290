using System.Text.Json;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// Who starts a restore, a drill or an incident signs the request: that person is known, and can't approve it. Reaching Temporal is not enough to start one, or to
/// blame it on another.
/// </summary>
public static class RequestSigner
{
    private const string Domain = "luxhedge-request/1";
    private const string CommandDomain = "luxhedge-command-request/1";
    private const string RestoreDomain = "luxhedge-restore-request/1";
    private const string RunbookDomain = "luxhedge-runbook-request/1";

    /// <param name="workflowId">The workflow that is started: the lock of its target.</param>
    /// <param name="requestHash">Of what is requested: <see cref="HashOf"/>.</param>
    public static SignedRequest Sign(PersonKey key, string ns, string runId, string workflowId, string requestHash, DateTimeOffset at)
    {
        var request = new SignedRequest(ns, runId, key.Person, Times.ToMilliseconds(at), requestHash, Signature: "");
        return request with { Signature = key.Sign(SignedBytes(request, workflowId)) };
    }

    /// <summary>Signs a restore request as its <see cref="RestoreRequest.RequestedBy"/>; whatever stood there is replaced.</summary>
    public static RestoreRequest Sign(PersonKey key, string ns, RestoreRequest request, DateTimeOffset at) => request with
    {
        RequestedBy = Sign(key, ns, request.RunId, Workflows.WorkflowIds.Restore(request.Target), HashOf(request), at),
    };

    /// <summary>Signs the request of a runbook as its <see cref="RunbookRequest.RequestedBy"/>; whatever stood there is replaced.</summary>
    public static RunbookRequest Sign(PersonKey key, string ns, RunbookRequest request, DateTimeOffset at)
    {
        var whole = request with { DefinitionSha256 = HashOf(request.Definition) };
        var claim = RunbookClaim.Of(whole);
        return whole with { RequestedBy = Sign(key, ns, request.RunId, claim.WorkflowId(), HashOf(claim), at) };
    }

    /// <summary>Signs the request of a drill for a person's command in Slack, whose signature and person the endpoint has checked.</summary>
    /// <param name="person">The plan's id of the person with that Slack id.</param>
    public static RunbookRequest SignForCommand(
        EndpointKey key, string person, string user, string team, string channel, string ns, RunbookRequest request, DateTimeOffset at)
    {
        var whole = request with { DefinitionSha256 = HashOf(request.Definition) };
        var claim = RunbookClaim.Of(whole);
        var by = new SignedRequest(ns, request.RunId, person, Times.ToMilliseconds(at), HashOf(claim), Signature: "")
        {
            Via = new(key.Name, user, team, channel),
        };
        return whole with { RequestedBy = by with { Signature = key.Sign(SignedBytes(by, claim.WorkflowId())) } };
    }

    /// <summary>Of everything that a definition says, as it travels: its file's hash alone would let other steps run under its name.</summary>
    public static string HashOf(RunbookDefinition definition) =>
        CanonicalJson.Sha256(JsonSerializer.SerializeToElement(definition, LuxJson.Options));

    /// <summary>Hash of what a person wants of a runbook: name, SHA-256 of the file and of the definition, asset, mode, inputs, declared-at
    /// (docs/format.md).</summary>
    public static string HashOf(RunbookClaim claim) => new Fields()
        .Text(RunbookDomain)
        .Text(claim.Name)
        .Text(claim.Sha256)
        .Text(claim.DefinitionSha256)
        .Text(claim.Asset)
        .Text(Mode(claim.Mode))
        .Text(CanonicalJson.Sha256(claim.Inputs))
        .Time(claim.DeclaredAt)
        .Sha256();

    internal static string Mode(RunMode mode) => mode == RunMode.Real ? "real" : "drill";

    /// <summary>
    /// Hash of what a person wants: asset, backup, to, collections, into, store, drop, noSafetyBackup, and users where they are wanted (docs/format.md). Handed keys are not
    /// part of it: they change no outcome, and a wrong one opens nothing.
    /// </summary>
    public static string HashOf(RestoreRequest request)
    {
        var fields = new Fields()
        .Text(RestoreDomain)
        .Text(request.Asset)
        .Text(request.Backup)
        .Text(request.To?.ToString())
        .Names(request.Collections)
        .Text(request.Into)
        .Text(request.Store)
        .Flag(request.Drop)
        .Flag(request.NoSafetyBackup);
        return (request.Users ? fields.Text(RestoreAsk.Users) : fields).Sha256();
    }

    /// <summary>Why this is no request of a person of the plan for this run, workflow and hash, or null.</summary>
    /// <param name="drill">What is started can write nowhere but to a drill's own database: an endpoint may have signed for a command.</param>
    public static string? ProblemOf(
        Plan plan, SignedRequest? request, string ns, string runId, string workflowId, string requestHash, bool drill = false)
    {
        if (request is null)
        {
            return "nobody signed the request";
        }

        if (request.Namespace != ns || request.RunId != runId)
        {
            return "the request was signed for another run";
        }

        if (request.RequestHash != requestHash)
        {
            return "the request was signed for something else than what is asked now";
        }

        if (!plan.People.TryGetValue(request.Person, out var person))
        {
            return $"the request names '{request.Person}', who is not in the plan";
        }

        if (request.Via is not null && !drill)
        {
            return $"the request was signed by '{request.Via.Signer}' for a command in Slack, not with the own key of '{request.Person}'";
        }

        var why = request.Via is { } via
            ? DecisionSigner.VerifiesForSlack(plan, person, via.Signer, via.User, via.Team, request.Signature, () => SignedBytes(request, workflowId))
            : DecisionSigner.Verifies(person, request.At, request.Signature, () => SignedBytes(request, workflowId));
        return why is null ? null : $"the request does not verify: {why}";
    }

    /// <summary>The same for a restore: one that a person asked for by itself, or one that a runbook's run came to.</summary>
    public static string? ProblemOf(Plan plan, RestoreRequest request) => ProblemOf(plan, request, request.Target);

    private static string? ProblemOf(Plan plan, RestoreRequest request, string target)
    {
        var scope = Scope(request, target);
        return ProblemOf(
            plan, request.RequestedBy, plan.Temporal.Namespace, scope.RunId, scope.WorkflowId, scope.Hash,
            drill: request is { Drill: true, Claim.Mode: RunMode.Drill });
    }

    /// <summary>What the request of a restore must have been signed for: that restore, or the run of the runbook that it is a step of. Its id
    /// begins with that run's then, and what it may do is what people approve of it.</summary>
    /// <param name="target">The restore's lock, as the worker's own plan says it.</param>
    public static RequestScope Scope(RestoreRequest request, string target)
    {
        if (request.Claim is not { } claim)
        {
            return new(request.RunId, Workflows.WorkflowIds.Restore(target), HashOf(request));
        }

        var run = request.RequestedBy?.RunId ?? "";
        return new(RunIds.IsOf(request.RunId, run) ? run : request.RunId, claim.WorkflowId(), HashOf(claim));
    }

    /// <summary>The same for a runbook as it travels: definition, inputs, mode, and all.</summary>
    public static string? ProblemOf(Plan plan, RunbookRequest request) =>
        request.DefinitionSha256 != HashOf(request.Definition)
            ? "the request was signed for other steps than those that would run"
            : ProblemOf(plan, request.RequestedBy, RunbookClaim.Of(request), request.RunId);

    private static string? ProblemOf(Plan plan, SignedRequest? request, RunbookClaim claim, string runId) =>
        ProblemOf(plan, request, plan.Temporal.Namespace, runId, claim.WorkflowId(), HashOf(claim), drill: claim.Mode == RunMode.Drill);

    internal static byte[] SignedBytes(SignedRequest request, string workflowId)
    {
        var fields = new Fields()
            .Text(request.Via is null ? Domain : CommandDomain)
            .Text(request.Namespace)
            .Text(request.RunId)
            .Text(workflowId)
            .Text(request.RequestHash)
            .Text(request.Person)
            .Time(request.At);
        return (request.Via is { } via ? fields.Text(via.Signer).Text(via.User).Text(via.Team).Text(via.Channel) : fields).ToArray();
    }
}
