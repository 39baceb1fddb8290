using System.Collections.Concurrent;
using LuxHedge.Activities.Catalog;
using LuxHedge.Activities.Encryption;
using LuxHedge.Activities.Plans;
using LuxHedge.Activities.Stores;
using LuxHedge.Workflows;

namespace LuxHedge.Activities.Database.Oplog;

/// <summary>
/// What slices and gaps there are, read from the stores themselves. Every manifest is read from its oldest version, its signature checked, and asset
/// and bounds inside must be those of its name; its object must lie beside it with the size it says. What fails that is a problem of the answer and
/// is not used; a store that can't be read is unknown. Needs no private key and no KMS. Thread-safe; manifests that were read are remembered.
/// </summary>
public sealed class SliceCatalog(Plan plan, StoreSet stores)
{
    private const int ReadsAtOnce = 16;

    /// <summary>A fortnight of minutes in one store; a kilobyte each.</summary>
    private const int Remembered = 20_000;

    /// <summary>How far back a slice that began long before the bounds is looked for: longer than any server keeps its oplog.</summary>
    private const int LongestSliceDays = 40;

    private readonly ConcurrentDictionary<(string Store, string Name, string? Version, long Size, DateTimeOffset At), Signed<SliceManifest>> _read = new();

    /// <summary>The slices that hold anything after <paramref name="from"/> up to <paramref name="to"/> (each open where null).</summary>
    /// <param name="readFrom">Of slices that end before it, and before the day in which the newest one ends, only the names are looked at
    /// (<see cref="SliceView.Named"/>); null: every manifest is read.</param>
    /// <exception cref="RefusalException"><c>usage</c>: the plan has no such asset.</exception>
    public Task<SliceView> ListAsync(string asset, ClusterTime? from = null, ClusterTime? to = null, CancellationToken cancellation = default) =>
        ListAsync(asset, from, to, null, cancellation);

    /// <inheritdoc cref="ListAsync(string, ClusterTime?, ClusterTime?, CancellationToken)"/>
    public async Task<SliceView> ListAsync(
        string asset, ClusterTime? from, ClusterTime? to, ClusterTime? readFrom, CancellationToken cancellation)
    {
        var names = plan.Assets.TryGetValue(asset, out var found)
            ? found.Stores
            : throw new RefusalException(ErrorKinds.Usage, $"The plan has no asset '{asset}'.", asset, $"It has: {string.Join(", ", plan.Assets.Keys)}.");
        var shelves = await Task.WhenAll(names.Select(n => ReadShelfAsync(n, asset, from, to, readFrom, cancellation)));
        var slices = shelves.SelectMany(s => s.Slices)
            .GroupBy(c => (c.Manifest.From, c.Manifest.To, c.Manifest.FirstEntrySha256, c.Manifest.LastEntrySha256))
            .Select(g => new CatalogSlice(g.First().Manifest, [.. g]))
            .OrderBy(s => s.Manifest.From).ThenBy(s => s.Manifest.To).ThenBy(s => s.Manifest.LastEntrySha256, StringComparer.Ordinal);
        return new SliceView(
            asset, [.. slices],
            [.. shelves.SelectMany(s => s.Gaps).GroupBy(g => g.After).Select(g => g.First()).OrderBy(g => g.After)],
            [.. shelves.SelectMany(s => s.Problems)],
            [.. shelves.Where(s => s.Why is not null).Select(s => new UnknownStore(s.Store, s.Why!))])
        {
            Named =
            [
                .. shelves.SelectMany(s => s.Named.Select(n => (Slice: n, s.Store))).GroupBy(n => n.Slice)
                    .Select(g => new NamedSlice(g.Key.From, g.Key.To, [.. g.Select(n => n.Store)])).OrderBy(n => n.From).ThenBy(n => n.To),
            ],
        };
    }

    private async Task<Shelf> ReadShelfAsync(
        string storeName, string asset, ClusterTime? from, ClusterTime? to, ClusterTime? readFrom, CancellationToken cancellation)
    {
        var shelf = new Shelf(storeName);
        try
        {
            var store = stores[storeName];
            var versions = await ListVersionsAsync(store, asset, from, to, cancellation);
            var byName = versions.ToLookup(v => v.Name, StringComparer.Ordinal);
            var named = readFrom is { } begin ? NamesBefore(byName, asset, begin) : default;
            var gate = new Lock();
            await Parallel.ForEachAsync(
                byName.Where(v => v.Key.EndsWith(".json", StringComparison.Ordinal)),
                new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce, CancellationToken = cancellation },
                async (ofName, token) =>
                {
                    var name = ofName.Key;
                    var oldest = ofName.FirstOrDefault(v => !v.IsDeleteMarker);
                    SliceCopy? copy = null;
                    GapRecord? gap = null;
                    var bad = ofName.Count() > 1 ? BackupCatalog.OtherVersions(ofName) : null;
                    try
                    {
                        if (oldest is not null && ObjectNames.ParseSliceGap(name, asset) is not null)
                        {
                            var bytes = await store.ReadWholeAsync(name, token, oldest.Version);
                            gap = SignedDocument.Read<GapRecord>(bytes, plan.Writer.PublicKeys, name, g => g.ProblemUnder(name, asset)).Value;
                        }
                        else if (oldest is not null && ObjectNames.ParseSlice(name[..^".json".Length], asset) is { } bounds)
                        {
                            if (bounds.To <= from || bounds.From >= to)
                            {
                                return;
                            }

                            if (bounds.To < named)
                            {
                                var isThere = byName[name[..^".json".Length]].Any(v => !v.IsDeleteMarker);
                                lock (gate)
                                {
                                    if (isThere)
                                        shelf.Named.Add(bounds);
                                    if (!isThere || bad is not null)
                                        shelf.Problems.Add(new CatalogProblem(storeName, name, isThere ? bad! : "names an object that is not there"));
                                }

                                return;
                            }

                            var read = await ReadManifestAsync(store, asset, oldest, token);
                            var there = byName[read.Value.Object.Name].Any(v => !v.IsDeleteMarker && v.Size == read.Value.Object.Size);
                            (copy, bad) = there
                                ? (new SliceCopy(storeName, read.Value, read.Sha256), bad)
                                : (null, $"names an object of {read.Value.Object.Size} bytes, which is not there");
                        }
                        else if (oldest is not null)
                        {
                            bad = "is nothing that capture writes";
                        }
                    }
                    catch (RefusalException e) when (e.Report.Kind == ErrorKinds.Integrity)
                    {
                        bad = e.Report.Message;
                    }
                    catch (ObjectMissingException)
                    {
                        // Deleted since it was listed.
                    }

                    lock (gate)
                    {
                        if (copy is not null)
                        {
                            shelf.Slices.Add(copy);
                        }

                        if (gap is not null && !(gap.Until <= from) && !(gap.After >= to))
                        {
                            shelf.Gaps.Add(gap);
                        }

                        if (bad is not null)
                        {
                            shelf.Problems.Add(new CatalogProblem(storeName, name, bad));
                        }
                    }
                });
        }
        catch (RefusalException e) when (e.Report.Kind is ErrorKinds.Unreachable or ErrorKinds.Plan)
        {
            return new Shelf(storeName) { Why = $"{e.Report.Message} {e.Report.Hint}".TrimEnd() };
        }
        catch (IOException e)
        {
            return new Shelf(storeName) { Why = $"Store '{storeName}' can't be read: {e.Message}" };
        }

        return shelf;
    }

    /// <summary>Up to where names will do: a day before the end of the newest slice at the latest, so that where capture stands is read.</summary>
    private static ClusterTime NamesBefore(ILookup<string, ObjectVersion> byName, string asset, ClusterTime readFrom)
    {
        var newest = byName.Select(v => ObjectNames.ParseSlice(v.Key, asset)?.To ?? default).DefaultIfEmpty().Max();
        var dayBefore = newest with { Seconds = newest.Seconds - (uint)Math.Min(newest.Seconds, TimeSpan.FromDays(1).TotalSeconds) };
        return dayBefore < readFrom ? dayBefore : readFrom;
    }

    private async Task<Signed<SliceManifest>> ReadManifestAsync(IObjectStore store, string asset, ObjectVersion version, CancellationToken cancellation)
    {
        var at = (store.Name, version.Name, version.Version, version.Size, version.ModifiedAt);
        if (_read.TryGetValue(at, out var known))
        {
            return known;
        }

        var bytes = await store.ReadWholeAsync(version.Name, cancellation, version.Version);
        var read = SignedDocument.Read<SliceManifest>(bytes, plan.Writer.PublicKeys, version.Name, m => m.ProblemUnder(version.Name, asset));
        if (_read.Count >= Remembered)
        {
            _read.Clear();
        }

        _read[at] = read;
        return read;
    }

    /// <summary>Everything of the days within the bounds, and of days before until a slice is found that begins at or before them.</summary>
    private static async Task<List<ObjectVersion>> ListVersionsAsync(
        IObjectStore store, string asset, ClusterTime? from, ClusterTime? to, CancellationToken cancellation)
    {
        var versions = new List<ObjectVersion>();
        if (from is not { } begin || DaysBetween(begin, to) is not { } days)
        {
            await foreach (var version in store.ListVersionsAsync(ObjectNames.Slices(asset), cancellation))
            {
                versions.Add(version);
            }

            return versions;
        }

        foreach (var day in days)
        {
            await AddAsync(day);
        }

        var first = days[0];
        for (var back = 1; back <= LongestSliceDays && !versions.Exists(v => ObjectNames.ParseSlice(v.Name, asset) is { } slice && slice.From <= begin); back++)
        {
            await AddAsync(first.AddDays(-back));
        }

        return versions;

        async Task AddAsync(DateOnly day)
        {
            await foreach (var version in store.ListVersionsAsync(ObjectNames.SlicesOf(asset, day), cancellation))
            {
                versions.Add(version);
            }
        }
    }

    /// <summary>Null where one list of everything is cheaper than one of each day, or where there is no end.</summary>
    private static List<DateOnly>? DaysBetween(ClusterTime from, ClusterTime? to)
    {
        if (to is not { } end)
        {
            return null;
        }

        var (first, last) = (ObjectNames.DayOf(from), ObjectNames.DayOf(end));
        return last.DayNumber - first.DayNumber is var days and >= 0 and <= LongestSliceDays && first.DayNumber > LongestSliceDays
            ? [.. Enumerable.Range(0, days + 1).Select(first.AddDays)]
            : null;
    }

    /// <summary>What one store holds of an asset.</summary>
    private sealed class Shelf(string store)
    {
        public string Store { get; } = store;
        public string? Why { get; init; }
        public List<SliceCopy> Slices { get; } = [];
        public List<(ClusterTime From, ClusterTime To)> Named { get; } = [];
        public List<GapRecord> Gaps { get; } = [];
        public List<CatalogProblem> Problems { get; } = [];
    }
}

/// <summary>The slices of one asset as all its stores together show them at one moment.</summary>
/// <param name="Slices">In order of time.</param>
/// <param name="Problems">Planted, altered or misplaced objects; none of them was used.</param>
/// <param name="Unknown">Stores that could not be read: what they hold is not known.</param>
public sealed record SliceView(
    string Asset, IReadOnlyList<CatalogSlice> Slices, IReadOnlyList<GapRecord> Gaps, IReadOnlyList<CatalogProblem> Problems,
    IReadOnlyList<UnknownStore> Unknown)
{
    /// <summary>Slices whose manifests were not read: by their names, in order of time. A missing one shows; a spoiled one does not, nor whether
    /// one goes on from the other by its entry. None of them is in <see cref="Slices"/>.</summary>
    public IReadOnlyList<NamedSlice> Named { get; init; } = [];

    /// <summary>Where each slice ends, read or named, and the stores that have it.</summary>
    public IEnumerable<(ClusterTime From, ClusterTime To, IEnumerable<string> Stores)> Bounds =>
        Named.Select(n => (n.From, n.To, n.Stores.AsEnumerable())).Concat(Slices.Select(s => (s.Manifest.From, s.Manifest.To, s.Stores)));

    public static SliceView None(string asset) => new(asset, [], [], [], []);

    public SliceChains Chains() => new(Slices.Select(s => s.Manifest));

    /// <summary>
    /// The stretches that slices cover without a gap, as far as the names alone can tell: of <see cref="Slices"/> by the entry that two share, of
    /// <see cref="Named"/>, and where one of these meets one of those, by the time that it ends and the other begins.
    /// </summary>
    public IReadOnlyList<SliceStretch> StretchesByName()
    {
        var chains = Chains();
        var read = chains.Stretches;
        if (Named.Count == 0)
            return read;
        var (ends, begins) = (Named.Select(n => n.To).ToHashSet(), Named.Select(n => n.From).ToHashSet());
        const int ByTime = -1;
        return SliceChains.Lay(
        [
            .. Named.Select(n => ((n.From, ByTime), (n.To, ByTime))),
            .. read.Select((s, i) => ((s.From, ends.Contains(s.From) ? ByTime : i), (s.To, begins.Contains(s.To) ? ByTime : i))),

            // One that lies within another stretch is none of its own, and can be what a named one goes on with.
            .. chains.Reaches.Where(s => ends.Contains(s.From)).Select((s, i) => ((s.From, ByTime), (s.To, read.Count + i))),
        ]);
    }

    /// <summary>As some of the stores show it.</summary>
    public SliceView In(Func<string, bool> takes) => this with
    {
        Slices = [.. Slices.Select(s => s with { Copies = [.. s.Copies.Where(c => takes(c.Store))] }).Where(s => s.Copies.Count > 0)],
    };

    /// <summary>The slice of a manifest of this view (one that <see cref="Chains"/> answered).</summary>
    public CatalogSlice Find(SliceManifest manifest) => Slices.First(s =>
        s.Manifest.From == manifest.From && s.Manifest.To == manifest.To
        && s.Manifest.FirstEntrySha256 == manifest.FirstEntrySha256 && s.Manifest.LastEntrySha256 == manifest.LastEntrySha256);
}

/// <summary>A slice of which only the names are known: of its object and of its manifest.</summary>
public sealed record NamedSlice(ClusterTime From, ClusterTime To, IReadOnlyList<string> Stores);

/// <summary>One slice and where it lies.</summary>
/// <param name="Copies">In the plan's order of stores. Their manifests need not be the same bytes: two attempts may have written one each while a
/// store was away.</param>
public sealed record CatalogSlice(SliceManifest Manifest, IReadOnlyList<SliceCopy> Copies)
{
    public IEnumerable<string> Stores => Copies.Select(c => c.Store);
}

/// <param name="Manifest">As that store has it.</param>
/// <param name="ManifestSha256">Lower-case hex, of all bytes of the manifest.</param>
public sealed record SliceCopy(string Store, SliceManifest Manifest, string ManifestSha256);
