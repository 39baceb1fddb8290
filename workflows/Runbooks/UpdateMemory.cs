using LuxHedge.Workflows.Approvals;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// Temporal takes an Update of one id once, but within one execution only. A run that goes on in a new one remembers what it has answered: an
/// Update that is sent again, since its answer was lost, gets the same answer.
/// </summary>
internal sealed class UpdateMemory(IReadOnlyList<SeenUpdate> carried)
{
    private readonly List<SeenUpdate> seen = [.. carried];

    public IReadOnlyList<SeenUpdate> Seen => seen;

    /// <summary>Updates that were answered in this execution.</summary>
    public int Answered { get; private set; }

    public Task<DecisionAnswer> OnceAsync(Func<DecisionAnswer> handle) => OnceAsync(() => Task.FromResult(handle()));

    public async Task<DecisionAnswer> OnceAsync(Func<Task<DecisionAnswer>> handle)
    {
        var id = Workflow.CurrentUpdateInfo?.Id ?? "";
        if (seen.Find(s => s.Id == id) is { } earlier)
            return earlier.Answer;
        var answer = await handle();
        if (seen.Count >= RunbookLimits.SeenUpdates)
            seen.RemoveAt(0);
        seen.Add(new(id, answer));
        Answered++;
        return answer;
    }
}
