using System.Text.Json;

namespace LuxHedge.Workflows.Runbooks;

/// <summary>The functions of expressions: pure, and all there are.</summary>
public static class ExpressionFunctions
{
    internal const string Default = "default";

    /// <summary>Longest text that an expression or an interpolation makes.</summary>
    internal const int MaxText = 65_536;

    private static readonly SortedDictionary<string, (int Arguments, string Does)> All = new(StringComparer.Ordinal)
    {
        ["after"] = (2, "`after(time, duration)`: the time so much later"),
        ["before"] = (2, "`before(time, duration)`: the time so much earlier"),
        ["contains"] = (2, "`contains(list, value)`: whether it is in the list; `contains(text, part)`: whether the text holds it"),
        [Default] = (2, "`default(value, otherwise)`: the value, or the other where it is nothing"),
        ["first"] = (1, "`first(list)`: its first item, or nothing"),
        ["join"] = (2, "`join(list, text)`: the items as one text, with that between them"),
        ["last"] = (1, "`last(list)`: its last item, or nothing"),
        ["length"] = (1, "`length(value)`: items of a list, fields of an object, characters of a text; 0 of nothing"),
    };

    public static IEnumerable<string> Names => All.Keys;

    /// <summary>One line each, for the documentation.</summary>
    public static IEnumerable<string> Documentation => All.Values.Select(f => f.Does);

    /// <summary>How many it takes; null: there is no such function.</summary>
    internal static int? Arguments(string name) => All.TryGetValue(name, out var function) ? function.Arguments : null;

    internal static ExpressionValue Call(ExpressionEvaluation evaluation, CallNode call, IReadOnlyList<ExpressionValue> a) => call.Function switch
    {
        Default => a[0].Kind == ValueKind.Nothing ? a[1] : a[0],
        "length" => Length(evaluation, call, a[0]),
        "contains" => ExpressionValue.Of(Contains(evaluation, call, a[0], a[1])),
        "first" => Items(evaluation, call, a[0]) is [var first, ..] ? evaluation.FromJson(first, call) : ExpressionValue.Nothing,
        "last" => Items(evaluation, call, a[0]) is [.., var last] ? evaluation.FromJson(last, call) : ExpressionValue.Nothing,
        "join" => ExpressionValue.Of(Join(evaluation, call, a[0], a[1])),
        "before" => Shift(evaluation, call, a, -1),
        "after" => Shift(evaluation, call, a, 1),
        _ => throw evaluation.Failed(call, $"there is no function '{call.Function}'"),
    };

    private static ExpressionValue Length(ExpressionEvaluation evaluation, CallNode call, ExpressionValue value) => ExpressionValue.Of(value switch
    {
        { Kind: ValueKind.Nothing } => 0m,
        { Kind: ValueKind.Text } => value.Words!.Length,
        { Kind: ValueKind.Tree, Tree.ValueKind: JsonValueKind.Array } => value.Tree.GetArrayLength(),
        { Kind: ValueKind.Tree } => value.Tree.GetPropertyCount(),
        _ => throw evaluation.Failed(call, $"{value.What} has no length"),
    });

    private static bool Contains(ExpressionEvaluation evaluation, CallNode call, ExpressionValue where, ExpressionValue what)
    {
        if (where.Kind == ValueKind.Text)
        {
            return what.Kind == ValueKind.Text
                ? where.Words!.Contains(what.Words!, StringComparison.Ordinal)
                : throw evaluation.Failed(call, $"a text holds texts, not {what.What}");
        }

        return Items(evaluation, call, where).Exists(item => evaluation.AreEqual(evaluation.FromJson(item, call), what, call));
    }

    private static string Join(ExpressionEvaluation evaluation, CallNode call, ExpressionValue list, ExpressionValue between)
    {
        var text = string.Join(between.AsText(), Items(evaluation, call, list).Select(i => evaluation.FromJson(i, call).AsText()));
        return text.Length <= MaxText ? text : throw evaluation.Failed(call, $"the text would be longer than {MaxText} characters");
    }

    private static List<JsonElement> Items(ExpressionEvaluation evaluation, CallNode call, ExpressionValue value)
    {
        if (value.Kind == ValueKind.Nothing)
            return [];
        if (value is not { Kind: ValueKind.Tree, Tree.ValueKind: JsonValueKind.Array })
            throw evaluation.Failed(call, $"{call.Function} takes a list, not {value.What}");
        evaluation.Spend(value.Tree.GetArrayLength(), call);
        return [.. value.Tree.EnumerateArray()];
    }

    private static ExpressionValue Shift(ExpressionEvaluation evaluation, CallNode call, IReadOnlyList<ExpressionValue> a, int sign)
    {
        var span = a[1].Kind == ValueKind.Text && Durations.TryParse(a[1].Words, out var written) ? ExpressionValue.Of(written) : a[1].Typed();
        if (a[0].Typed() is not { Kind: ValueKind.Time } time || span.Kind != ValueKind.Duration)
            throw evaluation.Failed(call, $"{call.Function} takes a time and a duration, not {a[0].Typed().What} and {a[1].What}");
        try
        {
            return ExpressionValue.Of(time.Moment + (sign * span.Span));
        }
        catch (ArgumentOutOfRangeException)
        {
            throw evaluation.Failed(call, "there is no such time");
        }
    }
}
