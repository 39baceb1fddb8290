using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>How fast a load is beside plain inserts of the same documents into the same server (docs/restore.md, "Speed").</summary>
public sealed class LoadSpeed(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public async Task Load_and_plain_inserts_side_by_side()
    {
        // It measures and judges nothing: on a machine that does other work it says nothing either.
        Assert.SkipUnless(Environment.GetEnvironmentVariable("LUXHEDGE_FIGURES") == "1", "It only measures: say LUXHEDGE_FIGURES=1.");
        const int documents = 100_000;
        await using var rig = await RestoreRig.CreateAsync(a => a with { RangeBytes = 16 << 20, Lanes = 2 });
        await SampleData.FillAsync(rig.Source, "cars", documents, 600);
        await rig.BackUpAsync();
        var target = rig.NewTarget();
        using var cursor = await rig.Source.GetCollection<RawBsonDocument>("cars").FindAsync(FilterDefinition<RawBsonDocument>.Empty);
        var all = (await cursor.ToListAsync()).ConvertAll(d => new RawBsonDocument(d.ToBson()));
        var bytes = all.Sum(d => (double)d.Slice.Length);
        for (var round = 0; round < 3; round++)
        {
            var plain = rig.Target(target).GetCollection<RawBsonDocument>(
                $"plain{round}", new MongoCollectionSettings { AssignIdOnInsert = false, WriteConcern = WriteConcern.WMajority });
            var clock = Stopwatch.StartNew();
            await Parallel.ForEachAsync(
                all.Chunk(4_000), new ParallelOptions { MaxDegreeOfParallelism = 6 },
                async (batch, cancellation) => await plain.InsertManyAsync(batch, new InsertManyOptions { IsOrdered = false }, cancellation));
            var plainTime = clock.Elapsed;

            var work = await rig.StartAsync(rig.CreateRequest(rig.NewTarget()));
            await rig.Restore.PrepareAsync(work);
            clock.Restart();
            var loaded = await rig.LoadAsync(work);
            var loadTime = clock.Elapsed;
            await rig.Restore.CleanUpAsync(work, false);
            output.WriteLine($"{bytes / 1e6:0} MB: plain {bytes / 1e6 / plainTime.TotalSeconds:0.0} MB/s, load {bytes / 1e6 / loadTime.TotalSeconds:0.0} MB/s ({loaded.Sum(l => l.Documents)} documents)");
        }
    }
}
