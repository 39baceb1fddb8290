using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Integration.Database.Dump;
using LuxHedge.Tests.Support;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Worker.Sandbox.Servers;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Oplog;
using Microsoft.Extensions.Time.Testing;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Oplog;

public sealed class CaptureTests
{
    [Fact]
    public async Task What_is_written_meanwhile_is_in_the_slices_byte_for_byte_and_in_order()
    {
        // Of its own: each slice has to walk through the whole oplog of some servers, with what all other tests wrote.
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(CacheMegabytes: 256));
        await using var rig = await CaptureRig.CreateAsync(server);
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await using var writers = new Writers(rig.Source);
        writers.Start();
        // Small slices, cut for their size.
        var small = rig.Create(mostBytes: 200_000);
        var position = (await rig.CutAsync(start, 1, small)).Next;
        await rig.Capture.WriteCanaryAsync(CaptureRig.Asset, "run-1", trim: true);
        await writers.StopAsync();
        await rig.InsertAsync(0, 1_000);
        await rig.SettleAsync();
        var (slices, end) = await rig.CatchUpAsync(position, small);

        Assert.True(slices.Count > 1, $"{slices.Count} slices");
        Assert.All(slices[..^1], s => Assert.True(s.RawBytes <= 200_000 + 16_000, $"{s.RawBytes} bytes"));
        Assert.Equal(await rig.ServersAsync(start.At, end.At), await rig.ReadAsync(start.At, end.At));
        Assert.Equal([new SliceStretch(start.At, end.At)], (await rig.ListAsync()).Chains().Stretches);
        Assert.NotNull((await rig.ListAsync()).Slices.Max(s => s.Manifest.NewestCanary));

        // Started again, it goes on after the newest slice.
        Assert.Equal((end.At, end.EntrySha256), (await rig.Create().BeginCaptureAsync(CaptureRig.Asset)).Position is var on ? (on.At, on.EntrySha256) : default);
    }

    [Fact(Explicit = true)]
    public async Task What_other_databases_write_is_in_no_slice_and_the_chain_goes_on_past_it()
    {
        await using var rig = await CaptureRig.CreateAsync();
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 5);
        await using (var other = rig.Server.CreateDatabase("capture-other"))
        {
            await other.Database.GetCollection<BsonDocument>("bulk").InsertManyAsync(
                Enumerable.Range(0, 3_000).Select(i => new BsonDocument { { "_id", i }, { "text", new string('x', 500) } }));
        }

        await rig.InsertAsync(5, 5);
        await rig.SettleAsync();
        var (slices, end) = await rig.CatchUpAsync(start);

        Assert.InRange(slices.Sum(s => s.RawBytes), 10 * 200, 100_000);
        Assert.Equal(await rig.ServersAsync(start.At, end.At), await rig.ReadAsync(start.At, end.At));
    }

    [Fact]
    public async Task A_database_that_is_lost_is_not_made_by_a_canary()
    {
        await using var rig = await CaptureRig.CreateAsync();
        await rig.Capture.WriteCanaryAsync(CaptureRig.Asset, "run-1", trim: true);
        Assert.Empty(await (await rig.Source.ListCollectionNamesAsync()).ToListAsync());

        await rig.InsertAsync(0, 1);
        await rig.Capture.WriteCanaryAsync(CaptureRig.Asset, "run-1", trim: true);
        Assert.Equal(1, await rig.Source.GetCollection<BsonDocument>(Marks.CanaryCollection).CountDocumentsAsync(new BsonDocument("capture", "run-1")));
    }

    [Fact]
    public async Task Killed_between_object_and_manifest_it_seals_the_slice_when_it_comes_again()
    {
        await using var rig = await CaptureRig.CreateAsync();
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 20);
        await rig.SettleAsync();
        var now = await Marks.MajorityAsync(rig.Server.Client, CancellationToken.None);
        var frozen = rig.Create(lastWrite: _ => Task.FromResult((now, now)));
        var sealedOnce = (await rig.CutAsync(start, 0, frozen)).Slice!;
        var manifest = ObjectNames.SliceManifest(CaptureRig.Asset, sealedOnce.From, sealedOnce.To);
        var before = rig.S3.Content(ObjectNames.Slice(CaptureRig.Asset, sealedOnce.From, sealedOnce.To));
        rig.S3.Lose(manifest);

        var again = (await rig.CutAsync(start, 0, frozen)).Slice!;
        Assert.Equal(sealedOnce, again);
        Assert.Equal(before, rig.S3.Content(ObjectNames.Slice(CaptureRig.Asset, sealedOnce.From, sealedOnce.To)));
        Assert.Equal(await rig.ServersAsync(start.At, again.To), await rig.ReadAsync(start.At, again.To));
    }

    [Fact(Explicit = true)]
    public async Task An_attempt_that_lives_on_beside_its_successor_writes_another_slice_that_is_as_right()
    {
        await using var rig = await CaptureRig.CreateAsync();
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 20);
        await rig.SettleAsync();
        var now = await Marks.MajorityAsync(rig.Server.Client, CancellationToken.None);
        var release = new TaskCompletionSource();
        var given = rig.CutAsync(start, 0, rig.Create(read: () => release.Task, lastWrite: _ => Task.FromResult((now, now))));
        await rig.InsertAsync(20, 20);
        await rig.SettleAsync();
        var (_, end) = await rig.CatchUpAsync(start);
        release.SetResult();
        var late = await given;

        Assert.NotNull(late.Slice);
        var view = await rig.ListAsync();
        Assert.Equal(2, view.Slices.Count(s => s.Manifest.From == start.At));
        Assert.Equal(end.At, Assert.Single(view.Chains().Stretches).To);
        Assert.Equal(await rig.ServersAsync(start.At, end.At), await rig.ReadAsync(start.At, end.At));
        // And from where the late one ended, too.
        var (_, on) = await rig.CatchUpAsync(late.Next);
        Assert.Equal(await rig.ServersAsync(start.At, on.At), await rig.ReadAsync(start.At, on.At));
    }

    [Fact]
    public async Task Nothing_without_a_majority_is_in_a_slice()
    {
        await using var rig = await CaptureRig.CreateAsync();
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 5);
        var frozen = await Marks.MajorityAsync(rig.Server.Client, CancellationToken.None);
        await rig.InsertAsync(5, 5);
        var newest = await Marks.MajorityAsync(rig.Server.Client, CancellationToken.None);
        var waiting = rig.Create(lastWrite: _ => Task.FromResult((frozen, newest)));

        var cut = await rig.CutAsync(start, 0.2, waiting);
        Assert.NotNull(cut.Waiting);
        Assert.True(cut.Slice is null || cut.Slice.To <= frozen);
        var again = await rig.CutAsync(cut.Next, 0.2, waiting);
        Assert.Null(again.Slice);
        Assert.Equal(cut.Next, again.Next);
    }

    [Fact]
    public async Task A_server_set_up_anew_and_a_history_that_was_replaced_are_gaps()
    {
        await using var rig = await CaptureRig.CreateAsync();
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 5);
        var (_, end) = await rig.CatchUpAsync(start);
        await rig.SettleAsync();

        var replaced = await rig.CutAsync(end with { EntrySha256 = new string('a', 64) }, 0);
        Assert.Contains("another one than was captured", replaced.Gap, StringComparison.Ordinal);
        var missing = await rig.CutAsync(end with { At = end.At with { Increment = end.At.Increment + 1_000_000 } }, 0);
        Assert.Contains("not in the server's oplog", missing.Gap, StringComparison.Ordinal);
        var gone = await rig.CutAsync(end with { At = new ClusterTime(1_000_000_000, 1) }, 0);
        Assert.Contains("rolled over", gone.Gap, StringComparison.Ordinal);

        // Each of them is put down once, in every store, and a new chain begins.
        var next = await rig.Capture.BeginChainAsync(CaptureRig.Asset);
        var gap = new GapWork("run-1", CaptureRig.Asset, end.At, next.ChainFrom, DateTimeOffset.UtcNow, "It rolled over.");
        Assert.Empty(await rig.Capture.RecordGapAsync(gap));
        await rig.Capture.RecordGapAsync(gap with { At = gap.At.AddMinutes(1) });
        Assert.Equal(gap.Why, Assert.Single((await rig.ListAsync()).Gaps).Why);
        Assert.Contains(rig.Nas.Names(), n => n == ObjectNames.SliceGap(CaptureRig.Asset, end.At));
        Assert.Null((await rig.CutAsync(next, 0)).Gap);
    }

    [Fact]
    public async Task However_long_it_was_away_it_goes_on_after_the_newest_slice_of_any_store()
    {
        await using var rig = await CaptureRig.CreateAsync();
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 5);
        var (_, end) = await rig.CatchUpAsync(start);
        var (store, other) = rig.S3.Names().Any(n => n.EndsWith(".json", StringComparison.Ordinal)) ? (rig.S3, rig.Nas) : (rig.Nas, rig.S3);

        foreach (var days in (int[])[2, 60])
        {
            var later = rig.Create(clock: new FakeTimeProvider(DateTimeOffset.UtcNow.AddDays(days)));
            Assert.Equal(end, (await later.BeginCaptureAsync(CaptureRig.Asset)).Position with { ReadUntil = end.ReadUntil });

            // The only store that has slices does not answer: the other can't say that there are none.
            store.Down = new IOException("away");
            var refused = await Assert.ThrowsAsync<RefusalException>(() => later.BeginCaptureAsync(CaptureRig.Asset));
            Assert.Equal((ErrorKinds.Unreachable, true), (refused.Report.Kind, refused.MayPass));
            store.Down = null;

            other.Down = new IOException("away");
            Assert.Equal(end.At, (await later.BeginCaptureAsync(CaptureRig.Asset)).Position.At);
            other.Down = null;
        }
    }

    [Fact(Explicit = true)]
    public async Task An_oplog_that_rolled_over_is_a_gap_and_a_new_chain_begins()
    {
        await using var server = await MongoServer.StartOwnAsync(new MongoDbOptions(OplogEntries: 1_000, CacheMegabytes: 128));
        await using var rig = await CaptureRig.CreateAsync(server);
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 50);
        var (_, end) = await rig.CatchUpAsync(start);
        if (rig.Server.IsMongod)
            return; // its oplog can't be so small
        for (var i = 0; i < 30; i++)
            await rig.InsertAsync(1_000 * i, 1_000, "more");

        SliceCut cut;
        do
        {
            await rig.InsertAsync(Random.Shared.Next(100_000, int.MaxValue - 2_000), 1_000, "more");
            cut = await rig.CutAsync(end, 0);
        }
        while (cut.Gap is null && cut.Slice is null);
        Assert.NotNull(cut.Gap);
        var next = await rig.Capture.BeginChainAsync(CaptureRig.Asset);
        await rig.InsertAsync(0, 50, "after");
        var (slices, on) = await rig.CatchUpAsync(next);
        Assert.NotEmpty(slices);
        Assert.Equal(2, (await rig.ListAsync()).Chains().Stretches.Count);
        Assert.Equal(await rig.ServersAsync(next.At, on.At), await rig.ReadAsync(next.At, on.At));
    }

    [Fact(Explicit = true)]
    public async Task It_begins_at_the_end_mark_of_the_newest_backup_whose_oplog_is_still_there()
    {
        await using var dump = await DumpRig.CreateAsync();
        await dump.Source.GetCollection<BsonDocument>("cars").InsertManyAsync(Enumerable.Range(0, 10).Select(i => new BsonDocument("_id", i)));
        var finished = await dump.RunAsync();
        var capture = new OplogActivities(
            dump.Plan with { Assets = new Dictionary<string, Activities.Plans.AssetPlan> { [dump.Asset.Name] = dump.Asset with { Capture = new(TimeSpan.FromSeconds(1), null) } } },
            dump.Stores, dump.Keys, dump.Clusters, dump.Writer, TimeProvider.System, Serilog.Core.Logger.None);
        var start = await capture.BeginCaptureAsync(dump.Asset.Name);

        Assert.Equal(finished.End.Mark, start.Position.At);
        Assert.Contains(dump.Backup.BackupId, start.Why, StringComparison.Ordinal);
        Assert.Null(await capture.FindBaseAsync(dump.Asset.Name, new ClusterTime(finished.End.Mark.Seconds + 100, 1)));
    }

    [Fact(Explicit = true)]
    public async Task Stores_that_were_away_get_every_slice_and_can_open_it()
    {
        await using var rig = await CaptureRig.CreateAsync();
        var start = (await rig.Capture.BeginCaptureAsync(CaptureRig.Asset)).Position;
        await rig.InsertAsync(0, 5);
        // Each store is away once, so that each makes a key of its own for the day.
        rig.S3.Down = new RefusalException(ErrorKinds.Unreachable, "s3 is away.");
        var (first, position) = await rig.CatchUpAsync(start);
        Assert.All(first, s => Assert.Equal("nas", s.Store));
        rig.S3.Down = null;
        rig.Nas.Down = new RefusalException(ErrorKinds.Unreachable, "nas is away.");
        await rig.InsertAsync(5, 5);
        var (second, end) = await rig.CatchUpAsync(position);
        Assert.All(second, s => Assert.Equal("s3", s.Store));
        await Assert.ThrowsAsync<RefusalException>(() => rig.Capture.CopySlicesAsync(new("run-1", CaptureRig.Asset, "nas", [], start.At)));
        rig.Nas.Down = null;

        Assert.Equal(0, (await rig.Capture.CopySlicesAsync(new("run-1", CaptureRig.Asset, "nas", [], start.At))).Left);
        await rig.Capture.CopySlicesAsync(new("run-1", CaptureRig.Asset, "s3", [.. first.Select(s => new SliceName(s.From, s.To, "nas"))], null));
        var view = await rig.ListAsync();
        Assert.All(view.Slices, s => Assert.Equal(["s3", "nas"], s.Stores));
        Assert.Empty(view.Problems);
        var expected = await rig.ServersAsync(start.At, end.At);
        Assert.Equal(expected, await rig.ReadAsync(start.At, end.At));
        foreach (var lost in rig.S3.Names(ObjectNames.Slices(CaptureRig.Asset)))
            rig.S3.Lose(lost);
        Assert.Equal(expected, await rig.ReadAsync(start.At, end.At)); // by the other store's keys
    }
}
