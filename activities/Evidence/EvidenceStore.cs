using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// A run's signed evidence, <c>runs/{runId}/evidence.json</c>, in every store of the asset that answers. Write-once: a second attempt finds what
/// the first has put, and leaves it.
/// </summary>
public sealed class EvidenceStore(Plan plan, StoreSet stores, WriterKey writer, TimeProvider time) : IEvidenceStore
{
    private const string FileName = "evidence.json";

    public async Task<IReadOnlyList<string>> KeepAsync(RestoreEvidence evidence, CancellationToken cancellation)
    {
        if (!plan.Assets.TryGetValue(evidence.Request.Asset, out var asset))
            throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{evidence.Request.Asset}'.", evidence.Request.Asset);
        var name = ObjectNames.Evidence(evidence.Request.RunId, FileName);
        // Handed keys are wrapped, and still are no evidence of anything.
        var stored = new StoredRestoreEvidence(
            StoredRestoreEvidence.FormatName, "restore", writer.Name, DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds()),
            evidence.State.Steps.Any(s => s.Step == "cut over" && s.State == StepStates.Done),
            evidence with { Request = evidence.Request with { Keys = null } });
        var bytes = SignedDocument.Write(stored, writer);
        var kept = new List<string>();
        var failed = new List<string>();
        foreach (var store in asset.Stores)
        {
            try
            {
                await stores[store].PutIfAbsentAsync(name, bytes, cancellation);
                SignedDocument.Read<StoredRestoreEvidence>(
                    await stores[store].ReadOldestAsync(name, cancellation), plan.Writer.PublicKeys, name,
                    e => e.Evidence.Request.RunId == evidence.Request.RunId ? null : $"is of run '{e.Evidence.Request.RunId}'");
                kept.Add($"{store}:{name}");
            }
            catch (Exception e) when (e is RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Integrity } or IOException or ObjectMissingException)
            {
                failed.Add($"{store}: {e.Message}");
            }
        }

        return kept.Count > 0 ? kept : throw new RefusalException(
            ErrorKinds.Unreachable, $"No store took the evidence: {string.Join("; ", failed)}", name, "Check the stores: luxhedge stores check.")
        { MayPass = true };
    }
}
