using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Notifications;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Notifications;

/// <summary>A night at LuxHedge, as its messages show it.</summary>
internal static class SampleAsks
{
    public const string Run = "20261123T031500Z-incident-database-loss-7f3a";
    public const string WorkflowId = "incident/database-loss/luxhedge_production";
    public const string Channel = "C0DISASTER";
    public static readonly DateTimeOffset Asked = new(2026, 11, 23, 3, 16, 0, TimeSpan.Zero);
    public static readonly DateTimeOffset Now = Asked.AddMinutes(4);

    public static Plan CreatePlan(SlackPlan? slack = null) => new(
        "/srv/luxhedge/luxhedge.yaml",
        new TemporalPlan("127.0.0.1:7233", "default", "luxhedge", false, null, "https://temporal.luxhedge.example"),
        new WriterPlan("writer-1", null, new Dictionary<string, string>()),
        new Dictionary<string, KeyPlan>(),
        new Dictionary<string, RecoveryKeyPlan>(),
        new Dictionary<string, StorePlan>(),
        new Dictionary<string, ClusterPlan>(),
        new Dictionary<string, AssetPlan>(),
        new Dictionary<string, PersonPlan>
        {
            ["olive"] = Person("olive", "Olive Operator", "U0OLIVE"),
            ["alice"] = Person("alice", "Alice Archer", "U0ALICE"),
            ["bob"] = Person("bob", "Bob Baker", "U0BOB"),
            ["carol"] = Person("carol", "Carol Clark", null),
            ["dave"] = Person("dave", "Dave Director", "U0DAVE"),
        },
        new Dictionary<string, PolicyPlan>
        {
            ["restore-production"] = new("restore-production", ["alice", "bob", "carol"], 2, 1, TimeSpan.FromMinutes(15), OwnKey: false),
        })
    {
        Slack = slack,
        Alerts = new(["alice", "bob"], [], Slack: true),
    };

    public static Ask CreateAsk() => new(
        "declare", "00112233445566778899aabbccddeeff", new('a', 64), "restore-production", ["alice", "bob", "carol"], "olive", 2, 1,
        Asked, Asked.AddMinutes(15),
        [
            new("what", "Restore of luxhedge_production, the whole database"),
            new("into", "luxhedge_production on db1.luxhedge.internal:27017 (production)"),
            new("backup", "20261123T020000Z-luxhedge_production-1c2d, of 2026-11-23 02:04:11Z, 1 h 12 min old"),
            new("standing", "proven by a restore test"),
            new("holds", "1,204,330 documents in 10 collections"),
            new("replaces", "cars, kyc_documents, positions, tickets, transactions, users"),
            new("stays", "luxhedge_notes"),
            new("safety backup", "of what is replaced, first"),
        ],
        "default", Run)
    {
        Title = "Restore luxhedge_production into luxhedge_production on db1.luxhedge.internal:27017",
    };

    public static AskNotice CreateNotice(
        string what = AskEvents.Opened, Ask? ask = null, string mode = "real", string? outcome = null, params Decision[] decisions) =>
        new(
            WorkflowId, (ask ?? CreateAsk()).Title, new(Run, "database-loss", mode, "luxhedge_production"), ask ?? CreateAsk(), decisions, outcome, what,
            what == AskEvents.Decided ? decisions[^1] : null, null);

    public static Decision Decide(string person, DecisionKind kind = DecisionKind.Approved, string reason = "", bool click = true) =>
        new("default", Run, "declare", CreateAsk().Nonce, CreateAsk().Hash, kind, person, reason, Now, click ? "writer-1" : person, "signature")
        {
            Via = click ? new("U0ALICE", "T0LUXHEDGE", Channel, "1795403760.000100", "1795404000.000200") : null,
        };

    public static RunNotice CreateRun(Verdict? verdict = null, IReadOnlyList<StepTiming>? steps = null, params string[] details) => new(
        "drill/quarterly", new("20261123T090000Z-drill-quarterly-7f3a", "quarterly", "drill", "luxhedge_production"), "Quarterly full drill",
        steps ?? Steps(), verdict, details, null);

    public static IReadOnlyList<StepTiming> Steps() =>
    [
        Step("announce", 0, 2, StepStates.Done, "everyone is told"),
        Step("declare", 2, 200, StepStates.Done, "Approved: alice, bob", waiting: 195),
        Step("database-loss/restore", 200, 420, StepStates.Done, "1,204,330 documents", attempts: 2),
        Step("database-loss/checks", 420, 421, StepStates.Failed, "collection cars: 12 documents are missing"),
        Step("collection-loss/confirm", 430, null, StepStates.Waiting),
        Step("negative-control", 430, null, StepStates.Running),
        Step("old-archives", 430, 430, StepStates.Skipped, "the runbook says so: mode is real"),
    ];

    private static StepTiming Step(string id, int from, int? to, string state, string? detail = null, int waiting = 0, int attempts = 1) => new(
        id, new DateTimeOffset(2026, 11, 23, 9, 0, 0, TimeSpan.Zero).AddSeconds(from),
        to is { } end ? new DateTimeOffset(2026, 11, 23, 9, 0, 0, TimeSpan.Zero).AddSeconds(end) : null, attempts, TimeSpan.FromSeconds(waiting), state, detail);

    private static PersonPlan Person(string id, string name, string? slack) => new(id, null, null, null, slack) { FullName = name };
}
