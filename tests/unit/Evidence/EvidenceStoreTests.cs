using LuxHedge.Activities;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Tests.Support.Stores;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Runbooks;
using Microsoft.Extensions.Time.Testing;
using Serilog.Core;

namespace LuxHedge.Tests.Unit.Evidence;

public sealed class EvidenceStoreTests
{
    private static readonly RefusalException Away = new(ErrorKinds.Unreachable, "The store does not answer.", "store") { MayPass = true };
    private static readonly string Document = ObjectNames.Evidence(SampleRun.RunId, EvidenceStore.FileName);
    private static readonly string Report = ObjectNames.Evidence(SampleRun.RunId, EvidenceStore.ReportName);

    [Fact]
    public async Task Document_and_report_are_in_every_store_and_their_hashes_in_the_log()
    {
        using var rig = new Rig();

        var kept = await rig.KeepAsync();

        Assert.Equal([("s3", Document), ("nas", Document), ("s3", Report), ("nas", Report)], kept.Select(k => (k.Store, k.Object)));
        Assert.Equal(rig.Memory[0].Content(Document), rig.Memory[1].Content(Document));
        var log = await rig.VerifyAsync();
        Assert.Equal(Verdict.Proven, log.Verdict);
        Assert.Equal(
            [AuditKinds.RunStarted, AuditKinds.Decision, AuditKinds.Decision, AuditKinds.RefusedDecision, AuditKinds.Intervention, AuditKinds.RunEnded, AuditKinds.Evidence],
            log.Links.Select(l => l.Link.Entry.Kind));
        var entry = log.Links[^1].Link.Entry;
        Assert.Equal((kept[0].Sha256, kept[2].Sha256), (entry.Facts["sha256"], entry.Facts["reportSha256"]));
    }

    [Fact]
    public async Task What_was_kept_verifies_as_a_document_and_as_a_page()
    {
        using var rig = new Rig();
        await rig.KeepAsync();
        var log = await rig.VerifyAsync();

        Assert.Equal(Verdict.Proven, EvidenceVerification.Check(rig.Memory[0].Content(Document), "evidence.json", rig.Plan, log).Verdict);
        Assert.Equal(Verdict.Proven, EvidenceVerification.Check(rig.Memory[1].Content(Report), "evidence.html", rig.Plan, log).Verdict);
    }

    [Fact]
    public async Task Killed_between_any_two_puts_and_run_again_there_is_one_evidence_and_one_entry_for_each_act()
    {
        foreach (var lost in new[] { Document, Report, "audit/chain/00000001", "audit/chain/00000007" })
        {
            using var rig = new Rig(memory => new HostileStore(memory).LoseAnswerOnce(lost));
            await rig.KeepAsync();
            rig.Time.Advance(TimeSpan.FromMinutes(2));

            var kept = await rig.KeepAsync();

            Assert.Equal(4, kept.Count);
            Assert.Equal(rig.Memory[0].Content(Document), rig.Memory[1].Content(Document));
            var log = await rig.VerifyAsync();
            Assert.Equal((Verdict.Proven, 7), (log.Verdict, log.Links.Count));
        }
    }

    [Fact]
    public async Task A_store_that_was_away_gets_the_same_evidence_later()
    {
        using var rig = new Rig();
        rig.Memory[1].Down = Away;
        var first = await rig.KeepAsync();
        rig.Memory[1].Down = null;
        rig.Time.Advance(TimeSpan.FromMinutes(5));

        var second = await rig.KeepAsync();

        Assert.Equal(["s3", "s3"], first.Select(k => k.Store));
        Assert.Equal(4, second.Count);
        Assert.Equal(first[0].Sha256, second[1].Sha256);
    }

    [Fact]
    public async Task A_log_that_takes_nothing_is_told_with_the_evidence_that_was_kept()
    {
        using var rig = new Rig(logDown: Away);

        var kept = await rig.TryKeepAsync();

        Assert.Equal([("s3", Document), ("nas", Document), ("s3", Report), ("nas", Report)], kept.Objects.Select(k => (k.Store, k.Object)));
        Assert.Contains("No audit store can be reached", kept.AuditTrouble, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_any_store_it_may_be_tried_again()
    {
        using var rig = new Rig();
        rig.Memory[0].Down = rig.Memory[1].Down = Away;

        Assert.True((await Assert.ThrowsAsync<RefusalException>(rig.KeepAsync)).MayPass);
    }

    [Fact]
    public async Task A_planted_evidence_is_no_evidence_and_keeps_none_away_from_the_other_store()
    {
        using var rig = new Rig();
        rig.Memory[0].LayOver(Document, "{\"verdict\":\"Proven\"}\nwriter-1 AAAA\n"u8.ToArray());

        var kept = await rig.KeepAsync();

        Assert.Equal(["nas", "nas"], kept.Select(k => k.Store));
        var log = await rig.VerifyAsync();
        Assert.Contains(log.Problems, p => p is { Kind: AuditProblemKinds.Evidence, Verdict: Verdict.Failed, Store: "s3" });
    }

    [Fact]
    public async Task Evidence_that_was_changed_removed_or_never_logged_is_found_by_the_log()
    {
        using var rig = new Rig();
        await rig.KeepAsync();
        var whole = rig.Memory[1].Content(Document);

        rig.Memory[1].Rot(Document, bytes => [.. bytes[..^3], (byte)'A', .. bytes[^2..]]);
        Assert.Contains((await rig.VerifyAsync()).Problems, p => p is { Kind: AuditProblemKinds.Evidence, Verdict: Verdict.Failed, Store: "nas" });
        rig.Memory[1].Rot(Document, _ => rig.Run.Sign(rig.Run.Create(Verdict.Proven)));
        Assert.Contains((await rig.VerifyAsync()).Problems, p => p is { Kind: AuditProblemKinds.Evidence, Verdict: Verdict.Failed, Store: "nas" });
        rig.Memory[1].Rot(Document, _ => whole);
        rig.Memory[0].Lose(Document);
        rig.Memory[1].Lose(Document);
        Assert.Contains((await rig.VerifyAsync()).Problems, p => p is { Kind: AuditProblemKinds.Evidence, Verdict: Verdict.Failed });
    }

    [Fact]
    public async Task A_log_whose_end_was_cut_off_everywhere_is_betrayed_by_the_evidence()
    {
        using var rig = new Rig();
        await rig.KeepAsync();
        foreach (var store in rig.Memory)
        {
            foreach (var number in new[] { 5, 6, 7 })
                store.Lose($"audit/chain/{number:D8}.json");
        }

        Assert.Contains((await rig.VerifyAsync()).Problems, p => p is { Kind: AuditProblemKinds.Truncated, Verdict: Verdict.Failed });
    }

    [Fact]
    public async Task No_key_of_any_kind_and_nothing_carried_is_in_the_evidence()
    {
        using var rig = new Rig();
        rig.Change = e => e with
        {
            Request = e.Request with { Keys = [new("k-1", "d3JhcHBlZA==")], Carried = System.Text.Json.JsonSerializer.SerializeToElement("carried-over") },
        };

        await rig.KeepAsync();

        var text = System.Text.Encoding.UTF8.GetString(rig.Memory[0].Content(Document));
        Assert.DoesNotContain("d3JhcHBlZA==", text, StringComparison.Ordinal);
        Assert.DoesNotContain("carried-over", text, StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", text, StringComparison.Ordinal);
    }

    private sealed class Rig : IDisposable
    {
        private readonly StoreSet stores;
        private readonly AuditLog log;

        public Rig(Func<IObjectStore, IObjectStore>? first = null, Exception? logDown = null)
        {
            Memory = [new("s3", Time), new("nas", Time)];
            stores = new StoreSet([first?.Invoke(Memory[0]) ?? Memory[0], Memory[1]]);
            Plan = Run.Plan with
            {
                Stores = Memory.ToDictionary(m => m.Name, m => new StorePlan(m.Name, "directory", null, "", null, null, null, null, null)),
                Assets = new Dictionary<string, AssetPlan>
                {
                    [SampleRun.Asset] = new(
                        SampleRun.Asset, "database", true, "main", SampleRun.Asset, ["s3", "nas"], "main", [], null, 4, 1, 1, 0.2, true, default, default, null),
                },
            };
            var ofLog = logDown is null ? stores : new StoreSet([.. Memory.Select(m => new MemoryStore(m.Name, Time) { Down = logDown })]);
            log = new AuditLog(Plan, ofLog, Run.Writer, Time, Logger.None);
        }

        public SampleRun Run { get; } = new();

        public FakeTimeProvider Time { get; } = new(SampleRun.At(14));

        public IReadOnlyList<MemoryStore> Memory { get; }

        public Plan Plan { get; }

        public Func<RunbookEvidence, RunbookEvidence> Change { get; set; } = e => e;

        public async Task<IReadOnlyList<EvidenceObject>> KeepAsync() => (await TryKeepAsync()).Objects;

        public Task<KeptEvidence> TryKeepAsync() =>
            new EvidenceStore(Plan, stores, Run.Writer, log, Time, Logger.None).KeepAsync(Change(Run.Create()), default);

        public Task<AuditReport> VerifyAsync()
        {
            Time.Advance(TimeSpan.FromHours(1));
            return new EvidenceInLog(Plan, new StoreSet(Memory), Time).VerifyAsync(null, default);
        }

        public void Dispose()
        {
            log.Dispose();
            Run.Dispose();
        }
    }
}
