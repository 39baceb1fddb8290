using System.Globalization;
using LuxHedge.Activities;
using LuxHedge.Activities.Catalog;
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
    public static CatalogBackup? Choose(CommandContext context, CatalogView known, string? id, DateTimeOffset? to)
    {
        if (id is not null and not "latest")
        {
            var named = known.Backups.FirstOrDefault(b => b.Summary.Id == id);
            if (named is null && known.Unknown.Count == 0)
            {
                throw new RefusalException(ErrorKinds.Usage, $"No store has a backup '{id}'.", "--backup", $"{context.Line("backups list")} shows those there are.");
            }

            return named is null || to is not { } at || At(named, at) ? named : throw OutOfReach(context, [named], at);
        }

        var eligible = known.Backups.Where(b => b.Summary.Eligible).OrderBy(b => b.Summary.ConsistentAt).ToList();
        if (to is { } time)
        {
            return eligible.LastOrDefault(b => At(b, time)) ?? (known.Unknown.Count > 0 && eligible.Count == 0 ? null : throw OutOfReach(context, eligible, time));
        }

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

    /// <summary><c>latest</c> or nothing is null: as late as the backup reaches.</summary>
    public static DateTimeOffset? Moment(string? to)
    {
        if (to is null or "latest")
        {
            return null;
        }

        return DateTimeOffset.TryParse(to, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : throw new RefusalException(ErrorKinds.Usage, $"'{to}' is no time.", "--to", "Write it as 2026-11-23T08:15:00Z, or latest.");
    }

    /// <summary>Between backups there is no oplog to go on with yet: a time is reached when a backup is consistent in that second.</summary>
    private static bool At(CatalogBackup backup, DateTimeOffset time)
    {
        var consistent = backup.Summary.ConsistentAt.ToUnixTimeSeconds();
        return time.ToUnixTimeSeconds() == consistent || time.ToUnixTimeSeconds() == backup.Manifest.EndMark.Seconds;
    }

    private static RefusalException OutOfReach(CommandContext context, IReadOnlyList<CatalogBackup> backups, DateTimeOffset time)
    {
        var before = backups.LastOrDefault(b => b.Summary.ConsistentAt <= time);
        var after = backups.FirstOrDefault(b => b.Summary.ConsistentAt > time);
        return new RefusalException(new ErrorReport(
            ErrorKinds.Usage,
            $"The data can't be brought to {Amounts.Time(time)}: only the moments of backups can be reached.",
            "--to",
            before is null && after is null ? $"There are none: {context.Line("backups list")}" : "Take one of these with --backup ID.",
            [.. new[] { (Word: "the nearest before", Backup: before), (Word: "the nearest after", Backup: after) }.Where(n => n.Backup is not null)
                .Select(n => new Problem($"{n.Word}: {n.Backup!.Summary.ConsistentAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}", n.Backup.Summary.Id))]));
    }
}
