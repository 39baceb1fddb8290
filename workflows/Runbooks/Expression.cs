using System.Text.Json;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>
/// One expression of a runbook, parsed: <c>inputs.backup</c>, <c>mode == drill &amp;&amp; length(steps.restore.collections) > 3</c>. It has paths,
/// literals, comparisons, logic and the functions of <see cref="ExpressionFunctions"/>; no assignment, no loop, no call of anything else, so
/// there is no way out of it, and its length, depth and size are bounded. The grammar is in docs/runbooks.md.
/// </summary>
public sealed class Expression
{
    public const int MaxLength = 2_000;
    public const int MaxDepth = 32;
    public const int MaxNodes = 400;

    private readonly ExpressionNode root;

    private Expression(string text, ExpressionNode root, IReadOnlyList<ExpressionReference> references)
    {
        Text = text;
        this.root = root;
        References = references;
    }

    public string Text { get; }

    /// <summary>Every path in it, in order: what the check at load looks up.</summary>
    public IReadOnlyList<ExpressionReference> References { get; }

    /// <exception cref="ExpressionException">What is wrong, and at which character.</exception>
    public static Expression Parse(string text)
    {
        var parser = new ExpressionParser(text);
        var parsed = parser.Parse();
        return new(text, parsed, parser.References);
    }

    /// <summary>The same in every replay. Throws a failure that says what does not fit.</summary>
    public JsonElement Evaluate(Scope scope) => ExpressionValue.ToJson(new ExpressionEvaluation(Text, scope).Evaluate(root));

    /// <summary>For <c>when</c>: true or false; nothing counts as false.</summary>
    public bool IsTrue(Scope scope)
    {
        var evaluation = new ExpressionEvaluation(Text, scope);
        return evaluation.Flag(evaluation.Evaluate(root), root);
    }

    /// <summary>Whether it is true while some of what it names is not known yet; null: that hangs on it.</summary>
    /// <param name="isOpen">Whether a path is not known yet.</param>
    public bool? IsTrue(Scope scope, Func<IReadOnlyList<string>, bool> isOpen)
    {
        return Of(root);

        bool? Of(ExpressionNode node) => node switch
        {
            BinaryNode { Operator: "&&" } and => (Of(and.Left), Of(and.Right)) switch
            {
                (false, _) or (_, false) => false,
                (true, true) => true,
                _ => null,
            },
            BinaryNode { Operator: "||" } or => (Of(or.Left), Of(or.Right)) switch
            {
                (true, _) or (_, true) => true,
                (false, false) => false,
                _ => null,
            },
            NotNode not => !Of(not.Of),
            _ when Paths(node).Any(isOpen) => null,
            _ => new ExpressionEvaluation(Text, scope) is var evaluation ? evaluation.Flag(evaluation.Evaluate(node), node) : null,
        };
    }

    private static IEnumerable<IReadOnlyList<string>> Paths(ExpressionNode node) => node switch
    {
        PathNode path => [path.Path],
        NotNode not => Paths(not.Of),
        BinaryNode binary => Paths(binary.Left).Concat(Paths(binary.Right)),
        CallNode call => call.Arguments.SelectMany(Paths),
        _ => [],
    };
}

/// <summary>A path: <c>steps.restore.rpo</c>.</summary>
/// <param name="Path">Names and, as text, indexes: <c>["steps", "restore", "rpo"]</c>.</param>
/// <param name="Position">Of its first character, from 0.</param>
/// <param name="Defaulted">It stands where nothing is foreseen: in the first place of <c>default(…)</c>, or compared with null.</param>
public sealed record ExpressionReference(IReadOnlyList<string> Path, int Position, bool Defaulted)
{
    public override string ToString() => string.Join('.', Path);
}

/// <summary>An expression that is none.</summary>
public sealed class ExpressionException(int position, string message) : Exception(message)
{
    /// <summary>Of the character where it went wrong, from 0.</summary>
    public int Position { get; } = position;
}

internal abstract record ExpressionNode(int At);

internal sealed record LiteralNode(int At, ExpressionValue Value) : ExpressionNode(At);

internal sealed record PathNode(int At, IReadOnlyList<string> Path) : ExpressionNode(At);

internal sealed record NotNode(int At, ExpressionNode Of) : ExpressionNode(At);

internal sealed record BinaryNode(int At, string Operator, ExpressionNode Left, ExpressionNode Right) : ExpressionNode(At);

internal sealed record CallNode(int At, string Function, IReadOnlyList<ExpressionNode> Arguments) : ExpressionNode(At);
