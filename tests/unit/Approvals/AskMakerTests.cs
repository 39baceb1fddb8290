using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;
using Microsoft.Extensions.Time.Testing;

namespace LuxHedge.Tests.Unit.Approvals;

public sealed class AskMakerTests : IDisposable
{
    private static readonly ApproveStep Nothing = new(null, [], null, null, null, null, [], [], [], null);
    private readonly TestPeople _people = new();

    public void Dispose() => _people.Dispose();

    [Fact]
    public async Task The_policy_of_the_plan_says_who_and_how_long_and_the_requester_is_not_among_them()
    {
        var ask = await MakeAsync(CreateRestore(), CreatePlan(p => p with
        {
            Quorum = 2,
            Reminders = [Minutes(3), Minutes(8), Minutes(20)],
            Escalate = [new(Minutes(5), "eve", ["eve"])],
        }));

        Assert.Equal(["alice", "bob", "paul"], ask.Approvers);
        Assert.Equal((2, 1, true, "restore-production"), (ask.Quorum, ask.DenyThreshold, ask.OwnKey, ask.Policy));
        Assert.Equal(Minutes(15), ask.Until - ask.AskedAt);
        Assert.Equal([Minutes(3), Minutes(8)], ask.Reminders.Select(r => r - ask.AskedAt));
        var tier = Assert.Single(ask.Tiers);
        Assert.Equal((Minutes(5), "eve"), (tier.From - ask.AskedAt, Assert.Single(tier.People)));
        Assert.Equal(RestoreAsk.Hash(ask.Restore!), ask.Hash);
        Assert.Null(AskSigner.ProblemOf(CreatePlan(), ask));
    }

    [Fact]
    public async Task Each_ask_has_a_nonce_of_its_own()
    {
        var first = await MakeAsync(CreateRestore());
        var second = await MakeAsync(CreateRestore());

        Assert.Equal(32, first.Nonce.Length);
        Assert.NotEqual(first.Nonce, second.Nonce);
    }

    [Fact]
    public async Task A_quorum_that_can_not_be_reached_without_the_requester_is_refused_all_tiers_counted()
    {
        // alice and bob have keys, paul has none, and who asks does not count.
        var three = CreatePlan(p => p with { Quorum = 3 });
        var error = await Assert.ThrowsAsync<RefusalException>(() => MakeAsync(CreateRestore(), three));
        Assert.Equal(ErrorKinds.Plan, error.Report.Kind);
        Assert.Contains("without operator", error.Message, StringComparison.Ordinal);
        Assert.Contains("paul can't sign", error.Message, StringComparison.Ordinal);

        Assert.Equal(3, (await MakeAsync(CreateRestore(), CreatePlan(p => p with { Quorum = 3, Escalate = [new(Minutes(5), "eve", ["eve"])] }))).Quorum);
        await Assert.ThrowsAsync<RefusalException>(() => MakeAsync(
            CreateRestore(), CreatePlan(p => p with { Quorum = 3, Escalate = [new(Minutes(15), "eve", ["eve"])] })));
    }

    [Fact]
    public async Task A_step_may_ask_for_more_than_the_policy_of_production_and_never_for_less()
    {
        var loose = Nothing with
        {
            By = ["alice", "bob", "eve"],
            Quorum = 1,
            Deny = 3,
            Expires = TimeSpan.FromHours(3),
            OwnKey = false,
            Escalate = [new(Minutes(1), "operator")],
        };
        var plan = CreatePlan(p => p with { Quorum = 2, Escalate = [new(Minutes(5), "eve", ["eve"])] });

        var ask = await MakeAsync(CreateRestore() with { Approve = loose }, plan);

        Assert.Equal(["alice", "bob"], ask.Approvers);
        Assert.Equal("eve", Assert.Single(Assert.Single(ask.Tiers).People));
        Assert.Equal(Minutes(5), ask.Tiers[0].From - ask.AskedAt);
        Assert.Equal((2, 1, true, Minutes(15)), (ask.Quorum, ask.DenyThreshold, ask.OwnKey, ask.Until - ask.AskedAt));

        var tight = await MakeAsync(CreateRestore() with { Approve = Nothing with { Quorum = 2, Expires = Minutes(4) } });
        Assert.Equal((2, Minutes(4)), (tight.Quorum, tight.Until - tight.AskedAt));
    }

    [Fact]
    public async Task Out_of_hours_others_may_decide_too_and_it_waits_longer()
    {
        // 2026-11-23 is a Monday; it is 10:20 UTC.
        OutOfHoursPlan Hours(int from, int until) => new(PlanShapeDays, new(from, 0), new(until, 0), TimeSpan.FromHours(2), ["eve"], ["eve"]);
        var within = await MakeAsync(CreateRestore(), CreatePlan(p => p with { OutOfHours = Hours(8, 18) }));
        var outside = await MakeAsync(CreateRestore(), CreatePlan(p => p with { OutOfHours = Hours(11, 18) }));

        Assert.Equal((false, Minutes(15)), (within.OutOfHours, within.Until - within.AskedAt));
        Assert.Equal((true, TimeSpan.FromHours(2)), (outside.OutOfHours, outside.Until - outside.AskedAt));
        Assert.Contains("eve", outside.Approvers);
        Assert.DoesNotContain("eve", within.Approvers);
    }

    [Theory]
    [InlineData(RunMode.Real, true)]
    [InlineData(RunMode.Drill, false)]
    public async Task There_is_a_glass_to_break_only_in_an_incident(RunMode mode, bool there)
    {
        var plan = CreatePlan(p => p with { BreakGlass = new(["alice", "operator"], 1, []) });
        Assert.Null((await MakeAsync(CreateRestore(), plan)).BreakGlass);

        var ask = await MakeAsync(CreateRestore() with { Runbook = CreateClaim(mode) }, plan);

        Assert.Equal(there, ask.BreakGlass is not null);
        Assert.Equal(there ? ["alice"] : [], ask.BreakGlass?.People ?? []);
    }

    [Fact]
    public async Task What_the_hash_is_over_is_shown_whatever_the_workflow_would_have_shown()
    {
        var ask = await MakeAsync(CreateRestore() with { Shows = [new("into", "a harmless place"), new("reason", "test")] });

        Assert.Equal("luxhedge_production on db1:27017", ask.Shows.Single(s => s.Label == "into").Value);
        Assert.Equal("users", ask.Shows.Single(s => s.Label == "replaces").Value);
        Assert.Contains(ask.Shows, s => s.Label == "reason");
    }

    [Fact]
    public async Task A_step_of_a_runbook_is_asked_over_its_text_mode_inputs_step_and_what_is_shown()
    {
        var request = CreateStep();
        var asked = await MakeAsync(request);
        var hashes = new List<string> { asked.Hash };
        Assert.Equal(RunbookAsk.Hash(request.Runbook!, "declare", AskKinds.Approval, request.Title, request.Shows), asked.Hash);
        foreach (var other in new[]
        {
            request with { Step = "other" },
            request with { Title = "other" },
            request with { Shows = [new("target", "other")] },
            request with { Runbook = request.Runbook! with { Sha256 = "other" } },
            request with { Runbook = request.Runbook! with { Mode = RunMode.Real } },
            request with { Runbook = request.Runbook! with { Inputs = Inputs("""{"backup":"other"}""") } },
        })
        {
            hashes.Add((await MakeAsync(other)).Hash);
        }

        Assert.Equal(hashes.Count, hashes.Distinct().Count());
        Assert.Equal(asked.Hash, (await MakeAsync(request with { Runbook = request.Runbook! with { Inputs = Inputs("""{ "backup" : "latest" }""") } })).Hash);
    }

    [Fact]
    public async Task People_of_a_step_are_resolved_from_groups_and_an_unknown_one_is_refused()
    {
        var plan = CreatePlan() with { Groups = new Dictionary<string, IReadOnlyList<string>> { ["leads"] = ["alice", "operator"] } };

        var ask = await MakeAsync(CreateStep() with { Approve = Nothing with { By = ["leads", "eve"] } }, plan);

        Assert.Equal(["alice", "eve"], ask.Approvers);
        Assert.Equal(["leads", "eve"], ask.By);
        Assert.Empty(ask.Policy);
        await Assert.ThrowsAsync<RefusalException>(() => MakeAsync(CreateStep() with { Approve = Nothing with { By = ["nobody"] } }, plan));
        await Assert.ThrowsAsync<RefusalException>(() => MakeAsync(CreateStep() with { Approve = Nothing with { Policy = "unknown" } }, plan));
        await Assert.ThrowsAsync<RefusalException>(() => MakeAsync(CreateStep() with { Approve = Nothing }, plan));
    }

    [Fact]
    public async Task Who_asked_may_confirm_what_people_do_themselves()
    {
        var ask = await MakeAsync(CreateStep() with { Approve = null, Manual = new("call them", "They know.", ["operator"], null) });

        Assert.Equal((AskKinds.Manual, 1, false), (ask.Kind, ask.Quorum, ask.OwnKey));
        Assert.Equal(["operator"], ask.Approvers);
        Assert.Equal(TimeSpan.FromHours(24), ask.Until - ask.AskedAt);
        var confirmed = DecisionSigner.Sign(_people["operator"], ask, DecisionKind.Approved, "done", TestPeople.Now);
        Assert.True((await CreateActivities(CreatePlan()).JudgeAsync(ask, confirmed)).Accepted);
        var other = DecisionSigner.Sign(_people["alice"], ask, DecisionKind.Approved, "done", TestPeople.Now);
        Assert.Contains("does not ask 'alice'", (await CreateActivities(CreatePlan()).JudgeAsync(ask, other)).Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_left_the_group_meanwhile_decides_nothing_any_more()
    {
        var plan = CreatePlan() with { Groups = new Dictionary<string, IReadOnlyList<string>> { ["leads"] = ["alice", "bob"] } };
        var ask = await MakeAsync(CreateStep() with { Approve = Nothing with { By = ["leads"] } }, plan);
        var decision = DecisionSigner.Sign(_people["alice"], ask, DecisionKind.Approved, "", TestPeople.Now);

        Assert.True((await CreateActivities(plan).JudgeAsync(ask, decision)).Accepted);
        plan = plan with { Groups = new Dictionary<string, IReadOnlyList<string>> { ["leads"] = ["bob"] } };
        Assert.False((await CreateActivities(plan).JudgeAsync(ask, decision)).Accepted);
    }

    private static readonly DayOfWeek[] PlanShapeDays =
        [DayOfWeek.Monday, DayOfWeek.Tuesday, DayOfWeek.Wednesday, DayOfWeek.Thursday, DayOfWeek.Friday];

    private static TimeSpan Minutes(int minutes) => TimeSpan.FromMinutes(minutes);

    private static Dictionary<string, System.Text.Json.JsonElement> Inputs(string json) =>
        System.Text.Json.JsonDocument.Parse(json).RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone());

    private static RunbookClaim CreateClaim(RunMode mode = RunMode.Drill) => new(
        "database-loss", new string('1', 64), null, "luxhedge_production", mode, Inputs("""{"backup":"latest"}"""), TestPeople.Now);

    private static AskRequest CreateRestore() => new(
        TestPeople.RunId, "approval", "operator", "Restore it", [new("backup", "b-1, an hour old")])
    {
        Production = TestPeople.Policy,
        Restore = new("luxhedge_production", "b-1", new string('e', 64), "db1:27017", "luxhedge_production", new(1795658400, 7), ["users", "cars"], ["users"], false),
    };

    private static AskRequest CreateStep() => new(TestPeople.RunId, "declare", "operator", "Is it lost?", [new("target", "main/drill")])
    {
        Approve = Nothing with { Policy = TestPeople.Policy },
        Runbook = CreateClaim(),
    };

    private Plan CreatePlan(Func<PolicyPlan, PolicyPlan>? change = null)
    {
        var plan = _people.CreatePlan();
        return change is null
            ? plan
            : plan with { Policies = new Dictionary<string, PolicyPlan> { [TestPeople.Policy] = change(plan.Policies[TestPeople.Policy]) } };
    }

    private Task<Ask> MakeAsync(AskRequest request, Plan? plan = null) => CreateActivities(plan ?? CreatePlan()).PrepareAsync(request);

    private ApprovalActivities CreateActivities(Plan plan) => new(plan, _people.Writer, new FakeTimeProvider(TestPeople.Now));
}
