using System.Text.Json;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Benchmarks;

/// <summary>Activities that answer at once.</summary>
public sealed class NoOpActivities : IRunbookActivities, IEvidenceActivities, INotificationActivities, IAuditActivities
{
    private static readonly JsonElement Nothing = JsonSerializer.SerializeToElement(new Dictionary<string, string>());

    public static readonly RunbookSite Site =
        new("production", "localhost", "database", [], [], new Dictionary<string, IReadOnlyList<TimeSpan>>(), []);

    public Task<RunbookSite> BeginAsync(RunbookRequest request) => Task.FromResult(Site);

    public Task<ActionOutcome> RunActionAsync(string action, ActionContext context, JsonElement input) =>
        Task.FromResult(new ActionOutcome(Nothing, []));

    public Task<IReadOnlyList<string>> InventoryAsync(RunbookRequest request, RunbookSite site) => Task.FromResult<IReadOnlyList<string>>([]);

    public Task<KeptEvidence> WriteEvidenceAsync(RunbookEvidence evidence) => Task.FromResult(new KeptEvidence([]));

    public Task<MessageReference?> ShowAskAsync(AskNotice notice) => Task.FromResult<MessageReference?>(null);

    public Task<MessageReference?> ShowRunAsync(RunNotice notice) => Task.FromResult<MessageReference?>(null);

    public Task AlertAsync(Alert alert) => Task.CompletedTask;

    public Task<string> AppendAsync(AuditEntry entry) => Task.FromResult("");
}
