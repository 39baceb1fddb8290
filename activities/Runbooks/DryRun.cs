using System.Text.Json;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Runbooks;
using Temporalio.Exceptions;

namespace LuxHedge.Activities.Runbooks;

/// <summary>What a drill would do, to what, decided by whom, and what of it could not be done now; nothing is run.</summary>
/// <param name="Target">The drill's own database, whose name ends in a word made from the run's id; null: there is none.</param>
/// <param name="Backup">The backup that comes back as things stand; null: none, or it is not known.</param>
/// <param name="NotNow">Everything that would fail or stay NotProven if it began now; that of a step names it.</param>
/// <param name="Unknown">What could not be looked at.</param>
public sealed record DryRun(
    string Name,
    string Runbook,
    int Version,
    string Title,
    string Asset,
    string? Target,
    RunbookTargets? Targets,
    IReadOnlyList<DryRunInput> Inputs,
    DryRunBackup? Backup,
    IReadOnlyList<DryRunStep> Steps,
    IReadOnlyList<DryRunProblem> NotNow,
    IReadOnlyList<string> Unknown);

/// <param name="From"><c>given</c>, <c>default</c> or <c>nothing</c>.</param>
public sealed record DryRunInput(string Name, string Type, JsonElement? Value, string From);

/// <param name="Age">Of its own data.</param>
/// <param name="Verdict">Proven once a restore of it was.</param>
/// <param name="Point">The moment it would be brought to; null: its own end mark.</param>
public sealed record DryRunBackup(string Id, TimeSpan Age, Verdict Verdict, DryRunPoint? Point = null);

/// <param name="Wanted">As it was asked for.</param>
/// <param name="Time">The moment that the data would be of.</param>
/// <param name="ClusterTime">The last that would come back, as <c>--to</c> takes it.</param>
/// <param name="Slices">That lead there from the backup's end mark.</param>
/// <param name="Age">Of the data that would come back.</param>
/// <param name="Rpo">What would be lost at most, by the newest canary that the slices tell of; null: they tell of none.</param>
/// <param name="Note">What a person should know of it.</param>
public sealed record DryRunPoint(string Wanted, DateTimeOffset Time, string ClusterTime, int Slices, TimeSpan Age, TimeSpan? Rpo, string? Note);

/// <param name="Id">Flat; in a loop <c>each/*/restore</c>.</param>
/// <param name="Happens"><c>yes</c>, <c>no</c> (the runbook says so), or <c>depends</c>: on what steps before it answer.</param>
/// <param name="When">The expressions it depends on.</param>
/// <param name="Target">What it writes to or looks at, as far as it is known: expressions over what steps answer stay as they are written.</param>
/// <param name="Approval">Who decides or confirms it; null: nobody.</param>
/// <param name="LastDuration">Of the last run in which it was done, waiting included; null: unknown.</param>
public sealed record DryRunStep(
    string Id, string Kind, string? Title, string Happens, string? When, string? Target, DryRunApproval? Approval, TimeSpan? LastDuration, bool CleanUp);

/// <param name="Later">Who may decide too, after how long.</param>
public sealed record DryRunApproval(IReadOnlyList<string> By, int Quorum, TimeSpan Expires, bool OwnKey, IReadOnlyList<DryRunTier> Later);

public sealed record DryRunTier(TimeSpan After, IReadOnlyList<string> People);

/// <param name="Step">Null: of the whole.</param>
public sealed record DryRunProblem(string? Step, string What);

/// <summary>Goes through a runbook as the workflow would, and notes instead of doing.</summary>
public sealed class DryRunner
{
    /// <summary>A word in place of what only a run's id decides.</summary>
    private const string RunWord = "{run}";

    private static readonly IReadOnlyDictionary<string, JsonElement> NothingYet = new Dictionary<string, JsonElement>();

    private readonly Plan plan;
    private readonly RunbookDefinition definition;
    private readonly AssetPlan asset;
    private readonly string requester;
    private readonly DateTimeOffset now;
    private readonly CatalogView backups;
    private readonly SliceView slices;
    private readonly StepDurations durations;
    private readonly bool hasRecoveryKey;
    private readonly List<DryRunStep> steps = [];
    private readonly List<DryRunProblem> problems = [];
    private readonly ModeFacts mode;
    private readonly RunFacts run;

    private DryRunner(
        Plan plan, RunbookDefinition definition, AssetPlan asset, string? requester, DateTimeOffset now, CatalogView backups, SliceView slices,
        StepDurations durations, bool hasRecoveryKey)
    {
        (this.plan, this.definition, this.asset, this.requester, this.now) = (plan, definition, asset, requester ?? "", now);
        (this.backups, this.slices, this.durations, this.hasRecoveryKey) = (backups, slices, durations, hasRecoveryKey);
        Target = TargetOf();
        mode = new(RunMode.Drill, Target ?? "", "", Target?.Split('/', 2)[1] ?? "");
        run = new(RunWord, asset.Name, now, requester);
    }

    private string? Target { get; }

    /// <param name="requester">Who would start it, and so can't approve; null: not known.</param>
    /// <param name="backups">What the stores hold of the asset.</param>
    /// <param name="slices">Looked at only where it has a point in time (<see cref="ChoiceOf"/>).</param>
    /// <param name="hasRecoveryKey">Whether keys would be handed over that open backups without the KMS.</param>
    public static DryRun Run(
        Plan plan, string name, RunbookDefinition definition, IReadOnlyDictionary<string, JsonElement> inputs, AssetPlan asset, string? requester,
        DateTimeOffset now, CatalogView backups, SliceView slices, StepDurations durations, bool hasRecoveryKey) =>
        new DryRunner(plan, definition, asset, requester, now, backups, slices, durations, hasRecoveryKey).Run(name, inputs);

    /// <summary>Which backup the drill means, and of which moment, by its inputs.</summary>
    public static PlannedChoice ChoiceOf(
        RunbookDefinition definition, IReadOnlyDictionary<string, JsonElement> inputs, AssetPlan asset, string? requester, DateTimeOffset now) =>
        PlannedChoice.Of(definition, inputs, new(RunMode.Drill, "", "", ""), new(RunWord, asset.Name, now, requester));

    private DryRun Run(string name, IReadOnlyDictionary<string, JsonElement> given)
    {
        var frame = new Frame("", definition);
        var listed = new List<DryRunInput>();
        Bind(frame, given, listed);
        Walk(definition.Steps, frame, "yes", [], cleanUp: false);
        Walk(definition.Cleanup, frame, "yes", [], cleanUp: true);
        var backup = BackupOf(given);
        return new(
            name, definition.Runbook, definition.Version, definition.Title, asset.Name, Target, definition.Targets, listed, backup, steps, problems,
            [.. backups.Unknown.Union(slices.Unknown).Select(u => $"what store {u.Store} holds: {u.Why}"), .. durations.Unknown.Select(u => $"how long steps took: {u}")]);
    }

    private string? TargetOf()
    {
        try
        {
            return $"{DrillDatabases.ClusterOf(plan, asset)}/{DrillDatabases.Prefix}{RunWord}";
        }
        catch (RefusalException e)
        {
            problems.Add(new(null, e.Message));
            return null;
        }
    }

    private DryRunBackup? BackupOf(IReadOnlyDictionary<string, JsonElement> given)
    {
        var choice = PlannedChoice.Of(definition, given, mode, run);
        try
        {
            var chosen = choice.Choose(backups, slices, asset, now);
            var point = chosen.Point is { } reached
                ? new DryRunPoint(
                    choice.PointInTime!.ToString(), chosen.Moment, reached.Until.ToString(), reached.Chain.Count, now - chosen.Moment, chosen.Loss, reached.Note)
                : null;
            return new(chosen.Backup.Id, now - chosen.Backup.Summary.ConsistentAt, chosen.Backup.Summary.Verdict, point);
        }
        catch (RefusalException e)
        {
            // Told with all that helps: of a moment that can't be reached, the nearest that can.
            problems.Add(new(null, string.Join("; ", [e.Message.TrimEnd('.'), .. (e.Report.Problems ?? []).Select(p => p.Where is null ? p.Message : $"{p.Message} ({p.Where})")])));
            return null;
        }
    }

    private void Bind(Frame frame, IReadOnlyDictionary<string, JsonElement> given, List<DryRunInput>? listed)
    {
        foreach (var input in frame.Definition.Inputs)
        {
            var from = "nothing";
            JsonElement? value = null;
            if (given.TryGetValue(input.Name, out var named) && named.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined))
            {
                (from, value) = ("given", named);
            }
            else if (input.Default is { } otherwise)
            {
                (from, value) = ("default", Resolve(otherwise, frame) ?? otherwise);
            }

            if (value is { } bound)
            {
                frame.Inputs[input.Name] = bound;
                if (IsOpen(bound))
                {
                    frame.Open.Add(input.Name);
                }
            }

            listed?.Add(new(input.Name, input.Type, value, from));
        }
    }

    private void Walk(IReadOnlyList<RunbookStep> list, Frame frame, string happens, IReadOnlyList<string> whens, bool cleanUp)
    {
        foreach (var step in list)
        {
            var (here, conditions) = Happens(step, frame, happens, whens);
            var id = frame.Prefix + step.Id;
            if (step.Parallel is { } together)
            {
                Walk(together, frame, here, conditions, cleanUp);
            }
            else if (step.ForEach is { } loop)
            {
                var inside = frame.In($"{id}/*/");
                inside.OpenItems.Add(loop.As);
                Walk(loop.Steps, inside, here, [.. conditions, $"for each of {loop.In}"], cleanUp);
            }
            else if (step.Nested is { } nested)
            {
                var inner = new Frame($"{id}/", nested);
                Bind(inner, step.With.ToDictionary(w => w.Key, w => Resolve(w.Value, frame) ?? w.Value), null);
                Walk(nested.Steps, inner, here, conditions, cleanUp);
                Walk(nested.Cleanup, inner, here, conditions, cleanUp: true);
            }
            else
            {
                Note(step, id, frame, here, conditions, cleanUp);
            }
        }
    }

    private void Note(RunbookStep step, string id, Frame frame, string happens, IReadOnlyList<string> conditions, bool cleanUp)
    {
        var flat = new FlatStep(id, step, frame.Definition, [], cleanUp);
        var approval = happens == "no" ? null : ApprovalOf(step, id);
        if (happens != "no")
        {
            CheckKey(step, id, frame);
        }

        steps.Add(new(
            id, flat.Kind, step.Title, happens, conditions.Count > 0 ? string.Join(" and ", conditions) : null, TargetOf(step, frame), approval,
            durations.ByStep.TryGetValue(id, out var taken) && taken.Count > 0 ? taken[0] : null, cleanUp));
    }

    private DryRunApproval? ApprovalOf(RunbookStep step, string id)
    {
        try
        {
            var terms = step switch
            {
                { Approve: { } approve } => ApprovalTerms.Of(plan, id, approve, now),
                { Manual: { } manual } => ApprovalTerms.Of(plan, id, manual),
                _ => null,
            };
            if (terms is null)
            {
                return null;
            }

            var tiers = terms.People.Where(p => p.Value.After > TimeSpan.Zero && p.Key != requester).GroupBy(p => p.Value.After).OrderBy(t => t.Key);
            // Who did something may say so, whoever asked for the run.
            Look(id, () => terms.CheckReachable(plan, id, step.Manual is null ? requester : ""));
            return new(
                [.. terms.People.Where(p => p.Value.After == TimeSpan.Zero && (step.Manual is not null || p.Key != requester)).Select(p => p.Key).Order(StringComparer.Ordinal)],
                terms.Quorum, terms.Expires, terms.OwnKey, [.. tiers.Select(t => new DryRunTier(t.Key, [.. t.Select(p => p.Key).Order(StringComparer.Ordinal)]))]);
        }
        catch (RefusalException e)
        {
            problems.Add(new(id, e.Message));
            return null;
        }
    }

    private void Look(string id, Action check)
    {
        try
        {
            check();
        }
        catch (RefusalException e)
        {
            problems.Add(new(id, e.Message));
        }
    }

    private void CheckKey(RunbookStep step, string id, Frame frame)
    {
        var wants = step.Uses == "open-with-recovery-key"
            || (step.With.TryGetValue("recoveryKey", out var flag) && Resolve(flag, frame) is { ValueKind: JsonValueKind.True });
        if (wants && !hasRecoveryKey)
        {
            problems.Add(new(id, "it needs a recovery key: --recovery-key FILE"));
        }
    }

    /// <summary>What it writes to; for an action that writes nowhere, the asset, store or backup that it is about.</summary>
    private string? TargetOf(RunbookStep step, Frame frame)
    {
        var wanted = new[] { InputTypes.Target, InputTypes.Backup, InputTypes.Store, InputTypes.Asset };
        var name = wanted.SelectMany(t => step.Types.Where(i => i.Value == t).Select(i => i.Key)).FirstOrDefault();
        if (name is null || !step.With.TryGetValue(name, out var value))
        {
            return null;
        }

        var resolved = Resolve(value, frame) ?? value;
        return resolved.ValueKind switch
        {
            JsonValueKind.Null or JsonValueKind.Undefined => null,
            JsonValueKind.String => resolved.GetString(),
            _ => resolved.GetRawText(),
        };
    }

    private (string Happens, IReadOnlyList<string> Whens) Happens(RunbookStep step, Frame frame, string around, IReadOnlyList<string> whens)
    {
        if (around == "no" || step.When is not { } when)
        {
            return (around, whens);
        }

        try
        {
            var expression = Expressions.Bare(when);
            return expression.IsTrue(ScopeOf(frame), frame.IsOpen) switch
            {
                true => (around, whens),
                false => ("no", [.. whens, when]),
                null => ("depends", [.. whens, when]),
            };
        }
        catch (Exception e) when (e is ExpressionException or FailureException)
        {
            return ("depends", [.. whens, when]);
        }
    }

    /// <summary>Null: it hangs on what is not known before the run.</summary>
    private JsonElement? Resolve(JsonElement value, Frame frame)
    {
        try
        {
            return Texts(value).Any(t => Template.Parse(t).References.Any(r => frame.IsOpen(r.Path))) ? null : Expressions.Resolve(value, ScopeOf(frame));
        }
        catch (Exception e) when (e is ExpressionException or FailureException)
        {
            return null;
        }
    }

    private Scope ScopeOf(Frame frame) => new(frame.Inputs, NothingYet, mode, run);

    private static bool IsOpen(JsonElement value) => Texts(value).Any(t => t.Contains("${", StringComparison.Ordinal));

    internal static IEnumerable<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => value.EnumerateObject().SelectMany(p => Texts(p.Value)),
        _ => [],
    };

    /// <summary>One runbook on the way: its inputs, and which of them only the run will know.</summary>
    private sealed record Frame(string Prefix, RunbookDefinition Definition)
    {
        public Dictionary<string, JsonElement> Inputs { get; init; } = new(StringComparer.Ordinal);
        public HashSet<string> Open { get; init; } = new(StringComparer.Ordinal);
        public HashSet<string> OpenItems { get; init; } = new(StringComparer.Ordinal);

        public Frame In(string prefix) => this with { Prefix = prefix, OpenItems = new(OpenItems, StringComparer.Ordinal) };

        public bool IsOpen(IReadOnlyList<string> path) => path[0] switch
        {
            "steps" => true,
            "inputs" => path.Count > 1 && Open.Contains(path[1]),
            "run" => path is ["run", "id"],
            var name => OpenItems.Contains(name),
        };
    }
}
