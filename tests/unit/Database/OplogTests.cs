using CsCheck;
using LuxHedge.Activities.Database;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database;

public sealed class OplogEntriesTests
{
    private static readonly OplogEntries Entries = new("shop");

    [Theory]
    [InlineData("{op: 'i', ns: 'shop.cars', o: {_id: 1}}", true)]
    [InlineData("{op: 'i', ns: 'shop2.cars', o: {_id: 1}}", false)]
    [InlineData("{op: 'i', ns: 'other.shop.cars', o: {_id: 1}}", false)]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {drop: 'cars'}}", true)]
    [InlineData("{op: 'n', ns: '', o: {msg: 'periodic noop'}}", false)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'other.x', o: {}}, {op: 'i', ns: 'shop.cars', o: {}}]}}", true)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'other.x', o: {}}]}}", false)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'other.x', o: {}}], partialTxn: true}}", true)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', prevOpTime: {ts: Timestamp(5, 1), t: NumberLong(1)}, o: {applyOps: []}}", true)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', prevOpTime: {ts: Timestamp(0, 0), t: NumberLong(-1)}, o: {applyOps: []}}", false)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {commitTransaction: 1, commitTimestamp: Timestamp(5, 1)}}", true)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {abortTransaction: 1}}", true)]
    [InlineData("{op: 'c', ns: 'other.$cmd', o: {renameCollection: 'other.x', to: 'shop.x'}}", true)]
    [InlineData("{op: 'c', ns: 'other.$cmd', o: {renameCollection: 'other.x', to: 'other.y'}}", false)]
    [InlineData("{op: 'i', ns: 'config.transactions', o: {}}", false)]
    public void Entries_of_the_database_and_of_chains_that_may_touch_it_are_kept(string entry, bool kept) =>
        Assert.Equal(kept, Entries.IsKept(BsonDocument.Parse(entry).ToBson()));

    [Theory]
    [InlineData("""{op: "i", ns: "shop.orders", o: {_id: 1}}""", true)]
    [InlineData("""{op: "n", ns: "", o: {luxhedgeLink: ""}}""", true)]
    [InlineData("""{op: "c", ns: "admin.$cmd", o: {applyOps: [{op: "u", ns: "shop.orders", o: {}}]}}""", true)]
    [InlineData("""{op: "c", ns: "admin.$cmd", o: {applyOps: [{op: "u", ns: "shop.orders", o: {}}], partialTxn: true}}""", true)]
    [InlineData("""{op: "i", ns: "shop.system.views", o: {_id: "shop.v"}}""", false)]
    [InlineData("""{op: "c", ns: "shop.$cmd", o: {create: "orders"}}""", false)]
    [InlineData("""{op: "c", ns: "shop.$cmd", o: {collMod: "orders"}}""", false)]
    [InlineData("""{op: "c", ns: "admin.$cmd", o: {applyOps: [{op: "i", ns: "shop.orders", o: {}}, {op: "c", ns: "shop.$cmd", o: {create: "new"}}]}}""", false)]
    [InlineData("""{op: "c", ns: "admin.$cmd", o: {applyOps: [{op: "i", ns: "shop.orders", o: {}}]}, prevOpTime: {ts: Timestamp(5, 1), t: 1}}""", false)]
    [InlineData("""{op: "c", ns: "admin.$cmd", o: {commitTransaction: 1}}""", false)]
    public void An_entry_on_documents_leaves_names_options_and_indexes_and_ends_no_longer_transaction(string entry, bool expected) =>
        Assert.Equal(expected, OplogEntries.IsOnDocuments(BsonDocument.Parse(entry).ToBson()));

    [Theory]
    [InlineData("{op: 'i', ns: 'shop.cars', o: {_id: 1}}", null)]
    [InlineData("{op: 'n', ns: '', o: {luxhedgeLink: 'ab'}}", null)]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {create: 'cars'}}", null)]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {commitTransaction: 1}}", null)]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {renameCollection: 'shop.a', to: 'shop.b'}}", null)]
    [InlineData("{op: 'c', ns: 'shop.$cmd', o: {renameCollection: 'shop.a', to: 'other.b'}}", "")]
    [InlineData("{op: 'c', ns: 'other.$cmd', o: {renameCollection: 'other.a', to: 'shop.b'}}", "")]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'shop.a', o: {}}, {op: 'd', ns: 'shop.b', o: {}}]}}", null)]
    [InlineData(
        "{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'shop.a', o: {}}, {op: 'i', ns: 'kyc.a', o: {}}, {op: 'd', ns: 'shop.b', o: {}}], count: 3}, t: 1}",
        "{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'shop.a', o: {}}, {op: 'd', ns: 'shop.b', o: {}}], count: 3}, t: 1}")]
    [InlineData("{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'kyc.a', o: {}}]}}", "")]
    [InlineData(
        "{op: 'c', ns: 'admin.$cmd', o: {applyOps: [{op: 'i', ns: 'kyc.a', o: {}}], partialTxn: true}}",
        "{op: 'c', ns: 'admin.$cmd', o: {applyOps: [], partialTxn: true}}")]
    [InlineData(
        "{op: 'c', ns: 'admin.$cmd', prevOpTime: {ts: Timestamp(5, 1), t: NumberLong(1)}, o: {applyOps: [{op: 'i', ns: 'kyc.a', o: {}}]}}",
        "{op: 'c', ns: 'admin.$cmd', prevOpTime: {ts: Timestamp(5, 1), t: NumberLong(1)}, o: {applyOps: []}}")]
    public void An_entry_without_what_is_of_other_databases_is_as_the_server_writes_it(string entry, string? own)
    {
        var bytes = BsonDocument.Parse(entry).ToBson();

        var left = Entries.OwnOf(bytes);

        Assert.Equal(own is null ? bytes : own.Length == 0 ? [] : BsonDocument.Parse(own).ToBson(), left.ToArray());
        Assert.Equal(own is null, left.Equals(bytes)); // no copy where there is nothing to leave out
    }

    [Theory]
    [InlineData("shop.cars", "cars")]
    [InlineData("shop.cars.old", "cars.old")]
    [InlineData("shop2.cars", null)]
    [InlineData("shop", null)]
    [InlineData("", null)]
    [InlineData("ééé", null)] // three characters, and more bytes than the database's name has
    public void A_namespace_is_of_the_database_by_its_whole_name(string ns, string? collection) => Assert.Equal(collection, Entries.CollectionOf(ns));

    [Fact]
    public void Whatever_a_transaction_wrote_where_its_own_part_has_no_operation_of_another_database_and_every_one_of_its_own()
    {
        string[] namespaces = ["shop.a", "shop.b.c", "shop2.a", "kyc.people"];
        var operation = Gen.Select(Gen.Int[0, 99], Gen.Int[0, 3].Select(i => namespaces[i]), Gen.String[Gen.Char.AlphaNumeric, 0, 40]).Select(
            (id, ns, text) => new BsonDocument { { "op", "i" }, { "ns", ns }, { "o", new BsonDocument { { "_id", id }, { "text", text } } } });
        operation.List[0, 30].Sample(operations =>
        {
            var entry = new BsonDocument { { "op", "c" }, { "ns", "admin.$cmd" }, { "o", new BsonDocument { { "applyOps", new BsonArray(operations) }, { "count", 7 } } } };
            var expected = operations.Where(o => o["ns"].AsString.StartsWith("shop.", StringComparison.Ordinal)).ToList();

            var left = Entries.OwnOf(entry.ToBson());

            entry["o"]["applyOps"] = new BsonArray(expected);
            Assert.Equal(expected.Count == 0 && operations.Count > 0 ? [] : entry.ToBson(), left.ToArray());
        });
    }

    [Fact]
    public void Another_databases_entry_is_linked_by_its_hash_and_not_by_its_content()
    {
        var foreign = BsonDocument.Parse("{op: 'i', ns: 'other.people', ts: Timestamp(5, 2), o: {_id: 1, name: 'secret'}}").ToBson();
        var link = Entries.LinkOf(foreign);

        Assert.True(OplogEntries.Matches(link, foreign));
        Assert.DoesNotContain("secret", System.Text.Encoding.UTF8.GetString(link), StringComparison.Ordinal);
        Assert.Equal(new ClusterTime(5, 2), OplogEntries.TimeOf(link));
        foreign[^3] ^= 1;
        Assert.False(OplogEntries.Matches(link, foreign));

        var own = BsonDocument.Parse("{op: 'i', ns: 'shop.cars', ts: Timestamp(5, 3), o: {_id: 1}}").ToBson();
        Assert.Equal(own, Entries.LinkOf(own));
        Assert.True(OplogEntries.Matches(own, own));
        Assert.Equal("", OplogEntries.LinkHashOf(OplogEntries.StartLink(new ClusterTime(1, 1))));
    }

    [Fact]
    public void A_chain_is_followed_for_transactions_and_batches_but_not_for_retryable_writes()
    {
        var previous = "prevOpTime: {ts: Timestamp(5, 1), t: NumberLong(1)}";
        Assert.Equal(new ClusterTime(5, 1), Of($"{{op: 'c', ns: 'admin.$cmd', {previous}, o: {{applyOps: []}}}}"));
        Assert.Equal(new ClusterTime(5, 1), Of($"{{op: 'c', ns: 'admin.$cmd', {previous}, o: {{commitTransaction: 1}}}}"));
        Assert.Equal(default, Of($"{{op: 'i', ns: 'shop.cars', {previous}, o: {{_id: 1}}}}"));
        Assert.Equal(default, Of("{op: 'c', ns: 'admin.$cmd', o: {applyOps: []}}"));

        static ClusterTime Of(string entry) => OplogEntries.PreviousOf(BsonDocument.Parse(entry).ToBson());
    }

    [Fact]
    public void Only_entries_with_a_transaction_number_and_no_statement_number_are_loose_transactions()
    {
        Assert.NotNull(Of("{op: 'i', ns: 'shop.a', lsid: {id: 1}, txnNumber: NumberLong(3), o: {}}"));
        Assert.Equal(
            Of("{op: 'i', ns: 'shop.a', lsid: {id: 1}, txnNumber: NumberLong(3), o: {}}"), Of("{op: 'u', ns: 'shop.b', lsid: {id: 1}, txnNumber: NumberLong(3), o: {}}"));
        Assert.Null(Of("{op: 'i', ns: 'shop.a', lsid: {id: 1}, txnNumber: NumberLong(3), stmtId: 0, o: {}}"));
        Assert.Null(Of("{op: 'c', ns: 'admin.$cmd', lsid: {id: 1}, txnNumber: NumberLong(3), o: {applyOps: []}}"));
        Assert.Null(Of("{op: 'i', ns: 'shop.a', o: {}}"));

        static string? Of(string entry) => OplogEntries.LooseTransactionOf(BsonDocument.Parse(entry).ToBson());
    }
}

public sealed class MarksTests
{
    [Fact]
    public void An_end_mark_inside_a_transaction_moves_to_its_end()
    {
        (ClusterTime, ClusterTime)[] spans = [(At(10), At(20)), (At(18), At(22)), (At(25), At(30)), (At(22), At(24))];
        Assert.Equal(At(9), Marks.Outside(spans, At(9)));
        Assert.Equal(At(24), Marks.Outside(spans, At(12)));
        Assert.Equal(At(22), Marks.Outside(spans[..2], At(18)));
        Assert.Equal(At(24), Marks.Outside(spans, At(24)));
        Assert.Equal(At(30), Marks.Outside(spans, At(26)));
        Assert.Equal(At(30), Marks.Outside(spans, At(30)));
    }

    private static ClusterTime At(uint seconds) => OplogChainTests.At(seconds);
}

public sealed class OplogChainTests
{
    [Fact]
    public void Parts_of_several_attempts_make_one_chain_to_the_end_mark()
    {
        // a was given up after 20, but lived on; b went on from 20; a's last part overran the end mark.
        StoredPack[] packs =
        [
            Pack("a-0", Part(10, 20)), Pack("a-1", Part(20, 33)), Pack("b-0", Part(20, 26), Part(26, 29)), Pack("b-1", Last(29, 30, until: 30)),
        ];
        var chain = new OplogChain(packs, At(10)).To(At(30));

        Assert.NotNull(chain);
        Assert.Equal(["a-0", "b-0", "b-0", "b-1"], chain.Select(c => c.Pack));
        Assert.Equal(At(29), new OplogChain(packs, At(10)).Furthest(At(30))!.Value.Chunk.LastEntry);
        Assert.Equal(At(33), new OplogChain(packs, At(10)).Furthest(null)!.Value.Chunk.LastEntry);
    }

    [Fact]
    public void A_gap_another_beginning_or_another_end_mark_make_no_chain()
    {
        Assert.Null(new OplogChain([Pack("a", Part(10, 20), Last(21, 30, until: 30))], At(10)).To(At(30)));
        Assert.Null(new OplogChain([Pack("a", Part(10, 20), Last(20, 30, until: 30))], At(9)).To(At(30)));
        Assert.Null(new OplogChain([Pack("a", Part(10, 20), Last(20, 30, until: 30))], At(10)).To(At(31)));
        Assert.Null(new OplogChain([Pack("a", Part(10, 20))], At(10)).To(At(20)));
        Assert.Null(new OplogChain([], At(10)).Furthest(null));
    }

    [Fact]
    public void A_last_part_without_a_new_entry_still_ends_the_chain()
    {
        Assert.Single(new OplogChain([Pack("a", Last(10, 10, until: 30))], At(10)).To(At(30))!);
        Assert.Equal(2, new OplogChain([Pack("a", Part(10, 20), Last(20, 20, until: 30))], At(10)).To(At(30))!.Count);
    }

    internal static ClusterTime At(uint seconds) => new(seconds, 1);

    private static PackChunk Part(uint from, uint to) => new(PackChunk.Oplog, 0, false, 0, 1, 1, 1, "", At(from), At(to));

    private static PackChunk Last(uint from, uint to, uint until) => new(PackChunk.Oplog, 0, true, 0, 1, 1, 1, "", At(from), At(to), At(until));

    private static StoredPack Pack(string name, params PackChunk[] chunks) => new(name, 1, new PackTable(PackTable.FormatName, "b", name[..1], chunks));
}
