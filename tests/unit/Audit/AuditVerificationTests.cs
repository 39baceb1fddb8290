using System.Text;
using CsCheck;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Audit;

public sealed class AuditVerificationTests
{
    private const int Links = 6;

    [Fact]
    public async Task An_empty_log_proves_nothing()
    {
        using var rig = new AuditRig();

        Assert.Equal(Verdict.NotProven, (await rig.VerifyAsync()).Verdict);
    }

    [Fact]
    public async Task A_link_that_is_missing_in_the_middle_is_named()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(Links);
        rig.Memory[1].Lose(AuditRig.NameOf(3));

        var report = await rig.VerifyAsync();

        Assert.Equal(Verdict.Failed, report.Verdict);
        var problem = Assert.Single(report.Problems);
        Assert.Equal((AuditProblemKinds.Missing, "nas", 3), (problem.Kind, problem.Store, problem.Number));
    }

    [Fact]
    public async Task A_removed_link_does_not_close_up_by_moving_the_others()
    {
        using var rig = new AuditRig(names: "s3");
        await rig.FillAsync(Links);
        var store = rig.Memory[0];
        for (var number = 3; number < Links; number++)
        {
            var next = store.Content(AuditRig.NameOf(number + 1));
            store.Rot(AuditRig.NameOf(number), _ => next);
        }

        store.Lose(AuditRig.NameOf(Links));

        Assert.Equal(Verdict.Failed, (await rig.VerifyAsync()).Verdict);
    }

    [Fact]
    public async Task Another_link_at_a_number_that_a_writer_signed_is_a_fork()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(Links);
        using var other = new AuditRig();
        var previous = (await rig.VerifyAsync()).Links[4].Sha256;
        rig.Memory[1].Rot(AuditRig.NameOf(Links), _ => SignedDocument.Write(
            new AuditLink(AuditLink.FormatName, rig.Writer.Name, Links, previous, AuditRig.Start, [], AuditRig.Entry(77)), rig.Writer));

        var report = await rig.VerifyAsync();

        Assert.Equal(Verdict.Failed, report.Verdict);
        Assert.Contains(report.Problems, p => p is { Kind: AuditProblemKinds.Forked, Number: Links });
    }

    [Fact]
    public async Task An_end_cut_off_in_one_store_is_found_by_the_other()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(Links);
        foreach (var number in new[] { 5, 6 })
            rig.Memory[0].Lose(AuditRig.NameOf(number));

        var report = await rig.VerifyAsync();

        Assert.Equal(Verdict.Failed, report.Verdict);
        Assert.Contains(report.Problems, p => p is { Kind: AuditProblemKinds.Truncated, Store: "s3", Number: 5 });
    }

    [Fact]
    public async Task An_end_cut_off_everywhere_is_found_by_a_head_that_was_noted()
    {
        using var rig = new AuditRig();
        var head = await rig.FillAsync(Links);
        foreach (var store in rig.Memory)
            store.Lose(AuditRig.NameOf(Links));

        Assert.Equal(Verdict.Proven, (await rig.VerifyAsync()).Verdict);
        Assert.Contains((await rig.VerifyAsync((head, "an evidence"))).Problems, p => p is { Kind: AuditProblemKinds.Truncated, Verdict: Verdict.Failed });
        Assert.Contains((await rig.VerifyAsync((head with { Number = 2 }, "an evidence"))).Problems, p => p is { Kind: AuditProblemKinds.Forked, Number: 2 });
    }

    [Fact]
    public async Task A_link_on_its_way_to_the_other_store_is_no_cut()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(2);
        await rig.CreateLog().AppendAsync([AuditRig.Entry(3)], default);
        rig.Memory[1].Lose(AuditRig.NameOf(3));

        Assert.Equal(Verdict.NotProven, (await rig.VerifyAsync()).Verdict);
    }

    [Fact]
    public async Task A_store_that_can_not_be_read_leaves_it_unproven()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(2);
        rig.Memory[1].Down = new IOException("The mount is gone.");

        var report = await rig.VerifyAsync();

        Assert.Equal(Verdict.NotProven, report.Verdict);
        Assert.Equal(2, report.Links.Count);
    }

    [Fact]
    public async Task Somebody_elses_link_and_somebody_elses_object_are_found()
    {
        using var rig = new AuditRig();
        using var stranger = WriterKey.Create("stranger");
        var head = await rig.FillAsync(2);
        foreach (var store in rig.Memory)
        {
            await store.PutIfAbsentAsync(
                AuditRig.NameOf(3),
                SignedDocument.Write(new AuditLink(AuditLink.FormatName, stranger.Name, 3, head.Sha256, AuditRig.Start, [], AuditRig.Entry(3)), stranger), default);
        }

        await rig.Memory[0].PutIfAbsentAsync("audit/notes.txt", Encoding.UTF8.GetBytes("all is well"), default);

        var report = await rig.VerifyAsync();

        Assert.Contains(report.Problems, p => p is { Kind: AuditProblemKinds.Changed, Number: 3 });
        Assert.Contains(report.Problems, p => p.Kind == AuditProblemKinds.Planted);
    }

    /// <summary>One chain in one store, so that nothing but the chain itself can tell: any one bit, link taken out of the middle, two links
    /// changed for each other, or a link put in.</summary>
    [Fact]
    public async Task Any_single_change_removal_swap_or_insertion_is_found()
    {
        using var rig = new AuditRig(names: "s3");
        await rig.FillAsync(Links);
        var store = rig.Memory[0];
        var whole = Enumerable.Range(1, Links).Select(n => store.Content(AuditRig.NameOf(n))).ToArray();
        var kinds = Gen.Select(Gen.Int[0, 3], Gen.Int[1, Links], Gen.Int[1, Links], Gen.Int[0, 1_000_000], Gen.Int[0, 7]);

        kinds.Sample((kind, at, other, position, bit) =>
        {
            var chain = whole.Select(b => (byte[]?)b).ToList();
            var expected = true;
            switch (kind)
            {
                case 0:
                    var changed = (byte[])whole[at - 1].Clone();
                    changed[position % changed.Length] ^= (byte)(1 << bit);
                    chain[at - 1] = changed;
                    break;
                case 1:
                    chain[at - 1] = null;
                    // The end is found by another store or a noted head only.
                    expected = at < Links;
                    break;
                case 2:
                    (chain[at - 1], chain[other - 1]) = (chain[other - 1], chain[at - 1]);
                    expected = at != other;
                    break;
                default:
                    chain.Insert(at - 1, whole[other - 1]);
                    break;
            }

            Assert.Equal(expected ? Verdict.Failed : Verdict.Proven, Verify(rig, chain));
        }, iter: 300);
    }

    private static Verdict Verify(AuditRig rig, IReadOnlyList<byte[]?> chain)
    {
        var store = new MemoryStore("s3", rig.Time);
        for (var i = 0; i < chain.Count; i++)
        {
            if (chain[i] is { } bytes)
                store.LayOver(AuditRig.NameOf(i + 1), bytes);
        }

        return new AuditVerification(rig.Plan, new([store]), rig.Time).RunAsync([], default).GetAwaiter().GetResult().Verdict;
    }
}
