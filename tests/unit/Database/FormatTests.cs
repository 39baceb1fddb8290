using System.Security.Cryptography;
using CsCheck;
using LuxHedge.Activities.Database;
using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database;

public sealed class OrderFreeHashTests
{
    [Fact]
    public void Order_and_grouping_do_not_matter() =>
        Gen.Select(Gen.Byte.Array[0, 50].Select(Document).Array[0, 20], Gen.Int[0, 20]).Sample((documents, at) =>
        {
            var (whole, reversed, first, second) = (new OrderFreeHash(), new OrderFreeHash(), new OrderFreeHash(), new OrderFreeHash());
            foreach (var (i, document) in documents.Index())
            {
                whole.Add(document);
                (i < at ? first : second).Add(document);
            }

            foreach (var document in documents.Reverse())
            {
                reversed.Add(document);
            }

            first.Add(second);
            Assert.Equal(whole.ToString(), reversed.ToString());
            Assert.Equal(whole.ToString(), first.ToString());
            Assert.Equal(documents.Length, first.Documents);
        });

    [Fact]
    public void The_sum_is_that_of_the_hashes_as_big_endian_numbers_modulo_two_to_the_256()
    {
        var hash = new OrderFreeHash();
        var sum = System.Numerics.BigInteger.Zero;
        for (var i = 0; i < 50; i++)
        {
            hash.Add(Document([(byte)i]));
            sum += new System.Numerics.BigInteger(SHA256.HashData(Document([(byte)i])), isUnsigned: true, isBigEndian: true);
        }

        var expected = (sum % (System.Numerics.BigInteger.One << 256)).ToByteArray(isUnsigned: true, isBigEndian: true);
        Assert.Equal(Convert.ToHexStringLower(expected).PadLeft(64, '0'), hash.ToString());
    }

    [Fact]
    public void A_document_that_is_there_twice_is_not_cancelled_out()
    {
        var (none, twice) = (new OrderFreeHash(), new OrderFreeHash());
        twice.Add(Document([1, 2, 3]));
        twice.Add(Document([1, 2, 3]));
        Assert.NotEqual(none.ToString(), twice.ToString());
    }

    private static byte[] Document(byte[] payload) => new BsonDocument { { "_id", 1 }, { "p", payload } }.ToBson();
}

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
