namespace LuxHedge.Activities.Evidence;

/// <summary>The look of a report: system fonts, light and dark by the reader's choice, and paper.</summary>
internal static class ReportStyle
{
    public const string Css = """
        :root { --ink: #1b2330; --soft: #5a6575; --line: #d8dde5; --back: #ffffff; --card: #f5f7fa; --proven: #14713a; --proven-back: #dff3e6; --failed: #b3201d; --failed-back: #fde5e3; --unproven: #8a5300; --unproven-back: #fdf0d5; --machine: #2f5f9e; --people: #c08a2b; --cleaning: #9fb0c6; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6eaf1; --soft: #9aa6b8; --line: #343d4b; --back: #12161d; --card: #1b212b; --proven: #63cf8e; --proven-back: #12341f; --failed: #ff8a80; --failed-back: #44191a; --unproven: #f2b84b; --unproven-back: #3b2c0c; --machine: #6ea3e6; --people: #d9a84e; --cleaning: #55647a; } }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body { margin: 0 auto; padding: 24px 28px 48px; max-width: 1180px; background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif; overflow-wrap: anywhere; }
        code { font: 0.88em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
        header { display: flex; gap: 24px; align-items: flex-start; padding: 20px 24px; border-radius: 10px; border-left: 10px solid; }
        header.proven { border-color: var(--proven); background: var(--proven-back); }
        header.failed { border-color: var(--failed); background: var(--failed-back); }
        header.unproven { border-color: var(--unproven); background: var(--unproven-back); }
        header .verdict { margin: 0; font-size: 30px; line-height: 1.2; font-weight: 700; white-space: nowrap; }
        .proven .verdict { color: var(--proven); } .failed .verdict { color: var(--failed); } .unproven .verdict { color: var(--unproven); }
        h1 { margin: 0; font-size: 24px; line-height: 1.25; }
        h2 { margin: 34px 0 10px; font-size: 18px; }
        h3 { margin: 0 0 6px; font-size: 15px; }
        header p { margin: 4px 0 0; } header .sentence { font-weight: 600; } header .when { color: var(--soft); }
        .findings { margin-top: 20px; padding: 4px 20px 12px; border: 2px solid; border-radius: 10px; }
        .findings h2 { margin-top: 12px; }
        .findings.failed { border-color: var(--failed); } .findings.failed h2 { color: var(--failed); }
        .findings.unproven { border-color: var(--unproven); } .findings.unproven h2 { color: var(--unproven); }
        dl { margin: 0; } dt { font-weight: 600; } dd { margin: 0 0 8px; }
        dl.shows { display: grid; grid-template-columns: minmax(120px, max-content) 1fr; gap: 2px 18px; margin: 6px 0 12px; }
        dl.shows dt { font-weight: 400; color: var(--soft); } dl.shows dd { margin: 0; }
        .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; margin-bottom: 14px; }
        .card { padding: 14px 18px; background: var(--card); border-radius: 10px; } .card p { margin: 2px 0; }
        .big { font-size: 28px; line-height: 1.2; font-weight: 700; font-variant-numeric: tabular-nums; }
        .split, .legend, .small { color: var(--soft); font-size: 13px; } .split b { color: var(--ink); }
        .splitbar { display: block; width: 100%; height: 8px; margin: 8px 0 4px; border-radius: 4px; }
        .splitbar .machine { fill: var(--machine); } .splitbar .people { fill: var(--people); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: 14px; overflow-wrap: normal; }
        th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line); padding: 4px 14px 4px 0; white-space: nowrap; }
        td { vertical-align: top; border-bottom: 1px solid var(--line); padding: 5px 14px 5px 0; overflow-wrap: anywhere; min-width: 64px; } td:first-child { min-width: 140px; }
        td.n { white-space: nowrap; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
        td.depth1 { padding-left: 18px; } td.depth2 { padding-left: 36px; } td.depth3 { padding-left: 54px; } td.depth4 { padding-left: 72px; }
        .badge { display: inline-block; padding: 0 7px; border-radius: 4px; font-size: 13px; font-weight: 600; white-space: nowrap; border: 1px solid; }
        .badge.proven { color: var(--proven); background: var(--proven-back); } .badge.failed { color: var(--failed); background: var(--failed-back); }
        .badge.unproven { color: var(--unproven); background: var(--unproven-back); } .badge.plain { color: var(--soft); }
        article { padding: 14px 18px; margin-bottom: 14px; background: var(--card); border-radius: 10px; } article p { margin: 0 0 6px; }
        .timeline { display: block; width: 100%; min-width: 760px; height: auto; font-size: 12px; }
        .timeline .label { fill: var(--ink); } .timeline .note, .timeline .tick { fill: var(--soft); font-size: 11px; } .timeline .tick { text-anchor: middle; }
        .timeline .grid { stroke: var(--line); stroke-width: 1; }
        .timeline .bar { fill: var(--machine); } .timeline .clean-up .bar { fill: var(--cleaning); } .timeline .unproven .bar { stroke: var(--unproven); stroke-width: 1.5; }
        .timeline .failed .bar { fill: var(--failed); } .timeline .failed .label, .timeline .failed .note { fill: var(--failed); font-weight: 700; }
        .timeline .bar.waiting { fill: url(#hatch); stroke: var(--people); stroke-width: 1; }
        .hatch-back { fill: var(--back); } .hatch-line { fill: var(--people); }
        .timeline line.stop { stroke: var(--proven); stroke-width: 1.5; } .timeline line.stop.unproven { stroke: var(--soft); } .timeline line.limit { stroke: var(--failed); stroke-width: 1.5; stroke-dasharray: 5 3; }
        .timeline .mark { stroke: none; font-size: 11px; } .timeline .mark.stop { fill: var(--proven); } .timeline .mark.stop.unproven { fill: var(--soft); } .timeline .mark.limit { fill: var(--failed); }
        .legend .key { display: inline-block; width: 22px; height: 10px; border-radius: 2px; margin-left: 10px; }
        .key.machine { background: var(--machine); } .key.failed { background: var(--failed); } .key.cleaning { background: var(--cleaning); }
        .key.waiting { border: 1px solid var(--people); background: repeating-linear-gradient(135deg, var(--people) 0 2px, transparent 2px 5px); }
        @media (max-width: 640px) { body { padding: 12px; } header { flex-direction: column; gap: 8px; padding: 14px 16px; } dl.shows { grid-template-columns: 1fr; } dl.shows dd { margin-bottom: 6px; } }
        @media print {
          :root { --ink: #000; --soft: #444; --line: #bbb; --back: #fff; --card: #fff; --proven: #0d5c2d; --proven-back: #fff; --failed: #a01512; --failed-back: #fff; --unproven: #744600; --unproven-back: #fff; --machine: #2f5f9e; --people: #a06c10; --cleaning: #9fb0c6; }
          @page { size: A4; margin: 14mm; }
          body { padding: 0; max-width: none; font-size: 10.5pt; } table { font-size: 9pt; } h2 { break-after: avoid; margin-top: 18pt; }
          header { border: 1.5pt solid; border-left-width: 8pt; } .card, article { border: 0.75pt solid var(--line); }
          tr, .card, .findings dt { break-inside: avoid; } thead { display: table-header-group; } .scroll { overflow: visible; } .timeline { min-width: 0; }
          * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
        }

        """;
}
