using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// Which databases beside production earlier restores have made from nothing: those may be dropped over without an approval. Their signed
/// evidence in the stores says so; a database that only looks like one does not count.
/// </summary>
internal sealed class MadeDatabases(Plan plan, StoreSet stores)
{
    /// <summary>The newest runs that are looked at; a database made longer ago wants an approval.</summary>
    private const int MostRuns = 500;

    public async Task<bool> IsMadeAsync(RestorePlace place, string host, CancellationToken cancellation)
    {
        foreach (var name in place.Asset.Stores)
        {
            try
            {
                var runs = new List<string>();
                await foreach (var stored in stores[name].ListAsync("runs/", cancellation))
                {
                    if (stored.Name.EndsWith("/evidence.json", StringComparison.Ordinal) && stored.Name.Contains($"-restore-{place.Asset.Name}-", StringComparison.Ordinal))
                        runs.Add(stored.Name);
                }

                foreach (var run in runs.OrderDescending(StringComparer.Ordinal).Take(MostRuns))
                {
                    if (await TellsAsync(stores[name], run, place, host, cancellation))
                        return true;
                }
            }
            catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Unreachable)
            {
                // Another store may tell; none that tells is production.
            }
        }

        return false;
    }

    private async Task<bool> TellsAsync(IObjectStore store, string name, RestorePlace place, string host, CancellationToken cancellation)
    {
        try
        {
            var evidence = SignedDocument.Read<StoredRestoreEvidence>(await store.ReadOldestAsync(name, cancellation), plan.Writer.PublicKeys, name);
            return evidence.Value is { Replaced: true, Evidence.Plan: { Production: false, Dropped.Count: 0, Left.Count: 0 } made }
                && made.Host == host && made.Database == place.Database;
        }
        catch (Exception e) when (e is ObjectMissingException || (e is RefusalException r && r.Report.Kind == ErrorKinds.Integrity))
        {
            return false;
        }
    }
}

/// <summary>What <c>runs/{runId}/evidence.json</c> holds, signed (docs/restore.md).</summary>
/// <param name="Replaced">The cut-over was done: the target holds what was restored.</param>
public sealed record StoredRestoreEvidence(string Format, string Kind, string Writer, DateTimeOffset WrittenAt, bool Replaced, RestoreEvidence Evidence) : ISignedContent
{
    public const string FormatName = "luxhedge-evidence/1";

    public EvidenceOrigin? Origin { get; init; }

    /// <summary>The keys and policies that its decisions are verified with.</summary>
    public TrustSnapshot? Trust { get; init; }

    /// <summary>Head of the audit log just before this was written; null: it could not be reached.</summary>
    public AuditHead? Audit { get; init; }
}

/// <summary>Keeps a run's evidence; answers the stores and names where.</summary>
public interface IEvidenceStore
{
    /// <summary>Doing it again finds what is there and leaves it.</summary>
    Task<IReadOnlyList<string>> KeepAsync(RestoreEvidence evidence, CancellationToken cancellation);
}
