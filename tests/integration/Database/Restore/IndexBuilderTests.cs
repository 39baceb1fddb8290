using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Support;
using LuxHedge.Workflows;
using LuxHedge.Workflows.Restore;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>What is sent for indexes of kinds that the test's server does not have: a wire answers in its place.</summary>
public sealed class IndexBuilderTests
{
    private static readonly BsonDocument Done = new("ok", 1.0);

    private static readonly string Create = MongoWire.Command("createIndexes", "cars");

    private static readonly string Modify = MongoWire.Command("collMod", "cars");

    [Fact]
    public async Task Indexes_go_in_one_command_with_every_option_and_prepareUnique_after_it()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        wire.Answer(Create, Done);
        wire.Answer(Modify, Done);
        BsonDocument[] indexes =
        [
            BsonDocument.Parse("{key: {_fts: 'text', _ftsx: 1}, name: 'words', weights: {body: 3}, default_language: 'german', language_override: 'l', textIndexVersion: 3}"),
            BsonDocument.Parse("{key: {'$**': 1}, name: 'all', wildcardProjection: {a: 1}}"),
            BsonDocument.Parse("{key: {a: '2d'}, name: 'flat', bits: 20, min: -100, max: 100}"),
            BsonDocument.Parse("{key: {a: 1}, name: 'soon', prepareUnique: true, hidden: true, collation: {locale: 'simple'}}"),
        ];

        var checks = await BuildAsync(wire, indexes);

        Assert.Empty(checks);
        Assert.Equal(["createIndexes", "collMod"], wire.Answered.Select(c => c.GetElement(0).Name));
        var sent = wire.Answered[0]["indexes"].AsBsonArray;
        Assert.Equal(indexes.Take(3), sent.Take(3).Select(i => i.AsBsonDocument));
        Assert.Equal(BsonDocument.Parse("{key: {a: 1}, name: 'soon', hidden: true, collation: {locale: 'simple'}}"), sent[3]);
        Assert.Equal(BsonDocument.Parse("{name: 'soon', prepareUnique: true}"), wire.Answered[1]["index"]);
    }

    [Fact]
    public async Task What_a_server_does_not_build_or_set_is_named_and_the_others_are_built()
    {
        var server = await MongoServer.SharedAsync();
        await using var wire = new MongoWire(server.ConnectionString);
        wire.AnswerError(Create, 67, "CannotCreateIndex");
        wire.AnswerError(Create, 67, "CannotCreateIndex");
        wire.Answer(Create, Done);
        wire.AnswerError(Modify, 72, "InvalidOptions");

        var checks = await BuildAsync(
            wire,
            BsonDocument.Parse("{key: {a: 'geoHaystack', b: 1}, name: 'haystack', bucketSize: 5, prepareUnique: true}"),
            BsonDocument.Parse("{key: {a: 1}, name: 'soon', prepareUnique: true}"));

        Assert.Equal(["index cars.haystack", "index cars.soon"], checks.Select(c => c.Name));
        Assert.All(checks, c => Assert.Equal(Verdict.Failed, c.Verdict));
        Assert.Contains("CannotCreateIndex", checks[0].Detail, StringComparison.Ordinal);
        Assert.Contains("prepareUnique", checks[1].Detail, StringComparison.Ordinal);
    }

    public static TheoryData<string, string[]> Duplicates => new()
    {
        { "{key: {a: 1}, name: 'x', unique: true}", ["_id 1 and _id 2", "_id 3 and _id 4"] }, // a field that is missing is null
        { "{key: {a: 1}, name: 'x', unique: true, sparse: true}", ["_id 1 and _id 2"] },
        { "{key: {a: 1}, name: 'x', unique: true, partialFilterExpression: {in: true}}", ["_id 1 and _id 2"] },
        { "{key: {'list.n': 1}, name: 'x', unique: true, sparse: true}", ["_id 5 and _id 6"] }, // an element of each
        { "{key: {'list.n': 1, 'list.m': 1}, name: 'x', unique: true, sparse: true}", ["_id 5 and _id 6"] },
    };

    [Theory]
    [MemberData(nameof(Duplicates))]
    public async Task Documents_with_the_same_key_are_named_by_the_indexs_own_rules(string index, string[] expected)
    {
        var server = await MongoServer.SharedAsync();
        var database = new MongoClient(server.ConnectionString).GetDatabase($"keys_{Guid.NewGuid():N}");
        await database.GetCollection<BsonDocument>("cars").InsertManyAsync(
        [
            .. new[]
            {
                "{_id: 1, a: 7, in: true}", "{_id: 2, a: 7, in: true}", "{_id: 3}", "{_id: 4, a: null}",
                "{_id: 5, a: 8, list: [{n: 1, m: 1}, {n: 2, m: 2}, {n: 2, m: 2}]}", "{_id: 6, a: 9, list: [{n: 2, m: 2}, {n: 3, m: 1}]}",
            }.Select(BsonDocument.Parse),
        ]);
        await using var wire = new MongoWire(server.ConnectionString);
        for (var i = 0; i < 2; i++) // together, and by itself
            wire.AnswerError(Create, 11000, "E11000 duplicate key error");

        var checks = await BuildAsync(wire, database.DatabaseNamespace.DatabaseName, BsonDocument.Parse(index));

        var named = checks.Single().Detail.Split(": ", 2)[1].TrimEnd('.').Split("; ").Select(d => d.Split(" (of")[0]);
        Assert.Equal(expected, named.Order(StringComparer.Ordinal));
        await database.Client.DropDatabaseAsync(database.DatabaseNamespace.DatabaseName);
    }

    private static Task<IReadOnlyList<Check>> BuildAsync(MongoWire wire, params BsonDocument[] indexes) => BuildAsync(wire, "nothing_here", indexes);

    private static async Task<IReadOnlyList<Check>> BuildAsync(MongoWire wire, string database, params BsonDocument[] indexes)
    {
        using var client = new MongoClient(wire.ConnectionString);
        var checks = new List<Check>();
        await IndexBuilder.BuildAsync(
            client.GetDatabase(database), new ReplayedCollection("u", "cars", ReplayedCollection.Collection, [], indexes, "cars"), "cars", [.. indexes], checks, default);
        return checks;
    }
}
