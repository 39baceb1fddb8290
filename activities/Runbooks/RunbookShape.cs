using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>
/// Everything that a runbook can say, field by field: <see cref="ShapeCheck"/> refuses what differs, and runbooks/runbook.schema.json is
/// written from it. What joins fields is <see cref="RunbookRules"/>'.
/// </summary>
internal sealed partial class RunbookShape
{
    /// <summary>What a step can be; it is exactly one.</summary>
    public static readonly IReadOnlyList<string> Kinds = ["uses", "approve", "manual", "wait", "parallel", "for-each", "runbook"];

    private const string IdPattern = "[a-z][a-z0-9-]{0,62}";
    private const string NamePattern = "[a-zA-Z][a-zA-Z0-9_-]{0,62}";

    /// <summary>Of a step. It begins with a letter, so that <c>steps.ID</c> is an expression.</summary>
    private static readonly ScalarShape StepId = Scalars.Pattern(
        StepIdExpression(), IdPattern, "is no id of a step; they are of a-z, 0-9 and -, begin with a letter and have at most 63 characters") with
    { Name = "stepId" };

    private static readonly ScalarShape Name = Scalars.Pattern(
        NameExpression(), NamePattern, "is no name; names are of letters, digits, _ and -, and begin with a letter") with
    { Name = "name" };

    /// <summary>For people under stress: several lines, and <c>${…}</c>.</summary>
    private static readonly ScalarShape LongText = new(
        s => s.Text.Trim().Length is 0 or > 8_000 ? "must be a text of 1 to 8,000 characters" : null, new JsonObject { ["type"] = "string" })
    { Name = "text" };

    private static readonly ScalarShape ExpressionText = new(
        s => s.Text.Length is 0 or > Expression.MaxLength ? $"must be an expression of 1 to {Expression.MaxLength} characters" : null,
        new JsonObject { ["type"] = new JsonArray("string", "boolean", "integer") })
    { Name = "expression" };

    private static readonly ReferenceShape PersonOrGroup = new("person or group", "people", "groups");
    private static readonly ReferenceShape Policy = new("policy", "policies");
    private static readonly ReferenceShape Asset = new("asset", "assets");

    private readonly ActionCatalog catalog;
    private readonly ListShape steps;

    public RunbookShape(ActionCatalog catalog)
    {
        this.catalog = catalog;
        var step = new SameShape(() => Step!);
        steps = new ListShape(step);
        Step = CreateStep();
        Root = new(
            new Field("runbook", Scalars.Id, "Its name: the file's, without .yaml.", Required: true),
            new Field("version", Scalars.Number(1, 1_000_000), "Counted up with each change; evidence names it.", Required: true),
            new Field("title", Scalars.Text, "What it brings back, in a few words.", Required: true),
            new Field("targets", new RecordShape(
                new Field("rto", Scalars.Duration, "From the declaration until the checks are green."),
                new Field("rpo", Scalars.Duration, "How much may be lost.")), "Of the runbook as a whole; the plan's tiers have their own."),
            new Field("inputs", new MapShape("input", Input(), Keys: Name), "What whoever starts it gives, by name."),
            new Field("steps", steps, "One after another.", Required: true),
            new Field("cleanup", steps, "Done at the end, however the steps ended. Each is done, whatever became of the one before."));
    }

    public RecordShape Root { get; }

    private RecordShape Step { get; }

    private static RecordShape Input() => new(
        new Field("type", Scalars.OneOf([.. InputTypes.All.Where(t => t != InputTypes.Object)]), "What it is.", Required: true),
        new Field("title", Scalars.Text, "What it is for."),
        new Field("asset", Asset, "With type backup: whose."),
        new Field("default", new AnyShape(), "Where it is not given; may hold ${…} over the inputs before it, mode and run."),
        new Field("optional", Scalars.Flag, "It may be left out, and is nothing then."));

    private RecordShape CreateStep() => new(
        new Field("id", StepId, "Unique in the runbook; others name it, and so does the evidence.", Required: true),
        new Field("title", Scalars.Text, "What it does, for people."),
        new Field("when", ExpressionText, "An expression; false, and the step is skipped without harm to the verdict."),
        new Field("uses", Uses(), "An action; docs/actions.md has them all."),
        new Field("with", new AnyShape(), "Inputs of the action, or of the runbook; texts may hold ${…}."),
        new Field("approve", Approve(), "People decide, each with their signature."),
        new Field("manual", Manual(), "People do something themselves, and one of them confirms it."),
        new Field("wait", LongText, "A duration, or an expression that comes to a duration or a time."),
        new Field("parallel", steps, "All at once."),
        new Field("for-each", ForEach(), "The same steps for each item of a list, one item after another."),
        new Field("runbook", Scalars.Id, "Another runbook of the folder, run as this step; its clean-up too."),
        new Field("retry", Retry(), "With uses: again by itself when it fails."),
        new Field("timeout", Scalars.Duration, "Of one attempt, or of a whole group; then it has failed."),
        new Field("on-failure", Scalars.OneOf("stop", "continue", "ask", "cleanup"),
            "stop: the run ends Failed, clean-up runs (the default). continue: the failure counts, the steps after it run. ask: a person retries or "
            + "skips it. cleanup: the steps after it are skipped and clean-up runs."))
    {
        Name = "step",
        OneOf = Kinds,
        MoreSchema = () => new JsonObject { ["allOf"] = new JsonArray([.. catalog.Actions.Select(a => (JsonNode)WithOf(a))]) },
    };

    private ScalarShape Uses()
    {
        var names = catalog.Actions.Select(a => a.Name).ToList();
        return new ScalarShape(
            s => catalog[s.Text] is null ? $"is no action{Suggestion.For(s.Text, names)}; docs/actions.md has them all" : null,
            new JsonObject
            {
                ["type"] = "string",
                ["enum"] = new JsonArray([.. names.Select(n => (JsonNode)n)]),
                ["anyOf"] = new JsonArray([.. catalog.Actions.Select(a => (JsonNode)new JsonObject { ["const"] = a.Name, ["description"] = a.Summary })]),
            });
    }

    private static RecordShape Approve() => new(
        new Field("policy", Policy, "A policy of the plan; what is said beside it stands in its place."),
        new Field("by", new ListShape(PersonOrGroup), "Who may decide."),
        new Field("quorum", Scalars.Number(1, 20), "So many must approve. Who asked for the run never counts."),
        new Field("deny", Scalars.Number(1, 20), "So many denials end it."),
        new Field("expires", Scalars.Duration, "After this long without a quorum it is denied."),
        new Field("own-key", Scalars.Flag, "Only a person's own key decides; a click in Slack does not."),
        new Field("reminders", new ListShape(Scalars.Duration), "Remind so long after the question."),
        new Field("escalate", new ListShape(new RecordShape(
            new Field("after", Scalars.Duration, "So long after the question …", Required: true),
            new Field("to", PersonOrGroup, "… these may decide too.", Required: true))), "Who is asked when nobody answers."),
        new Field("shows", new ListShape(ExpressionText), "What the approvers see and sign: names of inputs, target, or expressions."),
        new Field("for", StepId, "The later step that is approved by this; its preflight is shown. The next that writes to the target unless said."))
    {
        Name = "approve",
    };

    private static RecordShape Manual() => new(
        new Field("do", LongText, "What to do, line by line; may hold ${…}.", Required: true),
        new Field("confirm", LongText, "What is confirmed, in one sentence.", Required: true),
        new Field("by", new ListShape(PersonOrGroup), "Who may confirm it; one is enough.", Required: true),
        new Field("expires", Scalars.Duration, "After this long it has failed."))
    {
        Name = "manual",
    };

    private RecordShape ForEach() => new(
        new Field("in", ExpressionText, "An expression that comes to a list.", Required: true),
        new Field("as", Name, "What each item is called in the steps.", Required: true),
        new Field("steps", steps, "Done for each item.", Required: true))
    {
        Name = "forEach",
    };

    private static RecordShape Retry() => new(
        new Field("attempts", Scalars.Number(1, 100), "All attempts together.", Required: true),
        new Field("backoff", Scalars.Duration, "Before the second attempt, and twice as long before each after; 10s unless said."))
    {
        Name = "retry",
    };

    /// <summary>"If it uses this action, its <c>with</c> is this": editors complete and check the inputs by it.</summary>
    private static JsonObject WithOf(ActionDescription action)
    {
        var with = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject(action.Inputs.Select(i => KeyValuePair.Create(i.Name, (JsonNode?)SchemaOf(i)))),
            ["additionalProperties"] = false,
        };
        var required = action.Inputs.Where(i => i.Required).Select(i => (JsonNode)i.Name).ToArray();
        if (required.Length > 0)
        {
            with["required"] = new JsonArray(required);
        }

        var then = new JsonObject { ["properties"] = new JsonObject { ["with"] = with } };
        if (required.Length > 0)
        {
            then["required"] = new JsonArray("with");
        }

        return new JsonObject
        {
            ["if"] = new JsonObject { ["properties"] = new JsonObject { ["uses"] = new JsonObject { ["const"] = action.Name } }, ["required"] = new JsonArray("uses") },
            ["then"] = then,
        };
    }

    private static JsonObject SchemaOf(ActionField field)
    {
        var value = field.Type switch
        {
            InputTypes.Number => new JsonObject { ["type"] = "number" },
            InputTypes.Flag => new JsonObject { ["type"] = "boolean" },
            InputTypes.List => new JsonObject { ["type"] = "array" },
            InputTypes.Object => new JsonObject { ["type"] = new JsonArray("object", "array") },
            InputTypes.Duration => new JsonObject { ["type"] = new JsonArray("string", "integer"), ["pattern"] = $"^{Units.DurationPattern}$" },
            _ when field.Values.Count > 0 => new JsonObject { ["enum"] = new JsonArray([.. field.Values.Select(v => (JsonNode)v)]) },
            _ => new JsonObject { ["type"] = new JsonArray("string", "number", "boolean") },
        };
        return new JsonObject
        {
            ["description"] = field.Summary,
            ["anyOf"] = new JsonArray(value, new JsonObject { ["type"] = "string", ["pattern"] = "\\$\\{" }),
        };
    }

    [GeneratedRegex("^" + IdPattern + "\\z", RegexOptions.CultureInvariant)]
    private static partial Regex StepIdExpression();

    [GeneratedRegex("^" + NamePattern + "\\z", RegexOptions.CultureInvariant)]
    private static partial Regex NameExpression();
}
