using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Atlas;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Workflow;

/// <summary>What the fake world looks like unless a test says otherwise.</summary>
internal static class Answers
{
    public static readonly DateTimeOffset Moment = new(2026, 11, 23, 10, 15, 0, TimeSpan.Zero);

    public static RestorePlan ProductionPlan(RestoreRequest request) => new(
        request.Backup ?? "20261123T020000Z-luxhedge_production-7f3a", FakeActivities.Manifest, ["s3", "nas"], "db1:27017",
            "luxhedge_production", true,
        FakeActivities.End, Moment, ["users"], ["users"], ["old"], 2, 200, 2_000, null, "hash", new("restore-production",
            ["alice", "bob", "carol"], 1, 1, TimeSpan.FromMinutes(15)),
        [new("target", "db1:27017/luxhedge_production")], [], TimeSpan.FromHours(2), TimeSpan.FromHours(1));

    public static RestorePlan PointPlan(RestoreRequest request)
    {
        var plan = ProductionPlan(request);
        return plan with { Point = new(plan.To with { Seconds = plan.To.Seconds - 60 }, 2, 5_000, null, []) };
    }

    public static RestorePlan ScratchPlan(RestoreRequest request) => ProductionPlan(request) with
    {
        Database = request.Into!,
        Production = false,
        Dropped = [],
        Approval = null,
        AskHash = "",
        SafetySkipped = "the target is empty",
    };

    public static AtlasSnapshot Snapshot(string status) => new("5f4863944e173000014fa8bf", status, "onDemand",
        status == AtlasStatus.Queued ? null : Moment, Moment.AddDays(7), "luxhedge run-s before the migration", null);

    public static AtlasRestoreJob Job() => new("5f4863944e173000014fa8c0", null, false, false, false);

    /// <summary>As a worker makes it whose plan lets alice, bob and carol decide, the requester apart.</summary>
    public static Ask AskOf(AskRequest request)
    {
        var now = Times();
        return new(
            request.Step, Guid.NewGuid().ToString("N"), "hash", "restore-production",
            request.Manual is { } manual ? manual.By : [.. People.Where(p => p != request.RequestedBy)],
            request.RequestedBy, request.Approve?.Quorum ?? 1, request.Approve?.Deny ?? 1, now,
            now + (request.Approve?.Expires ?? request.Manual?.Expires ?? TimeSpan.FromMinutes(15)), request.Shows, "default", request.RunId)
        {
            Kind = request.Manual is null ? AskKinds.Approval : AskKinds.Manual,
            Title = request.Title,
            Restore = request.Restore,
            Tiers = [.. (request.Approve?.Escalate ?? []).Select(t => new AskTier(now + t.After, t.To, [t.To]))],
            Reminders = [.. (request.Approve?.Reminders ?? []).Select(r => now + r)],
        };
    }

    private static readonly string[] People = ["alice", "bob", "carol"];

    private static DateTimeOffset Times() => new(Temporalio.Activities.ActivityExecutionContext.Current.Info.CurrentAttemptScheduledTime, TimeSpan.Zero);

    /// <summary>As the real judge does, with a signature that is good when it says so.</summary>
    public static DecisionAnswer JudgeByPolicy(Ask ask, Decision decision) =>
        decision.Signature != "good" ? new(false, "The signature is not that person's.")
        : decision.Person == ask.RequestedBy && ask.Kind == AskKinds.Approval ? new(false, "Who asks can't approve.")
        : decision.Nonce != ask.Nonce ? new(false, "It answers another ask.")
        : !ask.Approvers.Concat(ask.Tiers.SelectMany(t => t.People)).Contains(decision.Person) ? new(false, "Not of the policy.")
        : new(true, "");
}
