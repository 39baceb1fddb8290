using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Activities.Plans;
using LuxHedge.Worker.Display;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Worker.Commands;

/// <summary>What a restore writes to: the database, whether that is production, and the lock it needs.</summary>
/// <param name="Lock">The asset's id for production, else <c>{cluster}/{database}</c>: <see cref="RestoreRequest.Target"/>.</param>
/// <param name="Production">The asset whose production it is; null: it is none.</param>
public sealed record RestoreTarget(string Cluster, string Database, string Lock, AssetPlan? Production)
{
    private static readonly string[] SystemDatabases = ["admin", "config", "local"];

    /// <param name="into">Null: the asset's own database.</param>
    public static RestoreTarget Of(Plan plan, AssetPlan asset, string? into)
    {
        if (into is not null && SystemDatabases.Contains(into, StringComparer.Ordinal))
        {
            throw new RefusalException(ErrorKinds.Usage, $"'{into}' belongs to the server: nothing is restored into it.", "--into", "Name a database of your own.");
        }

        if (into is { Length: 0 })
        {
            throw new RefusalException(ErrorKinds.Usage, "The database to restore into has no name.", "--into", "Leave --into out for production.");
        }

        var database = into ?? asset.Database!;
        // Naming production with --into makes it no less production.
        var production = plan.Assets.Values.FirstOrDefault(
            a => a.Kind == "database" && a.Cluster == asset.Cluster && string.Equals(a.Database, database, StringComparison.OrdinalIgnoreCase));
        return new(asset.Cluster!, database, production?.Name ?? $"{asset.Cluster}/{database}", production);
    }

    public override string ToString() =>
        Production is not null ? $"PRODUCTION ({Database} on cluster {Cluster})" : $"{Database} on cluster {Cluster}";
}

/// <summary>Which backup a restore means.</summary>
public static class RestoreChoices
{
    /// <summary>The backup with the id, or for <c>latest</c> the newest eligible one. Null: a store could not be read, and the run's own
    /// preflight decides.</summary>
    public static CatalogBackup? Choose(CommandContext context, CatalogView known, string? id)
    {
        if (id is not null)
            return Named(context, known, id);
        var eligible = known.Backups.Where(b => b.Summary.Eligible).OrderBy(b => b.Summary.ConsistentAt).ToList();
        if (eligible.Count > 0)
        {
            return eligible[^1];
        }

        if (known.Unknown.Count > 0)
        {
            return null;
        }

        var newest = known.Backups.OrderByDescending(b => b.Summary.CreatedAt).Take(3).Select(b => b.Summary).ToList();
        throw new RefusalException(new ErrorReport(
            ErrorKinds.Usage,
            newest.Count == 0 ? $"There is no complete backup of {known.Asset} in any store." : $"No backup of {known.Asset} is eligible for latest.",
            "--backup",
            newest.Count == 0 ? $"Make one: {context.Line($"backup run {known.Asset}")}" : "Read why, then choose one of these with --backup ID.",
            [.. newest.Select(b => new Problem(Words.List(b.Notes, "not eligible"), b.Id))]));
    }

    /// <summary>The base and the slices that lead to a moment. Null as above.</summary>
    /// <param name="id">Of the base; null: the newest that leads there.</param>
    public static async Task<PointChoice?> ChooseAsync(
        CommandContext context, CatalogView known, string? id, RestorePoint to, CancellationToken cancellation)
    {
        IReadOnlyList<CatalogBackup> bases = id is null ? [.. known.Backups.Where(b => b.Summary.Eligible)]
            : Named(context, known, id) is { } named ? [named] : [];
        if (bases.Count == 0)
        {
            // Says why there is none, where that is known.
            Choose(context, known, id);
            return null;
        }

        var (choice, slices) = await PointChoice.FindAsync(
            bases, to, (from, until) => context.Surroundings.ReadSlices(context.Plan, known.Asset, new SliceBounds(from, until), cancellation));
        return choice ?? throw PointChoice.OutOfReach(bases, slices, to, known.Unknown, context.Now);
    }

    /// <summary>Null: nothing was said.</summary>
    public static RestorePoint? Point(string? to) => to is null ? null
        : RestorePoint.TryParse(to, out var point) ? point
        : throw new RefusalException(ErrorKinds.Usage, $"'{to}' is no time.", "--to", $"Write it as {RestorePoint.Forms}.");

    private static CatalogBackup? Named(CommandContext context, CatalogView known, string id)
    {
        var named = known.Backups.FirstOrDefault(b => b.Summary.Id == id);
        return named is null && known.Unknown.Count == 0
            ? throw new RefusalException(ErrorKinds.Usage, $"No store has a backup '{id}'.", "--backup", $"{context.Line("backups list")} shows those there are.")
            : named;
    }
}
