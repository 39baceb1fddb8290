using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// The times that a database can be restored to: of each stretch of slices from the end mark of the oldest eligible backup within it to the
/// stretch's end; and the end mark of every eligible backup that no stretch leads on from. Pure.
/// </summary>
public static class RecoverableWindows
{
    /// <param name="bases">Eligible backups of the whole database: id and end mark.</param>
    /// <returns>In order of time; of a lone backup <see cref="RecoverableWindow.From"/> is <see cref="RecoverableWindow.To"/>.</returns>
    public static IReadOnlyList<RecoverableWindow> Of(SliceChains chains, IEnumerable<(string Backup, ClusterTime EndMark)> bases) =>
        Of(chains.Stretches, bases);

    /// <inheritdoc cref="Of(SliceChains, IEnumerable{ValueTuple{string, ClusterTime}})"/>
    public static IReadOnlyList<RecoverableWindow> Of(
        IReadOnlyList<SliceStretch> stretches, IEnumerable<(string Backup, ClusterTime EndMark)> bases)
    {
        var all = bases.OrderBy(b => b.EndMark).ThenBy(b => b.Backup, StringComparer.Ordinal).ToList();
        var windows = new List<RecoverableWindow>();
        foreach (var stretch in stretches)
        {
            if (all.FirstOrDefault(b => stretch.From <= b.EndMark && b.EndMark < stretch.To) is { Backup: { } oldest } within)
            {
                windows.Add(new RecoverableWindow(within.EndMark, stretch.To, oldest));
            }
        }

        foreach (var (backup, end) in all.Where(b => !windows.Exists(w => w.From <= b.EndMark && b.EndMark <= w.To)))
        {
            windows.Add(new RecoverableWindow(end, end, backup));
        }

        return [.. windows.OrderBy(w => w.From).ThenBy(w => w.To).DistinctBy(w => (w.From, w.To))];
    }
}

/// <param name="Base">Id of its oldest backup: a point in the window may have a newer one nearer to it.</param>
public sealed record RecoverableWindow(ClusterTime From, ClusterTime To, string Base)
{
    /// <summary>From here on every slice's manifest was read, before it there are names only; null: all of them were.</summary>
    public ClusterTime? CheckedFrom { get; init; }

    public bool Holds(ClusterTime point) => From <= point && point <= To;
}
