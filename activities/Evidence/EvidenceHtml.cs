using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Activities.Evidence;

/// <summary>
/// The report for people: one file that opens offline, without scripts, made of the signed document and nothing else, which it carries: who
/// writes it again gets the same bytes, so that <c>drill verify</c> finds a changed word in it (docs/evidence.md).
/// </summary>
public static partial class EvidenceHtml
{
    /// <summary>Grows by one with every change of what is written here, in a released version: else an old page would look forged. A test
    /// notices.</summary>
    public const int Version = 1;

    private const string Carrier = "luxhedge-evidence";

    /// <param name="document">The signed document's bytes. Its signature is not looked at here.</param>
    public static string Write(byte[] document) => Write(RunReport.Of(EvidenceDocument.Parse(document)), document);

    /// <summary>The signed document in a report, and the version that wrote it; null where it carries none.</summary>
    public static (byte[] Document, int Version)? Read(string html)
    {
        var carried = CarriedDocument().Match(html);
        if (!carried.Success || !int.TryParse(carried.Groups["version"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var version))
            return null;
        var text = string.Concat(carried.Groups["document"].Value.Where(c => !char.IsWhiteSpace(c)));
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? (bytes[..length], version) : null;
    }

    [GeneratedRegex("<template id=\"luxhedge-evidence\" data-report=\"(?<version>[0-9]{1,4})\">(?<document>[A-Za-z0-9+/=\\s]*)</template>", RegexOptions.None, 5000)]
    private static partial Regex CarriedDocument();

    private static string Write(RunReport report, byte[] document)
    {
        var page = new Html();
        page.Raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
        page.Add($"<title>{Word(report.Verdict)}: {report.Title} ({report.RunId})</title>\n<style>\n").Raw(ReportStyle.Css).Raw("</style>\n</head>\n<body>\n");
        Header(page, report);
        page.Raw("<main>\n");
        Findings(page, report);
        Clock(page, report);
        Section(page, "Timeline", "timeline", report.Steps.Count > 0, () =>
        {
            page.Add($"<div class=\"scroll\">{Timeline.Draw(report)}</div>\n");
            page.Raw("<p class=\"legend\"><span class=\"key machine\"></span> machine <span class=\"key waiting\"></span> waiting on people <span class=\"key failed\"></span> failed <span class=\"key cleaning\"></span> clean-up</p>\n");
        });
        Approvals(page, report);
        Steps(page, report);
        Checks(page, report.Checks);
        Refused(page, report);
        Interventions(page, report.Interventions);
        Section(page, "Notes", "notes", report.Notes.Count > 0, () => List(page, report.Notes));
        Section(page, "What it was about", "facts", report.Facts.Count > 0, () => Facts(page, report.Facts));
        Section(page, "Identity of this evidence", "identity", true, () =>
        {
            Facts(page, report.Identity);
            page.Raw("<p>Everything above is made of the signed document that this file carries. <code>luxhedge drill verify evidence.html</code> checks its signature, every decision, and that nobody changed a word of this page.</p>\n");
        });
        page.Raw("</main>\n");
        page.Add($"<template id=\"{Carrier}\" data-report=\"{Version}\">\n{Lines(Convert.ToBase64String(document))}</template>\n").Raw("</body>\n</html>\n");
        return page.ToString();
    }

    private static void Header(Html page, RunReport report)
    {
        page.Add($"<header class=\"{ClassOf(report.Verdict)}\">\n<p class=\"verdict\">{Sign(report.Verdict)} {Word(report.Verdict)}</p>\n<div>\n<h1>{report.Title}</h1>\n");
        page.Add($"<p class=\"what\">{report.What}</p>\n<p class=\"sentence\">{report.Sentence}</p>\n");
        page.Add($"<p class=\"when\">{ReportWords.Time(report.StartedAt)} to {ReportWords.Time(report.EndedAt)} · <code>{report.RunId}</code></p>\n</div>\n</header>\n");
    }

    /// <summary>First of all, for whoever reads only one thing.</summary>
    private static void Findings(Html page, RunReport report)
    {
        var (failed, unproven) = (report.Findings.Where(f => f.Verdict == Verdict.Failed).ToList(), report.Findings.Where(f => f.Verdict == Verdict.NotProven).ToList());
        Section(page, "What failed", "failed findings", failed.Count > 0, () => Findings(page, failed));
        Section(page, "What was not proven", "unproven findings", unproven.Count > 0, () => Findings(page, unproven));
    }

    private static void Findings(Html page, IReadOnlyList<ReportFinding> findings)
    {
        page.Raw("<dl>\n");
        foreach (var finding in findings)
            page.Add($"<dt>{finding.What}</dt><dd>{finding.Detail}</dd>\n");
        page.Raw("</dl>\n");
    }

    private static void Clock(Html page, RunReport report)
    {
        var proven = report.Verdict == Verdict.Proven;
        Section(page, "Clock", "clock", true, () =>
        {
            page.Raw("<div class=\"cards\">\n");
            var rto = report.Rto;
            page.Add($"<div class=\"card\"><h3>Recovery time (RTO)</h3><p class=\"big\">{ReportWords.Span(rto.Total)}</p><p>{Against(rto.Total, rto.Target, proven)}</p>{Split(rto)}");
            page.Add($"<p class=\"split\">machine <b>{ReportWords.Span(rto.Machine)}</b> · waiting on people <b>{ReportWords.Span(rto.Waiting)}</b> · clean-up, apart <b>{ReportWords.Span(rto.Cleanup)}</b></p></div>\n");
            page.Add($"<div class=\"card\"><h3>Data lost (RPO)</h3><p class=\"big\">{(report.Rpo.Measured is { } lost ? ReportWords.Span(lost) : "not measured")}</p><p>{Against(report.Rpo.Measured, report.Rpo.Target, proven)}</p></div>\n</div>\n");
            if (report.Tiers.Count > 0)
                Tiers(page, report);
        });
    }

    private static Html Split(RtoMeasure rto)
    {
        var bar = new Html();
        var whole = Math.Max((rto.Machine + rto.Waiting).TotalSeconds, 0.001);
        var machine = Math.Clamp(rto.Machine.TotalSeconds / whole * 100, 0, 100);
        return bar.Add($"<svg class=\"splitbar\" viewBox=\"0 0 100 5\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"machine\" width=\"{machine}\" height=\"5\"/><rect class=\"people\" x=\"{machine}\" width=\"{100 - machine}\" height=\"5\"/></svg>");
    }

    private static void Tiers(Html page, RunReport report) =>
        Table(page, ["tier", "RTO allowed", "RTO", "RPO allowed", "RPO", "verdict"], report.Tiers, t => new Html().Add(
            $"<td>{t.Tier}</td><td>{Allowed(t.Rto.Target)}</td><td>{ReportWords.Span(t.Rto.Total)}</td><td>{Allowed(t.Rpo.Target)}</td><td>{(t.Rpo.Measured is { } lost ? ReportWords.Span(lost) : "not measured")}</td><td>{Badge(t.Verdict)}</td>"));

    private static void Steps(Html page, RunReport report) => Section(page, "Steps", "steps", report.Steps.Count > 0, () =>
        Table(page, ["step", "state", "began", "took", "waited", "tries", ""], report.Steps, s => new Html().Add(
            $"<td class=\"depth{Math.Min(s.Depth, 4)}\"><b>{s.Id}</b>{Under(s.Title)}{Under(s.Kind)}</td><td>{State(s)}</td><td class=\"n\">{ReportWords.Clock(s.StartedAt)}</td><td class=\"n\">{ReportWords.Span(s.EndedAt - s.StartedAt)}{Before(s)}</td><td class=\"n\">{(s.Waiting > TimeSpan.Zero ? ReportWords.Span(s.Waiting) : "")}</td><td class=\"n\">{(s.Attempts > 1 ? s.Attempts.ToString(CultureInfo.InvariantCulture) : "")}</td><td>{s.Detail}{Interventions(s)}</td>")));

    private static void Checks(Html page, IReadOnlyList<Check> checks) => Section(page, "Checks", "checks", checks.Count > 0, () =>
        Table(page, ["check", "verdict", "found"], checks, c => new Html().Add($"<td>{c.Name}</td><td>{Badge(c.Verdict)}</td><td>{c.Detail}</td>")));

    private static void Approvals(Html page, RunReport report) => Section(page, "Approvals", "approvals", report.Asks.Count > 0, () =>
    {
        foreach (var ask in report.Asks)
        {
            page.Add($"<article>\n<h3>{ask.Ask.Step}: {ask.Word}</h3>{(ask.Ask.Title.Length > 0 ? new Html().Add($"\n<p><b>{ask.Ask.Title}</b></p>") : new Html())}\n<p>{Terms(ask)}</p>\n{Problems(ask)}<dl class=\"shows\">\n");
            foreach (var shown in ask.Ask.Shows)
                page.Add($"<dt>{shown.Label}</dt><dd>{shown.Value}</dd>\n");
            page.Add($"<dt>hash</dt><dd><code>{ask.Ask.Hash}</code></dd>\n</dl>\n");
            if (ask.Decisions.Count > 0)
                Table(page, ["who", "decision", "when", "why", "signed with", "signature"], ask.Decisions, Decided);
            else
                page.Raw("<p>Nobody decided.</p>\n");
            page.Raw("</article>\n");
        }
    });

    private static Html Decided(ReportDecision d) => new Html().Add(
        $"<td><b>{d.Decision.Person}</b></td><td>{d.Word}{BreakGlass(d)}</td><td class=\"n\">{ReportWords.Time(d.Decision.At)}</td><td>{d.Decision.Reason}</td><td>{d.Key}</td><td>{Verified(d)}</td>");

    private static Html Problems(ReportAsk ask)
    {
        var html = new Html();
        foreach (var problem in ask.Problems)
            html.Add($"<p><span class=\"badge failed\">does not verify</span> {problem}</p>\n");
        return html;
    }

    private static Html Verified(ReportDecision d) => d.Problem is null
        ? new Html().Raw("<span class=\"badge proven\">verified</span>")
        : new Html().Add($"<span class=\"badge failed\">does not verify</span> {d.Problem}");

    private static Html BreakGlass(ReportDecision d) => d.Decision.BreakGlass ? new Html().Raw(" <span class=\"badge failed\">break-glass</span>") : new Html();

    private static string Terms(ReportAsk ask) =>
        $"Asked {ReportWords.Time(ask.Ask.AskedAt)}{(ask.Ask.RequestedBy.Length > 0 ? $" for {ask.Ask.RequestedBy}" : "")}, to be decided until {ReportWords.Clock(ask.Ask.Until)} by {ask.Ask.Quorum} of {string.Join(", ", ask.Ask.Approvers)}"
        + (ask.Ask.Policy.Length > 0 ? $" (policy {ask.Ask.Policy})." : ".")
        + (ask.ClosedAt is { } closed ? $" Closed {ReportWords.Time(closed)}, after {ReportWords.Span(closed - ask.Ask.AskedAt)}." : "");

    private static void Refused(Html page, RunReport report) => Section(page, "Decisions that changed nothing", "refused", report.Refused.Count > 0, () =>
    {
        Table(page, ["in the name of", "step", "decision", "when", "refused because"], report.Refused, r => new Html().Add(
            $"<td>{r.Person}</td><td>{r.Step}</td><td>{(r.Kind == DecisionKind.Approved ? "approved" : "denied")}</td><td class=\"n\">{ReportWords.Time(r.At)}</td><td>{r.Why}</td>"));
        if (report.RefusedBeyondKept > 0)
            page.Add($"<p>And {report.RefusedBeyondKept} more, which were counted only.</p>\n");
    });

    private static void Interventions(Html page, IReadOnlyList<Intervention> interventions) =>
        Section(page, "What people did to the run", "interventions", interventions.Count > 0, () =>
            Table(page, ["who", "did", "step", "when", "why"], interventions, i => new Html().Add(
                $"<td>{i.Person}</td><td>{i.Kind}</td><td>{i.Step}</td><td class=\"n\">{ReportWords.Time(i.At)}</td><td>{i.Reason}</td>")));

    private static void Facts(Html page, IReadOnlyList<ReportFact> facts)
    {
        page.Raw("<dl class=\"shows\">\n");
        foreach (var fact in facts)
            page.Add($"<dt>{fact.Name}</dt><dd>{fact.Value}</dd>\n");
        page.Raw("</dl>\n");
    }

    private static void List(Html page, IReadOnlyList<string> lines)
    {
        page.Raw("<ul>\n");
        foreach (var line in lines)
            page.Add($"<li>{line}</li>\n");
        page.Raw("</ul>\n");
    }

    private static void Section(Html page, string title, string kind, bool there, Action content)
    {
        if (!there)
            return;
        page.Add($"<section class=\"{kind}\">\n<h2>{title}</h2>\n");
        content();
        page.Raw("</section>\n");
    }

    private static void Table<T>(Html page, IReadOnlyList<string> columns, IReadOnlyList<T> rows, Func<T, Html> cells)
    {
        page.Raw("<div class=\"scroll\"><table>\n<thead><tr>");
        foreach (var column in columns)
            page.Add($"<th scope=\"col\">{column}</th>");
        page.Raw("</tr></thead>\n<tbody>\n");
        foreach (var row in rows)
            page.Add($"<tr>{cells(row)}</tr>\n");
        page.Raw("</tbody></table></div>\n");
    }

    private static Html Badge(Verdict verdict) => new Html().Add($"<span class=\"badge {ClassOf(verdict)}\">{Word(verdict)}</span>");

    private static Html State(ReportStep step) => step.State switch
    {
        StepStates.Failed => new Html().Raw("<span class=\"badge failed\">failed</span>"),
        StepStates.Skipped => new Html().Raw("<span class=\"badge plain\">skipped</span>"),
        _ when step.Verdict != Verdict.Proven => new Html().Add($"<span class=\"badge {ClassOf(step.Verdict)}\">{Word(step.Verdict)}</span>"),
        _ => new Html().Add($"{step.State}"),
    };

    private static Html Under(string text) => text.Length == 0 ? new Html() : new Html().Add($"<br><span class=\"small\">{text}</span>");

    private static Html Before(ReportStep step) => step.LastDurations.Count == 0
        ? new Html()
        : Under($"before: {string.Join(", ", step.LastDurations.Take(3).Select(ReportWords.Span))}");

    private static Html Interventions(ReportStep step)
    {
        var html = new Html();
        foreach (var line in step.Interventions)
            html.Add($"<br><span class=\"small\">{line}</span>");
        return html;
    }

    /// <summary>Within the target is a word of praise only where the whole is Proven: an aborted run that was quick has met nothing.</summary>
    private static Html Against(TimeSpan? measured, TimeSpan target, bool proven)
    {
        if (measured is not { } value)
            return new Html().Add($"<span class=\"badge unproven\">NotProven</span> {Allowed(target)} allowed");
        if (target <= TimeSpan.Zero)
            return new Html().Raw("no target");
        return value > target
            ? new Html().Add($"<span class=\"badge failed\">missed</span> {ReportWords.Span(target)} allowed")
            : new Html().Add($"<span class=\"badge {(proven ? "proven" : "plain")}\">{(proven ? "met" : "within")}</span> {ReportWords.Span(target)} allowed");
    }

    private static string Allowed(TimeSpan target) => target > TimeSpan.Zero ? ReportWords.Span(target) : "no target";

    private static string Word(Verdict verdict) => verdict.ToString();

    /// <summary>For those who print it in black, or see no colours.</summary>
    private static string Sign(Verdict verdict) => verdict switch { Verdict.Proven => "✔", Verdict.Failed => "✘", _ => "?" };

    private static string ClassOf(Verdict verdict) => verdict switch { Verdict.Proven => "proven", Verdict.Failed => "failed", _ => "unproven" };

    private static string Lines(string base64)
    {
        var lines = new StringBuilder(base64.Length + (base64.Length / 120) + 1);
        for (var i = 0; i < base64.Length; i += 120)
            lines.Append(base64, i, Math.Min(120, base64.Length - i)).Append('\n');
        return lines.ToString();
    }
}
