using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Tests.Unit.Encryption;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Tests.Unit.Approvals;

/// <summary>A plan with people who have keys: operator asks, alice and bob decide, eve is in no policy, paul has no key.</summary>
internal sealed class TestPeople : IDisposable
{
    public const string Namespace = "default";
    public const string Policy = "restore-production";
    public const string RunId = "20261123T101500Z-restore-luxhedge_production-7f3a";
    public const string WorkflowId = "restore/luxhedge_production";
    public const string Step = "approve";
    public const string Nonce = "00112233445566778899aabbccddeeff";
    public static readonly string Hash = new('a', 64);
    public static readonly string RequestHash = new('b', 64);
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 20, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, PersonKey> _keys = [];

    public TestPeople()
    {
        foreach (var person in new[] { "operator", "alice", "bob", "eve" })
        {
            _keys[person] = PersonKey.Create(person, _folder[$"people/{person}.pem"], null);
        }
    }

    public PersonKey this[string person] => _keys[person];

    /// <summary>Of the workers of this plan: it signs asks.</summary>
    public WriterKey Writer { get; } = WriterKey.Create("writer-1");

    public string PathOf(string file) => _folder[file];

    public Plan CreatePlan(int quorum = 1, int deny = 1, string[]? by = null) => new(
        _folder["luxhedge.yaml"],
        new TemporalPlan("127.0.0.1:7233", Namespace, "luxhedge", false, null, null),
        new WriterPlan("writer-1", null, new Dictionary<string, string> { ["writer-1"] = Writer.PublicKey }),
        new Dictionary<string, KeyPlan>(),
        new Dictionary<string, RecoveryKeyPlan>(),
        new Dictionary<string, StorePlan>(),
        new Dictionary<string, ClusterPlan>(),
        new Dictionary<string, AssetPlan>(),
        _keys.ToDictionary(k => k.Key, k => new PersonPlan(k.Key, k.Value.PublicKey, null, null, null))
            .Append(KeyValuePair.Create("paul", new PersonPlan("paul", null, null, null, null))).ToDictionary(),
        new Dictionary<string, PolicyPlan>
        {
            [Policy] = new(Policy, by ?? ["alice", "bob", "operator", "paul"], quorum, deny, TimeSpan.FromMinutes(15), OwnKey: true),
        });

    /// <summary>As a worker makes and signs it.</summary>
    public Ask CreateAsk(Func<Ask, Ask>? change = null)
    {
        var ask = new Ask(
            Step, Nonce, Hash, Policy, ["alice", "bob", "paul"], "operator", 1, 1, Now.AddMinutes(-5), Now.AddMinutes(10), [], Namespace, RunId);
        return AskSigner.Sign(Writer, change is null ? ask : change(ask));
    }

    public Decision Decide(string person, DecisionKind kind = DecisionKind.Approved, DateTimeOffset? at = null) =>
        DecisionSigner.Sign(this[person], CreateAsk(), kind, "seen", at ?? Now);

    public DoorQuestion CreateQuestion(params Decision[] decisions) => new(
        CreatePlan(),
        Policy,
        RequestSigner.Sign(this["operator"], Namespace, RunId, WorkflowId, RequestHash, Now.AddMinutes(-5)),
        new RequestScope(RunId, WorkflowId, RequestHash),
        [RunId],
        CreateAsk(),
        Hash,
        decisions,
        Now);

    public void Dispose()
    {
        foreach (var key in _keys.Values)
        {
            key.Dispose();
        }

        Writer.Dispose();
        _folder.Dispose();
    }
}
