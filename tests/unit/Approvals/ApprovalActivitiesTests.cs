using LuxHedge.Activities.Approvals;
using LuxHedge.Workflows.Approvals;
using Microsoft.Extensions.Time.Testing;

namespace LuxHedge.Tests.Unit.Approvals;

public sealed class ApprovalActivitiesTests : IDisposable
{
    private readonly TestPeople _people = new();

    public void Dispose() => _people.Dispose();

    [Theory]
    [InlineData(DecisionKind.Approved)]
    [InlineData(DecisionKind.Denied)]
    public async Task A_decision_of_a_person_of_the_policy_counts(DecisionKind kind)
    {
        var answer = await CreateActivities().JudgeAsync(_people.CreateAsk(), _people.Decide("alice", kind));

        Assert.True(answer.Accepted, answer.Why);
    }

    [Fact]
    public async Task Each_bad_decision_is_answered_with_why_and_never_thrown()
    {
        var ask = _people.CreateAsk();
        var good = _people.Decide("alice");
        (Ask Ask, Decision Decision, string Why)[] cases =
        [
            (ask, _people.Decide("operator"), "'operator' asked for it, and can't approve it."),
            (ask, _people.Decide("eve"), "The policy 'restore-production' does not name 'eve'."),
            (ask, good with { Nonce = "old" }, "It was signed for another ask."),
            (ask, good with { RunId = "other" }, "It was signed for another run."),
            (ask, good with { Signature = "?" }, "Its signature is not that of the key the plan has for 'alice', or it was changed."),
            (ask, good with { Reason = "\udc00" }, "It holds text that is no Unicode."),
            (ask, _people.Decide("alice", at: TestPeople.Now.AddMinutes(-11)), "before it was asked."),
            (ask, good with { At = DateTimeOffset.MinValue }, "Its signature is not that"),
            (_people.CreateAsk(a => a with { Until = TestPeople.Now.AddSeconds(-1) }), good, "The ask expired at"),
            (_people.CreateAsk(a => a with { Policy = "mine" }), good, "This worker's plan has no policy 'mine'."),
            (ask with { Namespace = "theirs" }, good, "The run is in namespace 'theirs'"),
        ];

        foreach (var (asked, decision, why) in cases)
        {
            var answer = await CreateActivities().JudgeAsync(asked, decision);
            Assert.False(answer.Accepted);
            Assert.Contains(why, answer.Why, StringComparison.Ordinal);
        }
    }

    private ApprovalActivities CreateActivities() => new(_people.CreatePlan(), _people.Writer, new FakeTimeProvider(TestPeople.Now));
}
