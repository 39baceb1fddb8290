using LuxHedge.Activities;
using LuxHedge.Activities.Database;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Backup;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Dump;

public sealed class DumpTests
{
    [Fact]
    public async Task A_quiet_database_comes_back_byte_for_byte()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 400_000 });
        await FillAsync(rig.Source, "cars", 3000, 400);
        await FillAsync(rig.Source, "users", 500, 100);

        var run = await rig.RunAsync();

        Assert.True(run.Plan.Ranges > 3);
        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        Assert.Equal(3501, reader.Manifest.Documents); // and the canary
        Assert.Empty(run.Seal.WithoutWitness);
        await AssertVerifiedAsync(rig);
    }

    [Fact]
    public async Task Every_kind_of_collection_and_odd_names_come_back()
    {
        await using var rig = await DumpRig.CreateAsync();
        var db = rig.Source;
        await db.CreateCollectionAsync("capped", new CreateCollectionOptions { Capped = true, MaxSize = 1 << 20, MaxDocuments = 50 });
        await FillAsync(db, "capped", 80, 20);
        await db.CreateCollectionAsync("collated", new CreateCollectionOptions { Collation = new Collation("en", strength: CollationStrength.Secondary) });
        await db.GetCollection<BsonDocument>("collated").InsertManyAsync([new("_id", "abc"), new("_id", "ABd")]);
        await db.CreateCollectionAsync("clustered", new CreateCollectionOptions<BsonDocument>
        {
            ClusteredIndex = new ClusteredIndexOptions<BsonDocument> { Key = new BsonDocument("_id", 1), Unique = true },
        });
        await FillAsync(db, "clustered", 20, 20);
        await db.CreateCollectionAsync("readings", new CreateCollectionOptions { TimeSeriesOptions = new TimeSeriesOptions("t", "m") });
        await db.GetCollection<BsonDocument>("readings").InsertManyAsync(
            Enumerable.Range(0, 10).Select(i => new BsonDocument { { "t", DateTime.UtcNow }, { "m", i % 2 }, { "v", i } }));
        await db.CreateCollectionAsync("empty");
        await db.CreateViewAsync<BsonDocument, BsonDocument>("some", "clustered", new EmptyPipelineDefinition<BsonDocument>().Match(new BsonDocument("n", 1)));
        string[] odd = ["we/ird %41 ü+.x", "a b", "a..b", "percent%2F", "ключ"];
        foreach (var name in odd)
        {
            await db.GetCollection<BsonDocument>(name).InsertOneAsync(new BsonDocument { { "_id", name }, { "a.b", 1 }, { "c", new BsonDocument("$d.e", 2) } });
        }

        await db.GetCollection<BsonDocument>("system.js").InsertOneAsync(new BsonDocument { { "_id", "f" }, { "value", new BsonJavaScript("x") } });
        await db.GetCollection<BsonDocument>("mixed").InsertManyAsync(
            [new("_id", 1), new("_id", "one"), new("_id", BsonNull.Value), new("_id", double.NaN), new("_id", true), new("_id", new BsonDocument("a", 1))]);
        await db.GetCollection<BsonDocument>("clustered").Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>(
            new BsonDocument("n", -1), new CreateIndexOptions<BsonDocument> { Unique = true, PartialFilterExpression = new BsonDocument("n", new BsonDocument("$gt", 1000)) }));

        await rig.RunAsync();

        using var reader = await rig.OpenAsync();
        var replayed = await ReplayedBackup.ReadAsync(reader, withOplog: false);
        Assert.Equal(await rig.SourceStateAsync(rig.IsMongod ? ["readings"] : []), replayed.State.Where(c => !rig.IsMongod || c.Key != "readings").ToDictionary());
        var held = reader.Index.Collections.Select(c => c.Collection).ToDictionary(c => c.Name);
        foreach (var name in odd)
        {
            Assert.Contains(name, held.Keys);
        }

        Assert.Equal("view", held["some"].Type);
        Assert.Null(held["some"].Uuid);
        Assert.Equal("timeseries", held["readings"].Type);
        Assert.Contains("\"capped\" : true", held["capped"].Options, StringComparison.Ordinal);
        Assert.Contains(held["clustered"].Indexes, i => i.Contains("partialFilterExpression", StringComparison.Ordinal));
        Assert.DoesNotContain(held.Keys, n => n.StartsWith("system.buckets", StringComparison.Ordinal));
        Assert.All(reader.Index.Witness.Collections, w => Assert.Null(w.Missing));
        await AssertVerifiedAsync(rig);
    }

    [Fact]
    public async Task Mixed_types_of_id_are_cut_without_losing_any()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 100_000, Lanes = 3 });
        var padding = new string('x', 400);
        await rig.Source.GetCollection<BsonDocument>("mixed").InsertManyAsync(Enumerable.Range(0, 1500).Select(i => new BsonDocument
        {
            { "_id", (i % 4) switch { 0 => (BsonValue)i, 1 => $"id{i}", 2 => new BsonDocument("n", i), _ => i + 0.5 } }, { "p", padding },
        }));

        await rig.RunAsync();

        using var reader = await rig.OpenAsync();
        var collection = reader.Index.Collections.Single(c => c.Collection.Name == "mixed");
        Assert.True(collection.Ranges.Count > 2);
        Assert.All(collection.Ranges, r => Assert.True(r.ByHint));
        Assert.Equal(1500, collection.Documents);
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
    }

    [Fact(Explicit = true)]
    public async Task An_empty_database_and_a_document_of_16_MiB_can_be_backed_up()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { Canary = false });
        await rig.RunAsync();
        using (var empty = await rig.OpenAsync())
        {
            Assert.Empty(empty.Index.Collections);
            Assert.Equal(0, empty.Manifest.Documents);
        }

        await AssertVerifiedAsync(rig);
        var largest = new BsonDocument { { "_id", 1 }, { "p", new byte[(16 << 20) - 100] } };
        await rig.Source.GetCollection<BsonDocument>("large").InsertOneAsync(largest);
        rig.NewContext();
        await rig.RunAsync(afterPlan: () => rig.Source.GetCollection<BsonDocument>("large").InsertOneAsync(largest.DeepClone().AsBsonDocument.Set("_id", 2)));

        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
    }

    [Fact]
    public async Task What_is_written_during_the_dump_is_in_it_up_to_the_end_mark()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 200_000, Lanes = 2 });
        await FillAsync(rig.Source, "positions", 4000, 300);
        await using var writers = new Writers(rig.Source);
        writers.Start();
        await writers.ReachAsync(50);

        var read = 0;
        rig.Activities = rig.CreateActivities(rangeRead: async _ => await writers.ReachAsync(writers.Count + Interlocked.Increment(ref read)));
        long acknowledged = 0;
        await rig.RunAsync(
            beforeEnd: () =>
            {
                acknowledged = writers.Acknowledged;
                return Task.CompletedTask;
            },
            afterEnd: writers.StopAsync);

        using var reader = await rig.OpenAsync();
        var replayed = await ReplayedBackup.ReadAsync(reader);
        writers.AssertBounds(replayed, acknowledged);

        // Without the oplog it is a fuzzy copy, and the same check says so.
        var fuzzy = await ReplayedBackup.ReadAsync(reader, withOplog: false);
        Assert.ThrowsAny<Exception>(() => writers.AssertBounds(fuzzy, acknowledged));
        await AssertVerifiedAsync(rig);
    }

    [Fact]
    public async Task What_is_written_until_just_before_the_end_mark_comes_back_whole()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 200_000, Lanes = 2 });
        await FillAsync(rig.Source, "positions", 2000, 300);
        await using var writers = new Writers(rig.Source);
        writers.Start();
        await writers.ReachAsync(20);

        await rig.RunAsync(beforeEnd: writers.StopAsync);

        using var reader = await rig.OpenAsync();
        var replayed = await ReplayedBackup.ReadAsync(reader);
        Assert.Equal(await rig.SourceStateAsync(), replayed.State);
        Assert.All(reader.Index.Witness.Collections, w =>
        {
            Assert.Null(w.Missing);
            if (w.Shares is [{ Min: null, Max: null } whole])
            {
                Assert.Equal($"{whole.Documents} {whole.Hash}", w.Collection == Marks.CanaryCollection ? $"{whole.Documents} {whole.Hash}" : replayed.State[w.Collection]);
            }
        });
    }

    [Fact]
    public async Task A_lane_that_was_killed_goes_on_after_its_last_whole_range()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 200_000, Lanes = 1 });
        await FillAsync(rig.Source, "positions", 4000, 300);
        var start = await rig.Activities.MarkStartAsync(rig.Backup);
        var plan = await rig.Activities.PlanRangesAsync(rig.Backup, start);
        var work = new LaneWork(rig.Backup, 0, 0, start.Mark);
        var count = 0;
        rig.Activities = rig.CreateActivities(rangeRead: _ => ++count == 3 ? throw new IOException("killed") : Task.CompletedTask);

        await Assert.ThrowsAsync<IOException>(() => rig.Activities.DumpLaneAsync(work));

        Assert.DoesNotContain(await rig.ObjectsAsync(), o => o.Contains("/packs/", StringComparison.Ordinal));
        var read = new List<int>();
        rig.Activities = rig.CreateActivities(rangeRead: n =>
        {
            read.Add(n);
            return Task.CompletedTask;
        });
        var first = await rig.Activities.DumpLaneAsync(work);
        Assert.Equal(plan.Ranges, read.Count);

        // Again with everything there: nothing is read, the answer is the same.
        read.Clear();
        var second = await rig.Activities.DumpLaneAsync(work);
        Assert.Empty(read);
        Assert.Equal(first with { NewestOperationTime = default, Unreadable = [] }, second with { NewestOperationTime = default, Unreadable = [] });
    }

    [Fact(Explicit = true)]
    public async Task A_lane_killed_after_some_packs_loses_at_most_the_one_under_way()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 200_000, Lanes = 1 });
        await FillAsync(rig.Source, "positions", 4000, 300);
        var start = await rig.Activities.MarkStartAsync(rig.Backup);
        var plan = await rig.Activities.PlanRangesAsync(rig.Backup, start);
        var work = new LaneWork(rig.Backup, 0, 0, start.Mark);
        var clock = new MinutesOfReading();
        var read = new List<int>();
        rig.Activities = rig.CreateActivities(
            async n =>
            {
                // Four minutes a range: a pack ends with every other one.
                read.Add(n);
                clock.Minutes += 4;
                if (read.Count == 6)
                {
                    while (await PacksAsync() < 2)
                    {
                        await Task.Yield(); // what was read is still on its way
                    }

                    throw new IOException("killed");
                }
            },
            time: clock);
        await Assert.ThrowsAsync<IOException>(() => rig.Activities.DumpLaneAsync(work));
        var packs = await PacksAsync();
        var before = read.ToList();

        read.Clear();
        rig.Activities = rig.CreateActivities(rangeRead: n =>
        {
            read.Add(n);
            return Task.CompletedTask;
        });
        var result = await rig.Activities.DumpLaneAsync(work);

        Assert.InRange(packs, 2, 3);
        Assert.Equal(plan.Ranges, result.Ranges);
        Assert.Equal(4000, result.Documents);
        // Of the pack under way, and of the two buffers that were read ahead of it.
        Assert.InRange(before.Intersect(read).Count(), 0, 3);
        Assert.Empty(before.Take(3).Intersect(read));

        async Task<int> PacksAsync() => (await rig.ObjectsAsync()).Count(o => o.Contains("/packs/0-", StringComparison.Ordinal));
    }

    /// <summary>A clock that stands still between ranges.</summary>
    private sealed class MinutesOfReading : TimeProvider
    {
        public int Minutes { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Minutes * 60L;
    }

    [Fact]
    public async Task Two_attempts_at_every_lane_make_one_backup_of_it()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 200_000, Lanes = 2 });
        await FillAsync(rig.Source, "positions", 3000, 300);
        var start = await rig.Activities.MarkStartAsync(rig.Backup);
        var plan = await rig.Activities.PlanRangesAsync(rig.Backup, start);
        var tail = new OplogTail(rig.Backup, start);
        var tails = new[] { Task.Run(() => rig.Activities.TailOplogAsync(tail)), Task.Run(() => rig.Activities.TailOplogAsync(tail)) };
        await Task.WhenAll(rig.LanesAsync(start, 0, plan.Lanes), rig.LanesAsync(start, 0, plan.Lanes));
        var end = await rig.Activities.MarkEndAsync(rig.Backup, start.Mark);
        rig.SetEnd(end.Mark);
        await Task.WhenAll(tails);
        var work = new SealWork(rig.Backup, start, end, false);

        var seals = await Task.WhenAll(Task.Run(() => rig.Activities.SealAsync(work)), Task.Run(() => rig.Activities.SealAsync(work)));

        Assert.Equal(seals[0].ManifestSha256, seals[1].ManifestSha256);
        Assert.Equal(seals[0].ManifestSha256, (await rig.Activities.SealAsync(work)).ManifestSha256);
        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        Assert.Equal(
            reader.Objects.Objects.Select(o => o.Name).Append(reader.Manifest.Objects.Name).Append($"{rig.Asset.Name}/backups/{rig.Backup.BackupId}/manifest.json")
                .Order(StringComparer.Ordinal),
            await rig.ObjectsAsync());

        // A tail or a lane that wakes now adds nothing.
        var late = await Assert.ThrowsAsync<RefusalException>(() => rig.Activities.DumpLaneAsync(new LaneWork(rig.Backup, 0, 0, start.Mark) { Lanes = plan.Lanes }));
        Assert.Equal(ErrorKinds.Fenced, late.Report.Kind);
        await AssertVerifiedAsync(rig);
    }

    [Fact]
    public async Task Collections_replaced_renamed_and_dropped_during_the_dump_come_back_as_they_are_at_the_end_mark()
    {
        await using var rig = await DumpRig.CreateAsync();
        var db = rig.Source;
        foreach (var name in new[] { "out", "renamed", "dropped", "recreated", "kept", "late" })
        {
            await FillAsync(db, name, 50, 50);
        }

        var run = await rig.RunAsync(
            afterPlan: async () =>
            {
                await OutAsync(db, "kept", "out", 10);
                await db.DropCollectionAsync("dropped");
            },
            afterLanes: async () =>
            {
                await db.RenameCollectionAsync("renamed", "renamed2");
                await db.DropCollectionAsync("recreated");
                await FillAsync(db, "recreated", 7, 10);
            },
            beforeEnd: async () =>
            {
                await OutAsync(db, "kept", "late", 20);
                await FillAsync(db, "new", 3, 10);
            });

        Assert.Equal(["dropped", "out", "recreated", "renamed2"], run.Changed.Names.Except(["renamed"]).Order(StringComparer.Ordinal));
        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        await AssertVerifiedAsync(rig);
    }

    [Fact]
    public async Task A_large_collection_that_is_dumped_again_is_cut_into_ranges_for_all_lanes()
    {
        await using var rig = await DumpRig.CreateAsync(asset: a => a with { RangeBytes = 20_000, Lanes = 3 });
        await FillAsync(rig.Source, "kept", 1_000, 100);
        await FillAsync(rig.Source, "out", 5, 100);

        var run = await rig.RunAsync(afterLanes: () => OutAsync(rig.Source, "kept", "out", 900));

        Assert.Equal(["out"], run.Changed.Names);
        Assert.True(run.Changed.Ranges > 3, $"{run.Changed.Ranges} ranges");
        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        await AssertVerifiedAsync(rig);
    }

    [Fact]
    public async Task A_collection_that_changes_twice_fails_the_backup_by_name()
    {
        await using var rig = await DumpRig.CreateAsync();
        await FillAsync(rig.Source, "kept", 50, 50);
        await FillAsync(rig.Source, "out", 50, 50);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => rig.RunAsync(
            afterLanes: () => OutAsync(rig.Source, "kept", "out", 10), afterAgain: () => OutAsync(rig.Source, "kept", "out", 11)));

        Assert.Equal(ErrorKinds.Backup, refusal.Report.Kind);
        Assert.Contains("out", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("kept", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Named_collections_are_backed_up_alone()
    {
        await using var rig = await DumpRig.CreateAsync();
        await FillAsync(rig.Source, "users", 30, 50);
        await FillAsync(rig.Source, "cars", 30, 50);
        rig.NewContext(["users"]);

        await rig.RunAsync(afterPlan: () => FillAsync(rig.Source, "cars", 5, 5, from: 100));

        using var reader = await rig.OpenAsync();
        Assert.Equal(["users"], reader.Index.Collections.Select(c => c.Collection.Name));
        Assert.Equal(["users"], reader.Manifest.OnlyCollections);
        Assert.Equal(await rig.SourceStateAsync("cars"), (await ReplayedBackup.ReadAsync(reader)).State);
        await AssertVerifiedAsync(rig);
    }

    [Fact]
    public async Task An_oplog_that_rolled_over_fails_the_backup()
    {
        await using var server = await MongoServer.StartOwnAsync(new Worker.Sandbox.Servers.MongoDbOptions(OplogEntries: 300, CacheMegabytes: 128));
        Assert.SkipWhen(server.IsMongod, "mongod's oplog can't be made that small");
        await using var rig = await DumpRig.CreateAsync(server);
        await FillAsync(rig.Source, "users", 100, 50);
        var start = await rig.Activities.MarkStartAsync(rig.Backup);
        for (var i = 1; i <= 20; i++)
        {
            await FillAsync(rig.Source, "users", 100, 10, from: i * 100);
        }

        rig.SetEnd(start.Mark);
        var refusal = await Assert.ThrowsAsync<RefusalException>(() => rig.Activities.TailOplogAsync(new OplogTail(rig.Backup, start)));

        Assert.Equal(ErrorKinds.Backup, refusal.Report.Kind);
        Assert.Contains("gap", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_to_S3_reads_back()
    {
        var s3 = await S3Server.SharedAsync();
        await using var rig = await DumpRig.CreateAsync(
            change: p => p with { S3 = s3.Server, S3Prefix = S3Server.NewPrefix() }, asset: a => a with { RangeBytes = 500_000 });
        await FillAsync(rig.Source, "cars", 3000, 600);

        await rig.RunAsync(afterPlan: () => FillAsync(rig.Source, "cars", 200, 50, from: 10_000));

        Assert.Equal("s3", rig.Store.Name);
        using var reader = await rig.OpenAsync();
        Assert.Equal(await rig.SourceStateAsync(), (await ReplayedBackup.ReadAsync(reader)).State);
        await AssertVerifiedAsync(rig);
    }

    internal static async Task FillAsync(IMongoDatabase database, string collection, int count, int padding, int from = 0)
    {
        var random = new Random(collection.Length);
        await database.GetCollection<BsonDocument>(collection).InsertManyAsync(Enumerable.Range(from, count).Select(i =>
        {
            var bytes = new byte[padding];
            random.NextBytes(bytes);
            return new BsonDocument { { "_id", i }, { "n", i * 7 }, { "d", new Decimal128(i) }, { "p", bytes } };
        }));
    }

    private static async Task OutAsync(IMongoDatabase database, string from, string to, int count) =>
        await database.RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "aggregate", from }, { "pipeline", new BsonArray { new BsonDocument("$limit", count), new BsonDocument("$out", to) } }, { "cursor", new BsonDocument() },
        });

    internal static async Task AssertVerifiedAsync(DumpRig rig)
    {
        var verified = await rig.VerifyAsync();
        Assert.Empty(verified.Problems);
        Assert.Equal(Verdict.Proven, verified.Verdict);
    }
}
