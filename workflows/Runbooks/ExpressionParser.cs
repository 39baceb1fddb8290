using System.Globalization;
using System.Text;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>Recursive descent over at most <see cref="Expression.MaxLength"/> characters; see docs/runbooks.md for the grammar.</summary>
internal sealed class ExpressionParser
{
    private static readonly string[] Operators = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", ",", ".", "[", "]"];
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    private readonly string text;
    private readonly List<ExpressionReference> references = [];
    private int at;
    private int nodes;
    private int depth;

    // The current token.
    private TokenKind kind;
    private string token = "";
    private int tokenAt;

    public ExpressionParser(string text)
    {
        if (text.Length > Expression.MaxLength)
            throw new ExpressionException(0, $"an expression has at most {Expression.MaxLength} characters, not {text.Length}");
        this.text = text;
        Next();
    }

    private enum TokenKind
    {
        End,
        Name,
        Number,
        Text,
        Operator,
    }

    public IReadOnlyList<ExpressionReference> References => references;

    public ExpressionNode Parse()
    {
        if (kind == TokenKind.End)
            throw new ExpressionException(0, "an expression is missing");
        var root = Or();
        return kind == TokenKind.End ? root : throw Unexpected("an operator or the end");
    }

    private ExpressionNode Or() => Chain("||", And);

    private ExpressionNode And() => Chain("&&", Comparison);

    private ExpressionNode Chain(string sign, Func<ExpressionNode> operand)
    {
        var left = operand();
        while (IsOperator(sign))
        {
            var place = tokenAt;
            Next();
            left = Made(new BinaryNode(place, sign, left, operand()));
        }

        return left;
    }

    private ExpressionNode Comparison()
    {
        var from = references.Count;
        var left = Unary();
        if (kind != TokenKind.Operator || !Comparisons.Contains(token, StringComparer.Ordinal))
            return left;
        var (sign, place) = (token, tokenAt);
        Next();
        var right = Unary();
        if (kind == TokenKind.Operator && Comparisons.Contains(token, StringComparer.Ordinal))
            throw new ExpressionException(tokenAt, "comparisons can't be chained; join two with &&");
        if (left is LiteralNode { Value.Kind: ValueKind.Nothing } || right is LiteralNode { Value.Kind: ValueKind.Nothing })
            Foreseen(from);
        return Made(new BinaryNode(place, sign, left, right));
    }

    private ExpressionNode Unary()
    {
        if (!IsOperator("!"))
            return Primary();
        var place = tokenAt;
        Deeper();
        Next();
        var node = Made(new NotNode(place, Unary()));
        depth--;
        return node;
    }

    private ExpressionNode Primary()
    {
        var place = tokenAt;
        switch (kind)
        {
            case TokenKind.Text:
                return Literal(ExpressionValue.Of(token), place);
            case TokenKind.Number:
                return Number(place);
            case TokenKind.Operator when token == "(":
                Deeper();
                Next();
                var inner = Or();
                Expect(")");
                depth--;
                return inner;
            case TokenKind.Name:
                return NameOrCall(place);
            default:
                throw Unexpected("a value");
        }
    }

    private LiteralNode Number(int place)
    {
        if (Durations.TryParse(token, out var duration) && token != "0")
            return Literal(ExpressionValue.Of(duration), place);
        return decimal.TryParse(token, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            ? Literal(ExpressionValue.Of(number), place)
            : throw new ExpressionException(place, $"'{token}' is no number and no duration (15m, 1h30m)");
    }

    private ExpressionNode NameOrCall(int place)
    {
        var name = token;
        switch (name)
        {
            case "true" or "false":
                return Literal(ExpressionValue.Of(name == "true"), place);
            case "null":
                return Literal(ExpressionValue.Nothing, place);
            case "drill" or "real":
                return Literal(ExpressionValue.Of(name), place);
        }

        Next();
        return IsOperator("(") ? Call(name, place) : PathFrom(name, place);
    }

    private PathNode PathFrom(string first, int place)
    {
        var path = new List<string> { first };
        while (kind == TokenKind.Operator && token is "." or "[")
        {
            var bracket = token == "[";
            Next();
            if (bracket ? kind is not (TokenKind.Number or TokenKind.Text) : kind != TokenKind.Name)
                throw Unexpected(bracket ? "an index or a name in single quotes" : "a name");
            if (kind == TokenKind.Number && !token.All(char.IsAsciiDigit))
                throw new ExpressionException(tokenAt, "an index is a whole number from 0");
            path.Add(token);
            Next();
            if (bracket)
                Expect("]");
            if (path.Count > Expression.MaxDepth)
                throw new ExpressionException(place, $"a path has at most {Expression.MaxDepth} parts");
        }

        references.Add(new(path, place, Defaulted: false));
        return Made(new PathNode(place, path));
    }

    private CallNode Call(string name, int place)
    {
        if (ExpressionFunctions.Arguments(name) is not { } takes)
            throw new ExpressionException(place, $"there is no function '{name}'; there are {string.Join(", ", ExpressionFunctions.Names)}");
        Deeper();
        Next();
        var from = references.Count;
        var arguments = new List<ExpressionNode>();
        while (!IsOperator(")"))
        {
            if (arguments.Count > 0)
                Expect(",");
            arguments.Add(Or());
            if (name == ExpressionFunctions.Default && arguments.Count == 1)
                Foreseen(from);
        }

        Next();
        depth--;
        return arguments.Count == takes
            ? Made(new CallNode(place, name, arguments))
            : throw new ExpressionException(place, $"{name} takes {takes} {(takes == 1 ? "argument" : "arguments")}, not {arguments.Count}");
    }

    private void Foreseen(int from)
    {
        for (var i = from; i < references.Count; i++)
            references[i] = references[i] with { Defaulted = true };
    }

    private LiteralNode Literal(ExpressionValue value, int place)
    {
        Next();
        return Made(new LiteralNode(place, value));
    }

    private T Made<T>(T node)
        where T : ExpressionNode
    {
        if (++nodes > Expression.MaxNodes)
            throw new ExpressionException(node.At, $"an expression has at most {Expression.MaxNodes} parts");
        return node;
    }

    private void Deeper()
    {
        if (++depth > Expression.MaxDepth)
            throw new ExpressionException(tokenAt, $"an expression is at most {Expression.MaxDepth} levels deep");
    }

    private bool IsOperator(string sign) => kind == TokenKind.Operator && token == sign;

    private void Expect(string sign)
    {
        if (!IsOperator(sign))
            throw Unexpected($"'{sign}'");
        Next();
    }

    private ExpressionException Unexpected(string wanted) => new(
        tokenAt, kind == TokenKind.End ? $"it ends where {wanted} should follow" : $"'{token}' stands where {wanted} should");

    private void Next()
    {
        while (at < text.Length && text[at] is ' ' or '\t' or '\n' or '\r')
            at++;
        tokenAt = at;
        if (at == text.Length)
        {
            (kind, token) = (TokenKind.End, "");
            return;
        }

        var c = text[at];
        if (c == '\'')
        {
            (kind, token) = (TokenKind.Text, Quoted());
            return;
        }

        if (char.IsAsciiDigit(c) || (c == '-' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
        {
            (kind, token) = (TokenKind.Number, While(k => char.IsAsciiLetterOrDigit(k) || k == '.', 1));
            return;
        }

        if (char.IsAsciiLetter(c) || c == '_')
        {
            (kind, token) = (TokenKind.Name, While(k => char.IsAsciiLetterOrDigit(k) || k is '_' or '-', 1));
            return;
        }

        var sign = Array.Find(Operators, o => string.CompareOrdinal(text, at, o, 0, o.Length) == 0) ?? throw new ExpressionException(at, Hint(c));
        at += sign.Length;
        (kind, token) = (TokenKind.Operator, sign);
    }

    private static string Hint(char c) => c switch
    {
        '"' => "texts stand in single quotes: 'text'",
        '=' => "compare with ==; nothing is assigned here",
        '&' or '|' => $"write {c}{c}",
        _ => char.IsControl(c) ? "a control character stands here" : $"'{c}' has no meaning here",
    };

    private string While(Func<char, bool> belongs, int from)
    {
        var end = at + from;
        while (end < text.Length && belongs(text[end]))
            end++;
        var word = text[at..end];
        at = end;
        return word;
    }

    /// <summary>A single quote inside is written twice.</summary>
    private string Quoted()
    {
        var start = at++;
        var value = new StringBuilder();
        while (at < text.Length)
        {
            if (text[at] != '\'')
            {
                value.Append(text[at++]);
                continue;
            }

            at++;
            if (at == text.Length || text[at] != '\'')
                return value.ToString();
            value.Append('\'');
            at++;
        }

        throw new ExpressionException(start, "the text that begins here is never closed with '");
    }
}
