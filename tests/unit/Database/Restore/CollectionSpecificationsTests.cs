using LuxHedge.Activities.Database.Restore;
using MongoDB.Bson;

namespace LuxHedge.Tests.Unit.Database.Restore;

public sealed class CollectionSpecificationsTests
{
    [Theory]
    [InlineData("{}", "{validationLevel: 'strict', validationAction: 'error', validator: {}}")]
    [InlineData("{capped: true, size: 5}", "{size: 5, capped: true}")]
    [InlineData("{clusteredIndex: {v: 2, key: {_id: 1}, unique: true}}", "{clusteredIndex: {key: {_id: 1}, unique: true}}")]
    [InlineData("{collation: {locale: 'en', version: '57.1'}}", "{collation: {locale: 'en', version: '60'}}")]
    [InlineData("{changeStreamPreAndPostImages: {enabled: false}}", "{}")]
    public void What_a_server_adds_by_itself_makes_no_other_collection(string one, string other) =>
        Assert.Equal(CollectionSpecifications.Form(BsonDocument.Parse(one), true), CollectionSpecifications.Form(BsonDocument.Parse(other), true));

    [Theory]
    [InlineData("{validator: {a: 1, b: 2}}", "{validator: {b: 2, a: 1}}")]
    [InlineData("{validator: {a: 1}}", "{validator: {a: 1}, validationLevel: 'moderate'}")]
    [InlineData("{capped: true, size: 5}", "{capped: true, size: 6}")]
    [InlineData("{unknownOption: 1}", "{}")]
    [InlineData("{expireAfterSeconds: 5}", "{}")]
    public void Every_other_difference_counts(string one, string other) =>
        Assert.NotEqual(CollectionSpecifications.Form(BsonDocument.Parse(one), true), CollectionSpecifications.Form(BsonDocument.Parse(other), true));

    [Theory]
    [InlineData("{v: 2, key: {a: 1}, name: 'a', ns: 'x.y', background: true}", "{key: {a: 1.0}, name: 'a'}")]
    [InlineData("{key: {a: 1}, name: 'a', expireAfterSeconds: 60}", "{key: {a: 1}, name: 'a', expireAfterSeconds: 60.0}")]
    [InlineData("{key: {a: '2dsphere'}, name: 'a', '2dsphereIndexVersion': 3}", "{key: {a: '2dsphere'}, name: 'a'}")]
    [InlineData("{key: {a: 1}, name: 'a', collation: {locale: 'simple'}}", "{key: {a: 1}, name: 'a'}")]
    [InlineData("{key: {a: 1}, unique: true, name: 'a'}", "{name: 'a', unique: true, key: {a: 1}}")]
    public void The_same_index_has_one_form(string one, string other) =>
        Assert.Equal(CollectionSpecifications.IndexForm(BsonDocument.Parse(one), true), CollectionSpecifications.IndexForm(BsonDocument.Parse(other), true));

    [Theory]
    [InlineData("{key: {a: 1, b: 1}, name: 'a'}", "{key: {b: 1, a: 1}, name: 'a'}")]
    [InlineData("{key: {a: 1}, name: 'a', hidden: true}", "{key: {a: 1}, name: 'a'}")]
    [InlineData("{key: {a: 1}, name: 'a', prepareUnique: true}", "{key: {a: 1}, name: 'a'}")]
    [InlineData("{key: {a: '2dsphere'}, name: 'a', '2dsphereIndexVersion': 1}", "{key: {a: '2dsphere'}, name: 'a'}")]
    [InlineData("{key: {a: 1}, name: 'a', somethingNew: 7}", "{key: {a: 1}, name: 'a'}")]
    public void Another_index_has_another_form(string one, string other) =>
        Assert.NotEqual(CollectionSpecifications.IndexForm(BsonDocument.Parse(one), true), CollectionSpecifications.IndexForm(BsonDocument.Parse(other), true));

    [Fact]
    public void Under_a_collation_an_index_without_one_is_built_simple()
    {
        var collated = Create("{collation: {locale: 'en', strength: 2}}");

        Assert.Equal("simple", CollectionSpecifications.ToBuild(BsonDocument.Parse("{v: 2, key: {a: 1}, name: 'a'}"), collated)!["collation"]["locale"]);
        Assert.Equal("de", CollectionSpecifications.ToBuild(BsonDocument.Parse("{key: {a: 1}, name: 'a', collation: {locale: 'de'}}"), collated)!["collation"]["locale"]);
    }

    [Fact]
    public void Indexes_that_come_with_their_collection_are_not_built()
    {
        Assert.Null(CollectionSpecifications.ToBuild(BsonDocument.Parse("{v: 2, key: {_id: 1}, name: '_id_'}"), Create("{}")));
        Assert.Null(CollectionSpecifications.ToBuild(BsonDocument.Parse("{v: 2, key: {_id: 1}, name: 'c', clustered: true, unique: true}"), Create("{}")));
    }

    [Fact]
    public void Old_geographic_indexes_without_a_version_are_of_version_1() =>
        Assert.Equal(1, CollectionSpecifications.Listed(BsonDocument.Parse("{key: {a: '2dsphere'}, name: 'a'}"))["2dsphereIndexVersion"]);

    [Fact]
    public void Validators_expiry_and_images_are_left_for_later()
    {
        var collection = Create("{validator: {a: 1}, validationLevel: 'moderate', expireAfterSeconds: 5, changeStreamPreAndPostImages: {enabled: true}, capped: true, size: 9}");

        Assert.Equal(BsonDocument.Parse("{capped: true, size: 9}"), CollectionSpecifications.ToCreateBeside(collection));
        Assert.Equal(
            BsonDocument.Parse("{validator: {a: 1}, validationLevel: 'moderate', changeStreamPreAndPostImages: {enabled: true}}"),
            CollectionSpecifications.ToSetLater(collection));
    }

    private static ReplayedCollection Create(string options) => new("u", "n", ReplayedCollection.Collection, BsonDocument.Parse(options), [], "b");
}
