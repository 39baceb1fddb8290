using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runs;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>What <c>runs retry|skip|pause|resume --json</c> ends in.</summary>
/// <param name="Step">Null for pause and resume.</param>
public sealed record OrderDocument(string RunId, string? Step, string Order, string Person, bool Accepted, string Why);

/// <summary><c>runs retry</c>, <c>skip</c>, <c>pause</c> and <c>resume</c>: what a person does to a runbook's run beside deciding. Not signed, so it
/// opens no door; who and why are kept in the evidence.</summary>
public sealed class RunsOrderCommand : OperatorCommand
{
    private const string NoReason = "no reason given";

    private static readonly Argument<string> RunArgument = CommonOptions.RunArgument();
    private static readonly Option<string?> Step = new("--step") { Description = "The failed step. Needed where several wait.", HelpName = "ID" };
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why; it is kept with the run. Asked for on a terminal.", HelpName = "TEXT" };
    private static readonly Option<bool> Yes = CommonOptions.Yes("whether to skip it");

    private readonly string order;

    /// <param name="order"><see cref="Wire.Retry"/>, <see cref="Wire.Skip"/>, <see cref="Wire.Pause"/> or <see cref="Wire.Resume"/>.</param>
    public RunsOrderCommand(Surroundings surroundings, string order)
        : base(surroundings, order, Summary(order))
    {
        this.order = order;
        Add(RunArgument);
        if (OfAStep)
        {
            Add(Step);
        }

        Add(As);
        Add(Reason);
        if (order == Wire.Skip)
        {
            Add(Yes);
        }

        Examples = order switch
        {
            Wire.Retry =>
            [
                ("luxhedge runs retry 20261123T081502Z-incident-database-loss-7f3a", "try the failed step again, or ask an expired approval anew"),
                ("luxhedge runs retry RUN --step database-loss/restore --reason \"the disk has room again\"", "where several steps wait"),
            ],
            Wire.Skip => [("luxhedge runs skip RUN --step checks/canary --reason \"the plan forbids canaries\"", "go on without it: NotProven at best")],
            Wire.Pause => [("luxhedge runs pause RUN --reason \"the network is being mended\"", "no new step begins; what runs goes on to its end")],
            _ => [("luxhedge runs resume RUN", "go on")],
        };
        ExitCodesInWords = "0 the run took the order; 2 it was refused, and why; 3 you answered no; 4 the run could not be reached";
    }

    private bool OfAStep => order is Wire.Retry or Wire.Skip;

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var person = Operators.Current(context, context.Get(As));
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var run = await runs.FindAsync(context.Get(RunArgument), cancellation);
        if (run.Workflow != Wire.Runbook)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"{CommandFailures.What(run.Workflow, run.Asset)} can't be told to {order}: drills and incidents can.", run.RunId,
                $"End it: {context.Line($"runs abort {run.RunId} --reason TEXT")}");
        }

        run.RefuseWhenEnded();
        var step = OfAStep ? await FailedStepAsync(context, runs, run.Reference, cancellation) : null;
        if (step is not null && context.Surroundings.Interactive && !(order == Wire.Skip && context.Get(Yes)))
        {
            context.View.MarkupLine($"[yellow]{Words.Plain(step.Step)}[/] failed: {Words.Plain(step.Why)}");
            context.Confirm(
                yes: false,
                order == Wire.Skip ? $"Go on without '{step.Step}'? The run is NotProven at best." : $"Try '{step.Step}' again?",
                $"It says whether to {order} it.");
        }

        var reason = context.Get(Reason)?.Trim() is { Length: > 0 } given ? given : context.Surroundings.Interactive ? context.ReasonOrAsk(null) : NoReason;
        var answer = await runs.OrderAsync(run.Reference, order, new(step?.Step, person.Name, reason), cancellation);
        if (!answer.Accepted)
        {
            throw new RefusalException(ErrorKinds.RefusedDecision, answer.Why, step is null ? run.RunId : $"{run.RunId}, step {step.Step}",
                "Nothing has changed; the run keeps a note of it.");
        }

        context.Answer(
            new OrderDocument(run.RunId, step?.Step, order, person.Name, answer.Accepted, answer.Why),
            console =>
            {
                console.MarkupLine($"{Words.Plain(step?.Step ?? run.RunId)}: {Words.Plain(answer.Why)}");
                console.MarkupLine($"[grey]Watch it:[/] {Words.Plain(context.Line($"runs watch {run.RunId}"))}");
            });
        return ExitCodes.Done;
    }

    private async Task<WaitingStep> FailedStepAsync(
        CommandContext context, IRuns runs, Runs.RunReference run, CancellationToken cancellation)
    {
        var state = await runs.StateAsync(run, cancellation) ?? throw new RefusalException(
            ErrorKinds.Unreachable, "No worker answers for this run, so what waits can't be read.", run.RunId, $"Start a worker: {context.Line("worker")}");
        var waiting = state.WaitingSteps;
        if (waiting.Count == 0)
        {
            var hint = state.Asks.Count > 0 ? $"It waits for a decision: {context.Line($"runs approve {run.RunId}")}" : $"See what it does: {context.Line($"runs watch {run.RunId}")}";
            throw new RefusalException(ErrorKinds.RefusedDecision, $"No failed step of {run.RunId} waits: there is nothing to {order}.", run.RunId, hint);
        }

        var names = string.Join(", ", waiting.Select(w => w.Step));
        if (context.Get(Step) is not { } named)
        {
            return waiting.Count == 1
                ? waiting[0]
                : throw new RefusalException(ErrorKinds.Usage, $"{waiting.Count} failed steps wait: say which.", "--step", $"--step is one of {names}");
        }

        return waiting.FirstOrDefault(w => w.Step == named)
            ?? throw new RefusalException(ErrorKinds.RefusedDecision, $"Step '{named}' does not wait.", "--step", $"These do: {names}");
    }

    private static string Summary(string order) => order switch
    {
        Wire.Retry => "Try a failed step of a drill or an incident again; an approval that expired or was denied is asked anew.",
        Wire.Skip => "Go on without a failed step: the run is NotProven at best. Approvals, the negative control and clean-up can't be skipped.",
        Wire.Pause => "Let no new step of a drill or an incident begin; what runs goes on to its end. The clock goes on too.",
        _ => "Let a paused drill or incident go on.",
    };
}
