using System.Security.Cryptography;
using CsCheck;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Tests.Unit.Approvals;

public sealed class LastDoorTests : IDisposable
{
    private readonly TestPeople _people = new();

    public void Dispose() => _people.Dispose();

    [Fact]
    public void An_approval_by_another_person_of_the_policy_opens_the_door()
    {
        var decision = _people.Decide("alice");

        Assert.Equal([decision], LastDoor.Check(_people.CreateQuestion(decision)));
    }

    [Fact]
    public void Without_any_decision_it_says_who_could_decide()
    {
        var error = AssertShut(_people.CreateQuestion());

        Assert.Contains("1 of alice, bob, paul", error.Message, StringComparison.Ordinal);
        Assert.Contains("nobody has approved", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_asked_for_it_can_not_approve_it() =>
        AssertShut(_people.CreateQuestion(_people.Decide("operator")), "'operator' asked for it, and can't approve it");

    [Fact]
    public void Who_asked_for_it_may_deny_it() =>
        AssertShut(_people.CreateQuestion(_people.Decide("alice"), _people.Decide("operator", DecisionKind.Denied)), "denied by operator");

    [Fact]
    public void Who_is_not_in_the_policy_counts_for_nothing() =>
        AssertShut(_people.CreateQuestion(_people.Decide("eve")), "does not name 'eve'");

    [Fact]
    public void A_denial_shuts_the_door_against_any_approvals() =>
        AssertShut(_people.CreateQuestion(_people.Decide("alice"), _people.Decide("bob", DecisionKind.Denied)), "denied by bob");

    [Theory]
    [InlineData(DecisionKind.Approved, DecisionKind.Denied)]
    [InlineData(DecisionKind.Denied, DecisionKind.Approved)]
    public void Who_denied_does_not_count_as_an_approver_too(DecisionKind first, DecisionKind second)
    {
        var question = _people.CreateQuestion(_people.Decide("alice", first), _people.Decide("alice", second)) with
        {
            Plan = _people.CreatePlan(deny: 2),
            Ask = _people.CreateAsk(a => a with { DenyThreshold = 2 }),
        };

        AssertShut(question, "nobody has approved");
    }

    [Fact]
    public void A_quorum_of_two_needs_two_people_and_not_one_twice()
    {
        var question = _people.CreateQuestion(_people.Decide("alice"), _people.Decide("alice", at: TestPeople.Now.AddMinutes(-1))) with
        {
            Plan = _people.CreatePlan(quorum: 2),
        };

        AssertShut(question, "2 of alice, bob, paul", "only alice approved");
        Assert.Equal(2, LastDoor.Check(question with { Decisions = [_people.Decide("alice"), _people.Decide("bob")] }).Count);
    }

    [Fact]
    public void A_policy_without_a_quorum_still_needs_one_approval() =>
        AssertShut(_people.CreateQuestion() with { Plan = _people.CreatePlan(quorum: 0) }, "nobody has approved");

    [Theory]
    [InlineData(-24 * 60 - 1, "has to be asked again")]
    [InlineData(6, "yet to come")]
    public void A_decision_of_yesterday_or_tomorrow_counts_for_nothing(int minutes, string why) =>
        AssertShut(_people.CreateQuestion(_people.Decide("alice", at: TestPeople.Now.AddMinutes(minutes))), why);

    [Fact]
    public void An_expired_key_counts_for_nothing()
    {
        var question = _people.CreateQuestion(_people.Decide("alice"));
        var people = question.Plan.People.ToDictionary();
        people["alice"] = people["alice"] with { KeyExpires = DateOnly.FromDateTime(TestPeople.Now.UtcDateTime) };

        AssertShut(question with { Plan = question.Plan with { People = people } }, "the key of 'alice' expired on 2026-11-23");
    }

    [Fact]
    public void A_decision_changed_in_anything_counts_for_nothing()
    {
        var good = _people.Decide("alice");
        Decision[] changed =
        [
            good with { Namespace = "other" },
            good with { RunId = "other" },
            good with { Step = "other" },
            good with { Nonce = "other" },
            good with { Hash = new string('c', 64) },
            good with { Person = "bob" },
            good with { Person = "bob", Signer = "bob" },
            good with { Person = "nobody", Signer = "nobody" },
            good with { Person = "paul", Signer = "paul" },
            good with { Signer = "slack" },
            good with { Reason = "another" },
            good with { Reason = "\ud800" },
            good with { At = good.At.AddSeconds(1) },
            good with { Signature = "" },
            good with { Signature = good.Signature + "=" },
            _people.Decide("bob") with { Signature = good.Signature },
            good with { Kind = (DecisionKind)7 },
        ];

        foreach (var decision in changed)
        {
            var error = AssertShut(_people.CreateQuestion(decision));
            Assert.Single(error.Report.Problems!);
        }

        // A denial turned into an approval.
        AssertShut(_people.CreateQuestion(_people.Decide("alice", DecisionKind.Denied) with { Kind = DecisionKind.Approved }), "signature");
    }

    [Fact]
    public void Rubbish_beside_a_good_decision_does_not_shut_the_door()
    {
        var good = _people.Decide("alice");

        Assert.Equal([good], LastDoor.Check(_people.CreateQuestion(good with { Signature = "x" }, good, _people.Decide("eve"))));
    }

    [Fact]
    public void What_is_about_to_be_done_must_be_what_was_decided()
    {
        var question = _people.CreateQuestion(_people.Decide("alice"));

        AssertShut(question with { Hash = new string('c', 64) }, "what would be done is not what was asked");
    }

    [Fact]
    public void A_decision_for_another_run_does_not_open_this_one()
    {
        var question = _people.CreateQuestion(_people.Decide("alice"));
        var other = RequestSigner.Sign(
            _people["operator"], TestPeople.Namespace, "another-run", TestPeople.WorkflowId, TestPeople.RequestHash, TestPeople.Now);

        AssertShut(question with { RequestedBy = other, Request = question.Request with { RunId = "another-run" }, Runs = ["another-run"] }, "another run");
    }

    [Fact]
    public void A_request_that_nobody_signed_or_that_was_changed_shuts_the_door()
    {
        var good = _people.CreateQuestion(_people.Decide("alice"));
        var request = good.RequestedBy!;

        AssertShut(good with { RequestedBy = null }, "nobody signed the request");
        AssertShut(good with { Request = good.Request with { Hash = new string('c', 64) } }, "something else");
        AssertShut(good with { Request = good.Request with { WorkflowId = "restore/other" } }, "does not verify");
        AssertShut(good with { RequestedBy = request with { Person = "eve" } }, "does not verify");
        AssertShut(good with { RequestedBy = request with { Person = "nobody" } }, "not in the plan");
        AssertShut(good with { RequestedBy = request with { RunId = "other" } }, "another run");
        AssertShut(good with { RequestedBy = request with { At = request.At.AddSeconds(1) } }, "does not verify");
    }

    [Fact]
    public void People_keys_and_policies_are_those_of_the_workers_own_plan()
    {
        // Whoever starts a workflow with people of his own has keys of his own: the worker's plan does not know them.
        using var theirs = new TestPeople();

        AssertShut(theirs.CreateQuestion(theirs.Decide("alice")) with { Plan = _people.CreatePlan() }, "does not verify");
        AssertShut(_people.CreateQuestion(theirs.Decide("alice")), "signature");
        AssertShut(_people.CreateQuestion(_people.Decide("alice")) with { Policy = "my-own" }, "no policy 'my-own'");
    }

    [Fact]
    public void A_later_tier_opens_at_its_time_by_the_asks_own_time_and_the_workers_clock()
    {
        // Asked at 10:15; from 10:20 on eve may decide too, and now it is 10:20.
        var plan = CreatePlan(p => p with { Escalate = [new(TimeSpan.FromMinutes(5), "eve", ["eve"])] });
        var ask = _people.CreateAsk(WithEve);
        var question = _people.CreateQuestion(Sign("eve", ask)) with { Plan = plan, Ask = ask };

        Assert.Single(LastDoor.Check(question));
        AssertShut(question with { Now = TestPeople.Now.AddSeconds(-1) }, "'eve' may decide from 2026-11-23 10:20:00Z on");
        AssertShut(question with { Decisions = [Sign("eve", ask, TestPeople.Now.AddSeconds(-1))] }, "and it is of 2026-11-23 10:19:59Z");

        // The ask's word alone opens no tier, and neither does the plan's for an ask that has none.
        AssertShut(question with { Plan = _people.CreatePlan() }, "does not name 'eve'");
        AssertShut(question with { Ask = _people.CreateAsk() }, "does not name 'eve'");
    }

    [Fact]
    public void Who_controls_a_workflows_input_can_not_claim_an_earlier_ask_or_another()
    {
        var plan = CreatePlan(p => p with { Escalate = [new(TimeSpan.FromMinutes(30), "eve", ["eve"])] });
        var ask = _people.CreateAsk(WithEve);
        Ask[] claimed =
        [
            ask with { AskedAt = ask.AskedAt.AddHours(-1) },
            ask with { Until = ask.Until.AddHours(1) },
            ask with { Tiers = [] },
            ask with { Approvers = ["eve"] },
            ask with { Quorum = 1, DenyThreshold = 9 },
            ask with { OwnKey = !ask.OwnKey },
            ask with { Policy = "mine" },
            ask with { Nonce = "mine" },
            ask with { Title = "something harmless" },
            ask with { Shows = [new("into", "a harmless place")] },
            ask with { RequestedBy = "eve" },
            ask with { BreakGlass = new(["eve"], 1, []) },
            ask with { Signature = "" },
            ask with { Writer = "mine" },
        ];
        foreach (var forged in claimed)
        {
            AssertShut(_people.CreateQuestion(Sign("eve", forged), Sign("alice", forged)) with { Plan = plan, Ask = forged }, "ask");
        }

        // Another's writer key makes no ask of this plan's workers.
        using var theirs = new TestPeople();
        AssertShut(_people.CreateQuestion(_people.Decide("alice")) with { Ask = theirs.CreateAsk() }, "not as a worker signed it");
        AssertShut(_people.CreateQuestion(_people.Decide("alice")) with { Ask = null }, "nobody was asked");
    }

    [Fact]
    public void An_ask_of_another_run_a_confirmed_manual_step_and_another_restore_open_nothing()
    {
        var other = _people.CreateAsk(a => a with { RunId = "another-run" });
        var manual = _people.CreateAsk(a => a with { Kind = AskKinds.Manual });
        var restore = _people.CreateAsk(a => a with { Hash = new string('c', 64) });

        AssertShut(_people.CreateQuestion(Sign("alice", other)) with { Ask = other }, "of another run");
        AssertShut(_people.CreateQuestion(Sign("alice", manual)) with { Ask = manual }, "no approval");
        AssertShut(_people.CreateQuestion(Sign("alice", restore)) with { Ask = restore }, "not what was asked");

        // Of the runbook that the restore is a step of, it opens.
        Assert.Single(LastDoor.Check(_people.CreateQuestion(Sign("alice", other)) with { Ask = other, Runs = [TestPeople.RunId, "another-run"] }));
    }

    [Fact]
    public void Break_glass_opens_with_one_own_key_and_a_reason_and_only_in_an_incident()
    {
        var plan = CreatePlan(p => p with { Quorum = 2, BreakGlass = new(["eve", "operator"], 1, []) });
        var ask = _people.CreateAsk(a => a with { Quorum = 2, BreakGlass = new(["eve"], 1, []) });
        var glass = Glass("eve", "nobody else can be reached");
        var question = _people.CreateQuestion(glass) with { Plan = plan, Ask = ask, Incident = true };

        Assert.Equal([glass], LastDoor.Check(question));
        AssertShut(question with { Incident = false }, "this is none");
        AssertShut(question with { Decisions = [Glass("eve", " ")] }, "needs a reason");
        AssertShut(question with { Decisions = [Glass("alice", "me too")] }, "'alice' may not break the glass");
        AssertShut(question with { Decisions = [Glass("operator", "mine")] }, "'operator' asked for it");
        AssertShut(question with { Decisions = [glass with { BreakGlass = false }] }, "signature");
        AssertShut(question with { Decisions = [Sign("alice", ask) with { BreakGlass = true, Person = "eve", Signer = "eve" }] }, "signature");
        AssertShut(question with { Decisions = [glass, Sign("bob", ask, kind: DecisionKind.Denied)] }, "denied by bob");
        AssertShut(question with { Plan = CreatePlan(p => p with { Quorum = 2 }) }, "this is none");

        // It is another question than the policy's: one of each is neither's quorum.
        var two = _people.CreateAsk(a => a with { Quorum = 2, BreakGlass = new(["eve", "alice"], 2, []) });
        AssertShut(
            question with
            {
                Plan = CreatePlan(p => p with { Quorum = 2, BreakGlass = new(["eve", "alice"], 2, []) }),
                Ask = two,
                Decisions = [Glass("eve", "alone", two), Sign("bob", two)],
            },
            "only bob approved");

        Decision Glass(string person, string reason, Ask? of = null) =>
            DecisionSigner.Sign(_people[person], of ?? ask, DecisionKind.Approved, reason, TestPeople.Now, breakGlass: true);
    }

    [Fact]
    public void A_click_that_the_endpoint_signed_counts_where_the_policy_does_not_ask_for_the_own_key()
    {
        var plan = WithSlack(CreatePlan(p => p with { OwnKey = false }));
        using var endpoint = EndpointKey.Load(plan);
        var via = new DecisionVia("U0ALICE", "T0LUX", "C0DRILL", "1.1", "2.2");
        var click = DecisionSigner.SignForClick(endpoint, _people.CreateAsk(), DecisionKind.Approved, "alice", "", via, TestPeople.Now);
        var question = _people.CreateQuestion(click) with { Plan = plan };

        Assert.Equal([click], LastDoor.Check(question));
        AssertShut(question with { Plan = WithSlack(_people.CreatePlan()) }, "not with the own key of 'alice'");
        AssertShut(question with { Ask = _people.CreateAsk(a => a with { OwnKey = true }) }, "not with the own key of 'alice'");
        AssertShut(question with { Plan = CreatePlan(p => p with { OwnKey = false }) }, "not with the own key of 'alice'");
        Decision[] changed =
        [
            click with { Person = "bob" },
            click with { Via = null },
            click with { Via = via with { User = "U0BOB" } },
            click with { Via = via with { ActionTimestamp = "3.3" } },
            click with { Kind = DecisionKind.Denied },
            click with { Signer = "writer-1" },
            DecisionSigner.SignForClick(endpoint, _people.CreateAsk(), DecisionKind.Approved, "bob", "", via, TestPeople.Now),
            DecisionSigner.SignForClick(endpoint, _people.CreateAsk(), DecisionKind.Approved, "alice", "", via with { Team = "T0OTHER" }, TestPeople.Now),
        ];
        foreach (var decision in changed)
        {
            AssertShut(question with { Decisions = [decision] });
        }
    }

    /// <summary>Any decisions in any order, good and forged, of people in time and too early, against a model of a few lines.</summary>
    [Fact]
    public void The_door_opens_exactly_when_the_model_says()
    {
        string[] people = ["operator", "alice", "bob", "eve"];
        var handed = Gen.Select(Gen.Int[0, 3], Gen.Bool, Gen.Int[0, 3], Gen.Int[-10, 6], (person, denies, luck, minutes) =>
            (Person: people[person], Kind: denies ? DecisionKind.Denied : DecisionKind.Approved, Good: luck > 0, Minutes: minutes));
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[0, 8], handed.Array[0, 6]).Sample(
            (quorum, deny, tier, decisions) =>
            {
                var plan = CreatePlan(p => p with { Quorum = quorum, DenyThreshold = deny, Escalate = [new(TimeSpan.FromMinutes(tier), "eve", ["eve"])] });
                var ask = _people.CreateAsk(a => a with
                {
                    Quorum = quorum,
                    DenyThreshold = deny,
                    Tiers = [new(a.AskedAt.AddMinutes(tier), "eve", ["eve"])],
                });
                var question = _people.CreateQuestion(
                    [.. decisions.Select(d => Sign(d.Person, ask, TestPeople.Now.AddMinutes(d.Minutes), d.Kind) is var signed && d.Good ? signed : signed with { Reason = "changed" })])
                    with
                { Plan = plan, Ask = ask };

                // Asked five minutes ago: five minutes' difference between clocks are let pass, but open no tier.
                var counted = decisions.Where(d => d.Good && d.Minutes is >= -10 and <= 5
                    && (d.Person != "operator" || d.Kind == DecisionKind.Denied)
                    && (d.Person != "eve" || tier == 0 || (tier <= 5 && d.Minutes + 5 >= tier))).ToList();
                var denied = counted.Where(d => d.Kind == DecisionKind.Denied).Select(d => d.Person).ToHashSet();
                var approved = counted.Where(d => d.Kind == DecisionKind.Approved).Select(d => d.Person).ToHashSet();
                approved.ExceptWith(denied);
                var opens = denied.Count < deny && approved.Count >= quorum;

                Assert.Equal(opens, Record.Exception(() => LastDoor.Check(question)) is null);
            },
            iter: 300);
    }

    private static Ask WithEve(Ask ask) => ask with { Tiers = [new(ask.AskedAt.AddMinutes(5), "eve", ["eve"])] };

    private Decision Sign(string person, Ask ask, DateTimeOffset? at = null, DecisionKind kind = DecisionKind.Approved) =>
        DecisionSigner.Sign(_people[person], ask, kind, "seen", at ?? TestPeople.Now);

    private Plan CreatePlan(Func<PolicyPlan, PolicyPlan> change)
    {
        var plan = _people.CreatePlan();
        return plan with { Policies = new Dictionary<string, PolicyPlan> { [TestPeople.Policy] = change(plan.Policies[TestPeople.Policy]) } };
    }

    private Plan WithSlack(Plan plan)
    {
        var file = _people.PathOf("endpoint.pem");
        if (!File.Exists(file))
        {
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            File.WriteAllText(file, made.ExportPkcs8PrivateKeyPem());
        }

        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(file));
        return plan with
        {
            People = plan.People.ToDictionary(p => p.Key, p => p.Value with { SlackId = $"U0{p.Key.ToUpperInvariant()}" }),
            Slack = new SlackPlan(
                SlackPlan.DefaultApiUrl, new SecretReference("${env:NONE}", "/"), null, null, "C0DRILL", "T0LUX",
                new EndpointPlan("slack", new SecretReference($"${{file:{file}}}", "/"), Convert.ToBase64String(key.ExportSubjectPublicKeyInfo()))),
        };
    }

    private static RefusalException AssertShut(DoorQuestion question, params string[] says)
    {
        var error = Assert.Throws<RefusalException>(() => LastDoor.Check(question));
        Assert.Equal(ErrorKinds.NotApproved, error.Report.Kind);
        Assert.All(says, s => Assert.Contains(s, error.Message, StringComparison.Ordinal));
        return error;
    }
}
