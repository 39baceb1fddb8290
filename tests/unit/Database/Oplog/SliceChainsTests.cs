using CsCheck;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Database.Oplog;

public sealed class SliceChainsTests
{
    private const uint Noon = 1_700_000_000;

    [Fact]
    public void Slices_join_by_the_entry_that_they_share()
    {
        var chains = new SliceChains([Slice(30, 40), Slice(10, 20), Slice(20, 30), Slice(50, 60)]);

        Assert.Equal([Stretch(10, 40), Stretch(50, 60)], chains.Stretches);
        Assert.Equal([(10, 20), (20, 30)], Bounds(chains.Covering(At(12), At(25))));
        Assert.Equal([(20, 30)], Bounds(chains.Covering(At(20), At(30))));
        Assert.Empty(chains.Covering(At(20), At(20))!);
        Assert.Null(chains.Covering(At(35), At(45)));
        Assert.Null(chains.Covering(At(5), At(15)));
        Assert.Null(chains.Covering(At(41), At(42)));
        Assert.Null(chains.Covering(At(60), At(61)));
    }

    [Fact]
    public void Slices_that_touch_in_time_only_do_not_join()
    {
        var chains = new SliceChains([Slice(10, 20), Slice(20, 30) with { FirstEntrySha256 = "another" }]);

        Assert.Equal([Stretch(10, 20), Stretch(20, 30)], chains.Stretches);
        Assert.Null(chains.Covering(At(15), At(25)));
    }

    [Fact]
    public void What_a_given_up_attempt_wrote_beside_is_a_way_too()
    {
        var chains = new SliceChains([Slice(10, 20), Slice(20, 30), Slice(10, 25), Slice(30, 40), Slice(25, 27)]);

        Assert.Equal([Stretch(10, 40)], chains.Stretches);
        Assert.Equal([(10, 20), (20, 30), (30, 40)], Bounds(chains.Covering(At(10), At(40))));
        Assert.Equal([(10, 25), (25, 27)], Bounds(new SliceChains([Slice(10, 20), Slice(10, 25), Slice(25, 27)]).Covering(At(11), At(26))));
    }

    [Fact]
    public void Whatever_is_lost_doubled_or_shuffled_the_chain_has_every_entry_or_there_is_none() =>
        (from cuts in Gen.Int[1, 6].List[1, 12]
         from extra in Gen.Select(Gen.Int[0, 40], Gen.Int[1, 12]).List[0, 6]
         from lost in Gen.Bool.List[20]
         from seed in Gen.Int
         from after in Gen.Int[0, 45]
         from length in Gen.Int[0, 45]
         select (cuts, extra, lost, seed, after, length)).Sample(sample =>
         {
             // A history of entries at every second; slices over it, some of them other attempts' over the same time.
             var borders = new List<int> { 0 };
             foreach (var cut in sample.cuts)
                 borders.Add(borders[^1] + cut);
             var made = borders.Zip(borders.Skip(1), (a, b) => Slice(a, b)).Concat(sample.extra.Select(e => Slice(e.Item1, e.Item1 + e.Item2))).ToList();
             var kept = made.Where((_, i) => i >= sample.lost.Count || !sample.lost[i]).ToList();
             kept.AddRange(kept.Take(2));
             var shuffled = kept.ToArray();
             new Random(sample.seed).Shuffle(shuffled);
             var chains = new SliceChains(shuffled);
             var (after, to) = (At(sample.after), At(sample.after + sample.length));

             var chain = chains.Covering(after, to);
             Assert.Equal(Reaches(kept, after, to), chain is not null);
             if (chain is { Count: > 0 })
             {
                 Assert.True(chain[0].From <= after && chain[^1].To >= to);
                 Assert.All(chain.Zip(chain.Skip(1)), p => Assert.Equal((p.First.To, p.First.LastEntrySha256), (p.Second.From, p.Second.FirstEntrySha256)));
             }

             foreach (var stretch in chains.Stretches)
                 Assert.NotNull(chains.Covering(stretch.From, stretch.To));
             Assert.All(kept, s => Assert.Contains(chains.Stretches, t => t.From <= s.From && s.To <= t.To));
         });

    [Fact]
    public void Names_tell_the_same_stretches_as_manifests_wherever_the_reading_begins() =>
        (from cuts in Gen.Int[1, 6].List[1, 12]
         from extra in Gen.Select(Gen.Int[0, 40], Gen.Int[1, 12]).List[0, 6]
         from lost in Gen.Bool.List[20]
         from readFrom in Gen.Int[0, 50]
         select (cuts, extra, lost, readFrom)).Sample(sample =>
         {
             var borders = new List<int> { 0 };
             foreach (var cut in sample.cuts)
                 borders.Add(borders[^1] + cut);
             var made = borders.Zip(borders.Skip(1), (a, b) => Slice(a, b)).Concat(sample.extra.Select(e => Slice(e.Item1, e.Item1 + e.Item2)));
             var kept = made.DistinctBy(s => (s.From, s.To)).Where((_, i) => i >= sample.lost.Count || !sample.lost[i]).ToList();
             var read = kept.Where(s => s.To >= At(sample.readFrom)).ToList();
             var view = new SliceView("shop", [.. read.Select(s => new CatalogSlice(s, [new SliceCopy("nas", s, "")]))], [], [], [])
             {
                 Named = [.. kept.Except(read).Select(s => new NamedSlice(s.From, s.To, ["nas"]))],
             };

             Assert.Equal(new SliceChains(kept).Stretches, view.StretchesByName());
         }, iter: 1_000);

    [Fact]
    public void Slices_that_were_read_and_do_not_join_are_not_joined_by_their_names()
    {
        var view = new SliceView("shop", [.. new[] { Slice(20, 30), Slice(30, 40) with { FirstEntrySha256 = "another" } }.Select(s => new CatalogSlice(s, []))], [], [], [])
        {
            Named = [new NamedSlice(At(5), At(10), []), new NamedSlice(At(10), At(20), [])],
        };

        Assert.Equal([Stretch(5, 30), Stretch(30, 40)], view.StretchesByName());
    }

    [Fact]
    public void A_window_begins_at_the_oldest_backup_within_a_stretch()
    {
        var chains = new SliceChains([Slice(10, 20), Slice(20, 30), Slice(50, 60)]);
        var windows = RecoverableWindows.Of(chains, [("b", At(25)), ("a", At(15)), ("lone", At(40)), ("end", At(60)), ("before", At(5))]);

        Assert.Equal(
            [Window(5, 5, "before"), Window(15, 30, "a"), Window(40, 40, "lone"), Window(60, 60, "end")], windows);
        Assert.True(windows[1].Holds(At(30)));
        Assert.False(windows[1].Holds(At(31)));
        Assert.Empty(RecoverableWindows.Of(chains, []));
    }

    internal static SliceManifest Slice(int from, int to) => new(
        SliceManifest.FormatName, "shop", "shop", "run", "writer", At(from), At(to), At(to).ToTime(), new SourceDescription("host", "shop", "8.0.0"), At(to),
        to - from, 100, ObjectNames.SliceKeyId(At(from)), new ObjectReference(ObjectNames.Slice("shop", At(from), At(to)), 100, $"{from}-{to}"),
        $"entry {from}", $"entry {to}", null);

    private static bool Reaches(List<SliceManifest> slices, ClusterTime after, ClusterTime to)
    {
        if (to <= after)
            return true;
        var open = new Queue<SliceManifest>(slices.Where(s => s.From <= after && s.To > after));
        var seen = new HashSet<SliceManifest>();
        while (open.TryDequeue(out var slice))
        {
            if (slice.To >= to)
                return true;
            foreach (var next in slices.Where(s => s.From == slice.To && s.FirstEntrySha256 == slice.LastEntrySha256 && seen.Add(s)))
                open.Enqueue(next);
        }

        return false;
    }

    private static ClusterTime At(int second) => new(Noon + (uint)second, 1);

    private static SliceStretch Stretch(int from, int to) => new(At(from), At(to));

    private static RecoverableWindow Window(int from, int to, string backup) => new(At(from), At(to), backup);

    private static IEnumerable<(int, int)> Bounds(IReadOnlyList<SliceManifest>? chain) =>
        chain!.Select(s => ((int)(s.From.Seconds - Noon), (int)(s.To.Seconds - Noon)));
}
