using System.Text.Json;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Activities.Runbooks;

/// <summary>
/// What no single field shows: ids that stand twice, references to what does not exist or comes later, inputs that an action does not have,
/// people that the plan does not have. Parts that are malformed in themselves are passed over here; <see cref="ShapeCheck"/> has named them.
/// </summary>
/// <param name="plan">Null: names of the plan are not judged.</param>
/// <param name="nested">Definitions of the runbooks that steps name; one that could not be read is missing.</param>
internal sealed class RunbookRules(
    YamlMapping root, ActionCatalog catalog, Plan? plan, IReadOnlyDictionary<string, RunbookDefinition> nested)
{
    private static readonly string[] OnlyWithUses = ["retry"];
    private static readonly string[] OnlyWithWork = ["timeout"];
    private static readonly string[] WorkKinds = ["uses", "parallel", "for-each", "runbook"];

    private readonly Dictionary<string, Place> ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> elsewhere = new(StringComparer.Ordinal);
    private List<YamlMapping> inOrder = [];

    public List<Finding> Problems { get; } = [];

    private bool IsFull => Problems.Count >= ShapeCheck.MostFindings;

    public void Check()
    {
        CheckTargets();
        inOrder = [.. AllSteps(root["steps"])];
        NoteIds(root["steps"], "steps", loop: null);
        NoteIds(root["cleanup"], "cleanup", loop: null);
        var scope = new RunbookScope(elsewhere);
        CheckInputs(scope);
        CheckSteps(root["steps"], "steps", scope, cleanup: false);
        CheckSteps(root["cleanup"], "cleanup", scope, cleanup: true);
    }

    /// <summary>Every step, groups and those in them, in the order of the file.</summary>
    public static IEnumerable<YamlMapping> AllSteps(YamlValue? list)
    {
        foreach (var step in Mappings(list))
        {
            yield return step;
            foreach (var inner in AllSteps(step["parallel"]).Concat(AllSteps(step.Mapping("for-each")?["steps"])))
            {
                yield return inner;
            }
        }
    }

    private static IEnumerable<YamlMapping> Mappings(YamlValue? list) => (list as YamlList)?.Items.OfType<YamlMapping>() ?? [];

    private static string Path(string list, int index, YamlMapping step) => step.Text("id") is { } id ? $"{list}[{index}] ({id})" : $"{list}[{index}]";

    private void CheckTargets()
    {
        if (root.Mapping("targets")?["rto"] is YamlScalar { Text: "0" } rto)
        {
            Problem(rto.At, "targets.rto", "nothing is restored in no time");
        }
    }

    private void NoteIds(YamlValue? list, string path, string? loop)
    {
        foreach (var step in Mappings(list))
        {
            var id = step.Text("id");
            if (id is not null)
            {
                var at = step["id"]!.At;
                if (!ids.TryAdd(id, at))
                {
                    Problem(at, $"{path}: {id}", $"two steps have this id; the first is in line {ids[id].Line}");
                }

                elsewhere[id] = loop is null
                    ? "does not come before this one"
                    : $"is inside the loop '{loop}': what it answers is seen in there only, and outside as the list steps.{loop}";
            }

            NoteIds(step["parallel"], path, loop);
            NoteIds(step.Mapping("for-each")?["steps"], path, id ?? "for-each");
        }
    }

    private void CheckInputs(RunbookScope scope)
    {
        foreach (var entry in root.Children("inputs"))
        {
            var path = $"inputs.{entry.Key}";
            var type = (entry.Value as YamlMapping)?.Text("type") ?? InputTypes.Text;
            if (entry.Value is YamlMapping input)
            {
                if (input["asset"] is { } asset && type != InputTypes.Backup)
                {
                    Problem(asset.At, $"{path}.asset", "stands only with type backup");
                }

                if (input["default"] is { } otherwise)
                {
                    if (input.Text("optional") == "true")
                    {
                        Problem(otherwise.At, $"{path}.default", "with a default it is never nothing; leave out optional");
                    }

                    if (InputTypes.All.Contains(type, StringComparer.Ordinal))
                    {
                        CheckValue(otherwise, new ActionField(entry.Key, type, "", Required: false, []), $"{path}.default", scope);
                    }
                }
            }

            scope.AddInput(entry.Key, StepAnswer.Of(type));
        }
    }

    private void CheckSteps(YamlValue? list, string path, RunbookScope scope, bool cleanup)
    {
        var index = 0;
        foreach (var step in Mappings(list).TakeWhile(_ => !IsFull))
        {
            var here = Path(path, index++, step);
            var answer = CheckStep(step, here, scope, cleanup);
            if (step.Text("id") is { } id)
            {
                scope.AddStep(id, answer);
            }
        }
    }

    private StepAnswer CheckStep(YamlMapping step, string path, RunbookScope scope, bool cleanup)
    {
        CheckFields(step, path, cleanup);
        if (step["when"] is YamlScalar when)
        {
            CheckExpression(when, $"{path}.when", scope);
        }

        if (step["uses"] is YamlScalar uses)
        {
            if (catalog[uses.Text] is not { } action)
            {
                return StepAnswer.Anything;
            }

            CheckWith(step, action.Inputs, $"the action {action.Name}", path, scope);
            return StepAnswer.Of(action.Outputs.Select(o => (o.Name, StepAnswer.Of(o.Type))));
        }

        if (step.Mapping("approve") is { } approve)
        {
            CheckApprove(step, approve, $"{path}.approve", scope);
            return StepAnswer.Of([("by", StepAnswer.Of(InputTypes.List))]);
        }

        if (step.Mapping("manual") is { } manual)
        {
            CheckText(manual["do"], $"{path}.manual.do", scope);
            CheckText(manual["confirm"], $"{path}.manual.confirm", scope);
            return StepAnswer.Of([("by", StepAnswer.Of(InputTypes.List))]);
        }

        if (step["wait"] is YamlScalar wait)
        {
            CheckWait(wait, $"{path}.wait", scope);
            return StepAnswer.Of([("until", StepAnswer.Of(InputTypes.Time))]);
        }

        if (step["parallel"] is YamlList together)
        {
            return CheckTogether(together, $"{path}.parallel", scope, cleanup);
        }

        if (step.Mapping("for-each") is { } loop)
        {
            CheckLoop(loop, $"{path}.for-each", scope, cleanup);
            return StepAnswer.Of(InputTypes.List);
        }

        return step.Text("runbook") is { } name ? CheckNested(step, name, path, scope) : StepAnswer.Anything;
    }

    private void CheckFields(YamlMapping step, string path, bool cleanup)
    {
        Only(OnlyWithUses, step["uses"] is not null, "stands only with uses");
        Only(OnlyWithWork, WorkKinds.Any(k => step[k] is not null), "stands only with uses, parallel, for-each and runbook");
        if (step["with"] is { } with && step["uses"] is null && step["runbook"] is null)
        {
            Problem(with.At, $"{path}.with", "stands only with uses and runbook");
        }

        if (step["timeout"] is YamlScalar { Text: "0" } zero)
        {
            Problem(zero.At, $"{path}.timeout", "nothing is done in no time");
        }

        if (cleanup && step["on-failure"] is YamlScalar { Text: "cleanup" } onFailure)
        {
            Problem(onFailure.At, $"{path}.on-failure", "is clean-up already");
        }

        void Only(string[] fields, bool allowed, string why)
        {
            foreach (var field in fields.Where(f => !allowed && step[f] is not null))
            {
                Problem(step[field]!.At, $"{path}.{field}", why);
            }
        }
    }

    private StepAnswer CheckTogether(YamlList together, string path, RunbookScope scope, bool cleanup)
    {
        var index = 0;
        var answers = new List<(string Id, StepAnswer Answer)>();
        foreach (var step in together.Items.OfType<YamlMapping>())
        {
            var branch = scope.Branch();
            var answer = CheckStep(step, Path(path, index++, step), branch, cleanup);
            if (step.Text("id") is { } id)
            {
                branch.AddStep(id, answer);
            }

            // A group in the group answers with the steps in it, whose ids are the runbook's own too.
            answers.AddRange(AllSteps(new YamlList([step], step.At)).Select(s => s.Text("id")).OfType<string>()
                .Select(i => (i, branch.Look(new(["steps", i], 0, Defaulted: false)))).Where(a => a.Item2.Wrong is null)
                .Select(a => (a.i, a.Item2.Answer)));
        }

        foreach (var (id, answer) in answers)
        {
            scope.AddStep(id, answer);
        }

        return StepAnswer.Nothing;
    }

    private void CheckLoop(YamlMapping loop, string path, RunbookScope scope, bool cleanup)
    {
        if (loop["in"] is YamlScalar list)
        {
            CheckExpression(list, $"{path}.in", scope, InputTypes.List);
        }

        var name = loop.Text("as") ?? "item";
        if (RunbookScope.Words.Contains(name, StringComparer.Ordinal))
        {
            Problem(loop["as"]!.At, $"{path}.as", $"'{name}' has a meaning of its own in expressions");
        }
        else if (scope.Items.Contains(name, StringComparer.Ordinal))
        {
            Problem(loop["as"]!.At, $"{path}.as", $"a loop around this one calls its item '{name}' too");
        }

        CheckSteps(loop["steps"], $"{path}.steps", scope.WithItem(name), cleanup);
    }

    private StepAnswer CheckNested(YamlMapping step, string name, string path, RunbookScope scope)
    {
        if (!nested.TryGetValue(name, out var definition))
        {
            // Why it can't be read is said where it is loaded; its texts are judged all the same.
            foreach (var given in step.Children("with"))
            {
                CheckTexts(given.Value, $"{path}.with.{given.Key}", scope);
            }

            return StepAnswer.Anything;
        }

        CheckWith(
            step, [.. definition.Inputs.Select(i => new ActionField(i.Name, i.Type, i.Title ?? i.Type, i is { Optional: false, Default: null }, []))],
            $"the runbook {name}", path, scope);
        return StepAnswer.Of(definition.Steps.Concat(definition.Cleanup).SelectMany(AnswersOf));
    }

    private IEnumerable<(string Id, StepAnswer Answer)> AnswersOf(RunbookStep step) => step switch
    {
        { Parallel: { } together } => together.SelectMany(AnswersOf),
        { Uses: { } uses } when catalog[uses] is { } action => [(step.Id, StepAnswer.Of(action.Outputs.Select(o => (o.Name, StepAnswer.Of(o.Type)))))],
        _ => [(step.Id, StepAnswer.Anything)],
    };

    private void CheckWith(YamlMapping step, IReadOnlyList<ActionField> inputs, string of, string path, RunbookScope scope)
    {
        if (step["with"] is { } other and not YamlMapping)
        {
            Problem(other.At, $"{path}.with", "must hold a name and a value for each input");
            return;
        }

        var first = new Dictionary<string, Place>(StringComparer.Ordinal);
        foreach (var entry in step.Children("with").TakeWhile(_ => !IsFull))
        {
            var below = $"{path}.with.{entry.Key}";
            if (!first.TryAdd(entry.Key, entry.KeyAt))
            {
                Problem(entry.KeyAt, below, $"is written twice; first in line {first[entry.Key].Line}");
            }
            else if (inputs.FirstOrDefault(i => i.Name == entry.Key) is { } field)
            {
                CheckValue(entry.Value, field, below, scope);
            }
            else
            {
                var has = inputs.Count == 0 ? $"{of} has no inputs" : $"{of} has {Scalars.Words([.. inputs.Select(i => i.Name)])}";
                Problem(entry.KeyAt, below, $"is no input{Suggestion.For(entry.Key, inputs.Select(i => i.Name))}; {has}");
            }
        }

        foreach (var missing in inputs.Where(i => i.Required && !first.ContainsKey(i.Name)))
        {
            Problem(step["with"]?.At ?? step.At, $"{path}.with.{missing.Name}", $"is missing; {of} needs it ({missing.Summary.TrimEnd('.')})");
        }
    }

    /// <summary>A value for an input: a literal of its type, a text with expressions, or one expression of a type that fits.</summary>
    private void CheckValue(YamlValue value, ActionField field, string path, RunbookScope scope)
    {
        switch (value)
        {
            case YamlScalar { IsNothing: true }:
                Problem(value.At, path, "has no value");
                break;
            case YamlScalar text when Parsed(text, path) is { } template:
                CheckReferences(template.References, text, path, scope);
                if (template.IsPlain)
                {
                    CheckLiteral(text, field, path);
                }
                else if (template.IsOneExpression)
                {
                    CheckTypeOf(template, text, field, path, scope);
                }
                else if (field.Type is InputTypes.Number or InputTypes.Flag or InputTypes.List)
                {
                    Problem(text.At, path, $"must be a {field.Type}, and a text with something around ${{…}} is a text");
                }

                break;
            case YamlScalar:
                break;
            case YamlList when field.Type is InputTypes.List or InputTypes.Object:
            case YamlMapping when field.Type == InputTypes.Object:
                CheckTexts(value, path, scope);
                break;
            default:
                Problem(value.At, path, $"must be a {field.Type}, not a {(value is YamlList ? "list" : "mapping")}");
                break;
        }
    }

    private void CheckLiteral(YamlScalar text, ActionField field, string path)
    {
        if (field.Type == InputTypes.Object)
        {
            return; // anything: the action judges it
        }

        var why = field.Type == InputTypes.List ? "must be a list" : null;
        if (why is not null || !InputValues.TryRead(field.Type, text.Text, out _, out why))
        {
            Problem(text.At, path, $"{ShapeCheck.Echo(text.Text)} {why}");
        }
        else if (field.Values.Count > 0 && !field.Values.Contains(text.Text, StringComparer.Ordinal))
        {
            Problem(text.At, path, $"{ShapeCheck.Echo(text.Text)} must be {Scalars.Words(field.Values)}{Suggestion.For(text.Text, field.Values)}");
        }
        else if (plan is not null && PlanNames.WhyUnknown(plan, field.Type, text.Text) is { } unknown)
        {
            Problem(text.At, path, $"{ShapeCheck.Echo(text.Text)} {unknown}");
        }
    }

    /// <summary>Only what can be told from one path: what functions answer is judged when the step runs.</summary>
    private void CheckTypeOf(Template template, YamlScalar text, ActionField field, string path, RunbookScope scope)
    {
        if (template.References is not [var only] || text.Text != $"${{{only}}}" || scope.Look(only) is not (var answer, null))
        {
            return;
        }

        if (!Fits(answer.Type, field.Type, answer.Fields is null))
        {
            Problem(At(text, only.Position), path, $"{only} is a {answer.Type}, and a {field.Type} is needed");
        }
    }

    private static bool Fits(string given, string needed, bool anything) => (given, needed) switch
    {
        _ when given == needed => true,
        (InputTypes.Object, _) => anything,
        (_, InputTypes.Object) => true,
        _ when IsPlain(given) || IsPlain(needed) => false,

        // Words are words: what a text holds is known when it runs.
        _ => true,
    };

    private static bool IsPlain(string type) => type is InputTypes.Number or InputTypes.Flag or InputTypes.List;

    private void CheckApprove(YamlMapping step, YamlMapping approve, string path, RunbookScope scope)
    {
        if (approve["policy"] is null && approve["by"] is null)
        {
            Problem(approve.At, path, "must name a policy of the plan, or say who may decide (by)");
        }

        if (plan is not null && approve["by"] is YamlList by && approve.Text("quorum") is { } quorum && int.TryParse(quorum, out var needed))
        {
            var people = by.Items.OfType<YamlScalar>()
                .SelectMany(who => plan.Groups.TryGetValue(who.Text, out var group) ? group : [who.Text]).Distinct(StringComparer.Ordinal).Count();
            if (needed > people)
            {
                Problem(approve["quorum"]!.At, $"{path}.quorum", $"{needed} must approve, but only {people} can decide");
            }
        }

        CheckBeforeExpiry(approve, path);
        foreach (var shown in (approve["shows"] as YamlList)?.Items.OfType<YamlScalar>() ?? [])
        {
            if (shown.Text != "target" && !scope.Inputs.ContainsKey(shown.Text))
            {
                CheckExpression(shown, $"{path}.shows", scope);
            }
        }

        if (approve["for"] is YamlScalar target)
        {
            CheckFor(step, target, $"{path}.for");
        }
    }

    private void CheckBeforeExpiry(YamlMapping approve, string path)
    {
        if (approve.Text("expires") is not { } text || !Units.TryDuration(text, out var expires))
        {
            return;
        }

        if (expires == TimeSpan.Zero)
        {
            Problem(approve["expires"]!.At, $"{path}.expires", "nobody decides in no time");
        }

        var times = ((approve["reminders"] as YamlList)?.Items ?? []).Concat(Mappings(approve["escalate"]).Select(e => e["after"]).OfType<YamlValue>());
        foreach (var time in times.OfType<YamlScalar>().Where(t => Units.TryDuration(t.Text, out var after) && after >= expires))
        {
            Problem(time.At, path, $"{time.Text} is not before it expires ({text})");
        }
    }

    private void CheckFor(YamlMapping step, YamlScalar target, string path)
    {
        var here = inOrder.IndexOf(step);
        var there = inOrder.FindIndex(s => s.Text("id") == target.Text);
        if (there < 0)
        {
            Problem(target.At, path, $"there is no step {ShapeCheck.Echo(target.Text)}{Suggestion.For(target.Text, ids.Keys)}");
        }
        else if (there <= here)
        {
            Problem(target.At, path, $"step '{target.Text}' does not come after this one, so this can't approve it");
        }
        else if (inOrder[there].Text("uses") is null)
        {
            Problem(target.At, path, $"step '{target.Text}' uses no action, so there is nothing to approve beforehand");
        }
    }

    private void CheckWait(YamlScalar wait, string path, RunbookScope scope)
    {
        if (!Durations.TryParseAny(wait.Text, out var duration))
        {
            CheckExpression(wait, path, scope);
        }
        else if (duration <= TimeSpan.Zero)
        {
            Problem(wait.At, path, "is no time to wait");
        }
    }

    private void CheckText(YamlValue? value, string path, RunbookScope scope)
    {
        if (value is YamlScalar text && Parsed(text, path) is { } template)
        {
            CheckReferences(template.References, text, path, scope);
        }
    }

    /// <summary>Every text of a list or a mapping, however deep.</summary>
    private void CheckTexts(YamlValue value, string path, RunbookScope scope)
    {
        switch (value)
        {
            case YamlList list:
                for (var i = 0; i < list.Items.Count && !IsFull; i++)
                {
                    CheckTexts(list.Items[i], $"{path}[{i}]", scope);
                }

                break;
            case YamlMapping mapping:
                var seen = new HashSet<string>(StringComparer.Ordinal);
                foreach (var entry in mapping.Entries.TakeWhile(_ => !IsFull))
                {
                    if (!seen.Add(entry.Key))
                    {
                        Problem(entry.KeyAt, $"{path}.{entry.Key}", "is written twice");
                    }

                    CheckTexts(entry.Value, $"{path}.{entry.Key}", scope);
                }

                break;
            default:
                CheckText(value, path, scope);
                break;
        }
    }

    private void CheckExpression(YamlScalar text, string path, RunbookScope scope, string? needs = null)
    {
        try
        {
            var expression = Expressions.Bare(text.Text);
            var offset = text.Text.IndexOf(expression.Text, StringComparison.Ordinal);
            CheckReferences(expression.References.Select(r => r with { Position = r.Position + offset }), text, path, scope);
            if (needs is not null && expression.References is [var only] && expression.Text.Trim() == only.ToString()
                && scope.Look(only) is (var answer, null) && answer.Type != needs && answer.Type != InputTypes.Object)
            {
                Problem(At(text, offset), path, $"{only} is a {answer.Type}, and a {needs} is needed");
            }
        }
        catch (ExpressionException refusal)
        {
            Problem(At(text, refusal.Position), path, refusal.Message);
        }
    }

    private Template? Parsed(YamlScalar text, string path)
    {
        try
        {
            return Template.Parse(text.Text);
        }
        catch (ExpressionException refusal)
        {
            Problem(At(text, refusal.Position), path, refusal.Message);
            return null;
        }
    }

    private void CheckReferences(IEnumerable<ExpressionReference> references, YamlScalar text, string path, RunbookScope scope)
    {
        foreach (var reference in references)
        {
            if (scope.Look(reference).Wrong is { } wrong)
            {
                Problem(At(text, reference.Position), path, wrong);
            }
        }
    }

    /// <summary>A character of a text that stands in one line; of a longer one, where the text begins.</summary>
    private static Place At(YamlScalar text, int position) =>
        text.Text.Contains('\n', StringComparison.Ordinal) ? text.At : text.At with { Column = text.At.Column + position + (text.Plain ? 0 : 1) };

    private void Problem(Place at, string path, string what)
    {
        if (!IsFull)
        {
            Problems.Add(new Finding(at, path, what));
        }
    }
}
