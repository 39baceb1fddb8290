using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Evidence;

/// <summary>Reads evidence from the stores, with a reader's rights.</summary>
public sealed class EvidenceReader(Plan plan, StoreSet stores)
{
    private const string Runs = "runs/";
    private static readonly string Suffix = $"/{EvidenceStore.FileName}";

    /// <summary>The evidence of a run, or of the newest run of a drill or incident of that name, from the first store that has it whole.
    /// Refuses (<c>usage</c>) where there is none, naming what could not be read.</summary>
    public async Task<(byte[] Bytes, EvidenceDocument Document, string Store)> FindAsync(string runOrName, CancellationToken cancellation)
    {
        var unread = new List<string>();
        foreach (var store in plan.Stores.Keys)
        {
            try
            {
                var run = await NewestAsync(store, runOrName, cancellation);
                if (run is null)
                    continue;
                var name = ObjectNames.Evidence(run, EvidenceStore.FileName);
                var bytes = await stores[store].ReadOldestAsync(name, cancellation);
                var document = EvidenceDocument.Read(bytes, plan.Writer.PublicKeys, name);
                if (document.RunId != run)
                    throw new RefusalException(ErrorKinds.Integrity, $"The object {name} in {store} is of run '{document.RunId}'.", name);
                return (bytes, document, store);
            }
            catch (ObjectMissingException)
            {
                // Not in this store.
            }
            catch (Exception e) when (e is RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Plan or ErrorKinds.Integrity } or IOException)
            {
                unread.Add($"{store}: {e.Message}");
            }
        }

        throw new RefusalException(
            unread.Count > 0 ? ErrorKinds.Unreachable : ErrorKinds.Usage,
            $"There is no evidence of '{runOrName}' in the stores{(unread.Count > 0 ? $" that could be read ({string.Join("; ", unread)})" : "")}.",
            runOrName, "luxhedge runs list shows the runs; a run writes its evidence at its end.");
    }

    /// <summary>Every evidence in a store: its bytes' hash, and what it names. What is not signed by a writer is null.</summary>
    public async IAsyncEnumerable<(string Name, string Sha256, EvidenceDocument? Document)> AllAsync(
        string store, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var stored in stores[store].ListAsync(Runs, cancellation))
        {
            if (!stored.Name.EndsWith(Suffix, StringComparison.Ordinal))
                continue;
            var bytes = await stores[store].ReadOldestAsync(stored.Name, cancellation);
            EvidenceDocument? document = null;
            try
            {
                document = EvidenceDocument.Read(bytes, plan.Writer.PublicKeys, stored.Name);
            }
            catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
            {
                // Told by who asked.
            }

            yield return (stored.Name, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)), document);
        }
    }

    private async Task<string?> NewestAsync(string store, string runOrName, CancellationToken cancellation)
    {
        string? newest = null;
        await foreach (var stored in stores[store].ListAsync(Runs, cancellation))
        {
            if (!stored.Name.EndsWith(Suffix, StringComparison.Ordinal))
                continue;
            var run = stored.Name[Runs.Length..^Suffix.Length];
            if (run == runOrName)
                return run;
            // Run ids begin with their time.
            if (IsOf(run, runOrName) && string.CompareOrdinal(run, newest) > 0)
                newest = run;
        }

        return newest;
    }

    private static bool IsOf(string run, string name) =>
        run.Contains($"-drill-{name}-", StringComparison.Ordinal) || run.Contains($"-incident-{name}-", StringComparison.Ordinal);
}
