using System.Security.Cryptography;
using System.Text;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Serilog;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// A run's signed evidence, <c>runs/{runId}/evidence.json</c>, and the report made of it, <c>evidence.html</c>, in every store of the asset that
/// answers. Write-once: whoever comes again, after a lost answer too, finds what is there and goes on with that. The run's decisions are appended
/// to the audit log before, the hashes of both files after.
/// </summary>
public sealed class EvidenceStore(Plan plan, StoreSet stores, WriterKey writer, AuditLog audit, TimeProvider time, ILogger log) : IEvidenceStore
{
    public const string FileName = "evidence.json";
    public const string ReportName = "evidence.html";

    public async Task<IReadOnlyList<string>> KeepAsync(RestoreEvidence evidence, CancellationToken cancellation)
    {
        // Handed keys are wrapped, and still are no evidence of anything.
        var kept = await KeepAsync(
            evidence.Request.RunId, evidence.Request.Asset, RunAuditEntries.Of(evidence, Now),
            head => SignedDocument.Write(
                new StoredRestoreEvidence(
                    StoredRestoreEvidence.FormatName, "restore", writer.Name, Now,
                    evidence.State.Steps.Any(s => s.Step == "cut over" && s.State == StepStates.Done),
                    evidence with { Request = evidence.Request with { Keys = null } })
                {
                    Origin = EvidenceOrigin.Here(plan),
                    Trust = TrustSnapshot.Of(plan),
                    Audit = head,
                }, writer),
            cancellation);
        return [.. kept.Objects.Select(k => $"{k.Store}:{k.Object}")];
    }

    public Task<KeptEvidence> KeepAsync(RunbookEvidence evidence, CancellationToken cancellation) => KeepAsync(
        evidence.Request.RunId, evidence.Request.Asset, RunAuditEntries.Of(evidence, Now),
        head => SignedDocument.Write(
            new StoredRunEvidence(
                StoredRunEvidence.FormatName, StoredRunEvidence.RunbookKind, writer.Name, Now, EvidenceOrigin.Here(plan), TrustSnapshot.Of(plan), head,
                evidence with { Request = evidence.Request with { Keys = null, Carried = null } }), writer),
        cancellation);

    private DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());

    private async Task<KeptEvidence> KeepAsync(
        string runId, string assetName, IReadOnlyList<AuditEntry> acts, Func<AuditHead?, byte[]> sign, CancellationToken cancellation)
    {
        if (!plan.Assets.TryGetValue(assetName, out var asset))
            throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{assetName}'.", assetName);
        var (head, trouble) = await LogAsync(acts, cancellation);
        var name = ObjectNames.Evidence(runId, FileName);
        // Signed once: a put whose answer is lost has put this very document, and the next store gets it too.
        var document = await FindAsync(asset, name, runId, cancellation) ?? sign(head);
        var kept = new List<EvidenceObject>();
        var failed = new List<string>();
        foreach (var store in asset.Stores)
        {
            try
            {
                await stores[store].PutIfAbsentAsync(name, document, cancellation);
                var stored = await stores[store].ReadOldestAsync(name, cancellation);
                Check(stored, name, runId);
                // Another attempt, given up and alive, was quicker: its document is the run's.
                if (kept.Count == 0)
                    document = stored;
                kept.Add(new(store, name, Hash(stored)));
            }
            catch (Exception e) when (IsStores(e))
            {
                failed.Add($"{store}: {e.Message}");
                log.Warning("Evidence of {RunId} could not be kept in {Store}: {Why}", runId, store, e.Message);
            }
        }

        if (kept.Count == 0)
        {
            throw new RefusalException(
                ErrorKinds.Unreachable, $"No store took the evidence: {string.Join("; ", failed)}", name, "Check the stores: luxhedge stores check.")
            { MayPass = true };
        }

        var report = await KeepReportAsync(runId, document, [.. kept.Select(k => k.Store)], cancellation);
        var written = await LogAsync([AuditEntries.Evidence(runId, Now, name, Hash(document), report.Count > 0 ? report[0].Sha256 : null)], cancellation);
        return new([.. kept, .. report], trouble ?? written.Trouble);
    }

    /// <summary>The report is made of the stored document and nothing else: the same bytes whoever makes it.</summary>
    private async Task<IReadOnlyList<EvidenceObject>> KeepReportAsync(
        string runId, byte[] document, IReadOnlyList<string> into, CancellationToken cancellation)
    {
        var kept = new List<EvidenceObject>();
        var name = ObjectNames.Evidence(runId, ReportName);
        var html = Encoding.UTF8.GetBytes(EvidenceHtml.Write(document));
        foreach (var store in into)
        {
            try
            {
                await stores[store].PutIfAbsentAsync(name, html, cancellation);
                kept.Add(new(store, name, Hash(await stores[store].ReadOldestAsync(name, cancellation))));
            }
            catch (Exception e) when (IsStores(e))
            {
                log.Warning("The report of {RunId} could not be kept in {Store}: {Why}", runId, store, e.Message);
            }
        }

        return kept;
    }

    /// <summary>What an earlier attempt has put in any store: there is one evidence of a run, and not one for each attempt.</summary>
    private async Task<byte[]?> FindAsync(AssetPlan asset, string name, string runId, CancellationToken cancellation)
    {
        foreach (var store in asset.Stores)
        {
            try
            {
                var stored = await stores[store].ReadOldestAsync(name, cancellation);
                Check(stored, name, runId);
                return stored;
            }
            catch (Exception e) when (IsStores(e))
            {
                // Not there, or not to be had: the put tells.
            }
        }

        return null;
    }

    private void Check(byte[] stored, string name, string runId)
    {
        var read = EvidenceDocument.Read(stored, plan.Writer.PublicKeys, name);
        if (read.RunId != runId)
            throw new RefusalException(ErrorKinds.Integrity, $"The object {name} is of run '{read.RunId}'.", name);
    }

    /// <summary>An audit log that can't be written fails no run: the log of the worker says so, and <c>audit verify</c> finds what is
    /// missing.</summary>
    private async Task<(AuditHead? Head, string? Trouble)> LogAsync(IReadOnlyList<AuditEntry> entries, CancellationToken cancellation)
    {
        try
        {
            return ((await audit.AppendAsync(entries, cancellation)).Head, null);
        }
        catch (Exception e) when (IsStores(e))
        {
            log.Error("The audit log could not be written: {Why}", e.Message);
            return (null, e.Message);
        }
    }

    private static bool IsStores(Exception e) =>
        e is RefusalException { Report.Kind: ErrorKinds.Unreachable or ErrorKinds.Integrity or ErrorKinds.Plan } or IOException;

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
