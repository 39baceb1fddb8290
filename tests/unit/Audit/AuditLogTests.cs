using LuxHedge.Activities;
using LuxHedge.Activities.Audit;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Audit;

public sealed class AuditLogTests
{
    private static readonly RefusalException Away = new(ErrorKinds.Unreachable, "The store does not answer.", "store") { MayPass = true };

    [Fact]
    public async Task Entries_are_links_of_one_chain_with_the_same_bytes_in_every_store()
    {
        using var rig = new AuditRig();

        var head = await rig.FillAsync(3);

        Assert.Equal(3, head.Number);
        foreach (var number in Enumerable.Range(1, 3))
            Assert.Equal(rig.Memory[0].Content(AuditRig.NameOf(number)), rig.Memory[1].Content(AuditRig.NameOf(number)));
        var report = await rig.VerifyAsync();
        Assert.Equal(Verdict.Proven, report.Verdict);
        Assert.All(report.Stores, s => Assert.Equal(head, s.Head));
    }

    [Fact]
    public async Task The_same_act_is_appended_once_by_another_worker_too()
    {
        using var rig = new AuditRig();
        var first = await rig.CreateLog().AppendAsync([AuditRig.Entry(1)], default);
        await rig.CreateLog().AppendAsync([AuditRig.Entry(2)], default);

        var again = await rig.CreateLog().AppendAsync([AuditRig.Entry(1)], default);

        Assert.Equal(first.Hashes, again.Hashes);
        Assert.Equal(2, rig.Memory[0].Names("audit/").Count);
    }

    [Fact]
    public async Task A_put_whose_answer_was_lost_is_found_when_it_is_tried_again()
    {
        using var rig = new AuditRig(memory => new HostileStore(memory).LoseAnswerOnce("audit/chain/00000001"));
        await Assert.ThrowsAsync<RefusalException>(() => rig.CreateLog().AppendAsync([AuditRig.Entry(1)], default));

        var appended = await rig.CreateLog().AppendAsync([AuditRig.Entry(1)], default);

        Assert.Equal(1, appended.Head!.Number);
        Assert.Equal(Verdict.Proven, (await rig.VerifyAsync()).Verdict);
    }

    [Fact]
    public async Task Writers_at_once_make_one_chain_in_which_each_entry_is_once()
    {
        using var rig = new AuditRig();
        var writers = Enumerable.Range(0, 4).Select(_ => rig.CreateLog()).ToList();

        // Each act is appended by two of them, as after a worker that was given up and is alive.
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => writers[i % 4].AppendAsync([AuditRig.Entry(i / 2)], default))));

        var report = await rig.VerifyAsync();
        Assert.Equal(Verdict.Proven, report.Verdict);
        Assert.Equal(20, report.Links.Count);
        Assert.Equal(20, report.Links.Select(l => l.Link.Entry.Id).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task A_store_that_was_away_is_caught_up_by_the_next_entry_and_is_no_failure_before()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(2);
        rig.Memory[1].Down = Away;
        await rig.FillAsync(2 + 2);
        rig.Memory[1].Down = null;

        var before = await rig.VerifyAsync();
        await rig.CreateLog().AppendAsync([AuditRig.Entry(9)], default);
        var after = await rig.VerifyAsync();

        Assert.Equal(Verdict.NotProven, before.Verdict);
        Assert.Contains(before.Problems, p => p is { Kind: AuditProblemKinds.Truncated, Store: "nas", Number: 3 } && p.Text.Contains("was away", StringComparison.Ordinal));
        Assert.Equal(Verdict.Proven, after.Verdict);
        Assert.Equal(5, after.Stores[1].Entries);
    }

    [Fact]
    public async Task While_the_numbering_store_is_away_entries_wait_and_are_chained_when_it_is_back()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(2);
        rig.Memory[0].Down = Away;
        var waiting = await rig.CreateLog().AppendAsync([AuditRig.Entry(3), AuditRig.Entry(4)], default);
        await rig.CreateLog().AppendAsync([AuditRig.Entry(3)], default);
        rig.Memory[0].Down = null;

        var before = await rig.VerifyAsync();
        var again = await rig.CreateLog().AppendAsync([AuditRig.Entry(4), AuditRig.Entry(5)], default);
        var after = await rig.VerifyAsync();

        Assert.Null(waiting.Head);
        Assert.Contains(before.Problems, p => p.Kind == AuditProblemKinds.Pending);
        Assert.Equal(Verdict.NotProven, before.Verdict);
        Assert.Equal(5, again.Head!.Number);
        Assert.Equal(Verdict.Proven, after.Verdict);
        Assert.Equal(["1", "2", "3", "4", "5"], after.Links.Select(l => l.Link.Entry.Facts["number"]));
    }

    [Fact]
    public async Task Without_any_store_it_says_so_and_may_be_tried_again()
    {
        using var rig = new AuditRig();
        foreach (var store in rig.Memory)
            store.Down = Away;

        var refused = await Assert.ThrowsAsync<RefusalException>(() => rig.CreateLog().AppendAsync([AuditRig.Entry(1)], default));

        Assert.Equal(ErrorKinds.Unreachable, refused.Report.Kind);
        Assert.True(refused.MayPass);
    }

    [Fact]
    public async Task A_numbering_store_that_lost_its_end_gets_it_back_from_the_others_before_it_numbers_again()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(4);
        rig.Memory[0].Lose(AuditRig.NameOf(3));
        rig.Memory[0].Lose(AuditRig.NameOf(4));

        var appended = await rig.CreateLog().AppendAsync([AuditRig.Entry(5)], default);

        Assert.Equal(5, appended.Head!.Number);
        Assert.Equal(Verdict.Proven, (await rig.VerifyAsync()).Verdict);
    }

    [Fact]
    public async Task A_delete_marker_over_the_newest_link_frees_no_number()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(2);
        rig.Memory[0].Mark(AuditRig.NameOf(2));

        var appended = await rig.CreateLog().AppendAsync([AuditRig.Entry(3)], default);

        Assert.Equal(3, appended.Head!.Number);
        Assert.Contains((await rig.VerifyAsync()).Problems, p => p is { Kind: AuditProblemKinds.Overwritten, Number: 2, Store: "s3" });
    }

    [Fact]
    public async Task A_log_that_is_broken_goes_on_and_stays_broken()
    {
        using var rig = new AuditRig();
        await rig.FillAsync(3);
        foreach (var store in rig.Memory)
            store.Rot(AuditRig.NameOf(3), bytes => [.. bytes.Reverse()]);

        var appended = await rig.CreateLog().AppendAsync([AuditRig.Entry(4)], default);

        Assert.Equal(4, appended.Head!.Number);
        var report = await rig.VerifyAsync();
        Assert.Equal(Verdict.Failed, report.Verdict);
        Assert.Contains(report.Problems, p => p is { Kind: AuditProblemKinds.Changed, Number: 3 });
    }

    [Fact]
    public async Task More_than_a_hundred_links_are_found_by_who_looks_again()
    {
        using var rig = new AuditRig();
        var writer = rig.CreateLog();
        await writer.AppendAsync([.. Enumerable.Range(1, 99).Select(i => AuditRig.Entry(i))], default);
        await rig.CreateLog().AppendAsync([.. Enumerable.Range(100, 130).Select(i => AuditRig.Entry(i))], default);

        var appended = await writer.AppendAsync([AuditRig.Entry(230)], default);

        Assert.Equal(230, appended.Head!.Number);
        Assert.Equal(Verdict.Proven, (await rig.VerifyAsync()).Verdict);
    }
}
