using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Approvals;

/// <summary>
/// Who starts a restore signs the request: that person is known, and can't approve it. Reaching Temporal is not enough to start one, or to
/// blame it on another.
/// </summary>
public static class RequestSigner
{
    private const string Domain = "luxhedge-request/1";
    private const string RestoreDomain = "luxhedge-restore-request/1";

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

    /// <summary>
    /// Hash of what a person wants: asset, backup, to, collections, into, store, drop, noSafetyBackup (docs/format.md). Handed keys are not
    /// part of it: they change no outcome, and a wrong one opens nothing.
    /// </summary>
    public static string HashOf(RestoreRequest request) => new Fields()
        .Text(RestoreDomain)
        .Text(request.Asset)
        .Text(request.Backup)
        .Time(request.To)
        .Names(request.Collections)
        .Text(request.Into)
        .Text(request.Store)
        .Flag(request.Drop)
        .Flag(request.NoSafetyBackup)
        .Sha256();

    /// <summary>Why this is no request of a person of the plan for this run, workflow and hash, or null.</summary>
    public static string? ProblemOf(Plan plan, SignedRequest? request, string ns, string runId, string workflowId, string requestHash)
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

        return DecisionSigner.Verifies(person, request.At, request.Signature, () => SignedBytes(request, workflowId)) is { } why
            ? $"the request does not verify: {why}"
            : null;
    }

    /// <summary>The same for a restore as it was requested.</summary>
    public static string? ProblemOf(Plan plan, RestoreRequest request) => ProblemOf(
        plan, request.RequestedBy, plan.Temporal.Namespace, request.RunId, Workflows.WorkflowIds.Restore(request.Target), HashOf(request));

    internal static byte[] SignedBytes(SignedRequest request, string workflowId) => new Fields()
        .Text(Domain)
        .Text(request.Namespace)
        .Text(request.RunId)
        .Text(workflowId)
        .Text(request.RequestHash)
        .Text(request.Person)
        .Time(request.At)
        .ToArray();
}
