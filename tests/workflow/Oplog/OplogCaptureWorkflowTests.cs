using LuxHedge.Activities;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Backup;
using LuxHedge.Workflows.Oplog;
using LuxHedge.Workflows.Runs;
using Temporalio.Client;

namespace LuxHedge.Tests.Workflow.Oplog;

public sealed class OplogCaptureWorkflowTests
{
    [Fact]
    public async Task Each_slice_begins_where_the_one_before_ended_and_comes_into_every_store()
    {
        await using var rig = await OplogRig.CreateAsync();
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10, more: true));
        rig.Script.Enqueue(w => new(null, w.From, OplogRig.At(25), null, null, []));
        var run = await rig.StartAsync();
        var state = await OplogRig.UntilAsync(run, s => rig.Cuts.Count == 4 && s.Stores.All(x => x.Newest == OplogRig.At(20)));

        Assert.Equal([0, 10, 20, 20], rig.Cuts.Select(c => (int)(c.From.At.Seconds - 1_000_000)));
        Assert.Equal([40, 40, 0, 40], rig.Cuts.Select(c => (int)c.Length.TotalMilliseconds)); // after a full one the next is there already
        Assert.Equal([(OplogRig.At(0), OplogRig.At(10)), (OplogRig.At(10), OplogRig.At(20))], rig.Copies.SelectMany(c => c.Slices).Select(s => (s.From, s.To)));
        Assert.Equal((CaptureStates.Running, 2L), (state.State, state.Slices));

        var ended = await rig.StopAsync(run);
        Assert.Equal((2L, "Stopped by alice: the plan changed"), (ended.Slices, ended.Ended));
        Assert.Empty(rig.Alerts);
    }

    [Fact]
    public async Task A_store_that_is_away_never_stops_capture_and_gets_everything_when_it_is_back()
    {
        await using var rig = await OplogRig.CreateAsync();
        var away = true;
        rig.Copied = work => away
            ? throw new RefusalException(ErrorKinds.Unreachable, "nas is away.")
            : new(work.Since is null ? work.Slices.Count : 20, OplogRig.At(9), 0);
        var cuts = 0;
        for (var i = 0; i < 6; i++)
        {
            rig.Script.Enqueue(w =>
            {
                if (++cuts == 6)
                    away = false;
                return OplogRig.Slice(w, 1);
            });
        }

        var run = await rig.StartAsync();
        await TestWorker.UntilAsync(() => rig.Cuts.Count >= 7);
        Assert.Contains(rig.Copies, c => c.To == "nas");
        var state = await OplogRig.UntilAsync(run, s => s.Stores.All(x => x.Behind == 0));
        Assert.All(state.Stores, s => Assert.Null(s.Trouble));
        await rig.StopAsync(run);
    }

    [Fact]
    public async Task A_gap_is_told_put_down_and_followed_by_a_new_chain_and_a_backup()
    {
        await using var rig = await OplogRig.CreateAsync();
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        rig.Script.Enqueue(w => new(null, w.From, null, null, "It rolled over.", []));
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        var run = await rig.StartAsync();
        var state = await OplogRig.UntilAsync(run, s => rig.Cuts.Count == 4 && s.Slices == 2);

        Assert.Equal(CaptureStates.Gap, state.State);
        var gap = Assert.Single(rig.Gaps);
        Assert.Equal((OplogRig.At(10), OplogRig.At(500), "It rolled over."), (gap.After, gap.Until, gap.Why));
        Assert.Equal("failed", Assert.Single(rig.Alerts).Kind);
        Assert.Equal(OplogRig.Position(500, 500), rig.Cuts.ElementAt(2).From);
        var backup = rig.Client.GetWorkflowHandle(WorkflowIds.Backup(rig.Asset));
        Assert.Null((await backup.DescribeAsync()).CloseTime);

        // Still none: the state stays. There is one: it ends, and nothing more is told.
        rig.Base = "20261123T020000Z-shop-7f3a";
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        await TestWorker.UntilAsync(() => rig.Cuts.Count >= 4);
        await rig.StopAsync(run);
        Assert.Single(rig.Alerts);

        // The backup outlives the capture that started it.
        await backup.SignalAsync("end", []);
        Assert.StartsWith("run-o-base-", await backup.GetResultAsync<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gap_that_no_store_took_is_put_down_after_a_later_slice()
    {
        await using var rig = await OplogRig.CreateAsync();
        rig.NoStoreTakesGaps = true;
        rig.Script.Enqueue(w => new(null, w.From, null, null, "It rolled over.", []));
        var run = await rig.StartAsync();
        var lost = await OplogRig.UntilAsync(run, s => s.Why?.Contains("could not be written", StringComparison.Ordinal) == true);
        Assert.Equal(CaptureStates.Gap, lost.State);
        await TestWorker.UntilAsync(() => rig.Cuts.Count == 2);

        rig.NoStoreTakesGaps = false;
        rig.Gaps.Clear();
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        var state = await OplogRig.UntilAsync(run, s => s.Slices == 2);

        Assert.Equal("It rolled over.", state.Why);
        var gap = Assert.Single(rig.Gaps);
        Assert.Equal((OplogRig.At(0), OplogRig.At(500), "It rolled over."), (gap.After, gap.Until, gap.Why));
        await rig.StopAsync(run);
    }

    [Fact]
    public async Task A_backup_since_ends_the_gap_and_one_that_runs_already_is_not_started_twice()
    {
        await using var rig = await OplogRig.CreateAsync();
        var other = await rig.Client.StartWorkflowAsync(
            Wire.DatabaseBackup, [new DatabaseBackupRequest("run-b", rig.Asset, rig.Queue)], new(WorkflowIds.Backup(rig.Asset), rig.Queue));
        rig.Script.Enqueue(w => new(null, w.From, null, null, "It rolled over.", []));
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        rig.Script.Enqueue(w =>
        {
            rig.Base = "20261123T020000Z-shop-7f3a";
            return OplogRig.Slice(w, 10);
        });
        var run = await rig.StartAsync();
        var state = await OplogRig.UntilAsync(run, s => s.State == CaptureStates.Running && s.Slices == 2);
        Assert.Null(state.Why);
        Assert.Equal(other.ResultRunId, (await rig.Client.GetWorkflowHandle(other.Id).DescribeAsync()).RunId);
        await rig.StopAsync(run);
    }

    [Fact]
    public async Task Without_a_majority_it_waits_and_tells_people_once()
    {
        await using var rig = await OplogRig.CreateAsync();
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10));
        for (var i = 0; i < 3; i++)
            rig.Script.Enqueue(w => new(null, w.From, null, "No majority has it.", null, []));
        for (var i = 0; i < 2; i++)
            rig.Script.Enqueue(_ => throw new RefusalException(ErrorKinds.Unreachable, "There is no primary."));
        rig.Script.Enqueue(w =>
        {
            Assert.Single(rig.Alerts);
            return OplogRig.Slice(w, 10);
        });
        var run = await rig.StartAsync();
        var state = await OplogRig.UntilAsync(run, s => s.Slices == 2);

        Assert.Equal(CaptureStates.Running, state.State);
        var alert = Assert.Single(rig.Alerts);
        Assert.Equal(("overdue", "No majority has it."), (alert.Kind, alert.Text));
        Assert.All(rig.Cuts.Skip(1).Take(5), c => Assert.Equal(OplogRig.At(10), c.From.At));
        await rig.StopAsync(run);
    }

    [Fact]
    public async Task It_goes_on_as_a_new_execution_with_everything_it_knew()
    {
        await using var rig = await OplogRig.CreateAsync();
        for (var i = 0; i < 105; i++)
            rig.Script.Enqueue(w => OplogRig.Slice(w, 1));
        rig.Plan = rig.Plan with { Stores = ["s3"] };
        var run = await rig.StartAsync();
        var first = (await run.DescribeAsync()).RunId;
        await TestWorker.UntilAsync(() => rig.Cuts.Count == 106);
        var state = await OplogRig.UntilAsync(run, s => s.Slices == 105);

        Assert.NotEqual(first, (await run.DescribeAsync()).RunId);
        Assert.Equal(1, rig.Settings);
        Assert.Equal(Enumerable.Range(0, 106), rig.Cuts.Select(c => (int)(c.From.At.Seconds - 1_000_000)));
        Assert.Equal(OplogRig.At(105), state.Newest);
        Assert.Equal(105, (await rig.StopAsync(run)).Slices);
    }

    [Fact]
    public async Task The_first_canary_is_written_at_once_and_the_next_a_minute_later()
    {
        await using var rig = await OplogRig.CreateAsync();
        rig.Plan = rig.Plan with { Canary = true };
        var run = await rig.StartAsync();
        TimeSpan? wait = null;
        await TestWorker.UntilAsync(async () => (wait = (await run.FetchHistoryAsync()).Events
            .Select(e => e.TimerStartedEventAttributes?.StartToFireTimeout.ToTimeSpan()).FirstOrDefault(t => t is not null)) is not null);
        Assert.InRange(wait!.Value, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1));
        await rig.StopAsync(run);
        Assert.Equal([true], rig.Canaries);
    }

    [Theory]
    [InlineData(59, false)]
    [InlineData(60, true)]
    public async Task A_capture_that_goes_on_writes_the_canary_that_is_due_and_looks_for_old_ones_once_an_hour(int sinceOldOnes, bool looks)
    {
        await using var rig = await OplogRig.CreateAsync();
        rig.Plan = rig.Plan with { Canary = true };
        var now = DateTimeOffset.UtcNow;
        var run = await rig.StartAsync(new(
            now, OplogRig.Start, CaptureStates.Running, now, null, 7, null, null, null, null, null, now - TimeSpan.FromSeconds(50), sinceOldOnes, []));
        await TestWorker.UntilAsync(() => rig.Canaries.Count == 1);
        Assert.Equal(7, (await rig.StopAsync(run)).Slices);
        Assert.Equal([looks], rig.Canaries.Take(1));
    }

    [Fact]
    public async Task A_store_that_did_not_take_a_slice_is_tried_last()
    {
        await using var rig = await OplogRig.CreateAsync();
        rig.Copied = work => work.To == "s3" ? throw new RefusalException(ErrorKinds.Unreachable, "s3 is away.") : new(work.Slices.Count, null, 0);
        rig.Script.Enqueue(w => OplogRig.Slice(w, 10, false, new StoreTrouble("s3", "s3 is away.")));
        var run = await rig.StartAsync();
        await TestWorker.UntilAsync(() => rig.Cuts.Count == 2 && !rig.Copies.IsEmpty);

        Assert.Equal([["s3", "nas"], ["nas", "s3"]], rig.Cuts.Select(c => c.Stores));
        Assert.Equal(("s3", "nas"), rig.Copies.Select(c => (c.To, c.Slices[0].Store)).First());
        var state = await OplogRig.UntilAsync(run, s => s.Stores[0].Trouble is not null);
        Assert.Equal((1, "s3 is away."), (state.Stores[0].Behind, state.Stores[0].Trouble));
        await rig.StopAsync(run);
    }

    [Fact]
    public async Task Who_stops_it_says_so_and_why()
    {
        await using var rig = await OplogRig.CreateAsync();
        var run = await rig.StartAsync();
        await TestWorker.UntilAsync(() => rig.Cuts.Count == 1);
        await Assert.ThrowsAnyAsync<Exception>(() => run.ExecuteUpdateAsync<DecisionAnswer>(Wire.Abort, [new AbortOrder("alice", " ")]));
        Assert.Equal("Stopped by alice: the plan changed", (await rig.StopAsync(run)).Ended);
    }
}
