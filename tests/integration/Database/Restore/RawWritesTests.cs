using LuxHedge.Activities.Database.Restore;
using LuxHedge.Tests.Support;
using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

public sealed class RawWritesTests
{
    private static readonly string[] Odd =
    [
        "{_id: 'zero', t: Timestamp(0, 0), $x: 1, a: 1}", "{_id: 'dollars', z: 1, $x: 1, a: Timestamp(0, 0)}", "{_id: 'plain', z: 1, a: {c: 1, b: 2}}",
        "{_id: {b: 1, a: 1}, t: Timestamp(0, 0), $x: 1, a: 1}",
    ];

    public static TheoryData<string> Writes => new("in any order", "in order", "put");

    [Theory]
    [MemberData(nameof(Writes))]
    public async Task What_is_new_and_what_takes_another_s_place_is_the_same_bytes(string how)
    {
        await using var database = (await MongoServer.SharedAsync()).CreateDatabase();
        var collection = RawWrites.Of(database.Database, "odd");
        var documents = Odd.Select(d => (ReadOnlyMemory<byte>)BsonDocument.Parse(d).ToBson()).ToList();
        for (var round = 0; round < 2; round++)
        {
            await WriteAsync(how, collection, round == 0 || how == "put" ? documents : [.. documents.Where(d => RawWrites.NeedsLiteral(d, asReplacement: false))]);
            var found = await collection.Find(FilterDefinition<RawBsonDocument>.Empty).ToListAsync();
            Assert.Equal(documents.Select(d => Convert.ToHexString(d.Span)).Order(), found.Select(f => Convert.ToHexString(f.ToBson())).Order());
        }
    }

    [Fact]
    public async Task A_document_that_is_not_taken_is_named_once()
    {
        await using var database = (await MongoServer.SharedAsync()).CreateDatabase();
        await database.Database.CreateCollectionAsync("strict", new CreateCollectionOptions<BsonDocument>
        {
            Validator = new BsonDocumentFilterDefinition<BsonDocument>(new BsonDocument("n", 1)),
        });
        var documents = ((string[])["{_id: 1, n: 1}", "{_id: 2, n: 2}", "{_id: 3, n: 1, t: Timestamp(0, 0)}", "{_id: 4, n: 2, t: Timestamp(0, 0)}", "{_id: 5, n: 1}"])
            .Select(d => (ReadOnlyMemory<byte>)BsonDocument.Parse(d).ToBson()).ToList();

        var refused = await RawWrites.InsertAnyOrderAsync(RawWrites.Of(database.Database, "strict"), documents, CancellationToken.None);

        Assert.Equal([2, 4], refused.Select(r => BitConverter.ToInt32(RawWrites.IdOf(r.Document).Value.Span)).Order());
        Assert.Equal(3, await database.Database.GetCollection<BsonDocument>("strict").CountDocumentsAsync(new BsonDocument()));
    }

    private static Task WriteAsync(string how, IMongoCollection<RawBsonDocument> collection, IReadOnlyList<ReadOnlyMemory<byte>> documents) => how switch
    {
        "in order" => RawWrites.InsertAsync(collection, null, documents, CancellationToken.None),
        "put" => RawWrites.BulkAsync(collection, null, [.. documents.SelectMany(d => RawWrites.ToPuts(RawWrites.IdOf(d), d))], ordered: false, CancellationToken.None),
        _ => RawWrites.InsertAnyOrderAsync(collection, documents, CancellationToken.None),
    };
}
