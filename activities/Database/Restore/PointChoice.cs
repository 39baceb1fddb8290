using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Database.Oplog;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>The base and the slices that lead to a moment. Pure: from what the stores say there is.</summary>
/// <param name="Until">Everything up to it is wanted; nothing after.</param>
/// <param name="Chain">From the base's end mark to <paramref name="Until"/>, in order; empty: the base is of that moment itself.</param>
/// <param name="Note">What a person should know of it; null: nothing.</param>
public sealed record PointChoice(CatalogBackup Base, ClusterTime Until, IReadOnlyList<SliceManifest> Chain, string? Note)
{
    private static readonly PointChoice None = new(null!, default, [], null);

    /// <summary>
    /// From the newest canary that its slices tell of to the moment wanted: at most so much would be lost. Of the last slice, which is read in part,
    /// the manifest can't say. Null: they tell of none.
    /// </summary>
    public TimeSpan? MostLost(DateTimeOffset wanted) => wanted - Chain.Where(s => s.To <= Until).Max(s => s.NewestCanary);

    /// <summary>Slices go on only from a backup of the whole database, read from the server that they are of.</summary>
    public static bool CanBeBase(CatalogBackup backup) => backup.Manifest is { Imported: null, OnlyCollections: null };

    /// <summary>
    /// The newest base whose end mark is not after the moment and from which slices cover to it; for <c>latest</c> the base whose slices reach
    /// furthest.
    /// </summary>
    /// <param name="bases">Those that may be chosen.</param>
    /// <returns>Null: the moment can't be reached (<see cref="OutOfReach"/>).</returns>
    public static PointChoice? Of(IEnumerable<CatalogBackup> bases, SliceChains chains, RestorePoint wanted)
    {
        var ordered = bases.OrderByDescending(b => b.Manifest.EndMark).ThenByDescending(b => b.Id, StringComparer.Ordinal).ToList();
        var chosen = wanted.Until is { } until
            ? ordered.Select(b => To(b, chains, wanted, until)).FirstOrDefault(c => c is not null)
            : ordered.Select(b => Furthest(b, chains)).DefaultIfEmpty(None).MaxBy(c => c!.Until);
        return chosen == None ? null : chosen;
    }

    /// <summary>
    /// As <see cref="Of"/> of every slice there is, reading no more of them than decides it: those from the nearest base before the moment on. All
    /// are read only where these do not lead there.
    /// </summary>
    /// <param name="bases">Not empty.</param>
    /// <param name="read">Slices that hold anything after the one time up to the other; null: to the newest.</param>
    /// <returns>The choice, null where the moment can't be reached; and the slices read: those of <see cref="Chain"/> and what follows them for a
    /// few seconds, or, where there is no choice, all after the oldest base.</returns>
    public static async Task<(PointChoice? Choice, SliceView Slices)> FindAsync(
        IReadOnlyCollection<CatalogBackup> bases, RestorePoint wanted, Func<ClusterTime, ClusterTime?, Task<SliceView>> read)
    {
        var ends = bases.Where(CanBeBase).Select(b => b.Manifest.EndMark).Where(e => !(e > wanted.Until)).ToList();
        if (ends.Count > 0)
        {
            var nearest = ends.Max();
            ClusterTime? to = wanted.Until is { } until ? until with { Seconds = (uint)Math.Min(uint.MaxValue, until.Seconds + PointOplog.LooseSeconds + 1L) } : null;
            var near = await read(nearest, to);
            // Of latest no base reaches further than this one does, when it reaches the newest slice.
            if (Of(bases.Where(b => b.Manifest.EndMark >= nearest), near.Chains(), wanted) is { } choice
                && (wanted.Until is not null || near.Slices.All(s => s.Manifest.To <= choice.Until)))
            {
                return (choice, near);
            }
        }

        var all = await read(bases.Min(b => b.Manifest.EndMark), null);
        return (Of(bases, all.Chains(), wanted), all);
    }

    /// <summary>Why the moment can't be reached, and the nearest that can.</summary>
    /// <param name="unread">Stores whose backups could not be read; those whose slices could not, <paramref name="slices"/> names.</param>
    public static RefusalException OutOfReach(
        IReadOnlyCollection<CatalogBackup> bases, SliceView slices, RestorePoint wanted, IReadOnlyList<UnknownStore> unread, DateTimeOffset now)
    {
        var unknown = slices.Unknown.Union(unread).ToList();
        var windows = RecoverableWindows.Of(slices.Chains(), bases.Where(CanBeBase).Select(b => (b.Id, b.Manifest.EndMark)));
        // A backup that no slice may go on from is of its own moment only.
        windows = [.. windows.Concat(bases.Where(b => !CanBeBase(b)).Select(b => new RecoverableWindow(b.Manifest.EndMark, b.Manifest.EndMark, b.Id))).OrderBy(w => w.From)];
        var before = wanted.Until is { } until ? windows.Where(w => w.To <= until).MaxBy(w => w.To) : null;
        var after = wanted.Until is { } at ? windows.Where(w => w.From > at).MinBy(w => w.From) : null;
        var problems = new List<Problem>();
        if (before is not null)
            problems.Add(new($"the nearest before: {Text(before.To)}", before.Base));
        if (after is not null)
            problems.Add(new($"the nearest after: {Text(after.From)}", after.Base));
        problems.AddRange(slices.Gaps.Where(g => wanted.Until is { } w && g.After <= w && w <= g.Until)
            .Select(g => new Problem($"the oplog has a gap from {Text(g.After)} to {Text(g.Until)}: {g.Why}", "gap")));
        problems.AddRange(unknown.Select(u => new Problem(u.Why, u.Store)));
        var moment = wanted.Time is { } time ? $"{time.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}" : wanted.ToString();
        return new RefusalException(new ErrorReport(
            windows.Count == 0 && unknown.Count > 0 ? ErrorKinds.Unreachable : ErrorKinds.Usage,
            $"The data of {slices.Asset} can't be brought to {moment}: {Why(wanted, now, windows, before, after)}.",
            "--to",
            problems.Count == 0 ? "luxhedge oplog status shows what can be reached." : "Take one of these with --to; luxhedge oplog status shows all of it.",
            problems));
    }

    /// <summary>As <c>--to</c> takes it.</summary>
    public static string Text(ClusterTime time) => $"{time.ToTime().UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}";

    private static string Why(
        RestorePoint wanted, DateTimeOffset now, IReadOnlyList<RecoverableWindow> windows, RecoverableWindow? before, RecoverableWindow? after) =>
        windows.Count == 0 ? "there is no eligible backup to begin with"
        : wanted.Moment > now ? $"that is in the future, now it is {now.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}"
        : before is null ? "it is before everything there is"
        : after is null ? "it is after everything there is"
        : "no slices lead there from a backup";

    private static PointChoice? To(CatalogBackup backup, SliceChains chains, RestorePoint wanted, ClusterTime until)
    {
        var end = backup.Manifest.EndMark;
        var isBase = CanBeBase(backup);
        if (isBase && end <= until && chains.Covering(end, until) is { } chain)
            return new(backup, until, chain, null);
        if (wanted.Time is not { } time)
            return null;

        // A second of which only a beginning is there: so much of it comes back, and is told.
        var second = (uint)time.ToUnixTimeSeconds();
        if (isBase && end <= until && Reach(end, chains) is { } reach && reach.Seconds == second && chains.Covering(end, reach) is { } part)
            return new(backup, reach, part, $"Slices reach into that second, to {reach}: what was written later in it is not there.");
        return end.Seconds == second || backup.Manifest.ConsistentAt.ToUnixTimeSeconds() == second
            ? new(backup, end, [], $"It is of the end mark of backup {backup.Id}, {end}: what was written later in that second is not there.")
            : null;
    }

    private static PointChoice Furthest(CatalogBackup backup, SliceChains chains)
    {
        var end = backup.Manifest.EndMark;
        return CanBeBase(backup) && Reach(end, chains) is { } reach && chains.Covering(end, reach) is { } chain
            ? new(backup, reach, chain, null)
            : new(backup, end, [], "No slices lead on from that backup: it is of its own end mark.");
    }

    private static ClusterTime? Reach(ClusterTime from, SliceChains chains) =>
        chains.Stretches.Where(s => s.From <= from && from < s.To).Select(s => (ClusterTime?)s.To).Max();
}
