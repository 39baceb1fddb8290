using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// What slices amount to when they are laid end to end. Two join where one's last entry is the other's first, byte for byte. An attempt that was
/// given up and lives on may have written another slice from the same beginning to another end: each is valid, so that there may be several ways
/// from one time to another. Pure; any order, any doubles.
/// </summary>
/// <example>10–20, 20–30, 10–25, 25–40 and 50–60: two stretches, 10–40 (by 10–25, 25–40) and 50–60.</example>
public sealed class SliceChains
{
    private readonly List<SliceManifest> _slices;
    private readonly ILookup<(ClusterTime, string), SliceManifest> _from;

    /// <summary>For each place where a slice begins: the furthest time that a chain from it reaches, and the slice that leads there.</summary>
    private readonly Dictionary<(ClusterTime, string), (ClusterTime Reach, SliceManifest Next)> _reach = [];

    /// <param name="slices">Of one asset.</param>
    public SliceChains(IEnumerable<SliceManifest> slices)
    {
        // Later ends first: what a slice leads to is settled before the slice is looked at.
        _slices = [.. slices.Where(s => s.From < s.To)
            .OrderByDescending(s => s.To).ThenByDescending(s => s.From).ThenBy(s => s.Object.Sha256, StringComparer.Ordinal)];
        _from = _slices.ToLookup(BeginningOf);
        foreach (var slice in _slices)
        {
            var reach = _reach.TryGetValue(EndOf(slice), out var further) ? further.Reach : slice.To;
            if (!_reach.TryGetValue(BeginningOf(slice), out var known) || reach > known.Reach)
            {
                _reach[BeginningOf(slice)] = (reach, slice);
            }
        }
    }

    /// <summary>The times that slices cover without a gap, in order of time.</summary>
    public IReadOnlyList<SliceStretch> Stretches => Stretch(_reach.Select(r => (r.Key, r.Value.Reach)), _slices.Select(EndOf).ToHashSet());

    /// <summary>From each place where a slice begins, the furthest that a chain reaches.</summary>
    internal IEnumerable<SliceStretch> Reaches => _reach.Select(r => new SliceStretch(r.Key.Item1, r.Value.Reach));

    /// <summary>The same of parts that join where one's end is the other's beginning, whatever it is called there.</summary>
    internal static IReadOnlyList<SliceStretch> Lay<TName>(IEnumerable<((ClusterTime Time, TName Name) From, (ClusterTime Time, TName Name) To)> parts)
    {
        var reaches = new Dictionary<(ClusterTime, TName), ClusterTime>();
        var ends = new HashSet<(ClusterTime, TName)>();
        foreach (var (from, to) in parts.OrderByDescending(p => p.To.Time).ThenByDescending(p => p.From.Time))
        {
            ends.Add(to);
            var reach = reaches.GetValueOrDefault(to, to.Time);
            reaches[from] = reaches.TryGetValue(from, out var known) ? ClusterTime.Max(known, reach) : reach;
        }

        return Stretch(reaches.Select(r => (r.Key, r.Value)), ends);
    }

    private static List<SliceStretch> Stretch<TName>(IEnumerable<((ClusterTime Time, TName) From, ClusterTime Reach)> reaches, HashSet<(ClusterTime, TName)> ends)
    {
        var found = new List<SliceStretch>();
        foreach (var (from, reach) in reaches.Where(r => !ends.Contains(r.From)).Select(r => (r.From.Time, r.Reach)).OrderBy(s => s.Time).ThenByDescending(s => s.Reach))
        {
            if (!found.Exists(f => f.From <= from && f.To >= reach))
                found.Add(new SliceStretch(from, reach));
        }

        return found;
    }

    /// <summary>
    /// The chain, in order, that holds every entry after <paramref name="after"/> up to <paramref name="to"/>: its first slice begins at or before
    /// the one, its last ends at or after the other. As few slices as reach furthest at each step. Empty where there is nothing between the two;
    /// null where there is no such chain.
    /// </summary>
    public IReadOnlyList<SliceManifest>? Covering(ClusterTime after, ClusterTime to)
    {
        if (to <= after)
        {
            return [];
        }

        // The one that begins last has the least to be passed over.
        var first = _slices
            .Where(s => s.From <= after && after < s.To && (s.To >= to || (_reach.TryGetValue(EndOf(s), out var on) && on.Reach >= to)))
            .OrderByDescending(s => s.From).ThenByDescending(s => s.To).ThenBy(s => s.Object.Sha256, StringComparer.Ordinal).FirstOrDefault();
        if (first is null)
        {
            return null;
        }

        var chain = new List<SliceManifest> { first };
        while (chain[^1].To < to)
        {
            // One that ends the chain, else the way that reaches furthest.
            chain.Add(_from[EndOf(chain[^1])].Where(s => s.To >= to).MinBy(s => s.To) ?? _reach[EndOf(chain[^1])].Next);
        }

        return chain;
    }

    private static (ClusterTime, string) BeginningOf(SliceManifest slice) => (slice.From, slice.FirstEntrySha256);

    private static (ClusterTime, string) EndOf(SliceManifest slice) => (slice.To, slice.LastEntrySha256);
}

/// <summary>Everything written after <see cref="From"/> up to <see cref="To"/> is in slices.</summary>
public sealed record SliceStretch(ClusterTime From, ClusterTime To);
