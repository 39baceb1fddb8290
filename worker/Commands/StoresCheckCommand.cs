using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>One element of <c>stores check --json</c>.</summary>
public sealed record CheckedStore(string Store, Verdict Verdict, IReadOnlyList<StoreCheck> Checks);

/// <summary><c>stores check [STORE]</c>: runs the contract of a store against the real one, from this machine.</summary>
public sealed class StoresCheckCommand : OperatorCommand
{
    private static readonly Argument<string?> Store = new("STORE")
    {
        Description = "One store of the plan. All of them unless told.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public StoresCheckCommand(Surroundings surroundings)
        : base(surroundings, "check", "Try everything a store must do on the real one. Writes below luxhedge-check/ only, and removes that again.")
    {
        Add(Store);
        Examples =
        [
            ("luxhedge stores check", "every store of the plan"),
            ("luxhedge stores check nas --json", "an array of {store, verdict, checks: [{name, verdict, detail}]}"),
        ];
        ExitCodesInWords = "0 every store does what it must; 1 one does not; 2 wrong usage; 3 something could not be checked";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var plan = context.Plan;
        var named = context.Get(Store);
        if (named is not null && !plan.Stores.ContainsKey(named))
        {
            throw new RefusalException(ErrorKinds.Usage, $"The plan has no store '{named}'.", "STORE", $"It has: {Words.List(plan.Stores.Keys)}.");
        }

        await using var stores = new StoreSet(plan);
        var results = new List<CheckedStore>();
        foreach (var name in named is null ? plan.Stores.Keys : [named])
        {
            context.View.MarkupLine($"[bold]{Words.Plain(name)}[/] [grey]({Words.Plain(plan.Stores[name].Kind)})[/]");
            var checks = new List<StoreCheck>();
            await foreach (var check in ChecksAsync(context, stores, name, cancellation))
            {
                checks.Add(check);
                context.View.MarkupLine($"  {Words.Markup(check.Verdict)}  {Words.Plain(check.Name)}: {Words.Plain(check.Detail)}");
            }

            results.Add(new(name, Verdicts.Worst(checks.Select(c => c.Verdict)), checks));
        }

        var worst = Verdicts.Worst(results.Select(r => r.Verdict));
        context.Answer(results, console => console.MarkupLine($"{Words.Markup(worst)}  {Words.Plain(Words.List(results.Select(r => r.Store)))}"));
        return ExitCodes.Of(worst);
    }

    private static async IAsyncEnumerable<StoreCheck> ChecksAsync(
        CommandContext context, StoreSet stores, string name, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        StoreContract? contract = null;
        StoreCheck? unusable = null;
        try
        {
            contract = new StoreContract(stores[name], context.Surroundings.Clock);
        }
        catch (RefusalException e)
        {
            // A missing secret, or a kind that is later work: the other stores are checked all the same.
            unusable = new StoreCheck("usable", Verdict.NotProven, $"{e.Report.Message} {e.Report.Hint}".TrimEnd());
        }

        if (contract is null)
        {
            yield return unusable!;
            yield break;
        }

        await foreach (var check in contract.RunAsync(cancellation))
        {
            yield return check;
        }
    }
}
