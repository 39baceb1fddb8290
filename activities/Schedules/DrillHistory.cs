using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Schedules;

/// <summary>The drills that the stores hold evidence of.</summary>
/// <param name="Runs">By the drill's name, newest first.</param>
/// <param name="Unknown">Stores that could not be read, and why; evidence that is not what a writer of the plan wrote.</param>
public sealed record DrillEvidence(IReadOnlyDictionary<string, IReadOnlyList<DoneRun>> Runs, IReadOnlyList<string> Unknown);

/// <summary>
/// When the plan's drills were done and how they ended, read from the signed evidence itself. A run's id names its drill and its time, so that
/// only the newest of each is opened.
/// </summary>
public static class DrillHistory
{
    private const string Runs = "runs/";

    /// <summary>So many NotProven ones in a row are looked through for one that counts.</summary>
    private const int MostOpened = 10;

    public static async Task<DrillEvidence> ReadAsync(Plan plan, StoreSet stores, CancellationToken cancellation)
    {
        var found = new Dictionary<string, List<(string RunId, string Store)>>(StringComparer.Ordinal);
        var unknown = new List<string>();
        foreach (var store in plan.Drills.Values.SelectMany(d => d.Assets).SelectMany(a => plan.Assets[a].Stores).Distinct().Where(IsUsable))
        {
            await TryAsync(store, async () =>
            {
                await foreach (var stored in stores[store].ListAsync(Runs, cancellation))
                {
                    if (RunIdOf(stored.Name) is { } runId && DrillOf(plan, runId) is { } drill)
                        (found.TryGetValue(drill, out var runs) ? runs : found[drill] = []).Add((runId, store));
                }
            });
        }

        var done = new Dictionary<string, IReadOnlyList<DoneRun>>(StringComparer.Ordinal);
        foreach (var (drill, runs) in found)
            done[drill] = await NewestAsync(runs);
        return new(done, unknown);

        bool IsUsable(string store) => plan.Stores[store].Kind is "s3" or "directory";

        async Task<IReadOnlyList<DoneRun>> NewestAsync(List<(string RunId, string Store)> runs)
        {
            var read = new List<DoneRun>();
            foreach (var run in runs.GroupBy(r => r.RunId).OrderByDescending(r => r.Key, StringComparer.Ordinal).Take(MostOpened))
            {
                DoneRun? one = null;
                foreach (var (runId, store) in run)
                {
                    await TryAsync(store, async () => one = await OpenAsync(runId, store));
                    if (one is not null)
                        break;
                }

                if (one is not null)
                    read.Add(one);
                if (one?.Verdict is Verdict.Proven or Verdict.Failed)
                    break;
            }

            return read;
        }

        async Task<DoneRun?> OpenAsync(string runId, string store)
        {
            var name = ObjectNames.Evidence(runId, EvidenceStore.FileName);
            var document = EvidenceDocument.Read(await stores[store].ReadOldestAsync(name, cancellation), plan.Writer.PublicKeys, name);
            return document is RunbookEvidenceDocument { Stored.Evidence: { Request.Mode: RunMode.Drill } evidence } && document.RunId == runId
                ? new(runId, TimeOf(runId)!.Value, evidence.Summary.Verdict)
                : null;
        }

        async Task TryAsync(string store, Func<Task> work)
        {
            try
            {
                await work();
            }
            catch (ObjectMissingException)
            {
                // Deleted since it was listed.
            }
            catch (Exception e) when (e is IOException or RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Plan or ErrorKinds.Integrity })
            {
                unknown.Add($"{store}: {e.Message}");
            }
        }
    }

    /// <summary>When the run with this id began; null for what is no run's id.</summary>
    public static DateTimeOffset? TimeOf(string runId) => runId.Length > 16 && DateTimeOffset.TryParseExact(
        runId[..16], "yyyyMMdd'T'HHmmss'Z'", System.Globalization.CultureInfo.InvariantCulture,
        System.Globalization.DateTimeStyles.AssumeUniversal | System.Globalization.DateTimeStyles.AdjustToUniversal, out var time)
        ? time
        : null;

    /// <summary>The drill of the plan that the run's id names; null: another kind of run, or no drill of the plan.</summary>
    public static string? DrillOf(Plan plan, string runId) =>
        plan.Drills.Keys.FirstOrDefault(d => runId.Length == 16 + "-drill-".Length + d.Length + 5 && runId.AsSpan(16).StartsWith($"-drill-{d}-", StringComparison.Ordinal));

    private static string? RunIdOf(string name) =>
        name.StartsWith(Runs, StringComparison.Ordinal) && name.EndsWith($"/{EvidenceStore.FileName}", StringComparison.Ordinal)
            ? name[Runs.Length..^(EvidenceStore.FileName.Length + 1)]
            : null;
}
