using System.Text;
using System.Text.Json;
using CsCheck;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Audit;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Tests.Unit.Evidence;

public sealed class EvidenceVerificationTests
{
    [Fact]
    public void Evidence_holds_from_its_file_alone_but_for_the_log_that_is_not_there()
    {
        using var run = new SampleRun();

        var verdict = Verify(run, run.Sign(run.Create()));

        Assert.Equal([("audit log", Verdict.NotProven)], verdict.Checks.Where(c => c.Verdict != Verdict.Proven).Select(c => (c.Name, c.Verdict)));
        Assert.Equal((SampleRun.RunId, Verdict.Proven), (verdict.RunId, verdict.RunVerdict));
        Assert.All(verdict.Asks, a => Assert.True(a.Verified));
        Assert.Equal(["alice", "bob"], verdict.Asks[0].Decisions.Select(d => d.Person));
    }

    [Fact]
    public void With_the_log_all_of_it_holds_and_another_evidence_of_the_run_does_not()
    {
        using var run = new SampleRun();
        var bytes = run.Sign(run.Create());

        Assert.Equal(Verdict.Proven, EvidenceVerification.Check(bytes, "evidence.json", run.Plan, LogWith(run, EvidenceDocument.Parse(bytes).Sha256)).Verdict);
        var other = EvidenceVerification.Check(bytes, "evidence.json", run.Plan, LogWith(run, new string('0', 64)));
        Assert.Equal(Verdict.Failed, Named(other, "audit log").Verdict);
    }

    [Fact]
    public void A_head_that_the_log_does_not_have_is_found()
    {
        using var run = new SampleRun();
        var bytes = run.Sign(run.Create(), new AuditHead(1, new string('9', 64)));

        var verdict = EvidenceVerification.Check(bytes, "evidence.json", run.Plan, LogWith(run, EvidenceDocument.Parse(bytes).Sha256));

        Assert.Equal(Verdict.Failed, Named(verdict, "audit log").Verdict);
    }

    [Fact]
    public void Without_a_plan_nothing_is_wrong_and_whose_keys_they_are_is_not_proven()
    {
        using var run = new SampleRun();

        var verdict = EvidenceVerification.Check(run.Sign(run.Create()), "evidence.json", null, null);

        Assert.Equal(Verdict.NotProven, verdict.Verdict);
        Assert.Equal((Verdict.NotProven, Verdict.NotProven), (Named(verdict, "signature").Verdict, Named(verdict, "keys").Verdict));
        Assert.All(verdict.Asks, a => Assert.True(a.Verified));
    }

    [Fact]
    public void A_key_that_the_plan_has_no_longer_is_not_proven()
    {
        using var run = new SampleRun();
        using var other = new SampleRun();
        var people = run.Plan.People.ToDictionary(p => p.Key, p => p.Key == "alice" ? other.Plan.People["alice"] : p.Value);

        var verdict = EvidenceVerification.Check(run.Sign(run.Create()), "evidence.json", run.Plan with { People = people }, null);

        Assert.Equal(Verdict.NotProven, Named(verdict, "keys").Verdict);
        Assert.Contains("alice", Named(verdict, "keys").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_flipped_bit_of_the_document_is_found()
    {
        using var run = new SampleRun();
        var bytes = run.Sign(run.Create());

        Gen.Select(Gen.Int[0, bytes.Length - 1], Gen.Int[0, 7]).Sample((at, bit) =>
        {
            var changed = (byte[])bytes.Clone();
            changed[at] ^= (byte)(1 << bit);
            Assert.Equal(Verdict.Failed, Verify(run, changed).Verdict);
        }, iter: 300);
    }

    [Fact]
    public void A_string_that_is_no_text_any_more_is_found_wherever_it_stands()
    {
        using var run = new SampleRun();
        var bytes = run.Sign(run.Create());
        var spoiled = 0;
        var reader = new Utf8JsonReader(bytes.AsSpan(0, Array.IndexOf(bytes, (byte)'\n')));
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String) || reader.ValueSpan.IsEmpty)
                continue;
            foreach (var no in (byte[][])[[0xFF], .. reader.ValueSpan.Length >= 6 ? [@"\ud800"u8.ToArray()] : Array.Empty<byte[]>()])
            {
                var changed = (byte[])bytes.Clone();
                no.CopyTo(changed, (int)reader.TokenStartIndex + 1);
                Assert.Equal(Verdict.Failed, Verify(run, changed).Verdict);
                spoiled++;
            }
        }

        Assert.InRange(spoiled, 100, 10_000);
    }

    [Fact]
    public void A_word_changed_on_the_page_is_found_though_the_document_in_it_is_whole()
    {
        using var run = new SampleRun();
        var html = EvidenceHtml.Write(run.Sign(run.Create(Verdict.Failed)));

        Assert.Equal(Verdict.Proven, Named(Verify(run, Encoding.UTF8.GetBytes(html)), "page").Verdict);
        var changed = Verify(run, Encoding.UTF8.GetBytes(html.Replace("✘ Failed", "✔ Proven", StringComparison.Ordinal)));
        Assert.Equal(Verdict.Failed, Named(changed, "page").Verdict);
        Assert.Equal(Verdict.Failed, changed.Verdict);
        var newer = Verify(run, Encoding.UTF8.GetBytes(html.Replace("data-report=\"1\"", "data-report=\"2\"", StringComparison.Ordinal)));
        Assert.Equal(Verdict.NotProven, Named(newer, "page").Verdict);
    }

    /// <summary>By somebody who holds the writer's key: a worker that was taken over can't make people's decisions.</summary>
    [Theory]
    [InlineData("a decision of a person who never gave one")]
    [InlineData("a reason in other words")]
    [InlineData("a denial turned into an approval")]
    [InlineData("a decision left out")]
    [InlineData("something else shown")]
    [InlineData("another runbook")]
    [InlineData("other inputs")]
    [InlineData("another requester")]
    [InlineData("who asked approves")]
    public void What_a_writer_forges_is_found_by_the_peoples_signatures(string forgery)
    {
        using var run = new SampleRun();
        var evidence = run.Create();
        var record = evidence.Asks[0];
        var (alice, bob) = (record.Decisions[0], record.Decisions[1]);
        var forged = forgery switch
        {
            "a decision of a person who never gave one" => With(alice, bob with { Person = "operator", Signer = "operator" }),
            "a reason in other words" => With(alice, bob with { Reason = "of course" }),
            "a denial turned into an approval" => With(
                alice, run.Decide(record.Ask, "bob", DecisionKind.Denied, "no", bob.At) with { Kind = DecisionKind.Approved }),
            "a decision left out" => With(alice),
            "something else shown" => evidence with
            {
                Asks = [record with { Ask = AskSigner.Sign(run.Writer, record.Ask with { Shows = [new("target", "a harmless place")] }) }],
            },
            "another runbook" => evidence with
            {
                Request = evidence.Request with { Definition = evidence.Request.Definition with { Steps = [.. evidence.Request.Definition.Steps.Skip(1)] } },
            },
            "other inputs" => evidence with { Request = evidence.Request with { Inputs = new Dictionary<string, System.Text.Json.JsonElement>() } },
            "another requester" => evidence with
            {
                Request = evidence.Request with { RequestedBy = evidence.Request.RequestedBy! with { Person = "eve" } },
            },
            _ => With(alice, run.Decide(record.Ask, "operator", DecisionKind.Approved, "fine", bob.At)),
        };

        var verdict = Verify(run, run.Sign(forged));

        Assert.Equal(Verdict.Proven, Named(verdict, "signature").Verdict);
        Assert.Equal(Verdict.Failed, verdict.Verdict);

        RunbookEvidence With(params Decision[] decisions) => evidence with { Asks = [record with { Decisions = decisions }] };
    }

    [Fact]
    public void A_verdict_better_than_its_own_checks_is_found()
    {
        using var run = new SampleRun();
        var evidence = run.Create(Verdict.NotProven);

        var verdict = Verify(run, run.Sign(evidence with { Summary = evidence.Summary with { Verdict = Verdict.Proven } }));

        Assert.Equal(Verdict.Failed, Named(verdict, "verdict").Verdict);
    }

    [Fact]
    public void What_is_no_evidence_is_said_to_be_none()
    {
        using var run = new SampleRun();

        foreach (var file in new[] { "", "{}", "{\"kind\":\"runbook\"}\nx y\n", "<!doctype html><p>hello", "{\"kind\":[1]}" })
            Assert.Equal(Verdict.Failed, Verify(run, Encoding.UTF8.GetBytes(file)).Verdict);
    }

    private static EvidenceVerdict Verify(SampleRun run, byte[] file) => EvidenceVerification.Check(file, "evidence.json", run.Plan, null);

    private static LuxHedge.Workflows.Restore.Check Named(EvidenceVerdict verdict, string name) => verdict.Checks.Single(c => c.Name == name);

    private static AuditReport LogWith(SampleRun run, string sha256)
    {
        var before = new AuditLink(AuditLink.FormatName, "writer-1", 41, null, SampleRun.Start, [], AuditEntries.RunStarted(SampleRun.RunId, "drill", SampleRun.Asset, SampleRun.Start, "operator"));
        var link = before with { Number = 42, Entry = AuditEntries.Evidence(SampleRun.RunId, SampleRun.At(20), "runs/x/evidence.json", sha256, null) };
        return new(Verdict.Proven, [new("s3", Verdict.Proven, 2, new(42, new string('c', 64)), [])], [], [new(before, new string('d', 64)), new(link, new string('c', 64))]);
    }
}
