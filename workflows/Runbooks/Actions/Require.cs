using System.Text.Json;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runs;

namespace LuxHedge.Workflows.Runbooks.Actions;

/// <summary>A guard: what must be so before anything is done.</summary>
[Action("require", "Fails unless what it is given is there, and is neither false nor an empty list.")]
public sealed class Require : WorkflowAction<Require.Input>
{
    public sealed record Input
    {
        [Input(InputTypes.Object, "What must be there.")]
        public JsonElement? Value { get; init; }

        [Input(InputTypes.Text, "What a person is told when it is not.", Required = true)]
        public string Message { get; init; } = "";
    }

    protected override Task<ActionOutcome> RunAsync(ActionContext context, Input input, CancellationToken cancellation) =>
        input.Value is { } value && IsThere(value)
            ? Task.FromResult(ActionOutcomes.Of(new Nothing()))
            : throw Failures.ToFailure(new(ErrorKinds.Usage, input.Message, context.StepId));

    private static bool IsThere(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined or JsonValueKind.False => false,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.String => value.GetString()!.Length > 0,
        _ => true,
    };
}
