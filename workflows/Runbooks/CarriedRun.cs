using System.Text.Json;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Notifications;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>Everything that one execution of a run hands to the next (continue-as-new): the new one goes the same way again past what is
/// done.</summary>
/// <param name="SeenUpdates">Ids of the Updates that were answered, with the answer: one that is sent again counts once.</param>
internal sealed record CarriedRun(
    DateTimeOffset StartedAt,
    RunbookSite Site,
    IReadOnlyList<StepEntry> Steps,
    ApprovalDeskState Asks,
    IReadOnlyList<Intervention> Interventions,
    IReadOnlyList<Waited> Pauses,
    Intervention? Paused,
    IReadOnlyList<SeenUpdate> SeenUpdates,
    IReadOnlyList<string> Notes,
    MessageReference? Message)
{
    // Not LuxJson: times that were signed keep every digit.
    public static CarriedRun? Of(RunbookRequest request) => request.Carried?.Deserialize<CarriedRun>();

    public JsonElement ToJson() => JsonSerializer.SerializeToElement(this);
}

internal sealed record SeenUpdate(string Id, DecisionAnswer Answer);
