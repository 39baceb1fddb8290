using System.Numerics;
using System.Security.Cryptography;
using CsCheck;
using LuxHedge.Activities.Database;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database;

public sealed class OrderFreeHashTests
{
    [Fact]
    public void The_order_of_documents_changes_nothing() => Gen.Int.Array[1, 20].Sample(ids =>
        Assert.Equal(Hash(ids.Select(Document)), Hash(ids.Reverse().Select(Document))));

    [Fact]
    public void A_document_that_is_there_twice_is_seen() =>
        Assert.NotEqual(Hash([Document(1), Document(2), Document(2)]), Hash([Document(1), Document(2)]));

    [Fact]
    public void Parts_add_up_to_the_whole()
    {
        var first = Sum([Document(1), Document(2)]);
        first.Add(Sum([Document(3)]));

        Assert.Equal(Hash([Document(1), Document(2), Document(3)]), first.ToString());
        Assert.Equal(3, first.Documents);
    }

    [Fact]
    public void A_time_series_that_gives_the_id_back_behind_other_fields_hashes_as_the_document_that_was_inserted()
    {
        var stored = new BsonDocument { { "_id", ObjectId.Parse("0123456789abcdef01234567") }, { "at", new BsonDateTime(5) }, { "amount", Decimal128.Parse("1.20") } };
        var measured = new BsonDocument { stored.GetElement("at"), stored.GetElement("_id"), stored.GetElement("amount") };

        Assert.Equal(Hash([stored]), Hash([measured]));
    }

    [Fact]
    public void The_order_of_other_fields_is_part_of_a_document() =>
        Assert.NotEqual(Hash([new BsonDocument { { "_id", 1 }, { "a", 1 }, { "b", 1 } }]), Hash([new BsonDocument { { "_id", 1 }, { "b", 1 }, { "a", 1 } }]));

    [Fact]
    public void The_sum_is_that_of_the_hashes_as_big_endian_numbers_modulo_two_to_the_256()
    {
        var documents = Enumerable.Range(0, 50).Select(Document).ToList();
        var sum = documents.Aggregate(BigInteger.Zero, (s, d) => s + new BigInteger(SHA256.HashData(d.ToBson()), isUnsigned: true, isBigEndian: true));
        var expected = (sum % (BigInteger.One << 256)).ToByteArray(isUnsigned: true, isBigEndian: true);

        Assert.Equal(Convert.ToHexStringLower(expected).PadLeft(64, '0'), Hash(documents));
    }

    private static BsonDocument Document(int id) => new() { { "_id", id }, { "name", $"n{id}" } };

    private static string Hash(IEnumerable<BsonDocument> documents) => Sum(documents).ToString();

    private static OrderFreeHash Sum(IEnumerable<BsonDocument> documents)
    {
        var sum = new OrderFreeHash();
        foreach (var document in documents)
            sum.Add(document.ToBson());
        return sum;
    }
}
