using System.Text.Json;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks.Actions;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;
using Temporalio.Exceptions;

namespace LuxHedge.Activities.Runbooks;

/// <summary>What a runbook means to bring back, as far as its inputs say so before it runs: the inputs of its own step <c>choose-backup</c>,
/// or of a runbook without one its inputs <c>backup</c> and the point in time.</summary>
public sealed record PlannedChoice
{
    private static readonly IReadOnlyDictionary<string, JsonElement> NothingYet = new Dictionary<string, JsonElement>();

    private static readonly JsonElement NotGiven = JsonElement.Parse("null");

    private readonly ChooseBackup.Input wanted;

    private PlannedChoice(ChooseBackup.Input wanted, IReadOnlyList<string> open) => (this.wanted, Open) = (wanted, open);

    /// <summary>The moment that was asked for; null: the backup's own end mark.</summary>
    public RestorePoint? PointInTime => wanted.PointInTime;

    /// <summary>What of the choice only a step before it will know, by its name: then another backup may be chosen.</summary>
    public IReadOnlyList<string> Open { get; }

    /// <param name="given">What the person or the plan gave; the runbook's defaults stand for the rest.</param>
    public static PlannedChoice Of(RunbookDefinition definition, IReadOnlyDictionary<string, JsonElement> given, ModeFacts mode, RunFacts run)
    {
        var inputs = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var input in definition.Inputs)
        {
            if (given.TryGetValue(input.Name, out var value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined))
                inputs[input.Name] = value;
            else if ((input.Default is { } otherwise ? Resolve(otherwise) : NotGiven) is { } bound)
                inputs[input.Name] = bound;
        }

        var step = definition.Steps.FirstOrDefault(s => s.Uses == ChooseBackup.Name);
        var asked = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        var open = new List<string>();
        foreach (var (name, value) in step?.With ?? OfInputs(definition))
        {
            if (Resolve(value) is { } bound)
                asked[name] = bound;
            else
                open.Add(name);
        }

        return ActionInputs.TryRead<ChooseBackup.Input>(JsonSerializer.SerializeToElement(asked, LuxJson.Options), out var wanted, out _)
            ? new(wanted, open)
            : new(new ChooseBackup.Input(), [.. open, .. asked.Keys]);

        JsonElement? Resolve(JsonElement value)
        {
            try
            {
                return DryRunner.Texts(value).Any(t => Template.Parse(t).References.Any(r => r.Path[0] == "steps")) ? null
                    : Expressions.Resolve(value, new Scope(inputs, NothingYet, mode, run));
            }
            catch (Exception e) when (e is ExpressionException or FailureException)
            {
                return null;
            }
        }
    }

    /// <summary>The slices that decide it.</summary>
    /// <param name="read">Those that hold anything after the one time up to the other; null: to the newest.</param>
    public Task<SliceView> ReadSlicesAsync(CatalogView backups, AssetPlan asset, Func<ClusterTime, ClusterTime?, Task<SliceView>> read) =>
        ChooseBackup.SlicesForAsync(backups, asset, wanted, [], read);

    /// <summary>As the step would choose if it ran now.</summary>
    /// <exception cref="RefusalException">There is no such backup, or the moment can't be reached: with the nearest that can.</exception>
    public PlannedBackup Choose(CatalogView backups, SliceView slices, AssetPlan asset, DateTimeOffset now)
    {
        var (chosen, _, point) = ChooseBackup.Choose(backups, slices, asset, wanted, [], now);
        return new(chosen, point, point?.MostLost(PointInTime!.Moment ?? now));
    }

    private static Dictionary<string, JsonElement> OfInputs(RunbookDefinition definition) =>
        definition.Inputs.Where(i => i is { Name: "backup", Type: InputTypes.Backup } or { Name: "pointInTime", Type: InputTypes.Moment or InputTypes.Time })
            .ToDictionary(i => i.Name, i => JsonSerializer.SerializeToElement($"${{inputs.{i.Name}}}"), StringComparer.Ordinal);
}

/// <summary>The backup that comes back as things stand.</summary>
/// <param name="Point">Where slices lead on from it; null: no moment was asked for.</param>
/// <param name="Loss">What would be lost at most before the moment, by the newest canary that the slices' manifests tell of; null: they tell of
/// none.</param>
public sealed record PlannedBackup(CatalogBackup Backup, PointChoice? Point, TimeSpan? Loss)
{
    /// <summary>The moment that its data is of.</summary>
    public DateTimeOffset Moment => Point is { Chain.Count: > 0 } point ? point.Until.ToTime() : Backup.Summary.ConsistentAt;
}
