using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>What of a backup is restored: all of it, or the collections of those names at its end mark.</summary>
/// <param name="Names">At the end mark.</param>
/// <param name="Uuids">Of the named collections (<c>view:{name}</c> of views); null: everything.</param>
internal sealed record Selection(IReadOnlyList<string> Names, IReadOnlySet<string>? Uuids)
{
    /// <exception cref="RefusalException"><c>usage</c>: names a collection that the backup does not hold.</exception>
    public static Selection Of(IndexDocument index, IReadOnlyList<string>? named)
    {
        var there = index.Witness.Collections.Select(c => c.Collection).Where(n => !BesideNames.IsOurs(n)).ToList();
        if (named is null)
            return new([.. there.Order(StringComparer.Ordinal)], null);
        var missing = named.Where(n => !there.Contains(n, StringComparer.Ordinal)).ToList();
        if (missing.Count > 0)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"Backup {index.Backup} has no collection {string.Join(", ", missing.Select(m => $"'{m}'"))}.", "--collection",
                $"It has: {string.Join(", ", there.Order(StringComparer.Ordinal))}.");
        }

        var wanted = named.ToHashSet(StringComparer.Ordinal);
        var uuids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var planned in index.Collections.Select(c => c.Collection).Where(c => wanted.Contains(c.Name)))
            uuids.Add(KeyOf(planned.Name, planned.Type, planned.Uuid));
        foreach (var witness in index.Witness.Collections.Where(c => wanted.Contains(c.Collection)))
            uuids.Add(KeyOf(witness.Collection, witness.Type, witness.Uuid));
        return new([.. wanted.Order(StringComparer.Ordinal)], uuids);
    }

    /// <summary>What a restore takes: of a point in time by the names that its preflight found there, which the base may not have yet.</summary>
    public static Selection Of(IndexDocument index, RestoreWork work) => work.Plan.Point is { } point
        ? new([.. work.Plan.Collections], point.Uuids?.ToHashSet(StringComparer.Ordinal))
        : Of(index, work.Request.Collections);

    /// <summary>By the names that collections have at a point.</summary>
    /// <exception cref="RefusalException"><c>usage</c>: names a collection that is not there then.</exception>
    public static Selection At(IReadOnlyList<ReplayedCollection> there, IReadOnlyList<string>? named, ClusterTime point)
    {
        there = [.. there.Where(c => !BesideNames.IsOurs(c.Name))];
        var missing = (named ?? []).Where(n => there.All(c => c.Name != n)).ToList();
        if (missing.Count > 0)
        {
            throw new RefusalException(
                ErrorKinds.Usage, $"At {PointChoice.Text(point)} there was no collection {string.Join(", ", missing.Select(m => $"'{m}'"))}.", "--collection",
                $"There was: {string.Join(", ", there.Select(c => c.Name).Order(StringComparer.Ordinal))}.");
        }

        var taken = named is null ? there : [.. there.Where(c => named.Contains(c.Name, StringComparer.Ordinal))];
        return new([.. taken.Select(c => c.Name).Order(StringComparer.Ordinal)], named is null ? null : taken.Select(c => c.Uuid).ToHashSet(StringComparer.Ordinal));
    }

    public bool Takes(PlannedCollection collection) => Uuids is null || Uuids.Contains(KeyOf(collection.Name, collection.Type, collection.Uuid));

    /// <summary>A view is known by its name; so is what has no UUID, on servers that give none.</summary>
    public static string KeyOf(string name, string type, string? uuid) =>
        type == ReplayedCollection.View || uuid is null ? OplogReplay.ViewKey(name) : uuid;

    /// <summary>The base collections that are loaded, each as it goes into the target.</summary>
    public IEnumerable<(IndexedCollection Indexed, ReplayedCollection Into)> Base(IndexDocument index, string database) =>
        index.Collections.Where(c => Takes(c.Collection) && !BesideNames.IsOurs(c.Collection.Name)).Select(c => (c, Create(c.Collection, database)));

    private static ReplayedCollection Create(PlannedCollection planned, string database) => new(
        KeyOf(planned.Name, planned.Type, planned.Uuid),
        planned.Name,
        planned.Type,
        CollectionSpecifications.Parse(planned.Options),
        [.. planned.Indexes.Select(i => CollectionSpecifications.Listed(CollectionSpecifications.Parse(i)))],
        planned.Type == ReplayedCollection.View ? "" : BesideNames.Of(database, planned.Name))
    {
        Buckets = planned.Buckets,
    };
}
