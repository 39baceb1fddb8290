using System.Globalization;
using System.Text.Json;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>One evaluation, with its budget: what a list of the size of a payload costs, and no more.</summary>
internal sealed class ExpressionEvaluation(string text, Scope scope)
{
    private const int MaxSteps = 200_000;
    private int steps;

    public ExpressionValue Evaluate(ExpressionNode node)
    {
        Spend(1, node);
        return node switch
        {
            LiteralNode literal => literal.Value,
            PathNode path => Look(path),
            NotNode not => ExpressionValue.Of(!Flag(Evaluate(not.Of), not.Of)),
            BinaryNode { Operator: "&&" } and => ExpressionValue.Of(Flag(Evaluate(and.Left), and.Left) && Flag(Evaluate(and.Right), and.Right)),
            BinaryNode { Operator: "||" } or => ExpressionValue.Of(Flag(Evaluate(or.Left), or.Left) || Flag(Evaluate(or.Right), or.Right)),
            BinaryNode comparison => ExpressionValue.Of(Compare(comparison, Evaluate(comparison.Left), Evaluate(comparison.Right))),
            CallNode call => ExpressionFunctions.Call(this, call, [.. call.Arguments.Select(Evaluate)]),
            _ => throw Failed(node, "is of no known kind"),
        };
    }

    public bool Flag(ExpressionValue value, ExpressionNode node) => value.Kind switch
    {
        ValueKind.Flag => value.IsTrue,
        ValueKind.Nothing => false,
        _ => throw Failed(node, $"true or false is needed, and it is {value.What}"),
    };

    public bool AreEqual(ExpressionValue left, ExpressionValue right, ExpressionNode node)
    {
        left = Alike(left, right);
        right = Alike(right, left);
        if (left.Kind != right.Kind)
            return false;
        if (left.Kind == ValueKind.Tree)
            Spend(Math.Min(left.Tree.GetRawText().Length, right.Tree.GetRawText().Length) / 16, node);
        return left.Kind switch
        {
            ValueKind.Nothing => true,
            ValueKind.Flag => left.IsTrue == right.IsTrue,
            ValueKind.Number => left.Amount == right.Amount,
            ValueKind.Duration => left.Span == right.Span,
            ValueKind.Time => left.Moment == right.Moment,
            ValueKind.Text => string.Equals(left.Words, right.Words, StringComparison.Ordinal),
            _ => JsonElement.DeepEquals(left.Tree, right.Tree),
        };
    }

    public ExpressionValue FromJson(JsonElement json, ExpressionNode node) =>
        ExpressionValue.Of(json) ?? throw Failed(node, "the number is too large to count with");

    public void Spend(int more, ExpressionNode node)
    {
        steps += more;
        if (steps > MaxSteps)
            throw Failed(node, $"it takes more than {MaxSteps} steps");
    }

    public ApplicationFailureException Failed(ExpressionNode node, string why) =>
        Failures.ToFailure(new(ErrorKinds.Usage, $"The expression `{text}` has no value: {why} (character {node.At + 1})."));

    private bool Compare(BinaryNode node, ExpressionValue left, ExpressionValue right)
    {
        switch (node.Operator)
        {
            case "==":
                return AreEqual(left, right, node);
            case "!=":
                return !AreEqual(left, right, node);
        }

        left = Alike(left, right);
        right = Alike(right, left);
        var order = (left.Kind, right.Kind) switch
        {
            (ValueKind.Number, ValueKind.Number) => left.Amount.CompareTo(right.Amount),
            (ValueKind.Duration, ValueKind.Duration) => left.Span.CompareTo(right.Span),
            (ValueKind.Time, ValueKind.Time) => left.Moment.CompareTo(right.Moment),
            _ => throw Failed(node, $"{left.What} is neither more nor less than {right.What}"),
        };
        return node.Operator switch
        {
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }

    /// <summary>What it is beside the other: the mode is its name, a text in the form of a duration or time is one when the other is.</summary>
    private static ExpressionValue Alike(ExpressionValue value, ExpressionValue other)
    {
        if (value.Kind != ValueKind.Text)
            return value;
        var typed = other.Typed();
        if (typed.Kind == ValueKind.Duration && Durations.TryParseAny(value.Words, out var span))
            return ExpressionValue.Of(span);
        return typed.Kind == ValueKind.Time ? value.Typed() : value;
    }

    private ExpressionValue Look(PathNode node)
    {
        var path = node.Path;
        var rest = path.Skip(1);
        switch (path[0])
        {
            case "mode":
                return path switch
                {
                    [_] or [_, "name"] => ExpressionValue.Of(scope.Mode.Name == RunMode.Drill ? "drill" : "real"),
                    [_, "target"] => ExpressionValue.Of(scope.Mode.Target),
                    [_, "host"] => ExpressionValue.Of(scope.Mode.Host),
                    [_, "database"] => ExpressionValue.Of(scope.Mode.Database),
                    _ => throw Unknown(node),
                };
            case "run":
                return path switch
                {
                    [_, "id"] => ExpressionValue.Of(scope.Run.Id),
                    [_, "asset"] => ExpressionValue.Of(scope.Run.Asset),
                    [_, "declaredAt"] => ExpressionValue.Of(scope.Run.DeclaredAt),
                    [_, "requestedBy"] => scope.Run.RequestedBy is { } person ? ExpressionValue.Of(person) : ExpressionValue.Nothing,
                    _ => throw Unknown(node),
                };
            case "inputs" when path.Count > 1:
                return scope.Inputs.TryGetValue(path[1], out var input) ? Into(input, rest.Skip(1), node) : ExpressionValue.Nothing;
            case "steps" when path.Count > 1:
                return scope.Steps.TryGetValue(path[1], out var step) ? Into(step, rest.Skip(1), node) : ExpressionValue.Nothing;
            default:
                return scope.Items.TryGetValue(path[0], out var item) ? Into(item, rest, node) : throw Unknown(node);
        }
    }

    private ExpressionValue Into(JsonElement at, IEnumerable<string> path, PathNode node)
    {
        foreach (var part in path)
        {
            if (at.ValueKind == JsonValueKind.Object && at.TryGetProperty(part, out var field))
                at = field;
            else if (at.ValueKind == JsonValueKind.Array && int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && index < at.GetArrayLength())
                at = at[index];
            else
                return ExpressionValue.Nothing;
        }

        return FromJson(at, node);
    }

    private ApplicationFailureException Unknown(PathNode node) => Failed(node, $"there is no {string.Join('.', node.Path)}");
}
