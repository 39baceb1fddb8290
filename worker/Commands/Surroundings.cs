using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Activities.Database.Rights;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Runbooks;
using LuxHedge.Activities.Schedules;
using LuxHedge.Activities.Stores;
using LuxHedge.Worker.Schedules;
using LuxHedge.Workflows;
using Spectre.Console;

namespace LuxHedge.Worker.Commands;

/// <summary>Which slices a command wants to know of.</summary>
/// <param name="From">Those that hold anything after it; null: all.</param>
/// <param name="To">And anything before it.</param>
/// <param name="ReadFrom">Of those that end before it the names will do; null: every manifest is read.</param>
public sealed record SliceBounds(ClusterTime? From = null, ClusterTime? To = null, ClusterTime? ReadFrom = null);

/// <summary>
/// Everything outside itself that a command touches: terminal, environment, clock, files of the user, and the ways to the plan, to Temporal
/// and to the stores. <see cref="Program"/> makes the real one; tests make their own.
/// </summary>
public sealed class Surroundings
{
    /// <summary>Where answers go. With <c>--json</c> one document and nothing else.</summary>
    public required IAnsiConsole Out { get; init; }

    /// <summary>Errors and logs; with <c>--json</c> progress and questions too.</summary>
    public required IAnsiConsole Error { get; init; }

    /// <summary>The bytes under <see cref="Out"/>, for JSON that no console may wrap or colour.</summary>
    public required TextWriter Json { get; init; }

    /// <summary>A person can answer questions here.</summary>
    public required bool Interactive { get; init; }

    /// <summary>The value of an environment variable, or null where it is unset or empty.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>The current folder: the plan is looked for from here upward.</summary>
    public required string Folder { get; init; }

    /// <summary>The login of the operating system.</summary>
    public required string Login { get; init; }

    public required TimeProvider Clock { get; init; }

    /// <summary>Connects to the plan's Temporal, or refuses (<c>unreachable</c>).</summary>
    public required Func<Plan, CancellationToken, Task<IRuns>> ConnectRuns { get; init; }

    /// <summary>The plan's schedules in its Temporal, or a refusal (<c>unreachable</c>).</summary>
    public Func<Plan, CancellationToken, Task<ScheduleBook>> ConnectSchedules { get; init; } = ScheduleBook.ConnectAsync;

    /// <summary>Looks into the target of a restore; what can't be seen is unknown, never an error.</summary>
    public required Func<Plan, RestoreTarget, CancellationToken, Task<TargetContents>> LookAtTarget { get; init; }

    /// <summary>Reads the backups of an asset from the plan's stores, with a reader's rights.</summary>
    public required Func<Plan, string, CancellationToken, Task<CatalogView>> ReadBackups { get; init; }

    /// <summary>Reads which slices an asset has, with a reader's rights. One command reads the same manifest once.</summary>
    public Func<Plan, string, SliceBounds, CancellationToken, Task<SliceView>> ReadSlices { get; init; } = async (plan, asset, bounds, cancellation) =>
    {
        await using var stores = new StoreSet(plan);
        return await new SliceCatalog(plan, stores).ListAsync(asset, bounds.From, bounds.To, bounds.ReadFrom, cancellation);
    };

    /// <summary>Reads the evidence of the plan's drills from its stores.</summary>
    public Func<Plan, CancellationToken, Task<DrillEvidence>> ReadDrills { get; init; } = async (plan, cancellation) =>
    {
        await using var stores = new StoreSet(plan);
        return await DrillHistory.ReadAsync(plan, stores, cancellation);
    };

    /// <summary>How long the steps of a drill or runbook took in its last runs, by the evidence in the plan's stores.</summary>
    public Func<Plan, string, string, CancellationToken, Task<StepDurations>> ReadDurations { get; init; } = async (plan, name, runbook, cancellation) =>
    {
        await using var stores = new StoreSet(plan);
        return await StepDurations.ReadAsync(plan, stores, name, runbook, cancellation);
    };

    /// <summary>Connects to the plan's clusters and compares what their users may with what is needed.</summary>
    public Func<Plan, CancellationToken, Task<IReadOnlyList<ClusterRights>>> ReadRights { get; init; } = RightsCheck.RunAsync;

    /// <summary>Asks Atlas for an asset's snapshots; what can't be asked is unknown, never an error.</summary>
    public Func<Plan, AssetPlan, CancellationToken, Task<AtlasStanding>> ReadAtlas { get; init; } = async (plan, asset, cancellation) =>
    {
        using var atlas = new AtlasConnections(plan, TimeProvider.System);
        return await AtlasStanding.ReadAsync(atlas, asset, cancellation);
    };

    /// <summary>Reads what reviews were done from the plan's stores.</summary>
    public Func<Plan, CancellationToken, Task<ReviewsDone>> ReadReviews { get; init; } = async (plan, cancellation) =>
    {
        await using var stores = new StoreSet(plan);
        return await ReviewLog.ReadAsync(plan, stores, cancellation);
    };
}
