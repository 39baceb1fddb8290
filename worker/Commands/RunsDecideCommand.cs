using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Worker.Display;
using LuxHedge.Worker.Runs;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>runs approve|deny|confirm --json</c> ends in.</summary>
/// <param name="Decision"><c>Approved</c> or <c>Denied</c>; a confirmed manual step is <c>Approved</c>.</param>
public sealed record DecisionDocument(string RunId, string Step, DecisionKind Decision, string Person, bool Accepted, string Why)
{
    public bool BreakGlass { get; init; }
}

/// <summary>
/// <c>runs approve</c>, <c>runs deny</c> and <c>runs confirm</c>: on a terminal it shows what is decided and asks; elsewhere the command is the
/// decision.
/// </summary>
public sealed class RunsDecideCommand : OperatorCommand
{
    private static readonly Argument<string> RunArgument = CommonOptions.RunArgument();
    private static readonly Option<string?> Step = new("--step") { Description = "The step that asks. Needed where several do.", HelpName = "ID" };
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why; it is signed with the decision and kept with the run.", HelpName = "TEXT" };
    private static readonly Option<bool> BreakGlass = new("--break-glass")
    {
        Description = "In an incident, where the policy has it: fewer people, with a reason. Everyone is told, and the evidence says so.",
    };

    private readonly DecisionWord word;

    private RunsDecideCommand(Surroundings surroundings, DecisionWord word)
        : base(surroundings, word.Command, word.Summary)
    {
        this.word = word;
        Add(RunArgument);
        Add(Step);
        Add(As);
        Add(Key);
        Add(Reason);
        if (word.Command == "approve")
        {
            Add(BreakGlass);
        }

        Examples = word.Examples;
        ExitCodesInWords = "0 the decision counts; 2 it was refused, and why; 3 you answered no; 4 the run could not be reached";
    }

    public static RunsDecideCommand Approve(Surroundings surroundings) => new(surroundings, new(
        "approve", "Approve", DecisionKind.Approved, "Approve what a run asks, signed with your own key. On a terminal it shows what is decided and asks.",
        a => a.Kind == AskKinds.Approval, "approve",
        [
            ("luxhedge runs approve 20261123T081502Z-restore-luxhedge_production-7f3a", "read what is asked, then say yes"),
            ("luxhedge runs approve RUN --as alice --key ~/keys/alice.pem", "as another person of the plan than your login says"),
            ("luxhedge runs approve RUN --break-glass --reason \"nobody else can be reached\"", "alone, in an incident, where the policy has it"),
        ]));

    public static RunsDecideCommand Deny(Surroundings surroundings) => new(surroundings, new(
        "deny", "Deny", DecisionKind.Denied, "Deny what a run asks, signed with your own key: what was asked is not done.", _ => true, "decide",
        [("luxhedge runs deny 20261123T081502Z-restore-luxhedge_production-7f3a --reason \"wrong backup\"", "say no, with the reason on record")]));

    public static RunsDecideCommand Confirm(Surroundings surroundings) => new(surroundings, new(
        "confirm", "Confirm", DecisionKind.Approved, "Confirm that you have done what a runbook asks a person to do, signed with your own key.",
        a => a.Kind == AskKinds.Manual, "confirm",
        [("luxhedge runs confirm 20261123T081502Z-incident-database-loss-7f3a --step tell-customers", "it is done: the run goes on")]));

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var person = Operators.Current(context, context.Get(As));
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var run = await runs.FindAsync(context.Get(RunArgument), cancellation);
        run.RefuseWhenEnded();
        var (asking, state, ask) = Choose(context, run, await OpenAsync(context, runs, run, cancellation));
        var glass = word.Command == "approve" && context.Get(BreakGlass);

        if (context.Surroundings.Interactive)
        {
            AskView.Write(context.View, ask, state, context.Now);
            context.Confirm(yes: false, $"{word.Verb} this as {person.Name}{(glass ? ", by break-glass" : "")}?", "A decision is asked for.");
        }

        var reason = glass ? context.ReasonOrAsk(context.Get(Reason)).Trim() : context.Get(Reason)?.Trim() ?? "";
        Decision decision;
        using (var key = Operators.OpenKey(context, person, context.Get(Key)))
        {
            decision = DecisionSigner.Sign(key, ask, word.Kind, reason, context.Now, glass);
        }

        var answer = await runs.DecideAsync(asking, decision, cancellation);
        if (!answer.Accepted)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, answer.Why, $"{asking.RunId}, step {ask.Step}", "Nothing has changed; the run keeps a note of it.");
        }

        context.Answer(
            new DecisionDocument(asking.RunId, ask.Step, word.Kind, person.Name, answer.Accepted, answer.Why) { BreakGlass = glass },
            console =>
            {
                var said = ask.Kind == AskKinds.Manual && word.Kind == DecisionKind.Approved ? "Confirmed" : word.Kind.ToString();
                console.MarkupLine($"{said} by {Words.Plain(person.Name)}: it counts.{(answer.Why.Length > 0 ? " " + Words.Plain(answer.Why) : "")}");
                console.MarkupLine($"[grey]Watch it:[/] {Words.Plain(context.Line($"runs watch {run.RunId}"))}");
            });
        return ExitCodes.Done;
    }

    /// <summary>What is asked just now, by the run and by the restores that are steps of it.</summary>
    private static async Task<List<(RunReference Run, RunState State, Ask Ask)>> OpenAsync(
        CommandContext context, IRuns runs, RunRow run, CancellationToken cancellation)
    {
        var state = await runs.StateAsync(run.Reference, cancellation) ?? throw new RefusalException(
            ErrorKinds.Unreachable, "No worker answers for this run, so what it asks can't be read.", run.RunId, $"Start a worker: {context.Line("worker")}");
        var open = OpenOf(run.Reference, state).ToList();
        if (run.Workflow == Wire.Runbook)
        {
            open.AddRange(OpenBelow(await runs.LookAsync(run.Reference, cancellation)));
        }

        return open;
    }

    private static IEnumerable<(RunReference Run, RunState State, Ask Ask)> OpenBelow(RunView view) => view.Children.SelectMany(
        c => (c.State is { } state ? OpenOf(c.Run with { RunId = state.RunId }, state) : []).Concat(OpenBelow(c)));

    private static IEnumerable<(RunReference Run, RunState State, Ask Ask)> OpenOf(RunReference run, RunState state) =>
        (state.Asks.Count > 0 ? state.Asks : state.WaitingFor is { } only ? [only] : []).Select(a => (run, state, a));

    private (RunReference Run, RunState State, Ask Ask) Choose(
        CommandContext context, RunRow run, List<(RunReference Run, RunState State, Ask Ask)> open)
    {
        if (open.Count == 0)
        {
            throw new RefusalException(
                ErrorKinds.RefusedDecision, $"Run {run.RunId} asks nothing just now.", run.RunId, $"See what it does: {context.Line($"runs watch {run.RunId}")}");
        }

        var steps = Words.List(open.Select(o => o.Ask.Step));
        var step = context.Get(Step);
        var named = step is null ? open : open.FindAll(o => o.Ask.Step == step);
        if (named.Count == 0)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, $"Step '{step}' asks nothing; {steps} {(open.Count == 1 ? "does" : "do")}.", "--step");
        }

        var mine = named.FindAll(o => word.Decides(o.Ask));
        return mine switch
        {
            [var only] => only,
            [] => throw new RefusalException(
                ErrorKinds.RefusedDecision,
                $"'{named[0].Ask.Step}' is {(named[0].Ask.Kind == AskKinds.Manual ? "done by a person, who confirms it" : "for approval")}: there is nothing to {word.What}.",
                named[0].Ask.Step,
                $"Use: {context.Line($"runs {(named[0].Ask.Kind == AskKinds.Manual ? "confirm" : "approve")} {run.RunId} --step {named[0].Ask.Step}")}"),
            _ when step is null => throw new RefusalException(
                ErrorKinds.RefusedDecision, $"Run {run.RunId} asks {mine.Count} things just now: {Words.List(mine.Select(o => o.Ask.Step))}.", "--step", "Say which: --step ID."),
            _ => throw new RefusalException(
                ErrorKinds.RefusedDecision, $"Several runs below {run.RunId} ask '{step}': {Words.List(mine.Select(o => o.Run.RunId))}.", "RUN", "Name that run instead."),
        };
    }

    /// <summary>What tells the three commands apart.</summary>
    private sealed record DecisionWord(
        string Command, string Verb, DecisionKind Kind, string Summary, Predicate<Ask> Decides, string What, IReadOnlyList<(string, string)> Examples);
}
