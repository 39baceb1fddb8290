using System.Globalization;
using System.Text;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;
using Temporalio.Workflows;

namespace LuxHedge.Workflows.Oplog;

/// <summary>
/// Capture of one database's oplog, for ever: one slice after another, each beginning with the last entry of the one before; a canary each minute;
/// a copy of each slice in every other store. A store's trouble never stops it. When its last entry is gone from the server (a gap) it says so
/// everywhere, begins a new chain at once, and sees to it that a new backup is made. Every hundred slices it goes on as a new execution.
/// </summary>
[Workflow(Wire.OplogCapture)]
public sealed class OplogCaptureWorkflow
{
    /// <summary>History stays below two thousand events.</summary>
    private const int SlicesAnExecution = 100;

    /// <summary>A backup that failed after a gap is tried again after this long.</summary>
    private static readonly TimeSpan BaseEvery = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan CanaryEvery = TimeSpan.FromMinutes(1);

    /// <summary>Old canaries are looked for once an hour.</summary>
    private const int CanariesBetweenTrims = 60;

    private readonly CaptureRequest request;
    private readonly AbortSwitch abort = new();
    private readonly DateTimeOffset startedAt;
    private readonly List<StoreShelf> shelves = [];
    private readonly CancellationTokenSource leaving = CancellationTokenSource.CreateLinkedTokenSource(Workflow.CancellationToken);
    private readonly List<Task> beside = [];
    private CaptureSettings? settings;
    private CapturePosition? position;
    private string state = CaptureStates.Running;
    private DateTimeOffset since;
    private string? why;
    private long slices;
    private ClusterTime? newest;

    /// <summary>Everything up to here was read, and sealed where there was anything.</summary>
    private DateTimeOffset? capturedUntil;

    /// <summary>The last slice was cut for its size: the next is there already.</summary>
    private bool more;
    private DateTimeOffset? told;
    private ClusterTime? baseAfter;
    private DateTimeOffset? baseStarted;
    private DateTimeOffset nextCanary;
    private int canaries;

    /// <summary>Gaps whose record no store has taken yet.</summary>
    private readonly List<GapWork> unrecorded = [];

    [WorkflowInit]
    public OplogCaptureWorkflow(CaptureRequest request)
    {
        this.request = request;
        (startedAt, since, nextCanary) = (Steps.Now, Steps.Now, Steps.Now);
        if (request.Carried is not { } carried)
            return;
        startedAt = carried.StartedAt;
        (position, state, since, why) = (carried.Position, carried.State, carried.Since, carried.Why);
        (slices, newest, capturedUntil, told) = (carried.Slices, carried.Newest, carried.CapturedUntil, carried.Told);
        (baseAfter, baseStarted, nextCanary, canaries) = (carried.BaseAfter, carried.BaseStarted, carried.NextCanary, carried.Canaries);
        shelves.AddRange(carried.Stores.Select(s => new StoreShelf(s)));
        unrecorded.AddRange(carried.Unrecorded);
    }

    [WorkflowRun]
    public async Task<CaptureResult> RunAsync(CaptureRequest request)
    {
        try
        {
            Workflow.UpsertTypedSearchAttributes(LuxSearchAttributes.Of(request.RunId, request.Asset, "oplog", "real"));
            Show();
            await BeginAsync();
            beside.Add(CanariesAsync());
            beside.AddRange(shelves.Select(CopiesAsync));
            for (var cut = 0; cut < SlicesAnExecution && !Workflow.ContinueAsNewSuggested; cut++)
                await OneSliceAsync();
            await LeaveAsync();
        }
        catch (Exception e) when (abort.Caused(e))
        {
            return await StopAsync();
        }

        throw Workflow.CreateContinueAsNewException(
            (OplogCaptureWorkflow w) => w.RunAsync(Carry()), new() { TaskQueue = request.TaskQueue });
    }

    /// <summary>After a failure of the server or of all stores: the oplog waits on the server meanwhile.</summary>
    private TimeSpan Pause => settings is null ? TimeSpan.FromSeconds(15) : settings.Slice / 4;

    [WorkflowQuery(Wire.State)]
    public RunState State() => new(
        request.RunId, Wire.OplogCapture, request.Asset, startedAt, [], null, [], [], 0, abort.Order?.Person, abort.Order?.Reason, null)
    {
        Capture = new(
            state, since, why, slices, newest, capturedUntil is { } until ? Max(Steps.Now - until, TimeSpan.Zero) : null, position,
            [.. shelves.Select(s => s.Show())]),
    };

    [WorkflowUpdateValidator(nameof(AbortAsync))]
    public void ValidateAbort(AbortOrder order) => AbortSwitch.Validate(order);

    /// <summary>Stops capture. What was cut stays; when it is started again it goes on after the newest slice, as long as the server has its
    /// oplog from there.</summary>
    [WorkflowUpdate(Wire.Abort)]
    public Task<DecisionAnswer> AbortAsync(AbortOrder order) => Task.FromResult(abort.Take(order));

    private async Task BeginAsync()
    {
        while (settings is null || position is null)
        {
            try
            {
                if (position is null)
                {
                    var start = await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.BeginCaptureAsync(request.Asset),
                        ActivityPolicies.ForLongWork("where capture goes on", abort.Token));
                    (settings, position) = (start.Settings, start.Position);
                }
                else
                {
                    settings = await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.ReadSettingsAsync(request.Asset),
                        ActivityPolicies.ForShortWork("what the plan says now", abort.Token));
                }
            }
            catch (FailureException e) when (!TemporalException.IsCanceledException(e))
            {
                await WaitAsync(Failures.ToReport(e).Message, TimeSpan.FromMinutes(5));
            }
        }

        shelves.RemoveAll(s => !settings.Stores.Contains(s.Store));
        shelves.AddRange(settings.Stores.Where(name => shelves.TrueForAll(s => s.Store != name)).Select(name => new StoreShelf(name)));
        Show();
    }

    private async Task OneSliceAsync()
    {
        var work = new SliceWork(request.RunId, request.Asset, position!, more ? TimeSpan.Zero : settings!.Slice, StoresByTrouble());
        SliceCut cut;
        try
        {
            cut = await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.CutSliceAsync(work),
                ActivityPolicies.ForSlice($"oplog after {position!.At}", work.Length, abort.Token));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            await WaitAsync(Failures.ToReport(e).Message, settings!.Patience);
            return;
        }

        foreach (var failed in cut.Failed)
            Shelf(failed.Store)?.Fail(failed.Why);
        if (cut.Gap is { } lost)
        {
            await GapAsync(lost);
            return;
        }

        if (cut.Slice is { } slice)
            Take(slice);
        if (unrecorded.Count > 0 && cut.Slice is not null && Workflow.Patched("gap-recorded-later"))
            await RecordGapsAsync();
        position = cut.Next;
        more = cut is { Slice: not null, CaughtUp: null };
        capturedUntil = (cut.CaughtUp ?? cut.Slice?.To)?.ToTime() ?? capturedUntil;
        if (cut.Waiting is { } waiting)
        {
            await WaitAsync(waiting, settings!.Patience);
            return;
        }

        if (baseAfter is not null)
            await LookForBaseAsync();
        else if (state != CaptureStates.Running)
            Enter(CaptureStates.Running, null);
        told = baseAfter is null ? null : told;
        Show();
    }

    private void Take(SealedSlice slice)
    {
        slices++;
        newest = slice.To;
        foreach (var shelf in shelves)
        {
            if (shelf.Store == slice.Store)
                shelf.Has(slice.To);
            else
                shelf.Add(new(slice.From, slice.To, slice.Store));
        }
    }

    /// <summary>What is lost is lost: said at once, put down in every store, and a new chain begun before anything else is.</summary>
    private async Task GapAsync(string lost)
    {
        var after = position!.At;
        Enter(CaptureStates.Gap, lost);
        CapturePosition next;
        try
        {
            next = await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.BeginChainAsync(request.Asset),
                ActivityPolicies.ForLongWork("a new chain of slices", abort.Token));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            await Workflow.DelayAsync(Pause, abort.Token);
            return; // the gap is found again
        }

        position = next;
        (baseAfter, baseStarted, capturedUntil) = (next.ChainFrom, null, null);
        newest = null;
        unrecorded.Add(new(request.RunId, request.Asset, after, next.ChainFrom, Steps.Now, lost));
        await RecordGapsAsync();
        await TellAsync("failed", $"The oplog of {request.Asset} has a gap",
            $"{lost} Between {Text(after)} and {Text(next.ChainFrom)} no point in time can be reached; a backup is started, from which one can again.");
        told = Steps.Now;
        await LookForBaseAsync();
    }

    /// <summary>One that no store takes is tried again after the next slice: without its record nobody will know what was lost.</summary>
    private async Task RecordGapsAsync()
    {
        foreach (var gap in unrecorded.ToList())
        {
            try
            {
                foreach (var failed in await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.RecordGapAsync(gap),
                             ActivityPolicies.ForShortWork("put the gap down in every store", abort.Token)))
                    Shelf(failed.Store)?.Fail(failed.Why);
                unrecorded.Remove(gap);
                why = state == CaptureStates.Gap ? gap.Why : why;
            }
            catch (FailureException e) when (!TemporalException.IsCanceledException(e))
            {
                why = $"{gap.Why} Its record could not be written: {Failures.ToReport(e).Message}";
                return;
            }
        }
    }

    /// <summary>A backup whose end mark lies in the new chain ends the gap. One that runs already may be it; else one is started, and again when
    /// it came to nothing.</summary>
    private async Task LookForBaseAsync()
    {
        try
        {
            var found = await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.FindBaseAsync(request.Asset, baseAfter!.Value),
                ActivityPolicies.ForOneTry("is there a backup since the gap", abort.Token));
            if (found is not null)
            {
                (baseAfter, baseStarted, told) = (null, null, null);
                Enter(CaptureStates.Running, null);
                return;
            }
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            return; // after the next slice
        }

        if (baseStarted is { } last && Steps.Now - last < BaseEvery)
            return;
        baseStarted = Steps.Now;
        var backup = new DatabaseBackupRequest(RunIds.Child(request.RunId, "base", Workflow.NewGuid()), request.Asset, request.TaskQueue);
        try
        {
            await Workflow.StartChildWorkflowAsync((DatabaseBackupWorkflow w) => w.RunAsync(backup), new()
            {
                Id = WorkflowIds.Backup(request.Asset),
                TaskQueue = request.TaskQueue,
                ParentClosePolicy = ParentClosePolicy.Abandon,
                StaticSummary = $"Backup of {request.Asset}, since its oplog had a gap",
            });
        }
        catch (WorkflowAlreadyStartedException)
        {
            // It may end after the gap; if not, the next look starts one.
            baseStarted = Steps.Now - BaseEvery + TimeSpan.FromMinutes(1);
        }
    }

    /// <summary>Nothing can be cut now. The first time that has lasted longer than it may, people are told, and each day again.</summary>
    private async Task WaitAsync(string reason, TimeSpan patience)
    {
        if (state == CaptureStates.Running)
            Enter(CaptureStates.Waiting, reason);
        else
            why = state == CaptureStates.Waiting ? reason : why;
        Show();
        var from = capturedUntil is { } until && until < since ? until : since;
        if (Steps.Now - from > patience && (told is null || Steps.Now - told > TimeSpan.FromDays(1)))
        {
            await TellAsync("overdue", $"The oplog of {request.Asset} is not captured", reason);
            told = Steps.Now;
        }

        await Workflow.DelayWithOptionsAsync(new(Pause, "try again") { CancellationToken = abort.Token });
    }

    private async Task CanariesAsync()
    {
        while (!leaving.IsCancellationRequested && settings!.Canary)
        {
            var wait = nextCanary - Steps.Now;
            if (wait > TimeSpan.Zero && !await StaysAsync(wait, "the next canary"))
                return;
            nextCanary = Max(nextCanary + CanaryEvery, Steps.Now);
            try
            {
                var trim = canaries++ % CanariesBetweenTrims == 0;
                await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.WriteCanaryAsync(request.Asset, request.RunId, trim),
                    ActivityPolicies.ForOneTry("canary", abort.Token));
            }
            catch (FailureException e) when (!TemporalException.IsCanceledException(e))
            {
                // The next minute's; that there is none shows in the standing RPO.
            }
            catch (Exception e) when (TemporalException.IsCanceledException(e))
            {
                return;
            }
        }
    }

    /// <summary>Everything that is cut comes into this store too, however long it is away.</summary>
    private async Task CopiesAsync(StoreShelf shelf)
    {
        while (!leaving.IsCancellationRequested && !abort.Token.IsCancellationRequested)
        {
            if (!await ComesAsync(() => shelf.IsBehind))
                return;
            try
            {
                var work = shelf.Next(request);
                var copied = await Workflow.ExecuteActivityAsync((IOplogActivities a) => a.CopySlicesAsync(work),
                    ActivityPolicies.ForSlice($"copy to {shelf.Store}", TimeSpan.Zero, abort.Token));
                shelf.Done(work, copied);
            }
            catch (FailureException e) when (!TemporalException.IsCanceledException(e))
            {
                shelf.Fail(Failures.ToReport(e).Message);
                Show();
                if (!await StaysAsync(shelf.PauseFrom(Pause), $"{shelf.Store} again"))
                    return;
            }
            catch (Exception e) when (TemporalException.IsCanceledException(e))
            {
                return;
            }
        }
    }

    /// <summary>Waits; false when this execution leaves, or capture is stopped.</summary>
    private async Task<bool> StaysAsync(TimeSpan wait, string summary)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(leaving.Token, abort.Token);
        try
        {
            await Workflow.DelayWithOptionsAsync(new(wait, summary) { CancellationToken = either.Token });
            return true;
        }
        catch (Exception e) when (TemporalException.IsCanceledException(e))
        {
            return false;
        }
    }

    private async Task<bool> ComesAsync(Func<bool> condition)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(leaving.Token, abort.Token);
        try
        {
            await Workflow.WaitConditionAsync(condition, either.Token);
            return true;
        }
        catch (Exception e) when (TemporalException.IsCanceledException(e))
        {
            return false;
        }
    }

    /// <summary>What runs beside ends its activity first: nothing of this execution is left behind.</summary>
    private async Task LeaveAsync()
    {
        leaving.Cancel();
        await Workflow.WhenAllAsync(beside);
        await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);

        // An order to stop that came meanwhile was answered with yes.
        abort.Token.ThrowIfCancellationRequested();
    }

    private async Task<CaptureResult> StopAsync()
    {
        var ended = $"Stopped by {abort.Order!.Person}: {abort.Order.Reason}";
        Enter(CaptureStates.Stopped, ended);
        leaving.Cancel();
        await Workflow.WhenAllAsync(beside);
        await Workflow.WaitConditionAsync(() => Workflow.AllHandlersFinished, cancellationToken: CancellationToken.None);
        return new(request.RunId, slices, newest, ended);
    }

    private CaptureRequest Carry() => request with
    {
        Carried = new(
            startedAt, position!, state, since, why, slices, newest, capturedUntil, told, baseAfter, baseStarted, nextCanary, canaries,
            [.. shelves.Select(s => s.Carry())])
        {
            Unrecorded = [.. unrecorded],
        },
    };

    /// <summary>A store that fails is tried last: each cut would wait for it.</summary>
    private IReadOnlyList<string> StoresByTrouble() =>
        [.. shelves.Where(s => s.Trouble is null).Concat(shelves.Where(s => s.Trouble is not null)).Select(s => s.Store)];

    private StoreShelf? Shelf(string store) => shelves.Find(s => s.Store == store);

    private void Enter(string newState, string? reason)
    {
        (state, since, why) = (newState, Steps.Now, reason);
        Show();
    }

    /// <summary>Never fails: Watch finds it too.</summary>
    private async Task TellAsync(string kind, string title, string text)
    {
        var alert = new Alert($"oplog/{request.Asset}/{kind}", kind, title, text, request.RunId, Steps.Now);
        try
        {
            await Workflow.ExecuteActivityAsync((INotificationActivities a) => a.AlertAsync(alert), ActivityPolicies.ForTelling($"tell people: {title}"));
        }
        catch (FailureException e) when (!TemporalException.IsCanceledException(e))
        {
            // Watch tells it.
        }
    }

    private CaptureNote? noted;

    private void Show()
    {
        var note = new CaptureNote(state, since, why);
        if (note != noted)
        {
            noted = note;
            Workflow.UpsertMemo(Temporalio.Workflows.MemoUpdate.ValueSet(Wire.CaptureMemo, note));
        }

        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"**{state}** since {since:u}{(why is null ? "" : $": {why}")}\n\n");
        text.Append(CultureInfo.InvariantCulture, $"{slices} slices since {startedAt:u}, up to {(newest is { } to ? Text(to) : "–")}; ");
        text.Append(CultureInfo.InvariantCulture, $"everything up to {(capturedUntil is { } until ? $"{until:u}" : "–")} is captured\n\n");
        text.Append("| store | up to | behind | |\n| --- | --- | --- | --- |\n");
        foreach (var shelf in shelves.Select(s => s.Show()))
            text.Append(CultureInfo.InvariantCulture, $"| {shelf.Store} | {(shelf.Newest is { } n ? Text(n) : "–")} | {shelf.Behind} | {Cell(shelf.Trouble)} |\n");
        Workflow.CurrentDetails = text.ToString();
    }

    private static string Text(ClusterTime time) => $"{time.ToTime():u}";

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|", StringComparison.Ordinal).Replace('\n', ' ');

    private static T Max<T>(T a, T b)
        where T : IComparable<T> => a.CompareTo(b) > 0 ? a : b;
}
