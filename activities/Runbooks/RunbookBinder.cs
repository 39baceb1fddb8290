using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>Makes the definition of a runbook that has passed every check. Defaults are here and nowhere else.</summary>
internal sealed class RunbookBinder(ActionCatalog catalog, IReadOnlyDictionary<string, RunbookDefinition> nested)
{
    private static readonly TimeSpan DefaultBackoff = TimeSpan.FromSeconds(10);

    public RunbookDefinition Bind(YamlMapping root, string sha256) => new(
        root.Text("runbook")!,
        int.Parse(root.Text("version")!, CultureInfo.InvariantCulture),
        root.Text("title")!,
        root.Mapping("targets") is { } targets ? new(Duration(targets.Text("rto")), Duration(targets.Text("rpo"))) : null,
        [.. root.Children("inputs").Select(e => Input(e.Key, (YamlMapping)e.Value))],
        Steps(root["steps"]),
        Steps(root["cleanup"]),
        sha256);

    private static RunbookInput Input(string name, YamlMapping m)
    {
        var type = m.Text("type")!;
        return new(name, type, m.Text("optional") == "true", m["default"] is { } otherwise ? Value(otherwise, type) : null, m.Text("title"), m.Text("asset"));
    }

    private IReadOnlyList<RunbookStep> Steps(YamlValue? list) => list is YamlList steps ? [.. steps.Items.Select(s => Step((YamlMapping)s))] : [];

    private RunbookStep Step(YamlMapping m)
    {
        var types = Types(m);
        return new(m.Text("id")!)
        {
            Title = m.Text("title"),
            When = m.Text("when"),
            Uses = m.Text("uses"),
            With = m.Children("with").ToDictionary(e => e.Key, e => Value(e.Value, types[e.Key]), StringComparer.Ordinal),
            Types = m.Text("uses") is null ? new Dictionary<string, string>() : types.Where(t => m.Mapping("with")?[t.Key] is not null).ToDictionary(),
            Approve = m.Mapping("approve") is { } approve ? Approve(approve) : null,
            Manual = m.Mapping("manual") is { } manual ? new(manual.Text("do")!, manual.Text("confirm")!, Texts(manual["by"]), Duration(manual.Text("expires"))) : null,
            Wait = m.Text("wait") is { } wait ? Durations.TryParse(wait, out var plain) ? Durations.ToIso(plain) : wait : null,
            Parallel = m["parallel"] is { } together ? Steps(together) : null,
            ForEach = m.Mapping("for-each") is { } loop ? new(loop.Text("in")!, loop.Text("as")!, Steps(loop["steps"])) : null,
            Nested = m.Text("runbook") is { } name ? nested[name] : null,
            Retry = m.Mapping("retry") is { } retry ? new(Number(retry.Text("attempts"))!.Value, Duration(retry.Text("backoff")) ?? DefaultBackoff) : null,
            Timeout = Duration(m.Text("timeout")),
            OnFailure = m.Text("on-failure") switch
            {
                "continue" => OnFailure.Continue,
                "ask" => OnFailure.Ask,
                "cleanup" => OnFailure.CleanUp,
                _ => OnFailure.Stop,
            },
        };
    }

    private Dictionary<string, string> Types(YamlMapping m) =>
        m.Text("uses") is { } uses ? catalog[uses]!.Inputs.ToDictionary(i => i.Name, i => i.Type, StringComparer.Ordinal)
        : m.Text("runbook") is { } name ? nested[name].Inputs.ToDictionary(i => i.Name, i => i.Type, StringComparer.Ordinal)
        : [];

    private static ApproveStep Approve(YamlMapping m) => new(
        m.Text("policy"),
        Texts(m["by"]),
        Number(m.Text("quorum")),
        Number(m.Text("deny")),
        Duration(m.Text("expires")),
        m.Text("own-key") is { } ownKey ? ownKey == "true" : null,
        [.. Texts(m["reminders"]).Select(r => Duration(r)!.Value)],
        [.. ((m["escalate"] as YamlList)?.Items ?? []).Cast<YamlMapping>().Select(e => new EscalationTier(Duration(e.Text("after"))!.Value, e.Text("to")!))],
        Texts(m["shows"]),
        m.Text("for"));

    /// <summary>A literal in the form of its type on the wire; a text with expressions stays as written.</summary>
    private static JsonElement Value(YamlValue value, string type) =>
        value is YamlScalar text && Template.Parse(text.Text).IsPlain && InputValues.TryRead(type, text.Text, out var read, out _)
            ? read
            : JsonSerializer.SerializeToElement(value is YamlScalar any && type == InputTypes.Object ? Scalar(any) : Node(value), LuxJson.Options);

    /// <summary>Items of lists are texts, so that a collection named 2024 stays one.</summary>
    private static JsonNode? Node(YamlValue value) => value switch
    {
        YamlMapping mapping => new JsonObject(mapping.Entries.Select(e => KeyValuePair.Create(e.Key, e.Value is YamlScalar s ? Scalar(s) : Node(e.Value)))),
        YamlList list => new JsonArray([.. list.Items.Select(Node)]),
        YamlScalar { IsNothing: true } => null,
        YamlScalar text => text.Text,
        _ => null,
    };

    private static JsonNode? Scalar(YamlScalar s) => JsonNode.Parse(YamlJson.Convert(s).GetRawText());

    private static IReadOnlyList<string> Texts(YamlValue? list) => list is YamlList l ? [.. l.Items.Select(i => ((YamlScalar)i).Text)] : [];

    private static int? Number(string? text) => text is null ? null : int.Parse(text, CultureInfo.InvariantCulture);

    private static TimeSpan? Duration(string? text) => text is not null && Units.TryDuration(text, out var duration) ? duration : null;
}
