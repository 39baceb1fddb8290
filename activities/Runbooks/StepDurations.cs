using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>How long each step of a runbook took in its last runs, by the signed evidence in the stores.</summary>
/// <param name="ByStep">By the step's flat id, newest first; only runs in which it was done count.</param>
/// <param name="Unknown">Stores that could not be read, and why.</param>
public sealed record StepDurations(IReadOnlyDictionary<string, IReadOnlyList<TimeSpan>> ByStep, IReadOnlyList<string> Unknown)
{
    /// <summary>What was long ago says little of today.</summary>
    public const int MostRuns = 5;

    /// <summary>A store that is lost must not hold up the recovery from its loss.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private const string Runs = "runs/";
    private static readonly string Suffix = $"/{EvidenceStore.FileName}";

    public static StepDurations None { get; } = new(new Dictionary<string, IReadOnlyList<TimeSpan>>(), []);

    /// <summary>Never throws for a store: what can't be read, or not within <see cref="Patience"/>, is unknown.</summary>
    /// <param name="name">The drill's or the runbook's, as the run ids have it.</param>
    /// <param name="runbook">Only runs of this runbook count: a drill of the plan may have had another before.</param>
    public static async Task<StepDurations> ReadAsync(Plan plan, StoreSet stores, string name, string runbook, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        var found = new SortedDictionary<string, string>(Comparer<string>.Create((a, b) => string.CompareOrdinal(b, a)));
        var unknown = new List<string>();
        foreach (var store in plan.Stores.Values.Where(s => s.Kind is "s3" or "directory").Select(s => s.Name))
        {
            await TryAsync(store, unknown, async () =>
            {
                await foreach (var stored in stores[store].ListAsync(Runs, limit.Token))
                {
                    if (stored.Name.EndsWith(Suffix, StringComparison.Ordinal) && IsOf(stored.Name, name, runbook))
                        found.TryAdd(stored.Name, store);
                }
            }, cancellation);
        }

        var durations = new Dictionary<string, List<TimeSpan>>(StringComparer.Ordinal);
        foreach (var (evidence, store) in found.Take(MostRuns))
        {
            await TryAsync(store, unknown, async () =>
            {
                var document = EvidenceDocument.Read(await stores[store].ReadOldestAsync(evidence, limit.Token), plan.Writer.PublicKeys, evidence);
                if (document is not RunbookEvidenceDocument { Stored.Evidence: { } run } || run.Request.Definition.Runbook != runbook)
                    return;
                foreach (var step in run.Summary.Steps.Where(s => s.State == "done"))
                    (durations.TryGetValue(step.Id, out var taken) ? taken : durations[step.Id] = []).Add(step.EndedAt - step.StartedAt);
            }, cancellation);
        }

        return new(durations.ToDictionary(d => d.Key, d => (IReadOnlyList<TimeSpan>)d.Value, StringComparer.Ordinal), unknown);
    }

    private static bool IsOf(string path, string name, string runbook) =>
        new[] { name, runbook }.Any(n =>
            path.Contains($"-drill-{n}-", StringComparison.Ordinal) || path.Contains($"-incident-{n}-", StringComparison.Ordinal));

    private static async Task TryAsync(string store, List<string> unknown, Func<Task> work, CancellationToken cancellation)
    {
        try
        {
            await work();
        }
        catch (ObjectMissingException)
        {
            // Gone since it was listed.
        }
        catch (Exception e) when (e is RefusalException or IOException or UnauthorizedAccessException)
        {
            unknown.Add($"{store}: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            unknown.Add($"{store}: no answer within {Durations.Write(Patience)}");
        }
    }
}
