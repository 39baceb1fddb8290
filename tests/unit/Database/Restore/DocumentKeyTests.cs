using CsCheck;
using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class DocumentKeyTests
{
    public static TheoryData<string, string> OneId => new()
    {
        { "{\"$numberInt\":\"1\"}", "{\"$numberLong\":\"1\"}" },
        { "{\"$numberInt\":\"1\"}", "{\"$numberDouble\":\"1.0\"}" },
        { "{\"$numberLong\":\"1\"}", "{\"$numberDecimal\":\"1\"}" },
        { "{\"$numberDecimal\":\"1.00\"}", "{\"$numberDecimal\":\"1\"}" },
        { "{\"$numberDecimal\":\"1E+3\"}", "{\"$numberInt\":\"1000\"}" },
        { "{\"$numberDouble\":\"0.5\"}", "{\"$numberDecimal\":\"0.5\"}" },
        { "{\"$numberDouble\":\"-0.0\"}", "{\"$numberInt\":\"0\"}" },
        { "{\"$numberDecimal\":\"-0E+10\"}", "{\"$numberDouble\":\"0.0\"}" },
        { "{\"$numberDouble\":\"NaN\"}", "{\"$numberDecimal\":\"NaN\"}" },
        { "{\"$numberDouble\":\"Infinity\"}", "{\"$numberDecimal\":\"Infinity\"}" },
        { "{\"$numberLong\":\"-9223372036854775808\"}", "{\"$numberDouble\":\"-9223372036854775808\"}" },
        { "{\"$numberLong\":\"9007199254740993\"}", "{\"$numberDecimal\":\"9007199254740993\"}" },
        { "{\"a\":{\"$numberInt\":\"1\"}}", "{\"a\":{\"$numberDouble\":\"1\"}}" },
        { "\"abc\"", "{\"$symbol\":\"abc\"}" },
    };

    public static TheoryData<string, string> TwoIds => new()
    {
        { "{\"$numberDouble\":\"0.1\"}", "{\"$numberDecimal\":\"0.1\"}" },
        { "{\"$numberLong\":\"9007199254740993\"}", "{\"$numberDouble\":\"9007199254740992\"}" },
        { "{\"$numberInt\":\"1\"}", "\"1\"" },
        { "{\"$numberInt\":\"1\"}", "true" },
        { "{\"$numberInt\":\"1\"}", "{\"$numberInt\":\"-1\"}" },
        { "{\"$numberInt\":\"2\"}", "{\"$numberInt\":\"4\"}" },
        { "\"abc\"", "\"ABC\"" },
        { "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}" },
        { "{\"a\":{\"b\":1}}", "{\"a\":1,\"b\":1}" },
        { "null", "{\"$undefined\":true}" },
        { "{\"$date\":{\"$numberLong\":\"1\"}}", "{\"$timestamp\":{\"t\":0,\"i\":1}}" },
        { "{\"$numberDouble\":\"Infinity\"}", "{\"$numberDouble\":\"-Infinity\"}" },
        { "{\"$binary\":{\"base64\":\"AAAA\",\"subType\":\"00\"}}", "{\"$binary\":{\"base64\":\"AAAA\",\"subType\":\"05\"}}" },
    };

    [Theory]
    [MemberData(nameof(OneId))]
    public void Ids_that_the_server_takes_for_one_are_one_key(string left, string right)
    {
        Assert.Equal(CreateKey(left), CreateKey(right));
        Assert.Equal(CreateKey(left).GetHashCode(), CreateKey(right).GetHashCode());
    }

    [Theory]
    [MemberData(nameof(TwoIds))]
    public void Ids_that_the_server_tells_apart_are_two_keys(string left, string right) =>
        Assert.NotEqual(CreateKey(left), CreateKey(right));

    [Fact]
    public void Whole_numbers_are_one_key_in_every_type() =>
        Gen.Int[-1_000_000_000, 1_000_000_000].Sample(n =>
        {
            var keys = new BsonValue[] { n, (long)n, (double)n, new BsonDecimal128(n) }.Select(CreateKey).Distinct();
            Assert.Single(keys);
        });

    [Fact]
    public void Two_longs_are_one_key_only_when_equal() =>
        Gen.Select(Gen.Long, Gen.Long).Sample((a, b) => Assert.Equal(a == b, CreateKey((BsonValue)a) == CreateKey((BsonValue)b)));

    [Fact]
    public void Two_doubles_are_one_key_only_when_equal() =>
        Gen.Select(Gen.Double, Gen.Double).Sample((a, b) => Assert.Equal(a.Equals(b) || a == b, CreateKey((BsonValue)a) == CreateKey((BsonValue)b)));

    private static DocumentKey CreateKey(string json) => CreateKey(BsonDocument.Parse($"{{\"_id\":{json}}}")[0]);

    private static DocumentKey CreateKey(BsonValue id) =>
        DocumentKey.Of(RawBson.Find(new BsonDocument("_id", id).ToBson(), "_id")!.Value);
}
