using System.Text.Json;
using LuxHedge.Activities;
using LuxHedge.Activities.Approvals;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using LuxHedge.Workflows.Runbooks;

namespace LuxHedge.Worker.Commands;

/// <summary>What a name on the command line means: a drill of the plan with its runbook and inputs, or a runbook.</summary>
/// <param name="Name">The lock's: the drill's name, or the runbook's.</param>
/// <param name="Drill">Null: it is no drill of the plan.</param>
public sealed record RunbookStart(
    string Name, RunbookDefinition Definition, AssetPlan Asset, IReadOnlyDictionary<string, JsonElement> Inputs, DrillPlan? Drill)
{
    /// <summary>The action that needs what <c>--recovery-key</c> opens.</summary>
    private const string RecoveryAction = "open-with-recovery-key";

    public static RunbookStart Find(CommandContext context, string name, IReadOnlyList<string> inputs, string? asset)
    {
        var plan = context.Plan;
        var loader = RunbookLoader.Of(plan);
        var drill = plan.Drills.GetValueOrDefault(name);
        var definition = loader.Load(drill?.Runbook ?? name);
        var given = drill is null
            ? RunbookInputs.Parse(definition, inputs, plan)
            : RunbookInputs.Parse(definition, drill.Inputs, inputs, plan);
        return new(name, definition, AssetOf(context, definition, drill, asset), given, drill);
    }

    /// <param name="key">Null: nobody signs (a drill that a stranger rehearses).</param>
    public RunbookRequest ToRequest(
        CommandContext context, RunMode mode, DateTimeOffset? declaredAt, IReadOnlyList<HandedKey>? keys, PersonKey? key, string @namespace)
    {
        // A name of a run begins as it does in the lock, so that lists and evidence say what it was.
        var kind = mode == RunMode.Drill ? "drill" : "incident";
        var request = new RunbookRequest(
            context.NewRunId(kind, Name), context.Plan.Temporal.TaskQueue, Name, Asset.Name, mode, Definition, Inputs, declaredAt, RequestedBy: null)
        {
            Keys = keys,
        };
        return key is null ? request : RequestSigner.Sign(key, @namespace, request, context.Now);
    }

    /// <summary>Which backup the real event means, and of which moment, by its inputs.</summary>
    public PlannedChoice Choice(DateTimeOffset declaredAt, string? requester) => PlannedChoice.Of(
        Definition, Inputs, new(RunMode.Real, "production", "", Asset.Database ?? ""), new("", Asset.Name, declaredAt, requester));

    /// <summary>The slices that such a choice is made of.</summary>
    public Task<SliceView> SlicesAsync(CommandContext context, PlannedChoice choice, CatalogView known, CancellationToken cancellation) =>
        choice.ReadSlicesAsync(
            known, Asset, (from, to) => context.Surroundings.ReadSlices(context.Plan, Asset.Name, new SliceBounds(from, to), cancellation));

    /// <summary>The backup that its input names, or the newest eligible one; null: none, or a store could not be read.</summary>
    private CatalogBackup? Backup(CatalogView known) =>
        Inputs.TryGetValue("backup", out var named) && named.GetString() is { } id and not "latest" ? known.Find(id) : known.NewestEligible;

    /// <summary>A sandbox has the private half of its own recovery key, since everything in it is made up.</summary>
    public bool HasOwnRecoveryKey(CommandContext context) => Uses(Definition, RecoveryAction) && File.Exists(OfSandbox(context));

    /// <summary>Opens the backup's keys here, when the runbook uses them: with the file named, else in a sandbox with the one it made.</summary>
    public async Task<IReadOnlyList<HandedKey>?> KeysAsync(CommandContext context, string? keyFile, CancellationToken cancellation)
    {
        var file = keyFile ?? (HasOwnRecoveryKey(context) ? OfSandbox(context) : null);
        if (file is null)
            return null;
        var known = await context.BackupsOfAsync(Asset.Name, cancellation);
        if (Backup(known) is { } backup)
            return await RecoveryKeys.OpenAsync(context, Asset, backup, store: null, file, cancellation);
        return keyFile is null ? null : await RecoveryKeys.OpenAsync(context, Asset, null, null, file, cancellation);
    }

    private static string OfSandbox(CommandContext context) => Path.Combine(Path.GetDirectoryName(context.Plan.Path)!, "people", "recovery.pem");

    public static bool Uses(RunbookDefinition definition, string action) => RunbookSteps.Flat(definition).Any(s => s.Step.Uses == action);

    private static AssetPlan AssetOf(CommandContext context, RunbookDefinition definition, DrillPlan? drill, string? named)
    {
        if (named is not null)
            return context.RunnableAsset(named);
        var databases = context.Plan.Assets.Values.Where(a => a.Kind == "database").ToList();
        var candidates = drill is not null ? databases.Where(a => drill.Assets.Contains(a.Name, StringComparer.Ordinal)).ToList()
            : definition.Inputs.Select(i => i.Asset).OfType<string>().Distinct(StringComparer.Ordinal).ToList() is { Count: > 0 } ofInputs
                ? databases.Where(a => ofInputs.Contains(a.Name, StringComparer.Ordinal)).ToList()
            : databases;
        return candidates switch
        {
            [var only] => only,
            [] => throw new RefusalException(ErrorKinds.Usage, $"The plan has no database that {definition.Runbook} could bring back.", "--asset"),
            _ => throw new RefusalException(
                ErrorKinds.Usage, $"{definition.Runbook} can bring back several databases.", "--asset", $"Say which: --asset {Words.List(candidates.Select(c => c.Name))}."),
        };
    }
}
