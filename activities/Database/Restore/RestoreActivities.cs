using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using Serilog;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// The steps of a restore (docs/restore.md). Each may be killed, or left behind alive, at any instant and run again; each that writes asks at
/// the last door first.
/// </summary>
public sealed class RestoreActivities : IRestoreActivities
{
    /// <summary>Of the <c>using</c> records.</summary>
    private const string Use = "restore";

    private readonly Plan plan;
    private readonly KeyRing keys;
    private readonly ClusterConnections clusters;
    private readonly IEvidenceStore evidence;
    private readonly ILogger log;
    private readonly BackupCatalog catalog;
    private readonly RecordWriter records;
    private readonly RestoreBackups backups;
    private readonly PointSlices slices;
    private readonly MadeDatabases made;
    private readonly RestoreDoor door;
    private readonly Preflight preflight;

    public RestoreActivities(
        Plan plan, StoreSet stores, KeyRing keys, ClusterConnections clusters, WriterKey writer, IEvidenceStore evidence, TimeProvider time, ILogger log)
    {
        (this.plan, this.keys, this.clusters, this.evidence, this.log) = (plan, keys, clusters, evidence, log.ForContext<RestoreActivities>());
        catalog = new BackupCatalog(plan, stores, time);
        records = new RecordWriter(stores, writer, time);
        backups = new RestoreBackups(plan, stores, keys);
        slices = new PointSlices(stores, new SliceCatalog(plan, stores));
        made = new MadeDatabases(plan, stores);
        door = new RestoreDoor(plan, clusters, made, time);
        preflight = new Preflight(plan, catalog, backups, slices, keys, clusters, made, time);
    }

    public Task<RestorePlan> PreflightAsync(RestoreRequest request) =>
        ReachAsync(request, () => preflight.LookAsync(request, Beat.Cancellation), begun: false);

    public Task PrepareAsync(RestoreWork work) => WithBackupAsync(work, replaces: true, async (reader, state) =>
    {
        // Released at the clean-up: a restore outlives this activity.
        _ = await BackupUse.BeginAsync(
            catalog, records, new Signed<Manifest>(reader.Manifest, reader.Manifest.Writer, reader.ManifestSha256), work.Request.RunId, Use, Beat.Cancellation);
        await new Preparation(state).PrepareAsync(work, Selection.Of(reader.Index, work).Base(reader.Index, work.Plan.Database), Beat.Cancellation);
        return true;
    });

    public Task<LoadResult> LoadLaneAsync(LoadWork work) => WithBackupAsync(work.Restore, replaces: false, async (reader, state) =>
    {
        var selection = Selection.Of(reader.Index, work.Restore);
        var ranges = selection.Base(reader.Index, work.Restore.Plan.Database)
            .SelectMany(b => b.Indexed.Ranges.Select(range => (range, Into: state.ForLoad(b.Into))))
            .ToDictionary(r => r.range.Number);
        var sizes = reader.Index.Chunks.Where(c => ranges.ContainsKey(c.Chunk.Range)).GroupBy(c => c.Chunk.Range)
            .Select(g => (g.Key, g.Sum(c => (long)c.Chunk.RawLength)));
        var mine = LaneAssignment.Assign(sizes, work.Restore.Plan.Lanes)[work.Lane];
        var result = await new LaneLoader(reader, state, work.Lane).LoadAsync(
            [.. mine.Select(n => ranges[n])], work.Restore.Plan.Documents, Beat.Cancellation);
        foreach (var problem in reader.Problems)
            log.Warning("Restore read {Object} from another store: in {Store} it {What}", problem.Object, problem.Store, problem.What);
        return result;
    });

    public Task<ReplayResult> ReplayAsync(RestoreWork work) => WithBackupAsync(work, replaces: false, async (reader, state) =>
    {
        var oplog = new BackupOplog(reader);
        var cappedUntil = await oplog.CappedUntilAsync(Selection.Of(reader.Index, work).Base(reader.Index, work.Plan.Database), Beat.Cancellation);
        return await ReplayAsync(
            "replay the oplog", work, reader, state, reader.Index.EndMark, reader.Index.Oplog.Sum(c => (long)c.Chunk.Documents), _ => oplog, cappedUntil);
    });

    public Task<IReadOnlyList<Check>> CheckBaseAsync(RestoreWork work) => WithBackupAsync(work, replaces: false, (reader, state) =>
        new RestoredCheck(state, reader).CompareBaseAsync(Selection.Of(reader.Index, work), Beat.Cancellation));

    public Task<ReplayResult> ReplayToPointAsync(RestoreWork work) => WithBackupAsync(work, replaces: false, async (reader, state) =>
    {
        using var oplog = await OpenSlicesAsync(reader, work, Beat.Cancellation);
        var total = oplog.Chain.Sum(s => s.Entries);
        var result = await ReplayAsync("replay to the point", work, reader, state, work.Plan.To, total, from => oplog.GoingOnAt(from));
        foreach (var problem in oplog.Problems)
            log.Warning("Restore read {Object} from another store: in {Store} it {What}", problem.Object, problem.Store, problem.What);
        return result with
        {
            Problems =
            [
                .. result.Problems,
                new("slices", Verdict.Proven,
                    $"{oplog.Chain.Count} {(oplog.Chain.Count == 1 ? "slice leads" : "slices lead")} from the base's end mark {reader.Index.EndMark.ToTime():u} to {work.Plan.To.ToTime():u} ({work.Plan.To}): the first goes on " +
                    $"from the backup's own oplog, each other begins with the last entry of the one before."),
            ],
        };
    });

    private Task<PointOplog> OpenSlicesAsync(BackupReader reader, RestoreWork work, CancellationToken cancellation) =>
        slices.OpenAsync(reader, work.Plan.To, work.Request.Store, new SliceKeys(keys, work.Request.Keys), cancellation);

    private async Task<ReplayResult> ReplayAsync(
        string step, RestoreWork work, BackupReader reader, RestoringState state, ClusterTime to, long total, Func<ClusterTime, IOplogSource> open,
        IReadOnlyDictionary<string, ClusterTime>? cappedUntil = null)
    {
        var fence = await state.RaiseAsync("replay", Beat.Cancellation);
        var parts = await BesideTarget.RaisePartsAsync(state, Beat.Cancellation);
        var selection = Selection.Of(reader.Index, work);
        var loaded = selection.Base(reader.Index, work.Plan.Database).Select(b => b.Into).Where(c => c.Type != ReplayedCollection.View);
        await state.EndLoadAsync(fence, [.. loaded], Beat.Cancellation);
        var kept = await fence.ReadAsync(Beat.Cancellation);
        var start = KeptCollections.ToState(kept, await KeptCollections.ReadAsync(state, Beat.Cancellation));
        var scope = new ReplayScope(
            reader.Index.Database, selection.Uuids, reader.Index.Discarded.ToHashSet(StringComparer.Ordinal), to, reader.Index.EndMark)
        {
            LeftOut = (work.Plan.Point?.LeftOut ?? []).ToHashSet(StringComparer.Ordinal),
            CappedUntil = cappedUntil ?? new Dictionary<string, ClusterTime>(),
        };
        using var session = await RawCursor.StartSessionAsync(state.Database.Client, Beat.Cancellation);
        var target = new BesideTarget(state, fence, session, step, parts);
        target.GoOnFrom(kept);
        var end = await new OplogReplay(scope, start, target, onProgress: done => Beat.Report(step, done, total, "entries"))
            .RunAsync(open(start.Position.Time), Beat.Cancellation);
        return new ReplayResult(
            end.Entries, end.Written, end.Windows, end.Position.Time, [.. target.Refused, .. end.Losses.Select(l => new Check("replay", Verdict.Failed, l))]);
    }

    public Task<IReadOnlyList<Check>> BuildIndexesAsync(RestoreWork work) =>
        InTargetAsync(work, replaces: false, state => new IndexBuilder(state).BuildAsync(Beat.Cancellation));

    public Task<CheckResult> CheckAsync(RestoreWork work) => WithBackupAsync(work, replaces: false, (reader, state) =>
        work.Plan.Point is null
            ? new RestoredCheck(state, reader).CompareAsync(
                work, Selection.Of(reader.Index, work), plan.Assets[work.Request.Asset].Canary, Beat.Cancellation)
            : new RestoredCheck(state, reader).ComparePointAsync(
                work, Selection.Of(reader.Index, work),
                plan.Assets[work.Request.Asset].Canary ? c => NewestCanaryAsync(reader, work, c) : null, Beat.Cancellation));

    /// <summary>Of named collections: from what the base and its slices hold.</summary>
    private async Task<DateTimeOffset?> NewestCanaryAsync(BackupReader reader, RestoreWork work, CancellationToken cancellation)
    {
        using var oplog = await OpenSlicesAsync(reader, work, cancellation);
        return await oplog.NewestCanaryAsync(work.Plan.To, cancellation) ?? await new RestoredCheck(null!, reader).NewestCanaryOfBackupAsync(cancellation);
    }

    public Task<IReadOnlyList<Check>> CutOverAsync(RestoreWork work) => WithBackupAsync(work, replaces: true, (reader, state) =>
        ReplaceAsync(work, reader, state));

    private static async Task<IReadOnlyList<Check>> ReplaceAsync(RestoreWork work, BackupReader reader, RestoringState state)
    {
        var checks = await new CutOver(state, reader.Index.Witness).ReplaceAsync(work, Selection.Of(reader.Index, work), Beat.Cancellation);
        return work.Request.Users && reader.Index.Accounts is { Missing: null } accounts
            ? [.. checks, .. await new AccountRestore(state.Database, reader.Index.Database).RestoreAsync(accounts, Beat.Cancellation)] : checks;
    }

    public Task<CleanUpResult> CleanUpAsync(RestoreWork work, bool succeeded) => ReachAsync(work.Request, async () =>
    {
        // No decisions are needed to take away what is our own; where it is, this worker's plan says.
        var place = RestorePlace.Of(plan, work.Request);
        var state = await RestoringState.OpenAsync(clusters[place.Cluster], place.Database, work.Request.RunId, Beat.Cancellation);
        var result = await CleanUp.RunAsync(state, place, work.Request.Purpose, succeeded, Beat.Cancellation);
        await BackupUse.Resume(catalog, records, work.Request.Asset, work.Plan.BackupId, work.Plan.ManifestSha256, work.Request.RunId, Use).DisposeAsync();
        return result;
    });

    public Task<IReadOnlyList<string>> WriteEvidenceAsync(RestoreEvidence evidence) => this.evidence.KeepAsync(evidence, Beat.Cancellation);

    private Task<T> WithBackupAsync<T>(RestoreWork work, bool replaces, Func<BackupReader, RestoringState, Task<T>> step) => InTargetAsync(work, replaces, async state =>
    {
        using var reader = await backups.OpenAsync(work, Beat.Cancellation);
        return await step(reader, state);
    });

    private Task<T> InTargetAsync<T>(RestoreWork work, bool replaces, Func<RestoringState, Task<T>> step) => ReachAsync(work.Request, async () =>
    {
        var place = await door.OpenAsync(work, replaces, Beat.Cancellation);
        await CurrentAttempt.CheckAsync(Beat.Cancellation);
        return await step(await RestoringState.OpenAsync(clusters[place.Cluster], place.Database, work.Request.RunId, Beat.Cancellation));
    });

    /// <summary>A server that can't be reached is told as that.</summary>
    /// <param name="begun">The preflight has spoken with it.</param>
    private Task<T> ReachAsync<T>(RestoreRequest request, Func<Task<T>> step, bool begun = true) =>
        plan.Assets.TryGetValue(request.Asset, out var asset) && (request.Cluster ?? asset.Cluster) is { } cluster && plan.Clusters.ContainsKey(cluster)
            ? clusters.ReachAsync(cluster, begun, step) : step();
}
