using System.CommandLine;
using LuxHedge.Activities;
using LuxHedge.Activities.Atlas;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Atlas;

namespace LuxHedge.Worker.Commands;

/// <summary>One element of <c>atlas status --json</c>.</summary>
/// <param name="Newest">The newest complete snapshot; null: there is none, or it is not known.</param>
/// <param name="Age">From the moment that it is of to now.</param>
/// <param name="Fresh">Whether that is within the asset's RPO; null: it is not known.</param>
/// <param name="Snapshots">Newest first.</param>
/// <param name="Unknown">Why Atlas could not be asked; null: it answered.</param>
public sealed record AtlasRow(
    string Asset, string Project, string Cluster, AtlasSnapshot? Newest, TimeSpan? Age, TimeSpan Rpo, bool? Fresh, AtlasPlace? RestoreTo,
    IReadOnlyList<AtlasSnapshot> Snapshots, string? Unknown)
{
    public static AtlasRow Of(Plan plan, AtlasStanding standing, DateTimeOffset now)
    {
        var asset = plan.Assets[standing.Asset];
        var atlas = AtlasConnections.SectionOf(plan, asset);
        return new(
            asset.Name, atlas.Place.Project, atlas.Place.Cluster, standing.Newest, standing.AgeAt(now), asset.Rpo, standing.IsFresh(asset, now), atlas.RestoreTo,
            standing.Snapshots, standing.Unknown);
    }
}

public sealed class AtlasStatusCommand : OperatorCommand
{
    private static readonly Option<string?> Asset = new("--asset") { Description = "Only this asset's cluster.", HelpName = "ASSET" };

    public AtlasStatusCommand(Surroundings surroundings)
        : base(surroundings, "status", "The snapshots that Atlas has of the plan's clusters, and their age against the RPO. Asks Atlas itself; needs no worker.")
    {
        Add(Asset);
        Examples =
        [
            ("luxhedge atlas status", "is the newest snapshot fresh enough?"),
            ("luxhedge atlas status --json", "an array of {asset, project, cluster, newest, age, rpo, fresh, restoreTo, snapshots, unknown}"),
        ];
        ExitCodesInWords = "0 whatever it shows; read fresh";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var plan = context.Plan;
        List<AssetPlan> assets = context.Get(Asset) is { } named ? [context.AssetNamed(named)] : [.. AtlasConnections.AssetsOf(plan)];
        foreach (var asset in assets)
            _ = AtlasConnections.SectionOf(plan, asset);
        var read = await Task.WhenAll(assets.Select(a => context.Surroundings.ReadAtlas(plan, a, cancellation)));
        var rows = read.Select(r => AtlasRow.Of(plan, r, context.Now)).ToList();
        context.Answer(rows, console => AtlasViews.Status(console, rows, context.Now));
        return ExitCodes.Done;
    }
}

/// <summary><c>atlas snapshot ASSET</c>: before a risky change.</summary>
public sealed class AtlasSnapshotCommand : OperatorCommand
{
    private static readonly Argument<string> Asset = new("ASSET") { Description = "Whose cluster: an asset of the plan that runs on Atlas." };
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why; it stands in the snapshot's description. Asked for on a terminal.", HelpName = "TEXT" };
    private static readonly Option<int> Days = new("--days") { Description = "Atlas deletes it after so many days.", HelpName = "N", DefaultValueFactory = _ => 7 };
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public AtlasSnapshotCommand(Surroundings surroundings)
        : base(surroundings, "snapshot", "Have Atlas take a snapshot now, and wait until it is complete: before a risky change.")
    {
        Add(Asset);
        Add(Reason);
        Add(Days);
        Add(As);
        Add(Detach);
        Days.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 3650)
                result.AddError("--days is from 1 to 3650.");
        });
        Examples = [("luxhedge atlas snapshot luxhedge_production --reason \"before the migration of trades\"", "follow it until it is complete")];
        ExitCodesInWords = "0 complete; 1 Failed; 2 refused, or one is waited for already; 3 NotProven: not complete in 12 hours, or aborted;\n"
            + "  4 could not be started or followed; 130 you stopped watching";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var asset = context.AssetNamed(context.Get(Asset));
        _ = AtlasConnections.SectionOf(context.Plan, asset);
        var person = Operators.Current(context, context.Get(As));
        var reason = context.ReasonOrAsk(context.Get(Reason));
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var request = new AtlasSnapshotRequest(
            context.NewRunId("atlas-snapshot", asset.Name), asset.Name, context.Plan.Temporal.TaskQueue, reason, context.Get(Days))
        {
            Person = person.Name,
        };
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        return context.Get(Detach)
            ? context.Detached(run, runs)
            : Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<AtlasSnapshotSummary>(run, cancellation));
    }
}

/// <summary><c>atlas restore ASSET</c>: into the plan's <c>restoreTo</c>, never into production.</summary>
public sealed class AtlasRestoreCommand : OperatorCommand
{
    private static readonly Argument<string> Asset = new("ASSET") { Description = "Whose snapshots: an asset of the plan that runs on Atlas." };
    private static readonly Option<string?> Snapshot = new("--snapshot") { Description = "Its id (luxhedge atlas status shows them). The newest complete one unless told.", HelpName = "ID" };
    private static readonly Option<string?> To = new("--to") { Description = "A point in time instead, such as 2026-11-23T10:15:00Z; the cluster needs Continuous Cloud Backup.", HelpName = "TIME" };
    private static readonly Option<string?> As = CommonOptions.As();
    private static readonly Option<bool> Yes = CommonOptions.Yes("whether to overwrite the target");
    private static readonly Option<bool> Detach = CommonOptions.Detach();

    public AtlasRestoreCommand(Surroundings surroundings)
        : base(surroundings, "restore", "Have Atlas restore a snapshot into the other cluster that the plan names (restoreTo), over everything there. Never into production.")
    {
        Add(Asset);
        Add(Snapshot);
        Add(To);
        Add(As);
        Add(Yes);
        Add(Detach);
        Examples =
        [
            ("luxhedge atlas restore luxhedge_production", "the newest complete snapshot, into restoreTo"),
            ("luxhedge atlas restore luxhedge_production --to 2026-11-23T10:15:00Z", "a point in time"),
        ];
        ExitCodesInWords = "0 Proven: finished, and the asset's canary was found there; 1 Failed; 2 refused, or one runs already;\n"
            + "  3 NotProven: nobody could look at the data, not finished in 24 hours, or aborted; 4 could not be started or followed; 130 you stopped watching";
    }

    protected override async Task<int> RunAsync(CommandContext context, CancellationToken cancellation)
    {
        var asset = context.AssetNamed(context.Get(Asset));
        var target = AtlasTarget.Of(context.Plan, asset);
        var person = Operators.Current(context, context.Get(As));
        DateTimeOffset? to = context.Get(To) is not { } text ? null
            : DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out var time) ? time
            : throw new RefusalException(ErrorKinds.Usage, $"'{text}' is no time.", "--to", "Write it as 2026-11-23T10:15:00Z.");
        if (to is not null && context.Get(Snapshot) is not null)
            throw new RefusalException(ErrorKinds.Usage, "Either a snapshot is restored, or a point in time.", "--to");
        if (to > context.Now)
            throw new RefusalException(ErrorKinds.Usage, $"{Amounts.Time(to.Value)} is in the future.", "--to");
        context.Confirm(
            context.Get(Yes), $"Overwrite everything in {target} with {(to is { } at ? $"{asset.Name} of {Amounts.Time(at)}" : $"snapshot {context.Get(Snapshot) ?? "(the newest)"} of {asset.Name}")}?",
            $"It overwrites everything in {target}.");
        var runs = await context.Surroundings.ConnectRuns(context.Plan, cancellation);
        var request = new AtlasRestoreRequest(
            context.NewRunId("atlas-restore", asset.Name), asset.Name, context.Plan.Temporal.TaskQueue, context.Get(Snapshot), to)
        {
            Person = person.Name,
        };
        var run = context.Begun(await runs.StartAsync(request, cancellation));
        return context.Get(Detach)
            ? context.Detached(run, runs)
            : Outcomes.Tell(context, await new RunFollower(context, runs).FollowAsync<AtlasRestoreSummary>(run, cancellation));
    }
}
