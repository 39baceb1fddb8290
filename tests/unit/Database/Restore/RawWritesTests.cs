using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class RawWritesTests
{
    [Theory]
    [InlineData("{_id: 1, a: Timestamp(0, 0)}", true, true)]
    [InlineData("{_id: 1, a: {b: Timestamp(0, 0)}}", false, false)]
    [InlineData("{_id: 1, a: Timestamp(0, 1)}", false, false)]
    [InlineData("{_id: 1, a: 0.0, b: NumberLong(0)}", false, false)]
    [InlineData("{_id: 1, a: NumberLong(0), b: Timestamp(0, 0)}", true, true)]
    [InlineData("{_id: 1, $a: 1}", false, true)]
    [InlineData("{_id: 1, a: {$b: 1}}", false, false)]
    public void Literals_are_what_a_server_would_change_or_refuse(string document, bool asInsert, bool asReplacement)
    {
        var bson = BsonDocument.Parse(document).ToBson();

        Assert.Equal(asInsert, RawWrites.NeedsLiteral(bson, asReplacement: false));
        Assert.Equal(asReplacement, RawWrites.NeedsLiteral(bson, asReplacement: true));
    }

    [Theory]
    [InlineData("E11000 duplicate key error collection: a.b index: _id_ dup key: { _id: 12 }", true)]
    [InlineData("E11000 duplicate key error collection: a.clustered dup key: { _id: 12 }", true)]
    [InlineData("E11000 duplicate key error collection: a.b index: n_1 dup key: { n: 12 }", false)]
    [InlineData("E11000 duplicate key error collection: a.b index: _id_1_n_1 dup key: { _id: 1, n: 12 }", false)]
    public void Only_the_same_id_is_taken_for_a_document_that_is_there_already(string message, bool sameId) =>
        Assert.Equal(sameId, RawWrites.IsSameId((11000, message)));

    [Fact]
    public void A_name_too_long_beside_its_prefix_is_hashed_and_every_name_keeps_its_own()
    {
        Assert.Equal("luxhedge_restoring.cars", BesideNames.Of("db", "cars"));
        var (one, other) = (BesideNames.Of("db", new string('é', 100)), BesideNames.Of("db", new string('é', 101)));

        Assert.NotEqual(one, other);
        Assert.All((string[])[one, other], n => Assert.True(System.Text.Encoding.UTF8.GetByteCount("db." + n) <= 220));
        Assert.All((string[])[one, other, BesideNames.State], n => Assert.True(BesideNames.IsOurs(n)));
        Assert.False(BesideNames.IsOurs("luxhedge_restorings"));
    }

    [Fact]
    public void A_collection_is_loaded_under_a_name_of_its_run_only()
    {
        var (one, other) = (BesideNames.OfLoad("db", "cars", "20261124T020000Z-restore-db-7f3a"), BesideNames.OfLoad("db", "cars", "20261124T020000Z-restore-db-7f3b"));

        Assert.StartsWith("luxhedge_restoring.cars~", one, StringComparison.Ordinal);
        Assert.NotEqual(one, other);
        Assert.True(BesideNames.IsOurs(one));
    }
}
