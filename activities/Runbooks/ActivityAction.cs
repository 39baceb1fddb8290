using System.Text.Json;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>An action that does I/O, as the activity <c>run-action</c> calls it.</summary>
public interface IActivityAction
{
    /// <summary>May be killed at any instant and run again with the same input: the outcome is the same. Heartbeats while it works.</summary>
    /// <exception cref="RefusalException">Something is wrong that trying again does not mend.</exception>
    Task<ActionOutcome> RunAsync(ActionContext context, JsonElement input, CancellationToken cancellation);
}

/// <summary>
/// An action that does I/O: one class with <see cref="ActionAttribute"/> and a record as its input is all there is to it. It is made by the
/// worker's container, so its constructor asks for what it needs; schema, checks and documentation come from the attributes by
/// <see cref="ActionCatalog"/>.
/// </summary>
/// <typeparam name="TInput">A record; see <see cref="InputAttribute"/>. An input that is not required has a default.</typeparam>
public abstract class ActivityAction<TInput> : IActivityAction
{
    public Task<ActionOutcome> RunAsync(ActionContext context, JsonElement input, CancellationToken cancellation) =>
        ActionInputs.TryRead<TInput>(input, out var read, out var why)
            ? RunAsync(context, read, cancellation)
            : throw new RefusalException(ErrorKinds.Usage, why, context.StepId);

    protected abstract Task<ActionOutcome> RunAsync(ActionContext context, TInput input, CancellationToken cancellation);
}
