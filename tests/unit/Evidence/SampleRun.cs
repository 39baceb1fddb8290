using System.Text.Json;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Unit.Approvals;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Evidence;

/// <summary>A quarterly drill as it might have been: two approvers, a failed step that a person retried, a nested runbook, a negative control.</summary>
internal sealed class SampleRun : IDisposable
{
    public const string RunId = "20261123T090000Z-drill-quarterly-7f3a";
    public const string Asset = "luxhedge_production";
    public static readonly DateTimeOffset Start = new(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);

    private readonly List<PersonKey> loaded = [];
    private readonly Func<string, PersonKey> keyOf;

    public SampleRun()
    {
        (Plan, Writer, keyOf) = (People.CreatePlan(quorum: 2), People.Writer, person => People[person]);
    }

    /// <summary>By the people and the writer of a plan on disk.</summary>
    public SampleRun(Plan plan, Func<string, PersonKey> load)
    {
        (Plan, Writer) = (plan, WriterKey.Load(plan.Writer));
        keyOf = person =>
        {
            loaded.Add(load(person));
            return loaded[^1];
        };
    }

    public TestPeople People { get; } = new();

    public WriterKey Writer { get; }

    public Plan Plan { get; }

    private string Namespace => Plan.Temporal.Namespace;

    public static DateTimeOffset At(int minutes, double seconds = 0) => Start + TimeSpan.FromMinutes(minutes) + TimeSpan.FromSeconds(seconds);

    /// <summary>As a worker makes and signs it.</summary>
    public Ask CreateAsk(RunbookRequest request, Func<string, string> h)
    {
        var ask = new Ask(
            "declare", TestPeople.Nonce, "", TestPeople.Policy, ["alice", "bob", "paul"], "operator", 2, 1, At(0, 4), At(15, 4),
            [
                new("backup", h("20261123T080000Z-luxhedge_production-7f3a, 59 min 27 s old")), new("target", "drills/luxhedge_drill_7f3a91c0"),
                new("overwrites", h("nothing")),
            ],
            Namespace, RunId)
        {
            Title = h("Restore luxhedge_production into the drill's database"),
        };
        return AskSigner.Sign(
            Writer, ask with { Hash = RunbookAsk.Hash(RunbookClaim.Of(request), ask.Step, ask.Kind, ask.Title, ask.Shows) });
    }

    public Decision Decide(Ask ask, string person, DecisionKind kind, string reason, DateTimeOffset at) =>
        DecisionSigner.Sign(keyOf(person), ask, kind, reason, at);

    public byte[] Sign(RunbookEvidence evidence, AuditHead? head = null) => SignedDocument.Write(
        new StoredRunEvidence(
            StoredRunEvidence.FormatName, StoredRunEvidence.RunbookKind, Writer.Name, At(20), new EvidenceOrigin(
                Namespace, "drill/quarterly", "0197b1a2-0000-7000-8000-000000000001", new string('e', 64)),
            TrustSnapshot.Of(Plan), head ?? new AuditHead(41, new string('d', 64)), evidence),
        Writer);

    public RunbookEvidence Create(Verdict verdict = Verdict.Proven, Func<string, string>? hostile = null)
    {
        var h = hostile ?? (s => s);
        var nested = new RunbookDefinition(
            "collection-loss", 2, h("One collection comes back"), null, [], [new("restore") { Title = h("Restore the collection"), Uses = "restore-database" }], [],
            new string('2', 64));
        var definition = new RunbookDefinition(
            "quarterly", 3, h("Quarterly drill: everything comes back"), new(TimeSpan.FromHours(2), TimeSpan.FromHours(1)),
            [new RunbookInput("asset", InputTypes.Asset, false, JsonSerializer.SerializeToElement(Asset))],
            [
                new("declare") { Title = h("Declare the disaster"), Approve = new("restore-production", ["approvers"], 2, 1, TimeSpan.FromMinutes(15), null, [], [], ["backup", "target"], "restore") },
                new("restore") { Title = h("Restore the database"), Uses = "restore-database", OnFailure = OnFailure.Ask },
                new("checks") { Parallel = [new("counts") { Uses = "check-database" }, new("canary") { Uses = "check-canary" }] },
                new("collection") { Title = h("And one collection alone"), Nested = nested },
                new("negative-control") { Title = h("A planted bad backup must be caught"), Uses = "expect-failure" },
                new("phone") { Title = h("Call the on-call engineer"), Manual = new(h("Call"), h("She answered"), ["alice"], null) },
            ],
            [new("tidy") { Title = h("Drop the drill's database"), Uses = "drop-drill-database" }],
            new string('1', 64));
        RunbookStepResult[] steps =
        [
            new("declare", "approve", "done", At(0, 2), At(3, 40), 1, TimeSpan.FromSeconds(216)) { Detail = h("approved by alice (rehearsal), bob (seen)") },
            new("restore", "restore-database", "done", At(3, 40), At(9, 10), 2, TimeSpan.FromSeconds(95))
            {
                Detail = h("204,000 documents from backup 20261123T080000Z-luxhedge_production-7f3a"),
                Interventions = [h("retried by operator at 09:06:12: the worker was killed")],
            },
            new("checks/counts", "check-database", verdict == Verdict.Failed ? "failed" : "done", At(9, 10), At(9, 32), 1, TimeSpan.Zero)
            {
                Detail = h(verdict == Verdict.Failed ? "positions: 153,998 documents, 154,000 in the source" : "12 collections as in the source"),
                Verdict = verdict == Verdict.Failed ? Verdict.Failed : Verdict.Proven,
            },
            new("checks/canary", "check-canary", "done", At(9, 10), At(9, 14), 1, TimeSpan.Zero)
            {
                Detail = h(verdict == Verdict.NotProven ? "no canary came back" : "newest canary is 42 s old"),
                Verdict = verdict == Verdict.NotProven ? Verdict.NotProven : Verdict.Proven,
            },
            new("collection/restore", "restore-database", "done", At(9, 32), At(10, 58), 1, TimeSpan.Zero) { Detail = h("50,000 documents of users") },
            new("negative-control", "expect-failure", "done", At(10, 58), At(11, 40), 1, TimeSpan.Zero) { Detail = h("the planted backup was caught: one chunk differs") },
            new("phone", "manual", "done", At(11, 40), At(13, 5), 1, TimeSpan.FromSeconds(85)) { Detail = h("confirmed by alice") },
            new("tidy", "drop-drill-database", "done", At(13, 5), At(13, 26), 1, TimeSpan.Zero) { Detail = h("nothing is left") },
        ];
        var rto = new RtoMeasure(TimeSpan.FromHours(2), TimeSpan.FromSeconds(785), TimeSpan.FromSeconds(389), TimeSpan.FromSeconds(396), TimeSpan.FromSeconds(21));
        TimeSpan? lost = verdict == Verdict.NotProven ? null : TimeSpan.FromSeconds(42);
        var rpo = new RpoMeasure(TimeSpan.FromHours(1), lost);
        var request = RequestSigner.Sign(
            keyOf("operator"), Namespace,
            new RunbookRequest(
                RunId, "luxhedge", "quarterly", Asset, RunMode.Drill, definition,
                new Dictionary<string, JsonElement> { ["asset"] = JsonSerializer.SerializeToElement(h(Asset)) }, Start, null), Start);
        var ask = CreateAsk(request, h);
        var decisions = new[] { Decide(ask, "alice", DecisionKind.Approved, h("rehearsal"), At(2, 10)), Decide(ask, "bob", DecisionKind.Approved, h("seen"), At(3, 39)) };
        var summary = new RunbookSummary(
            RunId, "quarterly", 3, RunMode.Drill, verdict, rto, rpo, steps,
            [.. decisions.Select(d => new ApprovalResult("declare", "approved", d.Person, d.Reason, d.At))],
            verdict == Verdict.NotProven ? [h("checks/canary: no canary came back, so how much was lost is not known")] : [], [])
        {
            Checks =
            [
                new(h("documents of users"), Verdict.Proven, h("50,000 as in the source")),
                new(h("documents of positions"), verdict == Verdict.Failed ? Verdict.Failed : Verdict.Proven, h(verdict == Verdict.Failed ? "153,998, in the source 154,000" : "154,000 as in the source")),
                new(h("indexes"), Verdict.Proven, h("as in the source")),
                new(h("clean-up"), Verdict.Proven, h("the inventory is as before")),
            ],
            Tiers = [new(h("critical"), rto, rpo, verdict), new("runbook", rto with { Target = TimeSpan.FromMinutes(90) }, rpo, verdict)],
            Notes = [h("The restore was tried twice: the first worker was killed.")],
            Title = definition.Title,
            Target = "drills/luxhedge_drill_7f3a91c0",
            DeclaredAt = Start,
            StartedAt = Start,
            StoppedAt = At(13, 5),
            EndedAt = At(13, 30),
            Error = verdict == Verdict.Failed ? new(ErrorKinds.Restore, h("The restored database is not what the source was."), "checks/counts", h("Restore another backup.")) : null,
        };
        var site = new RunbookSite(
            "drills/luxhedge_drill_7f3a91c0", "db-drill.example:27017", "luxhedge_drill_7f3a91c0", [], [new("critical", rto.Target, rpo.Target)],
            new Dictionary<string, IReadOnlyList<TimeSpan>> { ["restore"] = [TimeSpan.FromSeconds(301), TimeSpan.FromSeconds(288)] }, []);
        return new RunbookEvidence(
            request, site, summary, [new AskRecord(ask, "Approved", decisions, At(3, 39))],
            [new RefusedDecision(h("eve"), "declare", DecisionKind.Approved, h("The policy 'restore-production' does not name 'eve'."), At(1, 20))], 0)
        {
            Interventions = [new("retry", "restore", h("operator"), h("the worker was killed"), At(6, 12))],
        };
    }

    public void Dispose()
    {
        loaded.ForEach(k => k.Dispose());
        if (!ReferenceEquals(Writer, People.Writer))
            Writer.Dispose();
        People.Dispose();
    }
}
