using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using LuxHedge.Workflows.Verification;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Backup;

/// <summary>
/// One backup of a database: consistent at its end mark, sealed, complete and verified in every store. Fails with an
/// <see cref="ErrorReport"/> when it can't be sealed; after that, what could not be copied or verified is in the verdict.
/// </summary>
[Workflow(Wire.DatabaseBackup)]
public sealed class DatabaseBackupWorkflow
{
    private readonly DatabaseBackupRequest request;
    private readonly Steps steps;
    private readonly AbortSwitch abort = new();
    private ClusterTime? oplogUntil;
    private Verdict? verdict;
    private IReadOnlyList<string> importNotes = [];

    [WorkflowInit]
    public DatabaseBackupWorkflow(DatabaseBackupRequest request)
    {
        this.request = request;
        steps = new(request.RunId, Wire.DatabaseBackup, request.Asset);
    }

    [WorkflowRun]
    public async Task<BackupResult> RunAsync(DatabaseBackupRequest request)
    {
        BackupContext? backup = null;
        SealResult? seal = null;
        try
        {
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(request.RunId, request.Asset, "backup", "real"));
            var import = request.Import is null ? null : await steps.RunAsync("begin", BeginImportAsync, i => $"{i.Kind} of {i.Database}");
            var begin = import?.Backup ?? await steps.RunAsync("begin", BeginAsync, b => $"{b.Database} into {b.Store}");
            backup = Name(begin, import);
            seal = import is null ? await ReadAsync(backup) : await ImportAsync(backup, import);
            var stores = await Workflow.WhenAllAsync(AllStores(begin).Select(store => SecureAsync(backup, seal, store)));
            var summary = await steps.RunAsync("summarise", () => SummariseAsync(backup));
            return End(new(request.RunId, Judge(stores, seal), summary, stores, [.. Notes(seal), .. importNotes]));
        }
        catch (Exception e) when (abort.Caused(e))
        {
            string[] notes = [$"Aborted by {abort.Order!.Person}: {abort.Order.Reason}", .. Sealed(backup, seal)];
            return End(new(request.RunId, Verdict.NotProven, null, [], notes) { Ended = "Aborted" });
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            ShowVerdict(Verdict.Failed);
            throw Failures.ToFailure(Failures.ToReport(e), e);
        }
        finally
        {
            await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        }
    }

    /// <summary>Where the oplog of this backup ends; null while that is not known. The tail asks.</summary>
    [WorkflowQuery(Wire.OplogUntil)]
    public ClusterTime? OplogUntil() => oplogUntil;

    [WorkflowQuery(Wire.State)]
    public RunState State() => steps.State(verdict, abort.Order);

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => Task.FromResult(abort.Take(order));

    /// <summary>From the database: consistent at the end mark.</summary>
    private async Task<SealResult> ReadAsync(BackupContext backup)
    {
        var start = await steps.RunAsync("mark oplog start", () => MarkStartAsync(backup), m => $"{m.Mark}");
        var ranges = await steps.RunAsync("plan ranges", () => PlanRangesAsync(backup, start),
            r => $"{r.Ranges} ranges of {r.Collections} collections");
        var dump = await DumpWithOplogAsync(backup, start, ranges);
        return await steps.RunAsync("seal", () => SealAsync(backup, start, dump),
            s => $"{s.Documents} documents, {s.StoredBytes} bytes stored");
    }

    /// <summary>From a dump: as consistent as whoever made it.</summary>
    private async Task<SealResult> ImportAsync(BackupContext backup, ImportStart import)
    {
        var imported = await steps.RunAsync("import", () => ImportDumpAsync(backup, import),
            i => $"{i.Seal.Documents} documents, {i.Seal.StoredBytes} bytes stored");
        importNotes = imported.Notes;
        return imported.Seal;
    }

    /// <summary>The lanes read while the oplog is tailed; without one of them the other is worth nothing.</summary>
    private async Task<Dump> DumpWithOplogAsync(BackupContext backup, StartMark start, RangePlan ranges)
    {
        using var scope = CancellationTokenSource.CreateLinkedTokenSource(abort.Token);
        var tail = steps.RunAsync("tail the oplog", () => TailAsync(backup, start, scope.Token),
            t => $"{t.Entries} entries up to {t.Last}");
        var dump = DumpAsync(backup, start, ranges, scope);
        await Together.AllAsync(scope, [tail, dump]);
        return await dump;
    }

    private async Task<Dump> DumpAsync(BackupContext backup, StartMark start, RangePlan ranges, CancellationTokenSource scope)
    {
        var lanes = await steps.RunAsync("dump", () => LanesAsync(backup, start, 0, ranges.Ranges, ranges.Lanes, scope), Told);
        var changed = await steps.RunAsync("find changed collections", () => FindChangedAsync(backup, Unreadable(lanes), scope.Token),
            c => c.Names.Count == 0 ? "none" : string.Join(", ", c.Names));
        IReadOnlyList<LaneResult> again = [];
        if (changed.Names.Count > 0)
        {
            again = await steps.RunAsync("dump changed collections again",
                () => LanesAsync(backup, start, 1, changed.Ranges, ranges.Lanes, scope), Told);
            await steps.RunAsync("refuse a second change", () => RefuseSecondChangeAsync(backup, Unreadable(again), scope.Token));
        }

        var newest = lanes.Concat(again).Select(l => l.NewestOperationTime).Aggregate(start.Mark, ClusterTime.Max);
        var end = await steps.RunAsync("mark the end", () => MarkEndAsync(backup, newest, scope.Token), m => $"{m.Mark}");
        oplogUntil = end.Mark;
        return new(end, changed.Names.Count > 0);
    }

    private async Task<IReadOnlyList<LaneResult>> LanesAsync(
        BackupContext backup, StartMark start, int round, int ranges, int lanes, CancellationTokenSource scope)
    {
        var count = Math.Max(1, Math.Min(lanes, ranges));
        using var together = CancellationTokenSource.CreateLinkedTokenSource(scope.Token);
        var running = Enumerable.Range(0, count)
            .Select(lane => DumpLaneAsync(new(backup, lane, round, start.Mark) { Lanes = count }, together.Token)).ToList();
        await Together.AllAsync(together, running);
        return await Workflow.WhenAllAsync(running);
    }

    /// <summary>Complete and verified in this store, or why not. Only an abort throws: one store's trouble is no reason to leave the
    /// others.</summary>
    private async Task<StoreVerification> SecureAsync(BackupContext backup, SealResult seal, string store)
    {
        try
        {
            if (store != backup.Store)
                await steps.RunAsync($"copy to {store}", () => CopyAsync(backup, store),
                    c => $"{c.Objects} objects, {c.StoredBytes} bytes");
            var found = await steps.RunAsync($"verify in {store}", () => VerifyAsync(backup, store), v => v.Verdict.ToString());
            if (found.Verdict == Verdict.Proven && found.ManifestSha256 != seal.ManifestSha256)
                found = found with { Verdict = Verdict.Failed, Problems = [new("manifest.json", "It is not what this run sealed.")] };
            await steps.RunAsync($"record in {store}", () => RecordAsync(backup, found));
            return found;
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            return Verifications.NotDone(store, e);
        }
    }

    private static IEnumerable<string> AllStores(BackupStart begin) => [begin.Store, .. begin.OtherStores];

    private static Verdict Judge(IEnumerable<StoreVerification> stores, SealResult seal) =>
        Verdicts.Worst(stores.Select(s => s.Verdict).Concat(seal.Suspect.Select(_ => Verdict.NotProven)));

    private static IReadOnlyList<string> Notes(SealResult seal) =>
    [
        .. seal.Suspect.Select(why => $"Suspect: {why}"),
        .. seal.WithoutWitness.Select(name => $"Without a witness, so a restore test can't prove it: {name}"),
    ];

    private static IReadOnlyList<string> Sealed(BackupContext? backup, SealResult? seal) =>
        seal is null ? [] : [$"{backup!.BackupId} is sealed in {backup.Store}, but not verified in every store."];

    private static IReadOnlyList<string> Unreadable(IEnumerable<LaneResult> lanes) =>
        [.. lanes.SelectMany(l => l.Unreadable).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static string Told(IReadOnlyList<LaneResult> lanes) =>
        $"{lanes.Sum(l => l.Documents)} documents in {lanes.Sum(l => l.Ranges)} ranges, {lanes.Count} lanes";

    /// <summary>A dump's backup is of the day the dump was made: lists and <c>latest</c> go by it.</summary>
    private BackupContext Name(BackupStart begin, ImportStart? import)
    {
        var now = import?.Created ?? Steps.Now;
        var backupId = RunIds.BackupId(now, request.Asset, Workflow.NewGuid());
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.BackupId.ValueSet(backupId));
        return new(request.RunId, request.Asset, backupId, $"k-{backupId}", begin.Database, begin.Store, request.Collections,
            request.Safety, request.AfterRestore, now);
    }

    private BackupResult End(BackupResult result)
    {
        abort.TooLate = "The backup is done.";
        ShowVerdict(result.Verdict);
        return result;
    }

    private void ShowVerdict(Verdict v)
    {
        verdict = v;
        Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Verdict.ValueSet(v.ToString()));
    }

    private Task<BackupStart> BeginAsync() => Workflow.ExecuteActivityAsync(
        (IDatabaseBackupActivities a) => a.BeginAsync(request),
        ActivityPolicies.AtTheDoor("look at the database and the stores", abort.Token));

    private Task<ImportStart> BeginImportAsync() => Workflow.ExecuteActivityAsync(
        (IImportActivities a) => a.BeginImportAsync(request),
        ActivityPolicies.AtTheDoor("look at the dump and the stores", abort.Token, TimeSpan.FromHours(24), heartbeats: true));

    private Task<ImportResult> ImportDumpAsync(BackupContext backup, ImportStart import)
    {
        var work = new ImportWork(backup, request.Import!, import);
        return Workflow.ExecuteActivityAsync((IImportActivities a) => a.ImportAsync(work),
            ActivityPolicies.ForLongWork("check every document, write and seal", abort.Token));
    }

    private Task<StartMark> MarkStartAsync(BackupContext backup) => Workflow.ExecuteActivityAsync(
        (IDatabaseBackupActivities a) => a.MarkStartAsync(backup), ActivityPolicies.ForShortWork("key, then the start mark", abort.Token));

    private Task<RangePlan> PlanRangesAsync(BackupContext backup, StartMark start) => Workflow.ExecuteActivityAsync(
        (IDatabaseBackupActivities a) => a.PlanRangesAsync(backup, start),
        ActivityPolicies.ForLongWork("cut the collections into ranges", abort.Token));

    private Task<OplogTailResult> TailAsync(BackupContext backup, StartMark start, CancellationToken cancellation)
    {
        var work = new OplogTail(backup, start);
        return Workflow.ExecuteActivityAsync((IDatabaseBackupActivities a) => a.TailOplogAsync(work),
            ActivityPolicies.ForLane(request.TaskQueue, "tail the oplog while the lanes read", cancellation));
    }

    private Task<LaneResult> DumpLaneAsync(LaneWork work, CancellationToken cancellation) => Workflow.ExecuteActivityAsync(
        (IDatabaseBackupActivities a) => a.DumpLaneAsync(work),
        ActivityPolicies.ForLane(request.TaskQueue, work.Round == 0 ? $"dump lane {work.Lane}" : $"dump lane {work.Lane} again",
            cancellation));

    private static Task<ChangedCollections> FindChangedAsync(
        BackupContext backup, IReadOnlyList<string> unreadable, CancellationToken cancellation) =>
        Workflow.ExecuteActivityAsync((IDatabaseBackupActivities a) => a.FindChangedAsync(backup, unreadable),
            ActivityPolicies.ForLongWork("which collections are others now", cancellation));

    private static Task RefuseSecondChangeAsync(BackupContext backup, IReadOnlyList<string> unreadable, CancellationToken cancellation) =>
        Workflow.ExecuteActivityAsync((IDatabaseBackupActivities a) => a.RefuseSecondChangeAsync(backup, unreadable),
            ActivityPolicies.ForShortWork("did any change a second time", cancellation));

    private static Task<EndMark> MarkEndAsync(BackupContext backup, ClusterTime newest, CancellationToken cancellation) =>
        Workflow.ExecuteActivityAsync((IDatabaseBackupActivities a) => a.MarkEndAsync(backup, newest),
            ActivityPolicies.ForShortWork("canary, then the end mark", cancellation));

    private Task<SealResult> SealAsync(BackupContext backup, StartMark start, Dump dump)
    {
        var work = new SealWork(backup, start, dump.End, dump.Again);
        return Workflow.ExecuteActivityAsync((IDatabaseBackupActivities a) => a.SealAsync(work),
            ActivityPolicies.ForLongWork("witness, read back, index, manifest", abort.Token));
    }

    private Task<CopyResult> CopyAsync(BackupContext backup, string store)
    {
        var work = new CopyWork(request.RunId, request.Asset, backup.BackupId, backup.Store, store);
        return Workflow.ExecuteActivityAsync((ICopyActivities a) => a.CopyAsync(work),
            ActivityPolicies.ForLane(request.TaskQueue, $"copy to {store}", abort.Token));
    }

    private Task<StoreVerification> VerifyAsync(BackupContext backup, string store) => Workflow.ExecuteActivityAsync(
        (IVerificationActivities a) => a.VerifyCopyAsync(request.Asset, backup.BackupId, store, VerificationLevel.Integrity),
        ActivityPolicies.ForLane(request.TaskQueue, $"read every byte back from {store}", abort.Token));

    private Task RecordAsync(BackupContext backup, StoreVerification found)
    {
        var work = new VerificationRequest(request.RunId, request.Asset, request.TaskQueue, backup.BackupId, found.Store,
            VerificationLevel.Integrity);
        return Workflow.ExecuteActivityAsync((IVerificationActivities a) => a.RecordAsync(work, VerificationLevel.Integrity, found),
            ActivityPolicies.ForShortWork($"record the verification in {found.Store}", abort.Token));
    }

    private Task<BackupSummary> SummariseAsync(BackupContext backup) => Workflow.ExecuteActivityAsync(
        (IVerificationActivities a) => a.SummariseAsync(request.Asset, backup.BackupId),
        ActivityPolicies.ForShortWork("the backup as lists show it", abort.Token));

    /// <param name="Again">Some collections had to be dumped again.</param>
    private sealed record Dump(EndMark End, bool Again);
}
