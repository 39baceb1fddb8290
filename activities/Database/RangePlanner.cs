using LuxHedge.Workflows;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Activities.Database;

/// <summary>Cuts collections into ranges of <c>_id</c>, and shares them out among lanes.</summary>
internal sealed class RangePlanner(IMongoDatabase database, long rangeBytes, ClusterTime after)
{
    /// <summary>Sampled <c>_id</c>s for each range: enough that no range is much larger than meant.</summary>
    private const int SamplesPerRange = 20;

    /// <summary>Of one collection: more would make the lists large without making anything faster.</summary>
    private const int MaxRanges = 10_000;

    /// <param name="first">Number of the first range.</param>
    public async Task<IReadOnlyList<PlannedRange>> CutAsync(PlannedCollection collection, int first, CancellationToken cancellation)
    {
        if (collection.Type == "view")
        {
            return [];
        }

        var (at, byHint) = await BoundsAsync(collection, cancellation);
        return Between(collection, first, at, byHint);
    }

    /// <summary>From open end to open end, each beginning where the one before ends.</summary>
    internal static IReadOnlyList<PlannedRange> Between(PlannedCollection collection, int first, IReadOnlyList<string> at, bool byHint) =>
    [
        .. Enumerable.Range(0, at.Count + 1).Select(i => new PlannedRange(
            first + i, collection.Name, collection.Uuid!, i == 0 ? null : at[i - 1], i == at.Count ? null : at[i], byHint)),
    ];

    /// <summary>So many ranges of about the same number of documents: fewer where the sample has not as many different <c>_id</c>s.</summary>
    /// <param name="sampled">In the server's order, without repetitions.</param>
    /// <param name="least">Of the whole collection: a range that began with it would leave an empty one before it.</param>
    internal static IReadOnlyList<string> Quantiles(IReadOnlyList<string> sampled, int wanted, string least)
    {
        var at = new List<string>(Math.Max(0, wanted - 1));
        for (var i = 1; i < wanted && sampled.Count > 0; i++)
        {
            var id = sampled[(int)((long)i * sampled.Count / wanted)];
            if (id != least && (at.Count == 0 || at[^1] != id))
            {
                at.Add(id);
            }
        }

        return at;
    }

    /// <summary>
    /// Greedily: the largest range goes to the lane that has least, and each lane reads its largest first. What takes longest is not what
    /// is begun last, and of what a kill loses the large part is behind it early.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<int>> Assign(
        IReadOnlyList<PlannedCollection> collections, IReadOnlyList<PlannedRange> ranges, int lanes)
    {
        var cuts = ranges.GroupBy(r => r.Uuid, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        var sizes = collections.Where(c => c.Uuid is not null)
            .ToDictionary(c => c.Uuid!, c => c.EstimatedBytes / Math.Max(1, cuts.GetValueOrDefault(c.Uuid!)), StringComparer.Ordinal);
        var assigned = Enumerable.Range(0, Math.Max(1, Math.Min(lanes, ranges.Count))).Select(_ => new List<int>()).ToList();
        var load = new long[assigned.Count];
        foreach (var range in ranges.OrderByDescending(r => sizes[r.Uuid]).ThenBy(r => r.Number))
        {
            var lane = Array.IndexOf(load, load.Min());
            assigned[lane].Add(range.Number);
            load[lane] += Math.Max(1, sizes[range.Uuid]);
        }

        return assigned;
    }

    /// <summary>
    /// Numbers compare with numbers and strings with strings: a filter on <c>_id</c> sees only its bound's own bracket. NaN is in no order with
    /// other numbers for a filter, so it is a bracket of its own.
    /// </summary>
    public static int BracketOf(BsonValue id) => id switch
    {
        BsonDouble { Value: double.NaN } => -1,
        BsonDecimal128 { Value: var value } when Decimal128.IsNaN(value) => -1,
        BsonInt32 or BsonInt64 or BsonDouble or BsonDecimal128 => 1,
        BsonString or BsonSymbol => 2,
        _ => 16 + (int)id.BsonType,
    };

    private async Task<(IReadOnlyList<string> At, bool ByHint)> BoundsAsync(PlannedCollection collection, CancellationToken cancellation)
    {
        var options = ExtendedJson.Parse(collection.Options);
        var wanted = (int)Math.Min(MaxRanges, collection.EstimatedBytes / Math.Max(1, rangeBytes) + (collection.EstimatedBytes % Math.Max(1, rangeBytes) > 0 ? 1 : 0));
        if (wanted < 2 || collection.Type != "collection" || options.GetValue("capped", false).ToBoolean() || options.Contains("clusteredIndex"))
        {
            return ([], false);
        }

        if (await EndAsync(collection.Name, 1, cancellation) is not { } least || await EndAsync(collection.Name, -1, cancellation) is not { } greatest)
        {
            return ([], false);
        }

        var byHint = BracketOf(least) < 0 || BracketOf(greatest) < 0 || BracketOf(least) != BracketOf(greatest);
        var sampled = await SampleAsync(collection, wanted, cancellation);
        return (await InOrderAsync(collection.Name, Quantiles(sampled, wanted, ExtendedJson.Write(new BsonDocument("_id", least))), cancellation), byHint);
    }

    /// <summary>
    /// The bounds as the index has them: between two in another order lies nothing, and what should lie there would be lost. (SecantusDB sorts
    /// binary <c>_id</c>s of several lengths otherwise than its index does.) One that is deleted by now is no bound.
    /// </summary>
    private async Task<IReadOnlyList<string>> InOrderAsync(string name, IReadOnlyList<string> at, CancellationToken cancellation)
    {
        if (at.Count < 2)
        {
            return at;
        }

        var find = new FindOptions<BsonDocument> { Hint = new BsonDocument("_id", 1), Sort = new BsonDocument("_id", 1), Projection = new BsonDocument("_id", 1) };
        using var cursor = await database.GetCollection<BsonDocument>(name).FindAsync(
            new BsonDocument("_id", new BsonDocument("$in", new BsonArray(at.Select(bound => ExtendedJson.Parse(bound)["_id"])))), find, cancellation);
        return [.. (await cursor.ToListAsync(cancellation)).Select(found => ExtendedJson.Write(new BsonDocument("_id", found["_id"])))];
    }

    private async Task<BsonValue?> EndAsync(string name, int direction, CancellationToken cancellation)
    {
        var reply = await database.RunCommandAsync<BsonDocument>(
            new BsonDocument
            {
                { "find", name }, { "sort", new BsonDocument("_id", direction) }, { "limit", 1 }, { "projection", new BsonDocument("_id", 1) },
                { "hint", new BsonDocument("_id", 1) }, { "readConcern", RangeReads.Majority(after) },
            },
            ReadPreference.Primary, cancellation);
        return reply["cursor"]["firstBatch"].AsBsonArray is [BsonDocument first] ? first["_id"] : null;
    }

    /// <summary>Sampled <c>{"_id": …}</c> in the server's order (its collation, its comparison of types), without repetitions.</summary>
    private async Task<IReadOnlyList<string>> SampleAsync(PlannedCollection collection, int ranges, CancellationToken cancellation)
    {
        // Below a twentieth of the collection mongod walks a random cursor; above it reads everything.
        var size = Math.Max(ranges * 2L, Math.Min((long)ranges * SamplesPerRange, collection.EstimatedDocuments / 20));
        var pipeline = PipelineDefinition<BsonDocument, BsonDocument>.Create(
            new BsonDocument("$sample", new BsonDocument("size", size)),
            new BsonDocument("$project", new BsonDocument("_id", 1)),
            new BsonDocument("$sort", new BsonDocument("_id", 1)));
        using var cursor = await database.GetCollection<BsonDocument>(collection.Name)
            .AggregateAsync(pipeline, new AggregateOptions { AllowDiskUse = true }, cancellation);
        var ids = new List<string>();
        foreach (var document in await cursor.ToListAsync(cancellation))
        {
            var id = ExtendedJson.Write(new BsonDocument("_id", document["_id"]));
            if (ids.Count == 0 || ids[^1] != id)
            {
                ids.Add(id);
            }
        }

        return ids;
    }
}
