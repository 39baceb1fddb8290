using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using LuxHedge.Activities.Evidence;
using LuxHedge.Workflows;

namespace LuxHedge.Tests.Unit.Evidence;

public sealed class EvidenceHtmlTests
{
    private static readonly string Golden = Repository.Path("tests/unit/Evidence/Golden/evidence.json");

    private const string Hostile = "<script>alert(1)</script>\"'&\u202Egnp.\u0000\u001b[31m";

    [Fact]
    public void Names_and_messages_from_outside_are_text_wherever_they_stand()
    {
        using var run = new SampleRun();
        foreach (var verdict in Enum.GetValues<Verdict>())
        {
            var html = EvidenceHtml.Write(run.Sign(run.Create(verdict, s => Hostile + s)));

            Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("\u202E", html, StringComparison.Ordinal);
            Assert.DoesNotContain('\u001b', html);
            Assert.DoesNotContain('\0', html);
            Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\u202egnp.\\u0000\\u001b[31m", html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void It_opens_offline_and_needs_no_script()
    {
        using var run = new SampleRun();

        var html = EvidenceHtml.Write(run.Sign(run.Create()));

        Assert.DoesNotMatch("(?i)(\\s(src|href)=|@import|url\\((?!#hatch)|https?:)", html[..html.IndexOf("<template", StringComparison.Ordinal)]);
        Assert.Contains("default-src 'none'", html, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", html, StringComparison.Ordinal);
        Assert.Contains("@media print", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_proven_is_ever_green()
    {
        using var run = new SampleRun();

        Assert.Contains("<header class=\"proven\">", EvidenceHtml.Write(run.Sign(run.Create(Verdict.Proven))), StringComparison.Ordinal);
        Assert.Contains("<header class=\"failed\">", EvidenceHtml.Write(run.Sign(run.Create(Verdict.Failed))), StringComparison.Ordinal);
        var unproven = EvidenceHtml.Write(run.Sign(run.Create(Verdict.NotProven)));
        Assert.Contains("<header class=\"unproven\">", unproven, StringComparison.Ordinal);
        Assert.DoesNotContain("badge proven\">met", unproven, StringComparison.Ordinal);
        Assert.Contains("stop unproven", unproven, StringComparison.Ordinal);
    }

    [Fact]
    public void What_failed_and_what_was_not_proven_stands_before_everything_else()
    {
        using var run = new SampleRun();

        var failed = EvidenceHtml.Write(run.Sign(run.Create(Verdict.Failed)));
        var unproven = EvidenceHtml.Write(run.Sign(run.Create(Verdict.NotProven)));

        Assert.Equal("What failed", Headings(failed)[0]);
        Assert.Equal("What was not proven", Headings(unproven)[0]);
        Assert.Contains("153,998, in the source 154,000", Section(failed, "failed findings"), StringComparison.Ordinal);
        Assert.Contains("no canary came back", Section(unproven, "unproven findings"), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_step_check_decision_refusal_and_intervention_is_in_it()
    {
        using var run = new SampleRun();
        var evidence = run.Create();

        var html = EvidenceHtml.Write(run.Sign(evidence));

        Assert.All(evidence.Summary.Steps, s => Assert.Contains($"<b>{s.Id}</b>", html, StringComparison.Ordinal));
        Assert.All(evidence.Summary.Checks, c => Assert.Contains($"<td>{c.Name}</td>", html, StringComparison.Ordinal));
        Assert.Equal(evidence.Summary.Steps.Count, Regex.Count(html, "<g class=\"row"));
        Assert.Equal(2, Regex.Count(html, "badge proven\">verified"));
        Assert.Contains("does not name &#39;eve&#39;", html, StringComparison.Ordinal);
        Assert.Contains("the worker was killed", Section(html, "interventions"), StringComparison.Ordinal);
        Assert.Contains(evidence.Request.Definition.Sha256, Section(html, "identity"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_document_gives_the_same_page_and_the_page_carries_it()
    {
        using var run = new SampleRun();
        var document = run.Sign(run.Create());

        var html = EvidenceHtml.Write(document);

        Assert.Equal(html, EvidenceHtml.Write(document));
        Assert.Equal(document, EvidenceHtml.Read(html)!.Value.Document);
        Assert.Equal(EvidenceHtml.Version, EvidenceHtml.Read(html)!.Value.Version);
    }

    /// <summary>Else every page that was written before would be told to be forged. The golden document never changes.</summary>
    [Fact]
    public void A_page_that_is_written_otherwise_is_another_version()
    {
        var html = EvidenceHtml.Write(File.ReadAllBytes(Golden));

        Assert.Equal((1, "5d528e38ea8b832c72ada8186e5a001f33789a2ea2c595830cf43fb238caeedf"), (EvidenceHtml.Version, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(html)))));
    }

    /// <summary>To be looked at in a browser: LUXHEDGE_REPORTS names the folder.</summary>
    [Fact(Explicit = true)]
    public void Sample_reports_are_written_to_be_looked_at()
    {
        using var run = new SampleRun();
        var folder = Directory.CreateDirectory(Environment.GetEnvironmentVariable("LUXHEDGE_REPORTS") ?? Path.GetTempPath()).FullName;
        foreach (var verdict in Enum.GetValues<Verdict>())
        {
            File.WriteAllBytes(Path.Combine(folder, $"{verdict}.json"), run.Sign(run.Create(verdict)));
            File.WriteAllText(Path.Combine(folder, $"{verdict}.html"), EvidenceHtml.Write(File.ReadAllBytes(Path.Combine(folder, $"{verdict}.json"))));
        }
    }

    private static IReadOnlyList<string> Headings(string html) => [.. Regex.Matches(html, "<h2>(.*?)</h2>").Select(m => m.Groups[1].Value)];

    private static string Section(string html, string kind) =>
        Regex.Match(html, $"<section class=\"{kind}\">(.*?)</section>", RegexOptions.Singleline).Groups[1].Value;
}
