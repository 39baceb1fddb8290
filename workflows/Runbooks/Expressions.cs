using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LuxHedge.Workflows.Runs;
using Temporalio.Exceptions;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>What a runbook writes, with its expressions evaluated. Everything here is deterministic and throws nothing but failures.</summary>
public static class Expressions
{
    /// <summary>
    /// Every <c>${…}</c> in every text of a value, however deep. A text that is exactly one <c>${…}</c> becomes its value, of any type; inside a
    /// larger text a value becomes text. <c>$${</c> stands for <c>${</c>.
    /// </summary>
    public static JsonElement Resolve(JsonElement value, Scope scope) => value.ValueKind switch
    {
        JsonValueKind.String => ResolveText(value, scope),
        JsonValueKind.Array => JsonSerializer.SerializeToElement(value.EnumerateArray().Select(i => Resolve(i, scope)).ToArray(), LuxJson.Options),
        JsonValueKind.Object => Rebuilt(value, scope),
        _ => value,
    };

    /// <summary>The inputs of an action or a nested runbook, as one object.</summary>
    public static JsonElement Resolve(IReadOnlyDictionary<string, JsonElement> with, Scope scope)
    {
        var resolved = new JsonObject();
        foreach (var (name, value) in with)
            resolved[name] = ToNode(Resolve(value, scope));
        return JsonSerializer.SerializeToElement(resolved, LuxJson.Options);
    }

    /// <summary>A text for people: <c>manual.do</c>, what an ask shows.</summary>
    public static string Text(string text, Scope scope) => Guarded(text, () => Template.Parse(text).Fill(scope));

    /// <summary><c>when</c>: an expression, bare or as one <c>${…}</c>.</summary>
    public static bool IsTrue(string when, Scope scope) => Guarded(when, () => Bare(when).IsTrue(scope));

    /// <summary>The value of an expression that stands bare, or as one <c>${…}</c>: <c>for-each.in</c>, <c>approve.shows</c>.</summary>
    public static JsonElement Evaluate(string expression, Scope scope) => Guarded(expression, () => Bare(expression).Evaluate(scope));

    /// <summary><c>for-each.in</c>: the items of the list that it comes to; nothing is no items.</summary>
    public static IReadOnlyList<JsonElement> Items(string expression, Scope scope)
    {
        var value = Evaluate(expression, scope);
        return value.ValueKind switch
        {
            JsonValueKind.Array => [.. value.EnumerateArray()],
            JsonValueKind.Null => [],
            _ => throw Failed($"`{expression}` must come to a list to go through"),
        };
    }

    /// <summary><c>wait</c>: how long from now; a moment that has passed is zero.</summary>
    public static TimeSpan Wait(string wait, Scope scope, DateTimeOffset now)
    {
        var value = Durations.TryParseAny(wait, out var plain)
            ? ExpressionValue.Of(plain)
            : ExpressionValue.Of(Guarded(wait, () => Bare(wait).Evaluate(scope))) ?? ExpressionValue.Nothing;
        var span = value.Typed() switch
        {
            { Kind: ValueKind.Duration } duration => duration.Span,
            { Kind: ValueKind.Time } time => time.Moment - now,
            { Kind: ValueKind.Text } text when Durations.TryParse(text.Words, out var written) => written,
            var other => throw Failed($"`{wait}` must come to a duration or a time to wait for, not {other.What}"),
        };
        return span > TimeSpan.Zero ? span : TimeSpan.Zero;
    }

    /// <summary>An expression as <c>when</c> and <c>for-each.in</c> hold it.</summary>
    /// <exception cref="ExpressionException">With the position in the text as it stands.</exception>
    public static Expression Bare(string text)
    {
        var start = text.Length - text.AsSpan().TrimStart().Length;
        var trimmed = text.Trim();
        if (!trimmed.StartsWith("${", StringComparison.Ordinal) || !trimmed.EndsWith('}'))
            return Expression.Parse(text);
        try
        {
            return Expression.Parse(trimmed[2..^1]);
        }
        catch (ExpressionException refusal)
        {
            throw new ExpressionException(start + 2 + refusal.Position, refusal.Message);
        }
    }

    private static JsonElement ResolveText(JsonElement value, Scope scope)
    {
        var text = value.GetString()!;
        return text.Contains("${", StringComparison.Ordinal) ? Guarded(text, () => Template.Parse(text).Resolve(scope)) : value;
    }

    private static JsonElement Rebuilt(JsonElement value, Scope scope) =>
        Resolve(value.EnumerateObject().ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal), scope);

    private static JsonNode? ToNode(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => JsonObject.Create(value),
        JsonValueKind.Array => JsonArray.Create(value),
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        _ => JsonValue.Create(value),
    };

    /// <summary>A definition that no loader has checked may hold anything: what can't be parsed is a failure of the step.</summary>
    private static T Guarded<T>(string text, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ExpressionException refusal)
        {
            throw Failed($"`{(text.Length > 200 ? text[..200] + "…" : text)}` can't be read: {refusal.Message} (character {refusal.Position + 1})");
        }
    }

    private static ApplicationFailureException Failed(string why) => Failures.ToFailure(new(ErrorKinds.Usage, $"The expression {why}."));
}

/// <summary>A text with <c>${…}</c> in it.</summary>
public sealed class Template
{
    private const int MaxExpressions = 100;

    private readonly List<(string? Text, Expression? Expression)> parts = [];

    private Template()
    {
    }

    /// <summary>Every path in it, with its position in the whole text.</summary>
    public IReadOnlyList<ExpressionReference> References { get; private set; } = [];

    /// <summary>Exactly one <c>${…}</c> and nothing else: its value keeps its type.</summary>
    public bool IsOneExpression => parts is [{ Expression: not null }];

    /// <summary>No expression in it.</summary>
    public bool IsPlain => parts.TrueForAll(p => p.Expression is null);

    /// <exception cref="ExpressionException">What is wrong, and at which character of the text.</exception>
    public static Template Parse(string text)
    {
        var template = new Template();
        var references = new List<ExpressionReference>();
        var plain = new StringBuilder();
        var count = 0;
        for (var i = 0; i < text.Length;)
        {
            if (string.CompareOrdinal(text, i, "$${", 0, 3) == 0)
            {
                plain.Append("${");
                i += 3;
            }
            else if (string.CompareOrdinal(text, i, "${", 0, 2) == 0)
            {
                if (++count > MaxExpressions)
                    throw new ExpressionException(i, $"a text holds at most {MaxExpressions} expressions");
                var end = EndOf(text, i + 2);
                if (plain.Length > 0)
                    template.parts.Add((plain.ToString(), null));
                plain.Clear();
                template.parts.Add((null, Parsed(text[(i + 2)..end], i + 2, references)));
                i = end + 1;
            }
            else
            {
                plain.Append(text[i++]);
            }
        }

        if (plain.Length > 0 || template.parts.Count == 0)
            template.parts.Add((plain.ToString(), null));
        template.References = references;
        return template;
    }

    /// <summary>The value of its one expression, else <see cref="Fill"/>.</summary>
    public JsonElement Resolve(Scope scope) =>
        IsOneExpression ? parts[0].Expression!.Evaluate(scope) : JsonSerializer.SerializeToElement(Fill(scope), LuxJson.Options);

    public string Fill(Scope scope)
    {
        var filled = new StringBuilder();
        foreach (var (text, expression) in parts)
        {
            filled.Append(text ?? ExpressionValue.Of(expression!.Evaluate(scope))?.AsText());
            if (filled.Length > ExpressionFunctions.MaxText)
                throw new ExpressionException(0, $"the text would be longer than {ExpressionFunctions.MaxText} characters");
        }

        return filled.ToString();
    }

    private static Expression Parsed(string text, int at, List<ExpressionReference> references)
    {
        try
        {
            var expression = Expression.Parse(text);
            references.AddRange(expression.References.Select(r => r with { Position = at + r.Position }));
            return expression;
        }
        catch (ExpressionException refusal)
        {
            throw new ExpressionException(at + refusal.Position, refusal.Message);
        }
    }

    private static int EndOf(string text, int from)
    {
        var quoted = false;
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] == '\'')
                quoted = !quoted;
            else if (text[i] == '}' && !quoted)
                return i;
        }

        throw new ExpressionException(from - 2, "${ is never closed with }");
    }
}
