using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Approvals;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>runs approve|deny --json</c> ends in.</summary>
/// <param name="Decision"><c>Approved</c> or <c>Denied</c>.</param>
public sealed record DecisionDocument(string RunId, string Step, DecisionKind Decision, string Person, bool Accepted, string Why);

/// <summary><c>runs approve</c> and <c>runs deny</c>: on a terminal it shows what is decided and asks; elsewhere the command is the decision.</summary>
public sealed class RunsDecideCommand : OperatorCommand
{
    private static readonly Argument<string> RunArgument = CommonOptions.RunArgument();
    private static readonly Option<string?> Step = new("--step") { Description = "The step that asks. Needed where several do.", HelpName = "ID" };
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Key = CommonOptions.Key();
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why; it is signed with the decision and kept with the run.", HelpName = "TEXT" };

    private readonly DecisionKind kind;

    public RunsDecideCommand(Surroundings surroundings, DecisionKind kind)
        : base(
            surroundings,
            kind == DecisionKind.Approved ? "approve" : "deny",
            kind == DecisionKind.Approved
                ? "Approve what a run asks, signed with your own key. On a terminal it shows what is decided and asks."
                : "Deny what a run asks, signed with your own key: the run ends and changes nothing.")
    {
        this.kind = kind;
        Add(RunArgument);
        Add(Step);
        Add(As);
        Add(Key);
        Add(Reason);
        Examples = kind == DecisionKind.Approved
            ? [
                ("luxhedge runs approve 20261123T081502Z-restore-luxhedge_production-7f3a", "read what is asked, then say yes"),
                ("luxhedge runs approve RUN --as alice --key ~/keys/alice.pem", "as another person of the plan than your login says"),
            ]
            : [("luxhedge runs deny 20261123T081502Z-restore-luxhedge_production-7f3a --reason \"wrong backup\"", "say no, with the reason on record")];
        ExitCodesInWords = "0 the decision counts; 2 it was refused, and why; 3 you answered no; 4 the run could not be reached";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var person = Operators.Current(context, context.Get(As));
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var run = await runs.FindAsync(context.Get(RunArgument), cancellation);
        run.RefuseWhenEnded();
        var state = await runs.StateAsync(run.Reference, cancellation) ?? throw new RefusalException(
            ErrorKinds.Unreachable, "No worker answers for this run, so what it asks can't be read.", run.RunId, $"Start a worker: {context.Line("worker")}");
        var ask = state.WaitingFor ?? throw new RefusalException(
            ErrorKinds.RefusedDecision, $"Run {run.RunId} asks nothing just now.", run.RunId, $"See what it does: {context.Line($"runs watch {run.RunId}")}");
        if (context.Get(Step) is { } step && step != ask.Step)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, $"Step '{step}' asks nothing; '{ask.Step}' does.", "--step");
        }

        if (context.Surroundings.Interactive)
        {
            AskView.Write(context.View, ask, state, context.Now);
            context.Confirm(
                yes: false, kind == DecisionKind.Approved ? $"Approve this as {person.Name}?" : $"Deny this as {person.Name}?", "A decision is asked for.");
        }

        Decision decision;
        using (var key = Operators.OpenKey(context, person, context.Get(Key)))
        {
            decision = DecisionSigner.Sign(key, ask, kind, context.Get(Reason)?.Trim() ?? "", context.Now);
        }

        var answer = await runs.DecideAsync(run.Reference, decision, cancellation);
        if (!answer.Accepted)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, answer.Why, $"{run.RunId}, step {ask.Step}", "Nothing has changed; the run keeps a note of it.");
        }

        context.Answer(
            new DecisionDocument(run.RunId, ask.Step, kind, person.Name, answer.Accepted, answer.Why),
            console =>
            {
                console.MarkupLine($"{(kind == DecisionKind.Approved ? "Approved" : "Denied")} by {Words.Plain(person.Name)}: it counts.{(answer.Why.Length > 0 ? " " + Words.Plain(answer.Why) : "")}");
                console.MarkupLine($"[grey]Watch it:[/] {Words.Plain(context.Line($"runs watch {run.RunId}"))}");
            });
        return ExitCodes.Done;
    }
}
