using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Export;
using LuxHedge.Workflows.Runs;
using Serilog;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>Backups become dumps (<see cref="BackupExport"/>), behind a last door of their own.</summary>
public sealed class ExportActivities(Plan plan, StoreSet stores, KeyRing keys, WriterKey writer, TimeProvider time, ILogger log) : IExportActivities
{
    private readonly ILogger _log = log.ForContext<ExportActivities>();
    private readonly BackupCatalog _catalog = new(plan, stores, time);
    private readonly RestoreBackups _backups = new(plan, stores, keys);

    public async Task<ExportPlan> BeginExportAsync(ExportRequest request)
    {
        var cancellation = Beat.Cancellation;
        var asset = AssetOf(request.Asset);
        var policy = asset.Encrypted ? plan.ExportApproval : null;
        if (policy is not null && RequestProblem(request) is { } problem)
        {
            throw new RefusalException(
                ErrorKinds.NotApproved, $"An export of {asset.Name} is not begun: {problem}.", request.RunId, "Start it with luxhedge backups export.");
        }

        if (request.Store is { } pinned && !asset.Stores.Contains(pinned, StringComparer.Ordinal))
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"The asset {asset.Name} has no store '{pinned}'.", "--store", $"It has: {string.Join(", ", asset.Stores)}.");
        }

        var found = (await _catalog.LookAsync(asset.Name, request.BackupId, cancellation)).Find(request.BackupId)
            ?? throw new RefusalException(
                ErrorKinds.Usage, $"No store that answers has a complete backup '{request.BackupId}'.", request.BackupId, "luxhedge backups list");
        List<string> from = [.. found.Copies.Select(c => c.Store).Where(s => request.Store is null || s == request.Store)];
        if (from.Count == 0)
        {
            throw new RefusalException(ErrorKinds.Usage, $"Store '{request.Store}' has no copy of {request.BackupId}.", "--store");
        }

        using (DumpPlace.Of(request.Path, request.Archive, request.RunId))
        {
            // Only asked whether it could be made.
        }

        var subject = new ExportSubject(
            asset.Name, request.BackupId, found.ManifestSha256, Environment.MachineName, request.Path, request.Archive, request.Gzip);
        return new ExportPlan(
            subject, from, policy, found.Manifest.Documents, found.Manifest.RawBytes,
            [
                new("backup", request.BackupId),
                new("of", $"{found.Manifest.ConsistentAt:u}"),
                new("holds", $"{found.Manifest.Documents} documents of {asset.Name}, unencrypted once exported"),
                new("to", $"{request.Path} on {subject.Machine}"),
                new("asked by", request.RequestedBy?.Person ?? "nobody who signed"),
            ]);
    }

    public async Task<ExportWritten> ExportAsync(ExportWork work)
    {
        var cancellation = Beat.Cancellation;
        var (request, asset) = (work.Request, AssetOf(work.Request.Asset));
        var subject = new ExportSubject(
            asset.Name, request.BackupId, work.Plan.Subject.ManifestSha256, work.Plan.Subject.Machine, request.Path, request.Archive, request.Gzip);
        RefuseOtherMachine(work.Plan.Subject);
        if (asset.Encrypted && plan.ExportApproval is { } policy)
        {
            LastDoor.Check(new DoorQuestion(
                plan, policy, request.RequestedBy, ExportAsk.Scope(request), [request.RunId], work.Ask, ExportAsk.Hash(subject), work.Decisions,
                time.GetUtcNow()));
        }

        using var reader = await _backups.OpenAsync(
            asset.Name, request.BackupId, subject.ManifestSha256, work.Plan.Stores, request.Keys, cancellation);
        var records = new RecordWriter(stores, writer, time);
        var manifest = new Signed<Manifest>(reader.Manifest, reader.Manifest.Writer, reader.ManifestSha256);
        await using var use = await BackupUse.BeginAsync(_catalog, records, manifest, request.RunId, "export", cancellation);
        DumpPlace.Clear(request.Path, request.Archive, request.RunId);
        var place = DumpPlace.Of(request.Path, request.Archive, request.RunId);
        await using IDumpWriter target = request.Archive ? new ArchiveDumpWriter(place, request.Gzip) : new DirectoryDumpWriter(place, request.Gzip);
        var done = await BackupExport.WriteAsync(reader, target, p => Beat.Report(p.What, p.Done, p.Total, p.Unit), cancellation);
        return new ExportWritten(place.Final, place.Aside, done.Collections, done.Documents, done.RawBytes, done.OplogEntries, done.Files)
        {
            Notes = LeftOut(reader.Index.Accounts) is { } left ? [.. done.Notes, left] : done.Notes,
        };
    }

    /// <summary>Hashed passwords are not what somebody means who asks for the data: they stay in the encrypted backup, and that is said.</summary>
    internal static string? LeftOut(AccountsDocument? accounts) => accounts is { Missing: null } there && there.Users.Count + there.Roles.Count > 0
        ? $"Users ({there.Users.Count}) and roles ({there.Roles.Count}) of the database are not in the dump, their hashed passwords stay in the backup: "
            + "luxhedge restore run --users makes them, or createUser and createRole."
        : null;

    public Task PlaceAsync(ExportRequest request, ExportPlan plan, ExportWritten written)
    {
        RefuseOtherMachine(plan.Subject);
        DumpPlace.Put(written.Aside, written.Path, written.Files);
        _log.Information("{BackupId} was exported to {Path}: {Documents} documents", request.BackupId, written.Path, written.Documents);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<string>> ClearAsync(ExportRequest request, ExportPlan plan)
    {
        RefuseOtherMachine(plan.Subject);
        return Task.FromResult(DumpPlace.Clear(request.Path, request.Archive, request.RunId));
    }

    private static void RefuseOtherMachine(ExportSubject subject)
    {
        if (subject.Machine != Environment.MachineName)
        {
            throw new RefusalException(
                ErrorKinds.NotApproved, $"What was asked for was a place on {subject.Machine}, and this worker runs on {Environment.MachineName}.",
                subject.Path, "Run one worker while you export, on the machine that shall have the data.");
        }
    }

    private string? RequestProblem(ExportRequest request)
    {
        var scope = ExportAsk.Scope(request);
        return RequestSigner.ProblemOf(plan, request.RequestedBy, plan.Temporal.Namespace, scope.RunId, scope.WorkflowId, scope.Hash);
    }

    private AssetPlan AssetOf(string name) => plan.Assets.GetValueOrDefault(name)
        ?? throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{name}'.", name);
}
