using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Workflows.Approvals;

/// <summary>What a workflow wants to ask. The worker makes the <see cref="Ask"/> of it by its own plan.</summary>
/// <param name="Step">The step that asks: flat id, as in <see cref="RunbookStepResult.Id"/>.</param>
/// <param name="RequestedBy">The person who started the run; empty: a schedule did. The last door goes by the signed request.</param>
/// <param name="Title">One sentence: what is asked.</param>
public sealed record AskRequest(string RunId, string Step, string RequestedBy, string Title, IReadOnlyList<Shown> Shows)
{
    /// <summary>The plan's policy that the last door will judge the decisions by. What a step says beside it can only be stricter.</summary>
    public string? Production { get; init; }

    /// <summary>The step's own words: its policy and fields. Null with <see cref="Manual"/> null: <see cref="Production"/> alone.</summary>
    public ApproveStep? Approve { get; init; }

    public ManualStep? Manual { get; init; }

    /// <summary>Of which run of which runbook it is a step; null: of none.</summary>
    public RunbookClaim? Runbook { get; init; }

    /// <summary>The restore that is asked for, as its preflight found it; null: no restore.</summary>
    public RestoreSubject? Restore { get; init; }

    /// <summary>The export that is asked for; null: no export.</summary>
    public ExportSubject? Export { get; init; }

    /// <summary>Asks for a restore over production by the policy that preflight named.</summary>
    public static AskRequest Of(string step, RestoreRequest request, RestorePlan plan) => new(
        request.RunId, step, request.RequestedBy?.Person ?? "", $"Restore {request.Asset} into {plan.Database} on {plan.Host}", plan.Shows)
    {
        Production = plan.Approval?.Name,
        Restore = RestoreSubject.Of(request, plan),
        Runbook = request.Claim,
    };

    /// <summary>Asks by an approve step. <paramref name="preflight"/> is of the step that it stands for, if that is a restore.</summary>
    public static AskRequest Of(
        RunbookRequest run, string step, ApproveStep approve, string title, IReadOnlyList<Shown> shows,
        (RestoreRequest Request, RestorePlan Plan)? preflight = null) => new(
        run.RunId, step, run.RequestedBy?.Person ?? "", title, [.. preflight is { } p ? p.Plan.Shows : [], .. shows])
        {
            Approve = approve,
            Runbook = RunbookClaim.Of(run),
            Production = preflight?.Plan.Approval?.Name,
            Restore = preflight is { } found ? RestoreSubject.Of(found.Request, found.Plan) : null,
        };

    /// <summary>Asks people to do something and confirm it. <paramref name="manual"/>'s texts are resolved already.</summary>
    public static AskRequest Of(RunbookRequest run, string step, ManualStep manual, IReadOnlyList<Shown> shows) => new(
        run.RunId, step, run.RequestedBy?.Person ?? "", manual.Confirm, [new("do", manual.Do), new("confirm", manual.Confirm), .. shows])
    {
        Manual = manual,
        Runbook = RunbookClaim.Of(run),
    };
}
