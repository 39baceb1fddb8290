using System.Text.Json;
using LuxHedge.Activities.Approvals;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Tests.Unit.Approvals;

public sealed class RunbookRequestTests : IDisposable
{
    private const string Run = "20261123T101500Z-incident-database-loss-7f3a";
    private readonly TestPeople _people = new();

    public void Dispose() => _people.Dispose();

    [Fact]
    public void A_signed_request_verifies_after_it_has_travelled()
    {
        var plan = _people.CreatePlan();
        var travelled = JsonSerializer.Deserialize<RunbookRequest>(JsonSerializer.Serialize(CreateSigned()))!;

        Assert.Null(RequestSigner.ProblemOf(plan, CreateSigned()));
        Assert.Null(RequestSigner.ProblemOf(plan, travelled));
    }

    [Fact]
    public void A_request_changed_in_anything_is_not_that_persons()
    {
        var good = CreateSigned();
        var steps = good.Definition with { Steps = [.. good.Definition.Steps, new RunbookStep("more") { Wait = "PT1M" }] };
        RunbookRequest[] changed =
        [
            good with { Name = "other" },
            good with { Asset = "other" },
            good with { Mode = RunMode.Drill },
            good with { RunId = "20261123T101500Z-incident-database-loss-0000" },
            good with { DeclaredAt = good.DeclaredAt!.Value.AddHours(-1) },
            good with { Inputs = Inputs("""{"backup":"other"}""") },
            good with { Inputs = Inputs("{}") },
            good with { Definition = good.Definition with { Sha256 = new string('2', 64) } },
            good with { Definition = steps },
            good with { Definition = steps, DefinitionSha256 = RequestSigner.HashOf(steps) },
            good with { DefinitionSha256 = null },
            good with { RequestedBy = null },
            good with { RequestedBy = good.RequestedBy! with { Person = "eve" } },
        ];

        Assert.All(changed, r => Assert.NotNull(RequestSigner.ProblemOf(_people.CreatePlan(), r)));
    }

    [Fact]
    public void A_restore_that_is_a_step_of_it_is_covered_and_one_of_another_run_is_not()
    {
        var run = CreateSigned();
        var restore = CreateRestore(run, RunIds.Child(Run, "restore/again", Guid.NewGuid()));

        Assert.Null(RequestSigner.ProblemOf(_people.CreatePlan(), restore));
        Assert.NotNull(RequestSigner.ProblemOf(_people.CreatePlan(), restore with { RunId = "20261123T101500Z-restore-luxhedge_production-7f3a" }));
        Assert.NotNull(RequestSigner.ProblemOf(_people.CreatePlan(), restore with { RunId = Run + "0" }));
        Assert.NotNull(RequestSigner.ProblemOf(_people.CreatePlan(), restore with { Claim = null }));
        Assert.NotNull(RequestSigner.ProblemOf(_people.CreatePlan(), restore with { Claim = restore.Claim! with { Mode = RunMode.Drill } }));
        Assert.NotNull(RequestSigner.ProblemOf(_people.CreatePlan(), restore with { RequestedBy = null }));
    }

    [Fact]
    public void Evidence_is_verified_from_itself_and_the_plans_public_keys()
    {
        var run = CreateSigned();
        var ask = AskMaker.Make(_people.CreatePlan(), AskRequest.Of(run, "declare", Approve(), "Is it lost?", [new("target", "production")]), TestPeople.Now);
        var signed = AskSigner.Sign(_people.Writer, ask);
        var decision = DecisionSigner.Sign(_people["alice"], signed, DecisionKind.Approved, "seen", TestPeople.Now.AddMinutes(1));
        var record = new AskRecord(signed, "Approved", [decision], TestPeople.Now.AddMinutes(1));

        Assert.True(Assert.Single(Check(record)).Verified);
        Assert.True(Assert.Single(Check(record with { Outcome = "Expired", Decisions = [] })).Verified);
        AskRecord[] changed =
        [
            record with { Outcome = "Denied" },
            record with { Outcome = "Expired" },
            record with { Decisions = [] },
            record with { Decisions = [decision with { Reason = "other" }] },
            record with { Decisions = [decision, decision] },
            record with { Decisions = [DecisionSigner.Sign(_people["operator"], signed, DecisionKind.Approved, "mine", TestPeople.Now)] },
            record with { Decisions = [DecisionSigner.Sign(_people["eve"], signed, DecisionKind.Approved, "mine", TestPeople.Now)] },
            record with { Decisions = [DecisionSigner.Sign(_people["alice"], signed, DecisionKind.Approved, "late", TestPeople.Now.AddHours(1))] },
            record with { Ask = signed with { Shows = [new("target", "elsewhere")] } },
            record with { Ask = AskSigner.Sign(_people.Writer, signed with { Shows = [new("target", "elsewhere")] }) },
            record with { Ask = AskSigner.Sign(_people.Writer, signed with { RequestedBy = "eve" }) },
        ];
        Assert.All(changed, r => Assert.False(Assert.Single(Check(r)).Verified));
        // Another run's ask, genuine as it is.
        Assert.False(Assert.Single(DecisionAudit.Check(_people.CreatePlan(), CreateEvidence(run with { Inputs = Inputs("{}") }, record))).Verified);

        IReadOnlyList<AskFinding> Check(AskRecord r) => DecisionAudit.Check(_people.CreatePlan(), CreateEvidence(run, r));
    }

    private static RunbookEvidence CreateEvidence(RunbookRequest run, AskRecord record) => new(
        run, null, new RunbookSummary(run.RunId, "database-loss", 3, run.Mode, Verdict.Proven, new(default, default, default, default, default), new(default, null), [], [], [], []),
        [record], [], 0);

    private static ApproveStep Approve() => new(TestPeople.Policy, [], null, null, null, null, [], [], [], null);

    private static Dictionary<string, JsonElement> Inputs(string json) =>
        JsonDocument.Parse(json).RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone());

    private RunbookRequest CreateSigned()
    {
        var definition = new RunbookDefinition(
            "database-loss", 3, "Loss of the database", new(TimeSpan.FromHours(2), null), [new("backup", InputTypes.Backup, false, Inputs("""{"x":"latest"}""")["x"])],
            [
                new("declare") { Approve = Approve() },
                new("restore") { Uses = "restore-database", With = Inputs("""{"drop":true,"to":"${mode.target}","n":1.50}"""), Timeout = TimeSpan.FromMinutes(90) },
            ],
            [], new string('1', 64));
        var request = new RunbookRequest(
            Run, "queue", "database-loss", "luxhedge_production", RunMode.Real, definition, Inputs("""{"backup":"latest","grün":"ü"}"""), TestPeople.Now, null);
        return RequestSigner.Sign(_people["operator"], TestPeople.Namespace, request, TestPeople.Now);
    }

    private static RestoreRequest CreateRestore(RunbookRequest run, string runId) => new(
        runId, run.Asset, "queue", run.Asset, RestorePurpose.Recovery, null, null, null, null, null, true, false, null, run.RequestedBy)
    {
        Claim = RunbookClaim.Of(run),
    };
}
