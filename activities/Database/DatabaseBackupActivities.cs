using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Runs;
using MongoDB.Driver;
using Serilog;
using Temporalio.Activities;
using Temporalio.Api.Enums.V1;
using Temporalio.Client;
using Temporalio.Exceptions;

namespace LuxHedge.Activities.Database;

/// <summary>The steps of a database backup (docs/format.md has what they write).</summary>
public sealed class DatabaseBackupActivities(
    Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, WriterKey writer, TimeProvider time, ILogger log) : IDatabaseBackupActivities
{
    private readonly ILogger _log = log.ForContext<DatabaseBackupActivities>();

    /// <summary>Where the oplog ends: the workflow's query, unless a test says otherwise.</summary>
    internal Func<BackupContext, CancellationToken, Task<ClusterTime?>>? OplogUntil { get; init; }

    /// <summary>The restore into an asset's production that is open, or has ended since a time: what Temporal knows, unless a test says.</summary>
    internal Func<string, DateTimeOffset?, CancellationToken, Task<string?>>? RestoreInto { get; init; }

    /// <summary>For tests: called with the number of each range that a lane has read.</summary>
    internal Func<int, Task>? RangeRead { get; init; }

    public async Task<BackupStart> BeginAsync(DatabaseBackupRequest request)
    {
        var cancellation = Beat.Cancellation;
        var asset = AssetOf(request.Asset);
        if (!request.Safety && !request.AfterRestore && await OpenRestoreAsync(asset.Name, null, cancellation) is { } restore)
        {
            throw new RefusalException(
                ErrorKinds.Locked, $"A restore into '{asset.Name}' is running ({restore}): what a backup read now might be half of two states.", restore,
                $"Wait for it (luxhedge runs watch {restore}); it starts a backup itself when it ends.");
        }

        var database = request.Database ?? asset.Database!;
        var server = await clusters.CheckAsync(asset.Cluster!, cancellation);
        if (server.IsRouter || !server.IsReplicaSet)
        {
            throw new RefusalException(
                ErrorKinds.Plan,
                server.IsRouter
                    ? $"MongoDB at {server.Hosts} is a router (mongos) of a sharded cluster: its shards have no common oplog, so a backup by it can't be consistent."
                    : $"MongoDB at {server.Hosts} is a standalone: without an oplog a backup can't be consistent.",
                $"clusters.{asset.Cluster}",
                server.IsRouter ? "Back up a sharded cluster by its provider's snapshots." : "Start it as a replica set of one member (--replSet, rs.initiate()).");
        }

        await RefuseWithoutOplogAsync(asset, server, cancellation);
        if (request.Collections is { } only)
        {
            await RefuseUnknownAsync(clusters.Of(asset).GetDatabase(database), only, cancellation);
        }

        // The first store decides at the door. Others are copied to: one that is down must not keep the backup from being taken.
        await stores[asset.Stores[0]].ProbeAsync(cancellation);
        return new BackupStart(asset.Stores[0], [.. asset.Stores.Skip(1)], database, asset.Lanes);
    }

    public Task<StartMark> MarkStartAsync(BackupContext backup) => ReachAsync(backup, async () =>
    {
        var asset = AssetOf(backup.Asset);
        using (await keys.CreateOrAdoptAsync(backup.Store, backup.Asset, backup.KeyId, KeyRing.DatabaseBackup, Beat.Cancellation))
        {
            // Stored, read back and unwrapped: what is encrypted from now on can be opened.
        }

        return await Marks.StartAsync(clusters.Of(asset), Beat.Cancellation);
    });

    public Task<RangePlan> PlanRangesAsync(BackupContext backup, StartMark start) => ReachAsync(backup, async () =>
    {
        var cancellation = Beat.Cancellation;
        using var scope = await OpenAsync(backup, cancellation);
        var name = ObjectNames.Ranges(backup.Asset, backup.BackupId);
        var ranges = await scope.ReadIfThereAsync<RangesDocument>(name, cancellation);
        if (ranges is null)
        {
            var listing = await CollectionListing.ReadAsync(
                scope.Database, backup.Collections, ListingDetail.Sizes, cancellation, n => Beat.Report("collections", n, 0, "collections"));
            var server = await clusters.CheckAsync(scope.Asset.Cluster!, cancellation);
            ranges = await scope.PutOrAdoptAsync(
                name, await CutAsync(scope, server.Version, listing.Collections, 0, start.Mark, cancellation) with { Passed = listing.Passed }, cancellation);
        }

        return new RangePlan(
            ranges.Ranges.Count, ranges.Lanes.Count, ranges.Collections.Count,
            ranges.Collections.Sum(c => c.EstimatedDocuments), ranges.Collections.Sum(c => c.EstimatedBytes));
    });

    public Task<LaneResult> DumpLaneAsync(LaneWork work) => ReachAsync(work.Backup, async () =>
    {
        var cancellation = Beat.Cancellation;
        using var scope = await OpenAsync(work.Backup, cancellation);
        var ranges = work.Round == 0
            ? await scope.ReadRangesAsync(cancellation)
            : await scope.ReadRangesAgainAsync(cancellation) ?? throw new InvalidOperationException("Round 1 was not planned.");
        var lane = new LaneDump(scope, ranges, work, LaneDump.RangesOf(ranges, work), time, Report)
        {
            RangeRead = RangeRead,
            Interrupted = (why, done) => _log.Warning(
                why, "Lane {Lane} of {BackupId} lost the server after {Ranges} ranges, and goes on with the others", work.Lane, work.Backup.BackupId, done),
        };
        var result = await lane.RunAsync(cancellation);
        _log.Information(
            "Lane {Lane} of {BackupId}: {Ranges} ranges, {Documents} documents, {RawBytes} bytes read, {StoredBytes} stored",
            work.Lane, work.Backup.BackupId, result.Ranges, result.Documents, result.RawBytes, result.StoredBytes);
        return result;
    });

    public Task<OplogTailResult> TailOplogAsync(OplogTail tail) => ReachAsync(tail.Backup, async () =>
    {
        var cancellation = Beat.Cancellation;
        using var scope = await OpenAsync(tail.Backup, cancellation);
        await using var tailer = new OplogTailer(scope, tail.Start, token => UntilAsync(tail.Backup, token), time, Report)
        {
            Interrupted = why => _log.Warning(why, "The oplog's tail of {BackupId} lost the server, and looks for it", tail.Backup.BackupId),
        };
        var result = await tailer.RunAsync(cancellation);
        _log.Information("Oplog of {BackupId}: {Entries} entries in {Parts} parts up to {Last}", tail.Backup.BackupId, result.Entries, result.Parts, result.Last);
        return result;
    });

    public Task<ChangedCollections> FindChangedAsync(BackupContext backup, IReadOnlyList<string> unreadable) => ReachAsync(backup, async () =>
    {
        var cancellation = Beat.Cancellation;
        using var scope = await OpenAsync(backup, cancellation);
        var again = await scope.ReadRangesAgainAsync(cancellation);
        if (again is null)
        {
            var ranges = await scope.ReadRangesAsync(cancellation);
            var listing = await CollectionListing.ReadAsync(scope.Database, backup.Collections, ListingDetail.Names, cancellation);
            var (changed, gone) = Compare(ranges, listing.Collections, unreadable);
            if (changed.Count == 0 && gone.Count == 0)
            {
                return new ChangedCollections([], 0);
            }

            // Only where something is to be dumped again: what it is now, whole.
            listing = await CollectionListing.ReadAsync(
                scope.Database, backup.Collections, ListingDetail.Sizes, cancellation, n => Beat.Report("collections", n, 0, "collections"));
            (changed, gone) = Compare(ranges, listing.Collections, unreadable);

            var next = ranges.Ranges.Count == 0 ? 0 : ranges.Ranges.Max(r => r.Number) + 1;
            var (_, now) = await Marks.LastWriteAsync(scope.Database.Client, cancellation); // no older than what was listed
            again = await scope.PutOrAdoptAsync(
                ObjectNames.RangesAgain(backup.Asset, backup.BackupId),
                await CutAsync(scope, ranges.ServerVersion, changed, next, now, cancellation) with { Gone = gone },
                cancellation);
        }

        var names = again.Collections.Select(c => c.Name)
            .Concat((await scope.ReadRangesAsync(cancellation)).Collections.Where(c => again.Gone!.Contains(c.Uuid ?? "")).Select(c => c.Name));
        return new ChangedCollections([.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], again.Ranges.Count);
    });

    public Task RefuseSecondChangeAsync(BackupContext backup, IReadOnlyList<string> unreadable) => ReachAsync(backup, async () =>
    {
        var cancellation = Beat.Cancellation;
        using var scope = await OpenAsync(backup, cancellation);
        if (await scope.ReadRangesAgainAsync(cancellation) is not { } again)
        {
            return false;
        }

        var listing = await CollectionListing.ReadAsync(scope.Database, backup.Collections, ListingDetail.Names, cancellation);
        var now = listing.Collections.ToDictionary(c => c.Name, c => c.Uuid, StringComparer.Ordinal);
        var second = again.Collections.Where(c => unreadable.Contains(c.Name) || now.GetValueOrDefault(c.Name) != c.Uuid).Select(c => c.Name).ToList();
        if (second.Count > 0)
        {
            throw new RefusalException(
                ErrorKinds.Backup, $"Collections were replaced, renamed or dropped twice while the backup was taken: {string.Join(", ", second)}.",
                string.Join(", ", second), "Back up when what rewrites them ($out, renameCollection, drop) does not run.");
        }

        return true;
    });

    public Task<EndMark> MarkEndAsync(BackupContext backup, ClusterTime newest) => ReachAsync(backup, async () =>
    {
        var cancellation = Beat.Cancellation;
        var asset = AssetOf(backup.Asset);
        var database = clusters.Of(asset).GetDatabase(backup.Database);

        // A safety backup leaves what it saves as it is.
        if (asset.Canary && !backup.Safety)
        {
            await Marks.WriteCanaryAsync(database, backup.BackupId, time.GetUtcNow(), cancellation);
        }

        var consistentAt = time.GetUtcNow();
        var end = ClusterTime.Max(newest, await Marks.OperationTimeAsync(database, cancellation));
        return new EndMark(await Marks.OutsideTransactionsAsync(clusters.Of(asset), end, time, cancellation), consistentAt);
    });

    public Task<SealResult> SealAsync(SealWork work) => ReachAsync(work.Backup, async () =>
    {
        var cancellation = Beat.Cancellation;
        using var scope = await OpenAsync(work.Backup, cancellation);
        var result = await new Sealer(
            scope, work, writer, plan.Writer.PublicKeys, time, Report,
            async token => await OpenRestoreAsync(work.Backup.Asset, work.Backup.CreatedAt, token) is not null,
            token => PreviousAsync(work.Backup, token),
            () => new SourceDescription(clusters.Hosts(scope.Asset.Cluster!), work.Backup.Database, "")).RunAsync(cancellation);
        foreach (var reason in result.Suspect)
        {
            _log.Warning("Backup {BackupId} is suspect: {Reason}", work.Backup.BackupId, reason);
        }

        return result;
    });

    /// <summary>What has to be dumped again, and which planned UUIDs are not there any more.</summary>
    internal static (IReadOnlyList<PlannedCollection> Changed, IReadOnlyList<string> Gone) Compare(
        RangesDocument ranges, IReadOnlyList<PlannedCollection> now, IReadOnlyList<string> unreadable)
    {
        var byName = now.Where(c => c.Uuid is not null).ToDictionary(c => c.Name, StringComparer.Ordinal);
        var byUuid = byName.Values.ToDictionary(c => c.Uuid!, StringComparer.Ordinal);
        var changed = new SortedDictionary<string, PlannedCollection>(StringComparer.Ordinal);
        var gone = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var planned in ranges.Collections.Where(c => c.Uuid is not null))
        {
            var sameName = byName.GetValueOrDefault(planned.Name);
            if (sameName?.Uuid == planned.Uuid && !unreadable.Contains(planned.Name))
            {
                continue;
            }

            // Under its name stands another one now; it stands under another name now; or it could not be read although it is there.
            if (sameName is not null)
            {
                changed[sameName.Name] = sameName;
            }

            if (byUuid.GetValueOrDefault(planned.Uuid!) is { } renamed)
            {
                changed[renamed.Name] = renamed;
            }
            else
            {
                gone.Add(planned.Uuid!);
            }
        }

        return ([.. changed.Values], [.. gone]);
    }

    private static async Task RefuseUnknownAsync(IMongoDatabase database, IReadOnlyList<string> only, CancellationToken cancellation)
    {
        using var cursor = await database.ListCollectionNamesAsync(cancellationToken: cancellation);
        var there = await cursor.ToListAsync(cancellation);
        var unknown = only.Where(n => !there.Contains(n) || CollectionListing.IsPassed(n)).ToList();
        if (unknown.Count > 0)
        {
            var names = string.Join(", ", there.Where(n => !CollectionListing.IsPassed(n)).Order(StringComparer.Ordinal).Take(30));
            throw new RefusalException(
                ErrorKinds.Usage,
                $"The database '{database.DatabaseNamespace.DatabaseName}' has no collection {string.Join(", ", unknown.Select(n => $"'{n}'"))} to back up.",
                string.Join(", ", unknown), names.Length > 0 ? $"It has: {names}." : "It is empty.");
        }
    }

    /// <summary>Before hours of reading: a user without the right to read the oplog can't make a consistent backup.</summary>
    private async Task RefuseWithoutOplogAsync(AssetPlan asset, ServerDescription server, CancellationToken cancellation)
    {
        try
        {
            var client = clusters.Of(asset);
            if (!await Marks.ReachesBackToAsync(client, await Marks.MajorityAsync(client, cancellation), cancellation))
            {
                throw new RefusalException(
                    ErrorKinds.Plan, $"MongoDB at {server.Hosts} has an empty oplog (local.oplog.rs): a backup can't be consistent.", $"clusters.{asset.Cluster}",
                    "Check that the replica set is initiated, and that the user may read the database 'local' (find on local.oplog.rs; luxhedge plan check --connect).");
            }
        }
        catch (MongoException e) when (clusters.Explain(e, asset.Cluster!) is not null)
        {
            throw clusters.Explain(e, asset.Cluster!)!;
        }
    }

    private static async Task<RangesDocument> CutAsync(
        BackupScope scope, string serverVersion, IReadOnlyList<PlannedCollection> collections, int first, ClusterTime after, CancellationToken cancellation)
    {
        var planner = new RangePlanner(scope.Database, scope.Asset.RangeBytes, after);
        var ranges = new List<PlannedRange>();
        foreach (var (i, collection) in collections.Index())
        {
            ranges.AddRange(await planner.CutAsync(collection, first + ranges.Count, cancellation));
            Beat.Report("collections cut into ranges", i + 1, collections.Count, "collections");
        }

        return new RangesDocument(
            RangesDocument.FormatName, scope.Backup.BackupId, scope.Backup.Database, serverVersion, collections, ranges,
            RangePlanner.Assign(collections, ranges, scope.Asset.Lanes));
    }

    private static void Report(Progress progress) => Beat.Report(progress.What, progress.Done, progress.Total, progress.Unit);

    /// <summary>A run of the restore workflow into the asset: one that is open, or has been since the given time.</summary>
    private static async Task<string?> AskTemporalAsync(string asset, DateTimeOffset? since)
    {
        if (!ActivityExecutionContext.HasCurrent)
        {
            return null;
        }

        try
        {
            var run = await ActivityExecutionContext.Current.TemporalClient.GetWorkflowHandle(WorkflowIds.Restore(asset)).DescribeAsync();
            var open = run.Status == WorkflowExecutionStatus.Running || (since is { } time && run.CloseTime > time.UtcDateTime);
            return !open ? null
                : run.TypedSearchAttributes.TryGetValue(LuxSearchAttributes.RunId, out var runId) ? runId
                : run.Id;
        }
        catch (RpcException e) when (e.Code == RpcException.StatusCode.NotFound)
        {
            return null;
        }
    }

    private Task<string?> OpenRestoreAsync(string asset, DateTimeOffset? since, CancellationToken cancellation) =>
        RestoreInto is { } told ? told(asset, since, cancellation) : AskTemporalAsync(asset, since);

    private async Task<ClusterTime?> UntilAsync(BackupContext backup, CancellationToken cancellation)
    {
        if (OplogUntil is { } told)
        {
            return await told(backup, cancellation);
        }

        var info = ActivityExecutionContext.Current.Info;
        try
        {
            return await ActivityExecutionContext.Current.TemporalClient.GetWorkflowHandle(info.WorkflowId!, info.WorkflowRunId)
                .QueryAsync<ClusterTime?>(Wire.OplogUntil, []);
        }
        catch (Exception e) when (e is RpcException or WorkflowQueryFailedException or WorkflowQueryRejectedException)
        {
            // No worker answers queries at this moment, or Temporal is away: the oplog is read on meanwhile.
            _log.Debug(e, "The end of the oplog of {BackupId} could not be asked", backup.BackupId);
            return null;
        }
    }

    private async Task<Manifest?> PreviousAsync(BackupContext backup, CancellationToken cancellation)
    {
        var view = await new BackupCatalog(plan, stores, time).ListAsync(backup.Asset, cancellation);
        return view.Backups.LastOrDefault(b => b.Summary.Eligible && b.Manifest.Id != backup.BackupId)?.Manifest;
    }

    /// <summary>For every step after the first: the door has spoken with the server, so that it does not answer now may pass.</summary>
    private Task<T> ReachAsync<T>(BackupContext backup, Func<Task<T>> step) => clusters.ReachAsync(AssetOf(backup.Asset).Cluster!, spokenWith: true, step);

    private AssetPlan AssetOf(string name)
    {
        var asset = plan.Assets.GetValueOrDefault(name)
            ?? throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{name}'.", name, $"It has: {string.Join(", ", plan.Assets.Keys)}.");
        return asset.Kind == "database" && asset is { Cluster: not null, Database: not null, Stores.Count: > 0 }
            ? asset
            : throw new RefusalException(
                ErrorKinds.Usage, $"The asset '{name}' is of kind {asset.Kind}: only databases can be backed up so far.", $"assets.{name}.kind");
    }

    private async Task<BackupScope> OpenAsync(BackupContext backup, CancellationToken cancellation)
    {
        var asset = AssetOf(backup.Asset);
        return new BackupScope(
            backup, asset, stores[backup.Store], clusters.Of(asset),
            await keys.AdoptAsync(backup.Store, backup.Asset, backup.KeyId, cancellation));
    }
}
