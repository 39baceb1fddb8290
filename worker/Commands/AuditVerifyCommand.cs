using System.CommandLine;
using System.Globalization;
using LuxHedge.Activities;
using LuxHedge.Activities.Audit;
using LuxHedge.Activities.Evidence;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>audit verify --json</c> ends in.</summary>
/// <param name="Entries">Links of the longest chain.</param>
public sealed record AuditDocument(
    Verdict Verdict, int Entries, AuditHead? Head, IReadOnlyList<AuditStoreReport> Stores, IReadOnlyList<AuditProblem> Problems);

/// <summary><c>audit verify</c>: whether the log of privileged acts is whole, in every store and across them.</summary>
public sealed class AuditVerifyCommand : OperatorCommand
{
    private static readonly Option<string?> Head = new("--head")
    {
        Description = "A link that you noted earlier: the log must still have it.",
        HelpName = "NUMBER:SHA256",
    };

    public AuditVerifyCommand(Surroundings surroundings)
        : base(surroundings, "verify", "Verify the audit log: every link in every store, the stores against each other, and the evidence that it names.")
    {
        Add(Head);
        Examples =
        [
            ("luxhedge audit verify", "changed, missing, moved, forked or cut off: each is named with its number"),
            ("luxhedge audit verify --head 42:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "and that it was not cut before a link you noted"),
            ("luxhedge audit verify --json", "{verdict, entries, head: {number, sha256}, stores, problems: [{kind, verdict, store, number, text}]}"),
        ];
        ExitCodesInWords = "0 the log is whole; 1 it was changed; 2 wrong usage; 3 something could not be checked, or a store is behind";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var head = Parse(context.Get(Head));
        await using var stores = new StoreSet(context.Plan);
        var report = await new EvidenceInLog(context.Plan, stores, context.Surroundings.Clock).VerifyAsync(head, cancellation);
        var longest = report.Stores.Where(s => s.Head is not null).MaxBy(s => s.Head!.Number);
        var document = new AuditDocument(report.Verdict, longest?.Entries ?? 0, longest?.Head, report.Stores, report.Problems);
        context.Answer(document, console => Write(console, document));
        return ExitCodes.Of(report.Verdict);
    }

    private static void Write(IAnsiConsole console, AuditDocument document)
    {
        foreach (var store in document.Stores)
        {
            console.MarkupLine($"{Words.Markup(store.Verdict)}  [bold]{Words.Plain(store.Store)}[/]  {Words.Many(store.Entries, "entry", "entries")}{(store.Head is { } head ? $", the newest is {head.Number}:{head.Sha256}" : "")}");
        }

        foreach (var problem in document.Problems)
        {
            var where = string.Join(' ', new[] { problem.Store, problem.Number is { } number ? $"link {number.ToString(CultureInfo.InvariantCulture)}" : "" }.Where(w => w.Length > 0));
            console.MarkupLine($"  {Words.Markup(problem.Verdict)}  {problem.Kind}  {Words.Plain(where)}{(where.Length > 0 ? ": " : "")}{Words.Plain(problem.Text)}");
        }

        console.MarkupLine(document.Verdict switch
        {
            Verdict.Proven => $"{Words.Markup(Verdict.Proven)}  The log is whole: {Words.Many(document.Entries, "entry", "entries")}, one chain in every store.",
            Verdict.Failed => $"{Words.Markup(Verdict.Failed)}  The log is not what was written: see above, and find out who could write to that store.",
            _ => $"{Words.Markup(Verdict.NotProven)}  Nothing in the log is wrong, and not everything could be checked.",
        });
    }

    private static AuditHead? Parse(string? text)
    {
        if (text is null)
            return null;
        var parts = text.Split(':');
        return parts is [var number, { Length: 64 } hash] && hash.All(c => char.IsAsciiDigit(c) || c is >= 'a' and <= 'f')
            && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n > 0
            ? new(n, hash)
            : throw new RefusalException(ErrorKinds.Usage, $"'{text}' is no head: it is NUMBER:SHA256, as audit verify shows it.", "--head");
    }
}
