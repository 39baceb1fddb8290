using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Runbooks;
using LuxHedge.Workflows.Runs;
using Temporalio.Workflows;
using Flow = Temporalio.Workflows.Workflow;

namespace LuxHedge.Tests.Workflow.Approvals;

/// <summary>A workflow that does nothing but ask, all at once, and takes what a script decides at its times, or people do.</summary>
[Workflow(Type)]
public sealed class DeskWorkflow
{
    public const string Type = "Desk";
    public const string Move = "continue-as-new";

    private readonly ApprovalDesk desk;
    private bool moves;

    [WorkflowInit]
    public DeskWorkflow(DeskInput input)
    {
        desk = new(() => new("run-d", "desk", "real", "luxhedge_production"), carried: input.Carried);
        IsNew = input.Carried is null;
    }

    private bool IsNew { get; }

    [WorkflowRun]
    public async Task<DeskOutput> RunAsync(DeskInput input)
    {
        var asking = Flow.WhenAllAsync(input.Asks.Select(a => desk.AskAsync(a, Flow.CancellationToken)));
        var playing = PlayAsync(input.Script);
        await Flow.WaitConditionAsync(() => (asking.IsCompleted && playing.IsCompleted) || (moves && IsNew));
        await desk.FlushAsync();
        await Flow.WaitConditionAsync(() => Flow.AllHandlersFinished);
        if (!asking.IsCompleted)
        {
            var next = input with { Carried = desk.Export() };
            throw Flow.CreateContinueAsNewException((DeskWorkflow w) => w.RunAsync(next), new() { TaskQueue = Flow.Info.TaskQueue });
        }

        await asking;
        return new(desk.Asks, desk.Refusals.Kept, desk.Refusals.BeyondKept, desk.Waiting, desk.Notes, await playing);
    }

    [WorkflowQuery(Wire.State)]
    public RunState State() => new(
        "run-d", Type, "luxhedge_production", DateTimeOffset.UnixEpoch, [], desk.Open.Count > 0 ? desk.Open[0] : null, desk.Decisions, desk.Refusals.Kept,
        desk.Refusals.BeyondKept, null, null, null)
    {
        Asks = desk.Open,
        AskMessages = desk.Messages,
    };

    [WorkflowUpdate(Wire.Decide)]
    public Task<DecisionAnswer> DecideAsync(Decision decision) => desk.DecideAsync(decision);

    [WorkflowSignal(Move)]
    public Task MoveAsync()
    {
        moves = true;
        return Task.CompletedTask;
    }

    private async Task<IReadOnlyList<bool>> PlayAsync(IReadOnlyList<DeskMove> script)
    {
        var accepted = new List<bool>();
        if (script.Count == 0)
            return accepted;
        await Flow.WaitConditionAsync(() => desk.Asks.Count > 0);
        var ask = desk.Asks[0].Ask;
        var from = Steps.Now;
        foreach (var move in script)
        {
            var wait = from + move.After - Steps.Now;
            if (wait > TimeSpan.Zero)
                await Flow.DelayAsync(wait);
            var decision = new Decision(
                ask.Namespace, ask.RunId, ask.Step, ask.Nonce, ask.Hash, move.Kind, move.Person, "as scripted", ask.AskedAt + move.After, move.Person,
                move.Good ? "good" : "forged");
            accepted.Add((await desk.DecideAsync(decision)).Accepted);
        }

        return accepted;
    }
}

public sealed record DeskInput(IReadOnlyList<AskRequest> Asks, IReadOnlyList<DeskMove> Script, ApprovalDeskState? Carried = null);

/// <summary>At this time after the ask this person decides.</summary>
public sealed record DeskMove(TimeSpan After, string Person, DecisionKind Kind, bool Good);

public sealed record DeskOutput(
    IReadOnlyList<AskRecord> Asks, IReadOnlyList<RefusedDecision> Refused, int RefusedBeyondKept, TimeSpan Waiting, IReadOnlyList<string> Notes,
    IReadOnlyList<bool> Accepted);
