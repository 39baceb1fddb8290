using LuxHedge.Activities.Database;
using LuxHedge.Tests.Support;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Dump;

public sealed class RangePlannerTests
{
    private static readonly Func<Random, BsonValue>[] Kinds =
    [
        r => r.Next(-5000, 5000),
        r => r.NextInt64(),
        r => (r.NextDouble() - 0.5) * 1e6,
        r => new BsonDecimal128(new Decimal128((decimal)r.NextDouble())),
        r => $"{(char)r.Next('A', 'z')}{r.Next(100_000)}",
        r =>
        {
            var bytes = new byte[12];
            r.NextBytes(bytes);
            return new ObjectId(bytes);
        },
        r => new BsonDateTime(r.NextInt64(-(1L << 40), 1L << 40)),
        r => new BsonBinaryData(Guid.NewGuid().ToByteArray()[..r.Next(4, 16)]),
        r => new BsonDocument { { "a", r.Next(50) }, { "b", r.Next(1000) } },
        r => r.Next(2) == 0,
        _ => BsonNull.Value,
        _ => double.NaN,
        _ => BsonMinKey.Value,
        _ => BsonMaxKey.Value,
    ];

    [Fact]
    public async Task Whatever_its_ids_are_every_document_is_in_exactly_one_range()
    {
        var server = await MongoServer.SharedAsync();
        await using var test = server.CreateDatabase("ranges");
        for (var seed = 0; seed < 6; seed++)
        {
            var random = new Random(seed);
            var kinds = Enumerable.Range(0, seed % 5 == 0 ? 1 : random.Next(2, 5)).Select(_ => Kinds[random.Next(Kinds.Length)]).ToArray();
            var collection = test.Database.GetCollection<BsonDocument>($"c{seed}");
            await InsertAsync(collection, Enumerable.Range(0, 200).Select(_ => kinds[random.Next(kinds.Length)](random)));
            var planned = (await CollectionListing.ReadAsync(test.Database, [$"c{seed}"], ListingDetail.Sizes, default)).Collections.Single();
            var after = await Marks.MajorityAsync(server.Client, default);

            // Some ranges, and nearly as many as there are documents.
            foreach (var bytes in new[] { planned.EstimatedBytes / 7, planned.EstimatedBytes / 100 })
            {
                var ranges = await new RangePlanner(test.Database, Math.Max(1, bytes), after).CutAsync(planned, 3, default);
                var found = new List<string>();
                using var session = await RawCursor.StartSessionAsync(server.Client, default);
                foreach (var range in ranges)
                {
                    var find = RangeReads.Find(planned.Name, range.Min, range.Max, range.ByHint, rawData: false, RangeReads.Majority(after));
                    await using var cursor = await RawCursor.OpenAsync(test.Database, session, find, default);
                    while (await cursor.NextAsync(default) is { } batch)
                    {
                        using (batch)
                        {
                            foreach (var document in batch)
                                found.Add(Convert.ToHexString(document.Span));
                        }
                    }
                }

                using var all = await test.Database.GetCollection<RawBsonDocument>(planned.Name).FindAsync(FilterDefinition<RawBsonDocument>.Empty);
                var there = (await all.ToListAsync()).Select(d => Convert.ToHexString(d.ToBson())).Order(StringComparer.Ordinal);
                Assert.Equal(there, found.Order(StringComparer.Ordinal));
                Assert.Equal(Enumerable.Range(3, ranges.Count), ranges.Select(r => r.Number));
            }
        }
    }

    [Fact]
    public async Task Capped_clustered_and_small_collections_and_time_series_go_whole_and_others_by_their_size()
    {
        var server = await MongoServer.SharedAsync();
        await using var test = server.CreateDatabase("ranges");
        var db = test.Database;
        await db.CreateCollectionAsync("capped", new CreateCollectionOptions { Capped = true, MaxSize = 1 << 22 });
        await db.CreateCollectionAsync("clustered", new CreateCollectionOptions<BsonDocument>
        {
            ClusteredIndex = new ClusteredIndexOptions<BsonDocument> { Key = new BsonDocument("_id", 1), Unique = true },
        });
        await db.CreateCollectionAsync("series", new CreateCollectionOptions { TimeSeriesOptions = new TimeSeriesOptions("t", "m") });
        await db.GetCollection<BsonDocument>("series").InsertManyAsync(
            Enumerable.Range(0, 300).Select(i => new BsonDocument { { "t", new DateTime(2026, 1, 1, 0, 0, i % 60, DateTimeKind.Utc) }, { "m", i }, { "p", new byte[300] } }));
        foreach (var name in (string[])["capped", "clustered", "large"])
            await DumpTests.FillAsync(db, name, 600, 400);
        await DumpTests.FillAsync(db, "small", 20, 40);
        await db.CreateCollectionAsync("empty");
        var listing = await CollectionListing.ReadAsync(db, null, ListingDetail.Sizes, default);
        var planner = new RangePlanner(db, 40_000, await Marks.MajorityAsync(server.Client, default));

        var counts = new Dictionary<string, int>();
        foreach (var collection in listing.Collections)
            counts[collection.Name] = (await planner.CutAsync(collection, 0, default)).Count;

        Assert.All((string[])["capped", "clustered", "series", "small", "empty"], name => Assert.Equal(1, counts[name]));
        Assert.InRange(counts["large"], 4, 10);
    }

    private static async Task InsertAsync(IMongoCollection<BsonDocument> collection, IEnumerable<BsonValue> ids)
    {
        var seen = new HashSet<BsonValue>();
        try
        {
            await collection.InsertManyAsync(
                ids.Where(seen.Add).Select(id => new BsonDocument { { "_id", id }, { "p", new byte[100] } }), new InsertManyOptions { IsOrdered = false });
        }
        catch (MongoBulkWriteException<BsonDocument> e) when (e.WriteErrors.All(w => w.Code == 11000))
        {
            // 1 and 1.0 are one _id.
        }
    }
}
