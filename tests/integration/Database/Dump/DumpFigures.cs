using System.Diagnostics;
using LuxHedge.Activities.Database;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;

namespace LuxHedge.Tests.Integration.Database.Dump;

public sealed class DumpFigures(ITestOutputHelper output)
{
    /// <summary>How fast the lanes are beside reading the same documents raw and throwing them away. Figures, not a test.</summary>
    [Fact(Explicit = true)]
    public async Task Lanes_against_draining_raw()
    {
        // It measures and judges nothing: on a machine that does other work it says nothing either.
        Assert.SkipUnless(Environment.GetEnvironmentVariable("LUXHEDGE_FIGURES") == "1", "It only measures: say LUXHEDGE_FIGURES=1.");
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { Lanes = 2, RangeBytes = 32 << 20 });
        var random = new Random(1);
        for (var i = 0; i < 40; i++)
        {
            await rig.Source.GetCollection<BsonDocument>("transactions").InsertManyAsync(Enumerable.Range(i * 3000, 3000).Select(n => new BsonDocument
            {
                { "_id", n }, { "user", random.Next(10_000) }, { "amount", new Decimal128(random.Next() / 100m) }, { "at", DateTime.UtcNow.AddSeconds(-n) },
                { "currency", "EUR" }, { "status", "settled" }, { "reference", $"TX-{n:D10}" },
                { "legs", new BsonArray(Enumerable.Range(0, 6).Select(l => new BsonDocument { { "account", $"ACC{random.Next(5000)}" }, { "delta", random.NextDouble() }, { "note", "hedge leg of a position" } })) },
            }));
        }

        var start = await rig.Activities.MarkStartAsync(rig.Backup);
        var plan = await rig.Activities.PlanRangesAsync(rig.Backup, start);
        long bytes = 0;
        var clock = Stopwatch.StartNew();
        using (var session = await RawCursor.StartSessionAsync(rig.Client, CancellationToken.None))
        {
            await using var cursor = await RawCursor.OpenAsync(
                rig.Source, session, RangeReads.Find("transactions", null, null, false, false, null), CancellationToken.None);
            while (await cursor.NextAsync(CancellationToken.None) is { } batch)
            {
                using (batch)
                {
                    foreach (var document in batch)
                    {
                        bytes += document.Length;
                    }
                }
            }
        }

        Tell("drained raw on one connection", bytes, clock.Elapsed);
        foreach (var lanes in new[] { 1, 2 })
        {
            rig.NewContext();
            var mark = await rig.Activities.MarkStartAsync(rig.Backup);
            await rig.Activities.PlanRangesAsync(rig.Backup, mark);
            var allocated = GC.GetTotalAllocatedBytes();
            clock.Restart();
            var done = await Task.WhenAll(Enumerable.Range(0, lanes).Select(l => Task.Run(() => rig.Activities.DumpLaneAsync(new LaneWork(rig.Backup, l, 0, mark.Mark) { Lanes = lanes }))));
            Tell($"{lanes} lane(s), {plan.Ranges} ranges, {done.Sum(d => d.StoredBytes) / 1e6:0} MB stored, {(GC.GetTotalAllocatedBytes() - allocated) / 1e6:0} MB allocated", done.Sum(d => d.RawBytes), clock.Elapsed);
        }

        void Tell(string what, long count, TimeSpan took) => output.WriteLine($"{what}: {count / 1e6:0} MB in {took.TotalSeconds:0.0} s, {count / 1e6 / took.TotalSeconds:0} MB/s");
    }
}
