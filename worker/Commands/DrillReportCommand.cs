using System.CommandLine;
using System.Text;
using System.Text.Json;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Display;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary><c>drill report RUN [--html FILE]</c>: what a run's evidence says, from the stores; Temporal may have forgotten the run.</summary>
public sealed class DrillReportCommand : OperatorCommand
{
    private static readonly Argument<string> Run = new("RUN")
    {
        Description = "The run's id, of a drill, an incident or a restore; or a drill's name for its newest run.",
    };

    private static readonly Option<string?> Html = new("--html")
    {
        Description = "Write the report as one HTML file that opens offline, and prints.",
        HelpName = "FILE",
    };

    public DrillReportCommand(Surroundings surroundings)
        : base(surroundings, "report", "Show a run's evidence: verdict, clock, steps, approvals. Reads the stores; needs neither Temporal nor a worker.")
    {
        Add(Run);
        Add(Html);
        Examples =
        [
            ("luxhedge drill report quarterly", "the newest quarterly drill"),
            ("luxhedge drill report 20261123T101500Z-drill-quarterly-7f3a --html report.html", "the page, to send or to print"),
            ("luxhedge drill report quarterly --json", "the signed document as JSON"),
        ];
        ExitCodesInWords = "0 shown, whatever the verdict; 1 it is not what was signed; 2 there is none; 4 no store could be read";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        await using var stores = new StoreSet(context.Plan);
        var (bytes, document, store) = await new EvidenceReader(context.Plan, stores).FindAsync(context.Get(Run), cancellation);
        var file = context.FullPath(context.Get(Html));
        if (file is not null)
            await File.WriteAllTextAsync(file, EvidenceHtml.Write(bytes), new UTF8Encoding(false), cancellation);
        using var json = JsonDocument.Parse(bytes.AsMemory(0, Array.IndexOf(bytes, (byte)'\n')));
        context.Answer(json.RootElement, console =>
        {
            ReportView.Write(console, RunReport.Of(document));
            console.MarkupLine($"[grey]from {Words.Plain(store)}, signed by {Words.Plain(document.Writer)}; check it: {Words.Plain(context.Line($"drill verify {file ?? "FILE"}"))}[/]");
            if (file is not null)
                console.MarkupLine($"Written: {Words.Plain(file)}");
        });
        return ExitCodes.Done;
    }
}
