using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Tests.Unit.Approvals;

public sealed class RestoreAskTests : IDisposable
{
    private static readonly ClusterTime To = new(1795658400, 7);
    private readonly TestPeople _people = new();

    public void Dispose() => _people.Dispose();

    [Fact]
    public void The_hash_is_another_for_whatever_is_another()
    {
        string[] hashes =
        [
            RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["x", "y"], ["x"], false),
            RestoreAsk.Hash("A", "b", "m", "h", "d", To, ["x", "y"], ["x"], false),
            RestoreAsk.Hash("a", "B", "m", "h", "d", To, ["x", "y"], ["x"], false),
            RestoreAsk.Hash("a", "b", "M", "h", "d", To, ["x", "y"], ["x"], false),
            RestoreAsk.Hash("a", "b", "m", "H", "d", To, ["x", "y"], ["x"], false),
            RestoreAsk.Hash("a", "b", "m", "h", "D", To, ["x", "y"], ["x"], false),
            RestoreAsk.Hash("a", "b", "m", "h", "d", new ClusterTime(To.Seconds, 8), ["x", "y"], ["x"], false),
            RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["x"], ["x"], false),
            RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["x", "y"], [], false),
            RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["x"], ["y", "x"], false),
            RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["xy"], ["x"], false),
            RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["x", "y"], ["x"], true),
            RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["x", "y"], ["x"], false, users: true),
            RestoreAsk.Hash("ab", "", "m", "h", "d", To, ["x", "y"], ["x"], false),
        ];

        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(hashes[0], RestoreAsk.Hash("a", "b", "m", "h", "d", To, ["y", "x"], ["x"], false));
    }

    [Fact]
    public void A_request_is_bound_to_everything_a_person_asks_for()
    {
        var request = CreateRequest();
        RestoreRequest[] others =
        [
            request with { Asset = "other" },
            request with { Backup = "id" },
            request with { To = RestorePoint.At(TestPeople.Now) },
            request with { To = RestorePoint.At(new ClusterTime((uint)TestPeople.Now.ToUnixTimeSeconds(), 0)) },
            request with { To = RestorePoint.Latest },
            request with { Collections = [] },
            request with { Collections = ["users"] },
            request with { Into = "other" },
            request with { Store = "nas" },
            request with { Drop = true },
            request with { NoSafetyBackup = true },
        ];

        Assert.Equal(others.Length + 1, others.Append(request).Select(RequestSigner.HashOf).Distinct().Count());
        Assert.Equal(RequestSigner.HashOf(request), RequestSigner.HashOf(request with { Keys = [new HandedKey("k", "w")] }));
    }

    [Fact]
    public void A_signed_request_verifies_as_it_is_and_not_with_another_run_or_target()
    {
        var plan = _people.CreatePlan();
        var request = RequestSigner.Sign(_people["operator"], TestPeople.Namespace, CreateRequest(), TestPeople.Now);

        Assert.Null(RequestSigner.ProblemOf(plan, request));
        Assert.NotNull(RequestSigner.ProblemOf(plan, CreateRequest()));
        Assert.NotNull(RequestSigner.ProblemOf(plan, request with { Drop = true }));
        Assert.NotNull(RequestSigner.ProblemOf(plan, request with { RunId = "other" }));
        Assert.NotNull(RequestSigner.ProblemOf(plan, request with { Target = "main/other" }));
        Assert.NotNull(RequestSigner.ProblemOf(plan with { Temporal = plan.Temporal with { Namespace = "other" } }, request));
    }

    [Fact]
    public void An_acceptance_is_signed_with_a_reason_for_one_manifest()
    {
        var plan = _people.CreatePlan();
        var subject = BackupAcceptance.Subject(TestPeople.Namespace, TestPeople.RunId, "a", "b", "m");
        var decision = DecisionSigner.Sign(_people["eve"], subject, DecisionKind.Approved, "emptied on purpose", TestPeople.Now);

        Check(decision);
        Assert.Null(BackupAcceptance.ProblemOf(plan, "a", "b", "m", decision));
        Assert.NotNull(BackupAcceptance.ProblemOf(plan, "a", "b", "other manifest", decision));
        Assert.NotNull(BackupAcceptance.ProblemOf(plan, "a", "other", "m", decision));
        foreach (var refused in new[]
        {
            DecisionSigner.Sign(_people["eve"], subject, DecisionKind.Denied, "no", TestPeople.Now),
            DecisionSigner.Sign(_people["eve"], subject, DecisionKind.Approved, " ", TestPeople.Now),
            DecisionSigner.Sign(_people["eve"], subject, DecisionKind.Approved, "old", TestPeople.Now.AddHours(-25)),
            DecisionSigner.Sign(_people["eve"], subject with { RunId = "other" }, DecisionKind.Approved, "x", TestPeople.Now),
            decision with { Person = "alice", Signer = "alice" },
        })
        {
            var error = Assert.Throws<RefusalException>(() => Check(refused));
            Assert.Equal(ErrorKinds.RefusedDecision, error.Report.Kind);
        }

        void Check(Decision d) => BackupAcceptance.Check(plan, TestPeople.RunId, "a", "b", "m", d, TestPeople.Now);
    }

    private static RestoreRequest CreateRequest() => new(
        TestPeople.RunId, "luxhedge_production", "luxhedge", "luxhedge_production", RestorePurpose.Recovery, null, null, null, null, null,
        Drop: false, NoSafetyBackup: false, Keys: null, RequestedBy: null);
}
