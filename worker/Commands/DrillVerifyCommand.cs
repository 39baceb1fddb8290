using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary><c>drill verify FILE</c>: whether evidence is what was signed, and every decision in it that of its person. Needs no server.</summary>
public sealed class DrillVerifyCommand : OperatorCommand
{
    /// <summary>Larger than any evidence: what is handed in is somebody's file.</summary>
    private const long LargestFile = 64L << 20;

    private static readonly Argument<string> FileName = new("FILE")
    {
        Description = "An evidence.json, or a report that carries one.",
    };

    private static readonly Option<bool> Offline = new("--offline")
    {
        Description = "Do not look for the audit log in the plan's stores.",
    };

    public DrillVerifyCommand(Surroundings surroundings)
        : base(surroundings, "verify", "Verify evidence from its file: signature, page, every decision. Without any server; the audit log too where a store answers.")
    {
        Add(FileName);
        Add(Offline);
        Examples =
        [
            ("luxhedge drill verify report.html", "also that nobody changed a word of the page"),
            ("luxhedge drill verify evidence.json --offline --json", "{runId, verdict, runVerdict, checks: [{name, verdict, detail}], asks}"),
        ];
        ExitCodesInWords = "0 all of it holds; 1 something was changed or forged; 2 no such file; 3 something could not be checked";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var name = context.Get(FileName);
        var file = await ReadAsync(context, name, cancellation);
        var plan = PlanOrNull(context);
        var log = plan is null || context.Get(Offline) ? null : await LogAsync(context, plan, cancellation);
        var verdict = EvidenceVerification.Check(file, name, plan, log);
        context.Answer(verdict, console =>
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns(
                new TableColumn("check"), new TableColumn("verdict").NoWrap(), new TableColumn("detail"));
            foreach (var check in verdict.Checks)
                table.AddRow(Words.Plain(check.Name), Words.Markup(check.Verdict), Words.Plain(check.Detail));
            console.Write(table);
            console.MarkupLine(verdict.Verdict switch
            {
                Verdict.Proven => $"{Words.Markup(Verdict.Proven)}  The evidence of {Words.Plain(verdict.RunId)} is genuine. The run itself ended {Words.Markup(verdict.RunVerdict!.Value)}.",
                Verdict.Failed => $"{Words.Markup(Verdict.Failed)}  This is not what was signed, or not signed by whom it says. Do not rely on it.",
                _ => $"{Words.Markup(Verdict.NotProven)}  Nothing in it is wrong, and not everything could be checked.",
            });
        });
        return ExitCodes.Of(verdict.Verdict);
    }

    private static async Task<byte[]> ReadAsync(CommandContext context, string name, CancellationToken cancellation)
    {
        var path = context.FullPath(name)!;
        try
        {
            return new FileInfo(path).Length <= LargestFile
                ? await File.ReadAllBytesAsync(path, cancellation)
                : throw new RefusalException(ErrorKinds.Usage, $"{name} is larger than any evidence.", path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusalException(ErrorKinds.Usage, $"The file can't be read: {e.Message}", path, "Get it with: luxhedge drill report RUN --html FILE", e);
        }
    }

    /// <summary>An auditor may have the file and nothing else. A plan that is named and is not there, or is wrong, is an error all the
    /// same.</summary>
    private static Plan? PlanOrNull(CommandContext context)
    {
        try
        {
            _ = context.PlanPath;
        }
        catch (RefusalException) when (!context.NamesPlan)
        {
            return null;
        }

        return context.Plan;
    }

    private static async Task<AuditReport?> LogAsync(CommandContext context, Plan plan, CancellationToken cancellation)
    {
        await using var stores = new StoreSet(plan);
        var report = await new AuditVerification(plan, stores, context.Surroundings.Clock).RunAsync([], cancellation);
        return report.Stores.All(s => s.Entries == 0) ? null : report;
    }
}
