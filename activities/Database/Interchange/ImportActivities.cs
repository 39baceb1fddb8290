using System.Text.Json;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using Serilog;

namespace LuxHedge.Activities.Database.Interchange;

/// <summary>Dumps become backups: see <see cref="DumpSource"/> for what is read, <see cref="DumpImport"/> for how.</summary>
public sealed class ImportActivities(
    Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, WriterKey writer, TimeProvider time, ILogger log) : IImportActivities
{
    /// <summary>Clocks of other machines may be so far ahead.</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    private readonly ILogger _log = log.ForContext<ImportActivities>();

    public async Task<ImportStart> BeginImportAsync(DatabaseBackupRequest request)
    {
        var cancellation = Beat.Cancellation;
        var asset = AssetOf(request.Asset);
        var wanted = request.Import ?? throw new RefusalException(ErrorKinds.Usage, "The request names no dump.", request.Asset);
        var dump = await OpenAsync(wanted, cancellation);
        var database = DatabaseOf(dump, asset, wanted.Path);
        var now = time.GetUtcNow();
        var created = wanted.Created ?? dump.Created ?? throw new RefusalException(
            ErrorKinds.Usage, $"Nothing says when {wanted.Path} was made.", "--created", "Say it: --created 2025-01-01T02:00:00Z");
        if (created > now + ClockTolerance || created.Year < 2000)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"The dump would be of {created:u}, and now it is {now:u}.", "--created", "Say when it was made with --created TIME.");
        }

        await stores[asset.Stores[0]].ProbeAsync(cancellation);
        return new ImportStart(
            new BackupStart(asset.Stores[0], [.. asset.Stores.Skip(1)], asset.Database!, 1), dump.Kind, database, created);
    }

    public async Task<ImportResult> ImportAsync(ImportWork work)
    {
        var cancellation = Beat.Cancellation;
        var backup = work.Backup;
        var asset = AssetOf(backup.Asset);
        using var scope = new BackupScope(
            backup, asset, stores[backup.Store], clusters.Of(asset),
            await keys.CreateOrAdoptAsync(backup.Store, backup.Asset, backup.KeyId, KeyRing.DatabaseBackup, cancellation));
        // An attempt before this one may have sealed it, and lost its answer.
        if ((await BackupReader.ReadManifestIfThereAsync(
            scope.Store, backup.Asset, backup.BackupId, plan.Writer.PublicKeys, cancellation))?.Value is { } there)
        {
            var marks = new SealWork(
                backup, new StartMark(there.StartMark, there.StartMark), new EndMark(there.EndMark, there.ConsistentAt), Redumped: false);
            return new ImportResult(await CreateSealer(scope, marks, there.Source, null).RunAsync(cancellation), NotesOf(work, []));
        }

        var dump = await OpenAsync(work.Source, cancellation);
        ImportedDump read;
        try
        {
            await using var import = new DumpImport(scope, dump, work.Start.Database, Report);
            read = await import.RunAsync(work.Start.Created, cancellation);
        }
        catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
        {
            await LeaveNothingAsync(scope, CancellationToken.None);
            throw;
        }

        var ranges = new RangesDocument(
            RangesDocument.FormatName, backup.BackupId, backup.Database, dump.ServerVersion ?? "", read.Collections, read.Ranges,
            [[.. read.Ranges.Select(r => r.Number)]]);
        var planned = await scope.PutOrAdoptAsync(ObjectNames.Ranges(backup.Asset, backup.BackupId), ranges, cancellation);
        if (JsonSerializer.Serialize(planned, LuxJson.Options) != JsonSerializer.Serialize(ranges, LuxJson.Options))
        {
            throw new RefusalException(
                ErrorKinds.Backup, $"{work.Source.Path} is not what it was when an earlier attempt of this run read it: its collections are others now.",
                work.Source.Path, "Import it again when nothing writes to it.");
        }

        var consistentAt = read.Start == read.End ? work.Start.Created : read.End.ToTime();
        var seal = new SealWork(backup, new StartMark(read.Start, read.Start), new EndMark(read.End, consistentAt), Redumped: false);
        var description = new ImportDescription(
            dump.Kind, Path.GetFileName(Path.TrimEndingDirectorySeparator(work.Source.Path)), dump.ServerVersion, time.GetUtcNow());
        var sealer = CreateSealer(
            scope, seal, new SourceDescription("(imported)", work.Start.Database, ""),
            (new WitnessDocument(read.Witnesses, time.GetUtcNow()), description, read.Attempt));
        var result = await sealer.RunAsync(cancellation);
        _log.Information("{Dump} became {BackupId}: {Documents} documents", work.Source.Path, backup.BackupId, result.Documents);
        return new ImportResult(result, NotesOf(work, read.Notes));
    }

    private static Task<DumpSource> OpenAsync(ImportSource source, CancellationToken cancellation) =>
        DumpSource.OpenAsync(source.Path, source.UnpacksTo ?? Unpacking.StandardBytes, cancellation);

    private static IReadOnlyList<string> NotesOf(ImportWork work, IEnumerable<string> read) =>
        [$"Made from a {work.Start.Kind} of {work.Start.Database}, of {work.Start.Created:u}.", .. read];

    private Sealer CreateSealer(
        BackupScope scope, SealWork work, SourceDescription source, (WitnessDocument, ImportDescription, string)? imported) => new(
        scope, work, writer, plan.Writer.PublicKeys, time, Report,
        duringRestore: _ => Task.FromResult(false),
        previous: _ => Task.FromResult<Manifest?>(null),
        source: () => source)
        {
            Imported = imported,
        };

    private static string DatabaseOf(DumpSource dump, AssetPlan asset, string path)
    {
        var databases = dump.Databases;
        return databases.Contains(asset.Database!, StringComparer.Ordinal) ? asset.Database!
            : databases is [var only] ? only
            // A folder of files without a database's name is the database that is asked for.
            : databases.Count == 0 && dump is FileDumpSource ? ""
            : throw DumpSource.Refused(
                path, databases.Count == 0 ? "it holds no database but the server's own"
                    : $"it holds {string.Join(", ", databases)}, and not '{asset.Database}'");
    }

    /// <summary>A refused dump leaves no object behind but the backup's key, which opens nothing.</summary>
    private async Task LeaveNothingAsync(BackupScope scope, CancellationToken cancellation)
    {
        try
        {
            await scope.Store.SweepUnfinishedAsync(ObjectNames.Backup(scope.Backup.Asset, scope.Backup.BackupId), cancellation);
            var names = new List<string>();
            await foreach (var item in scope.Store.ListAsync(ObjectNames.Packs(scope.Backup.Asset, scope.Backup.BackupId), cancellation))
            {
                names.Add(item.Name);
            }

            foreach (var name in names)
            {
                await scope.Store.DeleteAsync(name, cancellation);
            }
        }
        catch (Exception e) when (e is RefusalException or IOException)
        {
            _log.Warning(e, "Packs of the refused dump could not be removed: {BackupId}", scope.Backup.BackupId);
        }
    }

    private AssetPlan AssetOf(string name) =>
        plan.Assets.GetValueOrDefault(name) is { Kind: "database", Cluster: not null, Database: not null, Stores.Count: > 0 } asset
            ? asset
            : throw new RefusalException(ErrorKinds.Usage, $"The plan has no database asset '{name}'.", name);

    private static void Report(Progress progress) => Beat.Report(progress.What, progress.Done, progress.Total, progress.Unit);
}
