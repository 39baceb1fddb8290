using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database;

public sealed class RangePlannerTests
{
    [Fact]
    public void Every_range_is_in_one_lane_and_the_lanes_are_even()
    {
        var collections = new[] { Collection("big", "u1", 1000), Collection("small", "u2", 100), Collection("tiny", "u3", 0) };
        var ranges = Enumerable.Range(0, 10).Select(i => new PlannedRange(i, "big", "u1", null, null, false))
            .Append(new(10, "small", "u2", null, null, false)).Append(new(11, "tiny", "u3", null, null, false)).ToList();

        var lanes = RangePlanner.Assign(collections, ranges, 3);

        Assert.Equal(3, lanes.Count);
        Assert.Equal(Enumerable.Range(0, 12), lanes.SelectMany(l => l).Order());
        Assert.All(lanes, l => Assert.InRange(l.Count, 3, 5));
        Assert.All(lanes, l => Assert.True(l[0] < 10, "each begins with a part of the largest"));
        Assert.Equal(11, lanes.Single(l => l.Contains(11))[^1]);
        Assert.Single(RangePlanner.Assign([], [], 4));
    }

    [Fact]
    public void Every_lane_reads_its_largest_range_first_and_none_waits_longer_for_another_than_its_smallest() =>
        Gen.Select(Gen.Long[0, 1000].Array[1, 30], Gen.Int[1, 8]).Sample((sizes, count) =>
        {
            var collections = sizes.Select((size, i) => Collection($"c{i}", $"u{i}", size)).ToList();
            var ranges = sizes.Select((_, i) => new PlannedRange(i, $"c{i}", $"u{i}", null, null, false)).ToList();

            var lanes = RangePlanner.Assign(collections, ranges, count);

            Assert.Equal(Math.Min(count, sizes.Length), lanes.Count);
            Assert.Equal(Enumerable.Range(0, sizes.Length), lanes.SelectMany(l => l).Order());
            Assert.All(lanes, lane => Assert.Equal(lane.Select(n => sizes[n]).OrderDescending(), lane.Select(n => sizes[n])));
            var least = lanes.Min(lane => lane.Sum(Weight));
            Assert.All(lanes.Where(l => l.Count > 0), lane => Assert.True(lane.Sum(Weight) - lane.Min(Weight) <= least));

            long Weight(int n) => Math.Max(1, sizes[n]);
        });

    [Fact]
    public void Bounds_are_in_order_different_and_none_is_the_least_of_all() =>
        Gen.Select(Gen.Int[0, 300].HashSet[0, 60], Gen.Int[1, 40], Gen.Int[0, 300]).Sample((ids, wanted, least) =>
        {
            var sampled = ids.Append(least).Distinct().Order().Where(i => i >= least).Select(i => $"{i}").ToList();

            var at = RangePlanner.Quantiles(sampled, wanted, $"{least}");
            var ranges = RangePlanner.Between(Collection("c", "u", 1), 7, at, true);

            Assert.True(at.Count < wanted);
            Assert.All(at, bound => Assert.Contains(bound, sampled));
            Assert.DoesNotContain($"{least}", at);
            var order = at.Select(bound => sampled.IndexOf(bound)).ToList();
            Assert.Equal(order.Order().Distinct(), order);
            Assert.Equal(Enumerable.Range(7, ranges.Count), ranges.Select(r => r.Number));
            Assert.Null(ranges[0].Min);
            Assert.Null(ranges[^1].Max);
            Assert.Equal(ranges.Skip(1).Select(r => r.Min), ranges.SkipLast(1).Select(r => r.Max));
        });

    [Fact]
    public void Quantiles_of_a_large_sample_are_even()
    {
        var sampled = Enumerable.Range(0, 2000).Select(i => $"{i}").ToList();

        var at = RangePlanner.Quantiles(sampled, 10, "0");

        Assert.Equal(Enumerable.Range(1, 9).Select(i => $"{i * 200}"), at);
        Assert.Empty(RangePlanner.Quantiles([], 10, "0"));
        Assert.Empty(RangePlanner.Quantiles(["0"], 10, "0"));
    }

    [Fact]
    public void Numbers_are_one_bracket_and_NaN_is_none()
    {
        Assert.Equal(RangePlanner.BracketOf(1), RangePlanner.BracketOf(2.5));
        Assert.Equal(RangePlanner.BracketOf(1L), RangePlanner.BracketOf(new BsonDecimal128(1)));
        Assert.NotEqual(RangePlanner.BracketOf(1), RangePlanner.BracketOf("1"));
        Assert.NotEqual(RangePlanner.BracketOf(new BsonDateTime(1)), RangePlanner.BracketOf(new BsonTimestamp(1)));
        Assert.True(RangePlanner.BracketOf(double.NaN) < 0);
        Assert.True(RangePlanner.BracketOf(new BsonDecimal128(Decimal128.QNaN)) < 0);
    }

    [Fact]
    public void The_share_of_ranges_for_the_witness_is_the_same_each_time()
    {
        var ranges = Enumerable.Range(0, 40).Select(i => new PlannedRange(i, "c", "u", i == 0 ? null : $"{i}", $"{i + 1}", false)).ToList();
        var share = WitnessReader.ShareOfRanges("u", ranges);
        Assert.Equal(5, share.Count);
        Assert.Equal(share, WitnessReader.ShareOfRanges("u", [.. ranges.AsEnumerable().Reverse()]));
        Assert.NotEqual(share, WitnessReader.ShareOfRanges("v", ranges));
        Assert.Single(WitnessReader.ShareOfRanges("u", ranges[..1]));
    }

    internal static PlannedCollection Collection(string name, string? uuid, long bytes = 0) =>
        new(name, uuid, uuid is null ? "view" : "collection", "{ }", [], 0, bytes);
}

public sealed class ChangedCollectionsTests
{
    [Fact]
    public void Nothing_changed_is_nothing_to_do()
    {
        var (changed, gone) = Compare([("a", "1"), ("b", "2"), ("v", null)], [("a", "1"), ("b", "2"), ("new", "9")]);
        Assert.Empty(changed);
        Assert.Empty(gone);
    }

    [Fact]
    public void One_renamed_over_is_dumped_again_and_the_old_one_is_gone()
    {
        var (changed, gone) = Compare([("a", "1")], [("a", "2")]);
        Assert.Equal(["a/2"], changed);
        Assert.Equal(["1"], gone);
    }

    [Fact]
    public void One_renamed_is_dumped_again_under_its_new_name()
    {
        var (changed, gone) = Compare([("a", "1"), ("b", "2")], [("b", "1")]);
        Assert.Equal(["b/1"], changed);
        Assert.Equal(["2"], gone);
    }

    [Fact]
    public void One_that_was_unreadable_and_is_back_is_dumped_again()
    {
        var (changed, gone) = Compare([("a", "1")], [("a", "1")], "a");
        Assert.Equal(["a/1"], changed);
        Assert.Empty(gone);
    }

    [Fact]
    public void A_dropped_one_is_gone()
    {
        var (changed, gone) = Compare([("a", "1"), ("b", "2")], [("b", "2")], "a");
        Assert.Empty(changed);
        Assert.Equal(["1"], gone);
    }

    private static (IEnumerable<string> Changed, IReadOnlyList<string> Gone) Compare(
        (string, string?)[] planned, (string, string?)[] now, params string[] unreadable)
    {
        var document = new RangesDocument(
            RangesDocument.FormatName, "b", "d", "8.0", [.. planned.Select(p => RangePlannerTests.Collection(p.Item1, p.Item2))], [], []);
        var (changed, gone) = DatabaseBackupActivities.Compare(
            document, [.. now.Select(p => RangePlannerTests.Collection(p.Item1, p.Item2))], unreadable);
        return (changed.Select(c => $"{c.Name}/{c.Uuid}"), gone);
    }
}

public sealed class SealerTests
{
    [Fact]
    public void A_range_is_taken_from_one_attempt_that_has_it_whole()
    {
        var index = Choose(
            [Pack("p1", "a", Chunk(0, 0, last: false), Chunk(0, 1, last: false)), Pack("p2", "b", Chunk(0, 0, last: false), Chunk(0, 1, last: true)), Oplog],
            Plan(Range(0, null, null)));

        Assert.Equal(["p2", "p2"], index.Chunks.Select(c => c.Pack));
        Assert.Equal([0, 1], index.Chunks.Select(c => c.Chunk.Part));
    }

    [Fact]
    public void Parts_of_two_attempts_are_not_put_together() =>
        AssertRefused(() => Choose([Pack("p1", "a", Chunk(0, 0, last: false)), Pack("p2", "b", Chunk(0, 1, last: true)), Oplog], Plan(Range(0, null, null))), "whole in no attempt");

    [Fact]
    public void A_missing_range_refuses_the_seal() =>
        AssertRefused(() => Choose([Pack("p1", "a", Chunk(0, 0, last: true)), Oplog], Plan(Range(0, null, "5"), Range(1, "5", null))), "Range 1");

    [Fact]
    public void Bounds_must_touch_from_open_end_to_open_end()
    {
        var packs = new[] { Pack("p1", "a", Chunk(0, 0, last: true), Chunk(1, 0, last: true)), Oplog };
        Assert.Equal(2, Choose(packs, Plan(Range(0, null, "5"), Range(1, "5", null))).Collections.Single().Ranges.Count);
        AssertRefused(() => Choose(packs, Plan(Range(0, null, "5"), Range(1, "6", null))), "bound to bound");
        AssertRefused(() => Choose(packs, Plan(Range(0, "1", "5"), Range(1, "5", null))), "bound to bound");
        AssertRefused(() => Choose(packs, Plan(Range(0, null, "5"), Range(1, "5", "9"))), "bound to bound");
        AssertRefused(() => Choose(packs, Plan()), "no planned range");
    }

    [Fact]
    public void An_oplog_that_does_not_reach_the_end_mark_refuses_the_seal() =>
        AssertRefused(() => Choose([Pack("p1", "a", Chunk(0, 0, last: true))], Plan(Range(0, null, null))), "oplog");

    [Fact]
    public void A_collection_dumped_again_replaces_the_one_before_and_a_gone_one_is_discarded()
    {
        var again = new RangesDocument(
            RangesDocument.FormatName, "b", "d", "8.0", [RangePlannerTests.Collection("c", "new")], [new(1, "c", "new", null, null, false)], [[1]])
        { Gone = ["u"] };
        var index = Choose([Pack("p1", "a", Chunk(1, 0, last: true)), Oplog], Plan(Range(0, null, null)), again);

        Assert.Equal(["new"], index.Collections.Select(c => c.Collection.Uuid));
        Assert.Equal(["u"], index.Discarded);
    }

    private static StoredPack Oplog => Pack(
        "o", "o", new PackChunk(PackChunk.Oplog, 0, true, 0, 1, 1, 1, "", OplogChainTests.At(10), OplogChainTests.At(20), OplogChainTests.At(20)));

    private static void AssertRefused(Func<object> seal, string message)
    {
        var refusal = Assert.Throws<RefusalException>(seal);
        Assert.Equal(ErrorKinds.Backup, refusal.Report.Kind);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }

    private static IndexDocument Choose(IReadOnlyList<StoredPack> packs, RangesDocument ranges, RangesDocument? again = null)
    {
        var backup = new BackupContext("r", "asset", "b", "k-b", "d", "nas", null, false, false, DateTimeOffset.UnixEpoch);
        var work = new SealWork(
            backup, new StartMark(OplogChainTests.At(10), OplogChainTests.At(10)), new EndMark(OplogChainTests.At(20), DateTimeOffset.UnixEpoch), false);
        return Sealer.Choose(backup, work, ranges, again, packs, new WitnessDocument([], DateTimeOffset.UnixEpoch), []);
    }

    private static RangesDocument Plan(params PlannedRange[] ranges) =>
        new(RangesDocument.FormatName, "b", "d", "8.0", [RangePlannerTests.Collection("c", "u")], ranges, [[.. ranges.Select(r => r.Number)]]);

    private static PlannedRange Range(int number, string? min, string? max) => new(number, "c", "u", min, max, false);

    private static PackChunk Chunk(int range, int part, bool last) => new(range, part, last, 0, 1, 1, 1, "");

    private static StoredPack Pack(string name, string attempt, params PackChunk[] chunks) => new(name, 1, new PackTable(PackTable.FormatName, "b", attempt, chunks));
}
