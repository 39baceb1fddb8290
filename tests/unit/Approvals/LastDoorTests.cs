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

    private static RefusalException AssertShut(DoorQuestion question, params string[] says)
    {
        var error = Assert.Throws<RefusalException>(() => LastDoor.Check(question));
        Assert.Equal(ErrorKinds.NotApproved, error.Report.Kind);
        Assert.All(says, s => Assert.Contains(s, error.Message, StringComparison.Ordinal));
        return error;
    }
}
