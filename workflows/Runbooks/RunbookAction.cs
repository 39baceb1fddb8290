using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using LuxHedge.Workflows.Approvals;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;
using Temporalio.Activities;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// What a runbook's <c>uses</c> can name: one class with this attribute, its input a record whose properties carry <see cref="InputAttribute"/>.
/// Everything else (schema, checks when a runbook is read, docs/actions.md) comes from these. A class that derives from
/// <see cref="WorkflowAction{TInput}"/> runs in the workflow and may start child workflows; one that derives from ActivityAction (activities/
/// Runbooks) does I/O, in the activity <c>run-action</c>.
/// </summary>
/// <param name="name">Lower-case words with '-'.</param>
/// <param name="summary">One sentence: what it does and when it fails. Becomes the documentation.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ActionAttribute(string name, string summary) : Attribute
{
    public string Name { get; } = name;
    public string Summary { get; } = summary;

    /// <summary>A record whose properties carry <see cref="InputAttribute"/>: what the steps after it read as <c>${steps.ID.NAME}</c>, and
    /// what references are checked against when a runbook is read. Null: it answers nothing.</summary>
    public Type? Output { get; init; }
}

/// <summary>One input or output of an action.</summary>
/// <param name="summary">What it is, with unit and default.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class InputAttribute(string type, string summary) : Attribute
{
    /// <summary>One of <see cref="InputTypes"/>.</summary>
    public string Type { get; } = type;
    public string Summary { get; } = summary;
    public bool Required { get; init; }

    /// <summary>The words that a text may be, where only some are known.</summary>
    public string[] Values { get; init; } = [];
}

/// <summary>What an action may know of the run that it is a step of.</summary>
/// <param name="StepId">Flat, as in <see cref="RunbookStepResult.Id"/>.</param>
/// <param name="Site">Without its inventory, last durations and notes, which are long: this travels with every step.</param>
/// <param name="Approval">The ask and the decisions of the approve step that stands for this step, if any.</param>
public sealed record ActionContext(
    string RunId,
    string TaskQueue,
    string StepId,
    string Asset,
    RunMode Mode,
    RunbookSite Site,
    DateTimeOffset DeclaredAt,
    SignedRequest? RequestedBy,
    IReadOnlyList<HandedKey>? Keys,
    ApprovedAsk? Approval)
{
    /// <summary>What <see cref="RequestedBy"/> signed. A child restore carries it, with an id from <see cref="Runs.RunIds.Child"/>.</summary>
    public RunbookClaim? Claim { get; init; }
}

/// <summary>An ask that was approved, with the decisions that approved it: what the last door judges again.</summary>
public sealed record ApprovedAsk(Ask Ask, IReadOnlyList<Decision> Decisions);

/// <summary>An action as the interpreter calls it.</summary>
public interface IWorkflowAction
{
    /// <summary>Runs in the workflow: deterministic, no I/O but by activities and child workflows. Throws a FailureException when it
    /// fails.</summary>
    /// <param name="input">Resolved and checked against the action's schema.</param>
    Task<ActionOutcome> RunAsync(ActionContext context, JsonElement input, CancellationToken cancellation);
}

/// <summary>An action that an approve step can stand for: what it would ask people for by itself.</summary>
public interface IApprovedAction : IWorkflowAction
{
    /// <summary>The very request that <see cref="IWorkflowAction.RunAsync"/> starts its child with, but for <c>Approved</c>.</summary>
    RestoreRequest Asked(ActionContext context, JsonElement input);
}

/// <typeparam name="TInput">A record; see <see cref="InputAttribute"/>.</typeparam>
public abstract class WorkflowAction<TInput> : IWorkflowAction
{
    public Task<ActionOutcome> RunAsync(ActionContext context, JsonElement input, CancellationToken cancellation) =>
        ActionInputs.TryRead<TInput>(input, out var read, out var why)
            ? RunAsync(context, read, cancellation)
            : throw Failures.ToFailure(new(ErrorKinds.Usage, why, context.StepId));

    protected abstract Task<ActionOutcome> RunAsync(ActionContext context, TInput input, CancellationToken cancellation);
}

/// <summary>What a step gives an action, as the action's own record.</summary>
public static class ActionInputs
{
    /// <summary>JSON null is an input that is not given: an optional one of the runbook that nobody gave.</summary>
    public static bool TryRead<T>(JsonElement input, [NotNullWhen(true)] out T? read, out string why)
    {
        try
        {
            var given = input.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null).ToDictionary(p => p.Name, p => p.Value);
            read = JsonSerializer.SerializeToElement(given, LuxJson.Options).Deserialize<T>(LuxJson.Options);
            why = "There is no input.";
            return read is not null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            read = default;
            why = $"The action can't read its input: {e.Message}";
            return false;
        }
    }
}

/// <summary>How the Runbook workflow's own steps are done.</summary>
public interface IRunbookActivities
{
    /// <summary>Checks the signed request, resolves the target (a drill's is never production), makes the inventory, looks up the last
    /// durations. Refuses: a request without a valid signature in real mode, a drill without an isolated target, inputs that name nothing in
    /// the plan.</summary>
    [Activity("begin-runbook")]
    Task<RunbookSite> BeginAsync(RunbookRequest request);

    /// <summary>Runs one action that does I/O (activities/Runbooks). Heartbeats from progress.</summary>
    [Activity("run-action")]
    Task<ActionOutcome> RunActionAsync(string action, ActionContext context, JsonElement input);

    /// <summary>Compares what is there now with <see cref="RunbookSite.Before"/>: answers what this run left behind, by name. Empty proves
    /// clean-up.</summary>
    [Activity("inventory")]
    Task<IReadOnlyList<string>> InventoryAsync(RunbookRequest request, RunbookSite site);
}

/// <summary>What a run leaves behind for an auditor.</summary>
public interface IEvidenceActivities
{
    /// <summary>Appends the run's decisions, refusals, interventions and end to the audit log (each once, whoever appends it), writes the signed
    /// evidence <c>runs/{runId}/evidence.json</c> and the report <c>evidence.html</c> into every store of the asset that answers, and appends
    /// their hashes. Doing it again finds what is there and leaves it. An audit log that takes nothing is told, and fails nothing.</summary>
    [Activity("write-run-evidence")]
    Task<KeptEvidence> WriteEvidenceAsync(RunbookEvidence evidence);
}

/// <summary>Everything that evidence is made of. Asks with all their decisions and refusals, so that an auditor can verify each. (Keys, policies,
/// namespace and workflow id come from the worker that writes it.)</summary>
public sealed record RunbookEvidence(
    RunbookRequest Request,
    RunbookSite? Site,
    RunbookSummary Summary,
    IReadOnlyList<AskRecord> Asks,
    IReadOnlyList<RefusedDecision> Refused,
    int RefusedBeyondKept)
{
    /// <summary>In the order they came.</summary>
    public IReadOnlyList<Intervention> Interventions { get; init; } = [];
}

/// <summary>One ask from opening to close.</summary>
public sealed record AskRecord(Ask Ask, string Outcome, IReadOnlyList<Decision> Decisions, DateTimeOffset? ClosedAt);
