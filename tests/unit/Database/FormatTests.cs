using CsCheck;
using LuxHedge.Activities.Database;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database;

public sealed class ExtendedJsonTests
{
    [Fact]
    public void Every_type_comes_back_as_it_was()
    {
        var document = new BsonDocument
        {
            { "int", 1 }, { "long", 1L }, { "double", 1.0 }, { "minus", -0.0 }, { "nan", double.NaN }, { "inf", double.NegativeInfinity },
            { "small", double.Epsilon }, { "decimal", Decimal128.Parse("1.10") }, { "nand", Decimal128.QNaN }, { "string", "a\u0000\"\\ü😀" },
            { "date", new BsonDateTime(-1) }, { "far", new BsonDateTime(long.MaxValue) }, { "ts", new BsonTimestamp(-1) }, { "oid", ObjectId.GenerateNewId() },
            { "uuid", new BsonBinaryData(Guid.NewGuid(), GuidRepresentation.Standard) }, { "bin", new BsonBinaryData([1, 2], (BsonBinarySubType)0x80) },
            { "regex", new BsonRegularExpression("^a/", "i") }, { "code", new BsonJavaScript("x") },
            { "scope", new BsonJavaScriptWithScope("x", new BsonDocument("a", 1)) }, { "symbol", BsonSymbol.Create("s") },
            { "null", BsonNull.Value }, { "undefined", BsonUndefined.Value }, { "min", BsonMinKey.Value }, { "max", BsonMaxKey.Value }, { "true", true },
            { "nested", new BsonDocument { { "$gt", 1 }, { "a.b", new BsonArray { 1, new BsonDocument("$in", new BsonArray()) } } } }, { "", "empty name" },
        };

        Assert.Equal(document.ToBson(), ExtendedJson.Parse(ExtendedJson.Write(document)).ToBson());
    }

    [Theory]
    [InlineData("$regex")]
    [InlineData("$options")]
    [InlineData("$type")]
    [InlineData("$uuid")]
    public void An_operator_of_a_validator_stays_an_operator(string name)
    {
        var validator = new BsonDocument("name", new BsonDocument { { name, "^a" } });
        Assert.Equal(validator, ExtendedJson.Parse(ExtendedJson.Write(validator)));
        var two = new BsonDocument("name", new BsonDocument { { "$regex", "^a" }, { "$options", "i" } });
        Assert.Equal(two, ExtendedJson.Parse(ExtendedJson.Write(two)));
    }

    [Theory]
    [InlineData("{\"a\": 1}")]
    [InlineData("[]")]
    [InlineData("{\"a\": {\"$numberInt\": \"x\"}}")]
    [InlineData("{")]
    [InlineData("{\"a\": {\"$binary\": {\"base64\": \"!\", \"subType\": \"00\"}}}")]
    public void What_is_not_canonical_is_refused(string json) => Assert.Throws<FormatException>(() => ExtendedJson.Parse(json));
}

public sealed class BsonFieldsTests
{
    [Fact]
    public void Every_element_is_met_with_its_bytes()
    {
        var document = new BsonDocument
        {
            { "op", "u" }, { "ts", new BsonTimestamp(7, 3) }, { "re", new BsonRegularExpression("a", "i") }, { "o", new BsonDocument("n", 5L) },
            { "ui", new BsonBinaryData(Convert.FromHexString("00112233445566778899aabbccddeeff"), BsonBinarySubType.UuidStandard) }, { "b", true },
            { "x", new BsonJavaScriptWithScope("c", new BsonDocument()) }, { "d", 2.5 }, { "last", BsonMaxKey.Value },
        };
        var fields = new BsonFields(document.ToBson());
        var names = new List<string>();
        foreach (var field in fields)
        {
            names.Add(System.Text.Encoding.UTF8.GetString(field.Name));
        }

        Assert.Equal(document.Names, names);
        Assert.Equal(new ClusterTime(7, 3), fields.Find("ts"u8).AsClusterTime());
        Assert.Equal("00112233445566778899aabbccddeeff", fields.Find("ui"u8).AsUuid());
        Assert.Equal(5, fields.Find("o"u8).AsDocument().Find("n"u8).AsInt64());
        Assert.True(fields.Find("b"u8).AsBoolean());
        Assert.False(fields.Find("none"u8).IsThere);
    }

    [Fact]
    public void Damaged_bytes_are_refused_or_read_within_their_bounds() =>
        Gen.Select(Gen.Int[0, 200], Gen.Byte).Sample((at, value) =>
        {
            var bytes = new BsonDocument { { "a", "text" }, { "b", new BsonDocument("c", new BsonArray { 1, "x", BsonNull.Value }) }, { "d", 5L } }.ToBson();
            bytes[at % bytes.Length] = value;
            try
            {
                foreach (var field in new BsonFields(bytes))
                {
                    _ = field.Value.Length;
                }
            }
            catch (InvalidDataException)
            {
                // The other right answer.
            }
        });

    [Fact]
    public void A_sequence_ends_where_its_bytes_do()
    {
        byte[] one = new BsonDocument("a", 1).ToBson(), two = new BsonDocument("b", "x").ToBson();
        Assert.Equal(2, new BsonSequence((byte[])[.. one, .. two]).Count());
        Assert.Throws<InvalidDataException>(() => new BsonSequence((byte[])[.. one, .. two[..^1]]).Count());
        Assert.Throws<InvalidDataException>(() => new BsonSequence((byte[])[.. one, 0]).Count());
    }
}
