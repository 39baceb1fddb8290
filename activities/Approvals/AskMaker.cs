using System.Security.Cryptography;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Approvals;

/// <summary>Makes the ask of what a workflow wants to ask, by the worker's own plan: people, times, and the hash of exactly what is asked.</summary>
internal static class AskMaker
{
    /// <exception cref="RefusalException">Kind <c>plan</c>: nobody could decide it; <c>usage</c>: nothing is asked.</exception>
    public static Ask Make(Plan plan, AskRequest request, DateTimeOffset at)
    {
        var now = Times.ToMilliseconds(at);
        var terms = Terms(plan, request, now);
        var manual = request.Manual is not null;
        var requester = manual ? "" : request.RequestedBy;
        var name = PolicyName(request);
        terms.CheckReachable(plan, name.Length > 0 ? $"policies.{name}" : request.Step, requester);

        var until = now + terms.Expires;
        var people = terms.People.Where(p => p.Key != requester).ToList();
        var real = request.Runbook?.Mode == RunMode.Real;
        var shows = request.Restore is { } restore ? WithWhatIsRestored(request.Shows, restore) : request.Shows;
        var kind = manual ? AskKinds.Manual : AskKinds.Approval;
        return new Ask(
            request.Step,
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
            HashOf(request, kind, shows),
            name,
            [.. people.Where(p => p.Value.After == TimeSpan.Zero).Select(p => p.Key)],
            request.RequestedBy,
            Math.Max(1, terms.Quorum),
            Math.Max(1, terms.Deny),
            now,
            until,
            shows,
            plan.Temporal.Namespace,
            request.RunId)
        {
            Kind = kind,
            Title = request.Title,
            By = terms.By,
            OwnKey = terms.OwnKey,
            Tiers =
            [
                .. people.Where(p => p.Value.After > TimeSpan.Zero && p.Value.After < terms.Expires).GroupBy(p => p.Value.After).OrderBy(g => g.Key)
                    .Select(g => new AskTier(
                        now + g.Key, string.Join(", ", g.Select(p => p.Value.To).Distinct(StringComparer.Ordinal)), [.. g.Select(p => p.Key)])),
            ],
            Reminders = [.. terms.Reminders.Where(r => r < terms.Expires).Order().Select(r => now + r)],
            BreakGlass = real && terms.BreakGlass is { } glass
                ? new AskBreakGlass([.. glass.By.Where(p => p != requester)], Math.Max(1, glass.Quorum), glass.Alert)
                : null,
            OutOfHours = terms.OutOfHours,
            Restore = IsOfRestore(request) ? request.Restore : null,
        };
    }

    private static ApprovalTerms Terms(Plan plan, AskRequest request, DateTimeOffset at)
    {
        if (request.Manual is { } manual)
        {
            return ApprovalTerms.Of(plan, request.Step, manual);
        }

        var own = request.Approve is { } approve ? ApprovalTerms.Of(plan, request.Step, Named(approve, request.Production), at) : null;
        if (request.Production is not { } production)
        {
            return own ?? throw new RefusalException(
                ErrorKinds.Plan, $"Nobody can approve '{request.Step}': the plan names no policy for it.", request.Step,
                "Name one: in the step, or under production.approval of what is overwritten.");
        }

        var policy = ApprovalTerms.Of(plan, ApprovalTerms.Policy(plan, production), at);
        return own?.Within(policy) ?? policy;
    }

    /// <summary>A step that says nothing of who decides leaves it to the policy of what it opens.</summary>
    private static ApproveStep Named(ApproveStep approve, string? production) =>
        approve is { Policy: null, By.Count: 0 } ? approve with { Policy = production } : approve;

    /// <summary>The policy that decisions are judged by beside the ask's own people; empty where the step's words alone say who.</summary>
    private static string PolicyName(AskRequest request) =>
        request.Production ?? (request.Approve is { By.Count: 0, Escalate.Count: 0, Policy: { } name } ? name : "");

    /// <summary>Only over production does a restore itself open a door; in a drill people agree to a step like any other.</summary>
    private static bool IsOfRestore(AskRequest request) => request.Restore is not null && request.Production is not null;

    private static string HashOf(AskRequest request, string kind, IReadOnlyList<Shown> shows) =>
        IsOfRestore(request) ? RestoreAsk.Hash(request.Restore!)
        : request.Export is { } export ? ExportAsk.Hash(export)
        : request.Runbook is { } run ? RunbookAsk.Hash(run, request.Step, kind, request.Title, shows)
        : throw new RefusalException(ErrorKinds.Usage, $"The step '{request.Step}' asks for nothing: neither a restore nor a step of a runbook.", request.Step);

    /// <summary>What the hash is over is what people see, whatever the workflow would have shown.</summary>
    private static List<Shown> WithWhatIsRestored(IReadOnlyList<Shown> shows, RestoreSubject restore)
    {
        (string Label, string[] Holds, string Else)[] lines =
        [
            ("into", [restore.Database, restore.Host], $"{restore.Database} on {restore.Host}"),
            ("backup", [restore.BackupId], restore.BackupId),
            ("replaces", [.. restore.Dropped], restore.Dropped.Count == 0 ? "nothing" : string.Join(", ", restore.Dropped)),
        ];
        var seen = shows.ToList();
        foreach (var (label, holds, otherwise) in lines)
        {
            if (!seen.Exists(s => s.Label == label && Array.TrueForAll(holds, h => s.Value.Contains(h, StringComparison.Ordinal))))
            {
                seen.RemoveAll(s => s.Label == label);
                seen.Add(new(label, otherwise));
            }
        }

        return seen;
    }
}
