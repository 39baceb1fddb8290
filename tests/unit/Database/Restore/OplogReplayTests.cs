using LuxHedge.Activities;
using LuxHedge.Activities.Database.Restore;
using LuxHedge.Workflows;
using MongoDB.Bson;
using static LuxHedge.Tests.Unit.Database.Restore.OplogBuilder;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class OplogReplayTests
{
    private readonly OplogBuilder oplog = new();

    [Fact]
    public async Task A_transaction_is_applied_at_its_commit_in_the_order_of_its_chain()
    {
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 1))], new("partialTxn", true)), null));
        oplog.Add(Insert(1, new() { { "_id", 2 }, { "by", "another" } }));
        oplog.Add(Follows(ApplyOps([Update(1, 1, new() { { "$v", 2 }, { "diff", new BsonDocument("i", new BsonDocument("a", 1)) } })], new("count", 2)), 1));

        var (state, target) = await RunAsync();

        Assert.Equal(["{_id: 1, a: 1}", "{_id: 2, by: 'another'}"], Texts(target));
        Assert.Equal(2, state.Entries);
    }

    [Fact]
    public async Task A_transaction_that_is_aborted_or_never_committed_leaves_nothing()
    {
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 1))], new("prepare", true)), null));
        oplog.Add(Follows(Command(new("abortTransaction", 1), database: "admin"), 1));
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 2))], new("partialTxn", true)), null));

        var (_, target) = await RunAsync();

        Assert.Empty(Texts(target));
    }

    [Fact]
    public async Task A_prepared_transaction_is_applied_at_its_commit()
    {
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 1))], new("partialTxn", true)), null));
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 2))], new("prepare", true)), 1));
        oplog.Add(Delete(1, 1));
        oplog.Add(Follows(Command(new("commitTransaction", 1), database: "admin"), 2));

        var (_, target) = await RunAsync();

        Assert.Equal(["{_id: 1}", "{_id: 2}"], Texts(target));
    }

    [Fact]
    public async Task A_transaction_open_at_the_start_mark_takes_its_beginning_from_the_earlier_entries()
    {
        var earlier = Follows(ApplyOps([Insert(1, new("_id", 1))], new("partialTxn", true)), null);
        earlier["ts"] = At(0);
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 2))], new("count", 2)), 0));

        var (_, target) = await RunAsync(earlier: [earlier]);

        Assert.Equal(["{_id: 1}", "{_id: 2}"], Texts(target));
    }

    [Fact]
    public async Task A_transaction_whose_beginning_is_missing_stops_the_replay()
    {
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 2))], new("count", 2)), 0));

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => RunAsync());

        Assert.Contains("transaction whose beginning", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorKinds.Restore, refusal.Report.Kind);
    }

    [Fact]
    public async Task A_vectored_insert_is_no_transaction_whatever_it_follows()
    {
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 1)), Insert(1, new("_id", 2))]).Add("multiOpType", 1), 77));

        var (_, target) = await RunAsync();

        Assert.Equal(2, Texts(target).Count);
    }

    [Fact]
    public async Task Batched_deletions_without_a_session_are_chained_too()
    {
        foreach (var id in (int[])[1, 2, 3])
            oplog.Add(Insert(1, new("_id", id)));
        var first = Follows(ApplyOps([Delete(1, 1)], new("partialTxn", true)), null);
        var second = Follows(ApplyOps([Delete(1, 2)], new("count", 2)), 4);
        foreach (var entry in (BsonDocument[])[first, second])
        {
            entry.Remove("lsid");
            entry.Remove("txnNumber");
            oplog.Add(entry);
        }

        var (_, target) = await RunAsync();

        Assert.Equal(["{_id: 3}"], Texts(target));
    }

    [Fact]
    public async Task A_transaction_larger_than_a_window_is_written_in_several_and_goes_on_inside_after_a_kill()
    {
        oplog.Add(Follows(ApplyOps([.. Enumerable.Range(0, 50).Select(i => Insert(1, new("_id", i)))], new("partialTxn", true)), null));
        oplog.Add(Follows(ApplyOps([.. Enumerable.Range(50, 50).Select(i => Insert(1, new("_id", i)))], new("count", 100)), 1));
        var target = CreateTarget();
        target.KillAt = 4;
        var limits = new ReplayLimits(10, 1 << 20, TransactionBytes: 1) { RepeatableDocuments = 10 };

        await Assert.ThrowsAsync<KilledException>(() => RunAsync(target, limits: limits));
        Assert.Equal(40, Texts(target).Count);
        target.KillAt = -1;
        await RunAsync(target, limits: limits);

        Assert.Equal(100, Texts(target).Count);
        Assert.Equal(12, target.Calls);
    }

    [Fact]
    public async Task Entries_follow_the_uuid_through_a_rename_over_another_collection()
    {
        oplog.Add(Command(new() { { "create", "tmp.agg_out.1" }, { "idIndex", new BsonDocument() } }, 9));
        oplog.Add(Insert(9, new("_id", "new"), "tmp.agg_out.1"));
        oplog.Add(Command(new() { { "renameCollection", "shop.tmp.agg_out.1" }, { "to", "shop.orders" }, { "dropTarget", Uuid(1) } }, 9));
        oplog.Add(Insert(9, new("_id", "later")));

        var (state, target) = await RunAsync();

        Assert.Equal(["{_id: 'new'}", "{_id: 'later'}"], Texts(target, 9).Order(StringComparer.Ordinal).Reverse());
        Assert.Equal(["orders", "users"], state.Collections.Select(c => c.Name).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(UuidText(1), target.Documents.Keys);
    }

    [Fact]
    public async Task A_collection_dropped_and_created_again_has_only_what_came_after()
    {
        oplog.Add(Insert(1, new("_id", 1)));
        oplog.Add(Command(new("drop", "orders"), 1));
        oplog.Add(Command(new() { { "create", "orders" }, { "capped", true }, { "size", 4096 } }, 5));
        oplog.Add(Insert(5, new("_id", 2)));

        var (state, target) = await RunAsync();

        Assert.Equal(["{_id: 2}"], Texts(target, 5));
        Assert.True(state.Collections.Single(c => c.Name == "orders").IsCapped);
    }

    [Fact]
    public async Task Entries_on_a_uuid_that_nobody_knows_stop_the_restore_by_name()
    {
        oplog.Add(Insert(66, new("_id", 1), "ghosts"));

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => RunAsync());

        Assert.Contains("shop.ghosts", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Entries_on_an_unknown_uuid_are_passed_when_it_is_dropped_later_or_discarded_or_another_databases()
    {
        oplog.Add(Insert(66, new("_id", 1), "ghosts"));
        oplog.Add(Insert(67, new("_id", 1), "replaced"));
        oplog.Add(Command(new("drop", "ghosts"), 66));
        var other = Insert(68, new("_id", 1));
        other["ns"] = "elsewhere.things";
        oplog.Add(other);
        oplog.Add(Insert(69, new("_id", 1), "luxhedge_restoring.orders"));

        var (_, target) = await RunAsync(discarded: [UuidText(67)]);

        Assert.Empty(Texts(target));
    }

    [Fact]
    public async Task With_named_collections_every_other_entry_is_passed()
    {
        oplog.Add(Insert(1, new("_id", 1)));
        oplog.Add(Insert(2, new("_id", 2), "users"));
        oplog.Add(Insert(70, new("_id", 3), "others"));
        oplog.Add(Command(new("create", "more"), 71));
        oplog.Add(Command(new() { { "create", "v" }, { "viewOn", "orders" }, { "viewPipeline", new BsonArray() } }, 72));
        var start = new ReplayState(default, [Orders], new Dictionary<string, string>(), [], 0, 0, 0, null);

        var (state, target) = await RunAsync(CreateTarget(start), selected: [UuidText(1)]);

        Assert.Equal(["{_id: 1}"], Texts(target));
        Assert.Equal(["orders"], state.Collections.Select(c => c.Name));
    }

    [Fact]
    public async Task Index_and_option_changes_end_in_the_catalogue()
    {
        oplog.Add(Command(new() { { "createIndexes", "orders" }, { "v", 2 }, { "key", new BsonDocument("a", 1) }, { "name", "a" }, { "unique", true } }, 1));
        oplog.Add(Command(new() { { "createIndexes", "orders" }, { "spec", new BsonDocument { { "v", 2 }, { "key", new BsonDocument("s", 1) }, { "name", "s" } } } }, 1));
        oplog.Add(Command(new() { { "startIndexBuild", "orders" } }, 1));
        oplog.Add(Command(new() { { "commitIndexBuild", "orders" }, { "indexes", new BsonArray { new BsonDocument { { "v", 2 }, { "key", new BsonDocument("t", 1) }, { "name", "t" }, { "expireAfterSeconds", 60 } } } } }, 1));
        oplog.Add(Command(new() { { "dropIndexes", "orders" }, { "index", "a" } }, 1));
        oplog.Add(Command(new() { { "collMod", "orders" }, { "index", new BsonDocument { { "name", "t" }, { "expireAfterSeconds", 30 }, { "hidden", true } } } }, 1));
        oplog.Add(Command(new() { { "collMod", "orders" }, { "validator", new BsonDocument("a", 1) }, { "validationLevel", "moderate" } }, 1));
        oplog.Add(Command(new() { { "collMod", "orders" }, { "index", new BsonDocument { { "name", "s" }, { "prepareUnique", true } } } }, 1));
        oplog.Add(Command(new() { { "collMod", "orders" }, { "index", new BsonDocument { { "name", "s" }, { "unique", true } } } }, 1));

        var (state, _) = await RunAsync();

        var orders = state.Collections.Single(c => c.Name == "orders");
        Assert.Equal(["s", "t"], orders.Indexes.Select(i => i["name"].AsString));
        Assert.Equal(30, orders.Indexes[1]["expireAfterSeconds"].AsInt32);
        Assert.True(orders.Indexes[1]["hidden"].AsBoolean);
        // An index that has become unique is not preparing for it any more.
        Assert.Equal(new BsonDocument { { "key", new BsonDocument("s", 1) }, { "name", "s" }, { "unique", true } }, orders.Indexes[0]);
        Assert.Equal(new BsonDocument { { "validator", new BsonDocument("a", 1) }, { "validationLevel", "moderate" } }, orders.Options);
    }

    [Fact]
    public async Task Views_come_from_entries_of_system_views_and_from_create()
    {
        oplog.Add(Insert(80, new() { { "_id", "shop.v1" }, { "viewOn", "orders" }, { "pipeline", new BsonArray() } }, "system.views"));
        oplog.Add(Insert(80, new() { { "_id", "shop.v2" }, { "viewOn", "orders" }, { "pipeline", new BsonArray() } }, "system.views"));
        oplog.Add(Update(80, "shop.v1", new() { { "$v", 2 }, { "diff", new BsonDocument("u", new BsonDocument("viewOn", "users")) } }, "system.views"));
        oplog.Add(Delete(80, "shop.v2", "system.views"));
        oplog.Add(Insert(80, new() { { "_id", "shop.ts" }, { "viewOn", "system.buckets.ts" }, { "pipeline", new BsonArray() } }, "system.views"));
        oplog.Add(Command(new() { { "create", "v3" }, { "viewOn", "v1" }, { "viewPipeline", new BsonArray() } }, 81));
        oplog.Add(Command(new() { { "create", "v4" }, { "viewOn", "v1" }, { "viewPipeline", new BsonArray() } }, 82));
        oplog.Add(Command(new("drop", "v4"), 82));

        var (state, _) = await RunAsync();

        Assert.Equal(
            ["v1 on users", "v3 on v1"],
            state.Collections.Where(c => c.Type == "view").Select(c => $"{c.Name} on {c.Options["viewOn"]}").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("q", "unknown kind 'q'")]
    [InlineData("xi", "unknown kind 'xi'")]
    public async Task An_unknown_kind_of_entry_stops_the_replay(string kind, string named)
    {
        var entry = Insert(1, new("_id", 1));
        entry["op"] = kind;
        oplog.Add(entry);

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => RunAsync());

        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_command_stops_the_replay_and_another_databases_does_not()
    {
        oplog.Add(Command(new("truncateRange", "x"), database: "elsewhere"));
        oplog.Add(Command(new("truncateRange", "orders"), 1));

        var refusal = await Assert.ThrowsAsync<RefusalException>(() => RunAsync());

        Assert.Contains("truncateRange", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_says_nothing_of_data_is_passed()
    {
        foreach (var kind in (string[])["n", "cd", "ci", "cu", "km"])
        {
            var entry = Insert(1, new("_id", kind));
            entry["op"] = kind;
            oplog.Add(entry);
        }

        foreach (var command in (string[])["startIndexBuild", "abortIndexBuild", "setMultikeyMetadata", "dropIdent"])
            oplog.Add(Command(new(command, "orders"), 1));

        var (_, target) = await RunAsync();

        Assert.Empty(Texts(target));
    }

    [Fact]
    public async Task After_the_end_mark_what_is_missing_is_a_loss_with_namespace_id_and_time()
    {
        oplog.Add(Update(1, 1, new() { { "$v", 2 }, { "diff", new BsonDocument("u", new BsonDocument("a", 1)) } }));
        oplog.Add(Delete(1, 2));
        oplog.Add(Update(1, 3, new() { { "$v", 2 }, { "diff", new BsonDocument("u", new BsonDocument("a", 1)) } }));
        oplog.Add(Delete(1, 4));
        oplog.Add(Insert(1, new("_id", 5)));
        oplog.Add(Update(1, 5, new() { { "$v", 2 }, { "diff", new BsonDocument("sx", new BsonDocument("u", new BsonDocument("a", 1))) } }));

        var (state, _) = await RunAsync(exactAfter: Time(2));

        Assert.Equal(3, state.Losses.Count);
        Assert.Contains("shop.orders _id 3 was updated, and was not there, at 1970-01-01 00:16:43Z", state.Losses);
        Assert.Contains(state.Losses, l => l.StartsWith("shop.orders _id 4 was deleted", StringComparison.Ordinal));
        Assert.Contains(state.Losses, l => l.StartsWith("shop.orders _id 5 was updated at a path", StringComparison.Ordinal));
    }

    [Fact]
    public async Task After_the_end_mark_it_is_counted_what_was_done_to_each_collection()
    {
        oplog.Add(Insert(1, new("_id", 1)));
        oplog.Add(Insert(1, new("_id", 2)));
        oplog.Add(Insert(1, new("_id", 3)));
        oplog.Add(Delete(1, 1));
        oplog.Add(Update(1, 2, new BsonDocument("a", 1)));
        oplog.Add(Command(new() { { "create", "late" }, { "idIndex", new BsonDocument() } }, 5));
        oplog.Add(Insert(5, new("_id", 1), "late"));
        oplog.Add(Command(new() { { "create", "gone" }, { "idIndex", new BsonDocument() } }, 6));
        oplog.Add(Command(new("drop", "gone"), 6));
        oplog.Add(Command(new() { { "createIndexes", "users" }, { "key", new BsonDocument("a", 1) }, { "name", "a" } }, 2));

        var (state, _) = await RunAsync(exactAfter: Time(1));

        Assert.Equal(new SinceBase(4, 1, false, false), state.Collections.Single(c => c.Name == "orders").Since);
        Assert.Equal(new SinceBase(1, 1, true, true), state.Collections.Single(c => c.Name == "late").Since);
        Assert.Equal(new SinceBase(0, 0, false, true), state.Collections.Single(c => c.Name == "users").Since);
        Assert.Equal(3, state.Collections.Count);
    }

    [Fact]
    public async Task A_capped_collection_whose_window_is_written_again_has_lost_nothing()
    {
        var capped = Orders with { Options = new() { { "capped", true }, { "size", 4096 } } };
        var target = CreateTarget(new ReplayState(default, [capped], new Dictionary<string, string>(), [], 0, 0, 0, null));
        oplog.Add(Insert(1, new("_id", 1)));
        oplog.Add(Insert(1, new("_id", 2)));
        target.Documents[UuidText(1)][ModelTarget.Key(RawBson.Find(new BsonDocument("_id", 1).ToBson(), "_id")!.Value)] = new BsonDocument("_id", 1).ToBson();

        var (state, _) = await RunAsync(target, exactAfter: default(ClusterTime));

        Assert.Empty(state.Losses);
        Assert.Equal(new BsonDocument("_id", 2), MongoDB.Bson.Serialization.BsonSerializer.Deserialize<BsonDocument>(state.Collections[0].Since!.Newest!.Value.ToArray()));
    }

    [Fact]
    public async Task A_transaction_of_loose_entries_that_is_left_out_leaves_nothing()
    {
        foreach (var (id, number) in ((int, long)[])[(1, 7), (2, 8), (3, 7)])
        {
            var entry = oplog.Add(Insert(1, new("_id", id)));
            entry["lsid"] = new BsonDocument("id", Uuid(200));
            entry["txnNumber"] = number;
        }

        var half = LuxHedge.Activities.Database.OplogEntries.LooseTransactionOf(oplog.Entries[0].ToBson())!;
        var target = CreateTarget();
        var scope = new ReplayScope(OplogBuilder.Database, null, new HashSet<string>(), Time(2), default) { LeftOut = new HashSet<string> { half } };
        await new OplogReplay(scope, target.State, target).RunAsync(new ModelOplog(oplog.Entries), CancellationToken.None);

        Assert.Equal(["{_id: 2}"], Texts(target));
    }

    [Fact]
    public async Task A_transaction_that_began_before_what_is_read_is_looked_up_link_by_link()
    {
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 1))], new("partialTxn", true)), null));
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 2))], new("partialTxn", true)), 1));
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 3))], new("partialTxn", true)), 2));
        oplog.Add(Follows(ApplyOps([Insert(1, new("_id", 4))], new("count", 4)), 3));
        var target = CreateTarget();
        var scope = new ReplayScope(OplogBuilder.Database, null, new HashSet<string>(), Time(4), default);

        await new OplogReplay(scope, target.State, target).RunAsync(
            new ModelOplog([.. oplog.Entries.Skip(2)], before: [.. oplog.Entries.Take(2)]), CancellationToken.None);

        Assert.Equal(4, Texts(target).Count);
    }

    [Fact]
    public async Task Nothing_after_the_wanted_time_is_applied()
    {
        oplog.Add(Insert(1, new("_id", 1)));
        oplog.Add(Insert(1, new("_id", 2)));

        var (state, target) = await RunAsync(to: Time(1));

        Assert.Equal(["{_id: 1}"], Texts(target));
        Assert.Equal(Time(1), state.Position.Time);
    }

    [Fact]
    public async Task Under_a_collation_strings_are_written_one_by_one_in_order()
    {
        var collated = Orders with { Options = new("collation", new BsonDocument { { "locale", "en" }, { "strength", 2 } }) };
        var target = CreateTarget(new ReplayState(default, [collated], new Dictionary<string, string>(), [], 0, 0, 0, null));
        oplog.Add(Insert(1, new("_id", "abc")));
        oplog.Add(Delete(1, "ABC"));
        oplog.Add(Insert(1, new("_id", "Abc")));
        oplog.Add(Insert(1, new("_id", 1)));
        oplog.Add(Insert(1, new("_id", 2)));

        await RunAsync(target);

        // Three windows of one entry each, and one for the two numbers.
        Assert.Equal(4, target.State.Windows);
    }

    private static ReplayedCollection Orders { get; } = new(UuidText(1), "orders", "collection", [], [], "b1");

    private static ModelTarget CreateTarget(ReplayState? start = null)
    {
        start ??= new ReplayState(
            default, [Orders, new ReplayedCollection(UuidText(2), "users", "collection", [], [], "b2")], new Dictionary<string, string>(), [], 0, 0, 0, null);
        var target = new ModelTarget(start);
        foreach (var collection in start.Collections)
            target.Documents[collection.Uuid] = [];
        return target;
    }

    private async Task<(ReplayState State, ModelTarget Target)> RunAsync(
        ModelTarget? target = null, IReadOnlyList<BsonDocument>? earlier = null, string[]? selected = null, string[]? discarded = null,
        ClusterTime? to = null, ClusterTime? exactAfter = null, ReplayLimits? limits = null)
    {
        target ??= CreateTarget();
        var scope = new ReplayScope(
            OplogBuilder.Database, selected?.ToHashSet(StringComparer.Ordinal), (discarded ?? []).ToHashSet(StringComparer.Ordinal),
            to ?? Time(1000), exactAfter ?? Time(1000));
        var state = await new OplogReplay(scope, target.State, target, limits).RunAsync(new ModelOplog(oplog.Entries, earlier), CancellationToken.None);
        return (state, target);
    }

    private static List<string> Texts(ModelTarget target, int collection = 1) =>
        [.. target.Documents[UuidText(collection)].Values.Select(d => MongoDB.Bson.Serialization.BsonSerializer.Deserialize<BsonDocument>(d))
            .Select(d => "{" + string.Join(", ", d.Select(e => $"{e.Name}: {(e.Value.IsString ? $"'{e.Value}'" : e.Value.ToString())}")) + "}")];
}
