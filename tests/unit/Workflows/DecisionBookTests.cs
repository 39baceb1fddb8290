using CsCheck;
using LuxHedge.Workflows.Approvals;

namespace LuxHedge.Tests.Unit.Workflows;

public sealed class DecisionBookTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);
    private static readonly string[] People = ["alice", "bob", "carol", "dave", "erin"];

    private static readonly Gen<(string Person, DecisionKind Kind, bool Good)[]> Handed =
        Gen.Select(Gen.Int[0, 4].Select(i => People[i]), Gen.Bool.Select(b => b ? DecisionKind.Approved : DecisionKind.Denied),
            Gen.Bool).Array[0, 20];

    [Fact]
    public void The_first_threshold_reached_by_different_people_decides_and_nothing_changes_it_afterwards() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 4], Handed).Sample((quorum, deny, handed) =>
        {
            var book = CreateBook(quorum, deny);
            var counted = new Dictionary<string, DecisionKind>();
            var expected = AskOutcome.Open;
            foreach (var (person, kind, good) in handed)
            {
                var answer = book.Take(CreateDecision(person, kind), new(good, "bad signature"), Now);
                var counts = good && expected == AskOutcome.Open && counted.TryAdd(person, kind);
                Assert.Equal(counts, answer.Accepted);
                Assert.NotEmpty(answer.Why);
                if (expected == AskOutcome.Open && counted.Values.Count(k => k == DecisionKind.Denied) >= deny)
                    expected = AskOutcome.Denied;
                else if (expected == AskOutcome.Open && counted.Values.Count(k => k == DecisionKind.Approved) >= quorum)
                    expected = AskOutcome.Approved;
                Assert.Equal(expected, book.Outcome);
            }

            Assert.Equal(counted.Keys.Order(), book.Decisions.Select(d => d.Person).Order());
            Assert.Equal(handed.Length, book.Decisions.Count + book.Refused.Count + book.RefusedBeyondKept);
            Assert.Equal(expected == AskOutcome.Open ? People.Where(p => !counted.ContainsKey(p)) : [], book.Awaited);
        });

    [Fact]
    public void An_approval_always_has_as_many_different_good_approvers_as_the_quorum() =>
        Gen.Select(Gen.Int[1, 4], Handed).Sample((quorum, handed) =>
        {
            var book = CreateBook(quorum, deny: 10);
            foreach (var (person, kind, good) in handed)
                book.Take(CreateDecision(person, kind), new(good, ""), Now);

            if (book.Outcome == AskOutcome.Approved)
                Assert.True(book.Decisions.Where(d => d.Kind == DecisionKind.Approved).Select(d => d.Person).Distinct().Count() >= quorum);
        });

    [Fact]
    public void A_hundred_refusals_are_kept_and_the_rest_is_counted()
    {
        var book = CreateBook();
        for (var i = 0; i < 250; i++)
            book.Take(CreateDecision($"mallory{i}"), new(false, "unknown"), Now);

        Assert.Equal((100, 150), (book.Refused.Count, book.RefusedBeyondKept));
        Assert.Equal("mallory0", book.Refused[0].Person);
        Assert.True(book.IsOpen);
    }

    [Fact]
    public void An_expired_ask_takes_nothing_any_more()
    {
        var book = CreateBook();
        book.Expire();

        var answer = book.Take(CreateDecision("alice"), new(true, ""), Now);

        Assert.False(answer.Accepted);
        Assert.Contains("2026-11-23 10:15:00Z", answer.Why, StringComparison.Ordinal);
        Assert.Equal(AskOutcome.Expired, book.Outcome);
    }

    [Fact]
    public void What_was_decided_does_not_expire()
    {
        var book = CreateBook();
        book.Take(CreateDecision("alice"), new(true, ""), Now);

        book.Expire();
        book.Withdraw();

        Assert.Equal(AskOutcome.Approved, book.Outcome);
    }

    [Fact]
    public void Before_anything_is_asked_nothing_counts()
    {
        var book = new DecisionBook();

        Assert.False(book.Take(CreateDecision("alice"), new(true, ""), Now).Accepted);
        Assert.False(book.IsOpen);
        Assert.Empty(book.Awaited);
    }

    private static DecisionBook CreateBook(int quorum = 1, int deny = 1)
    {
        var book = new DecisionBook();
        book.Open(new("approval", "nonce", "hash", "policy", People, "operator", quorum, deny, Now, Now.AddMinutes(15), [], "default",
            "run"));
        return book;
    }

    private static Decision CreateDecision(string person, DecisionKind kind = DecisionKind.Approved) =>
        new("default", "run", "approval", "nonce", "hash", kind, person, "", Now, person, "signature");
}
