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

    public static TheoryData<string> Indexes { get; } =
    [
        "{v: 2, key: {a: 1, b: -1}, name: 'a', unique: true, sparse: true, hidden: true}",
        "{v: 2, key: {a: 1}, name: 'a', prepareUnique: true}",
        "{v: 2, key: {a: 1}, name: 'a', partialFilterExpression: {$and: [{b: {$gt: 5}}, {c: {$exists: true}}]}}",
        "{v: 2, key: {a: 1}, name: 'a', expireAfterSeconds: {$numberLong: '3600'}}",
        "{v: 2, key: {a: 1}, name: 'a', expireAfterSeconds: 0, partialFilterExpression: {gone: true}}",
        "{v: 2, key: {a: 1}, name: 'a', collation: {locale: 'de', caseLevel: false, strength: 1, numericOrdering: true, version: '57.1'}}",
        "{v: 2, key: {'$**': 1}, name: 'a', wildcardProjection: {a: 1, 'b.c': 1, _id: 0}}",
        "{v: 2, key: {'a.$**': 1, b: 1}, name: 'a'}",
        "{v: 2, key: {_fts: 'text', _ftsx: 1, n: 1}, name: 'a', weights: {body: 3, title: 10}, default_language: 'german', language_override: 'sprache', textIndexVersion: 3}",
        "{v: 2, key: {_fts: 'text', _ftsx: 1}, name: 'a', weights: {'$**': 1}, default_language: 'english', language_override: 'language', textIndexVersion: 2}",
        "{v: 2, key: {a: '2dsphere', b: 1}, name: 'a', '2dsphereIndexVersion': 2}",
        "{v: 2, key: {a: '2d'}, name: 'a', bits: 20, min: -100.5, max: 100.5}",
        "{v: 1, key: {a: 'geoHaystack', b: 1}, name: 'a', bucketSize: 5.0}",
        "{v: 2, key: {a: 'hashed'}, name: 'a'}",
        "{v: 2, key: {_id: 'hashed'}, name: '_id_hashed'}",
        "{v: 2, key: {a: 1}, name: 'a', storageEngine: {wiredTiger: {configString: 'block_compressor=zlib'}}}",
        "{v: 2, key: {a: 'columnstore'}, name: 'a', columnstoreProjection: {b: 1}}",
        "{v: 2, key: {a: 1}, name: 'a', somethingOfALaterServer: {x: [1, 2]}}",
    ];

    [Theory]
    [MemberData(nameof(Indexes))]
    public void Every_option_of_an_index_is_in_the_command_that_builds_it(string listed)
    {
        var index = BsonDocument.Parse(listed);
        var expected = new BsonDocument(index.Where(e => e.Name != "v"));

        // By way of the backup's text, as a restore has it.
        var built = CollectionSpecifications.ToBuild(CollectionSpecifications.Listed(CollectionSpecifications.Parse(CollectionSpecifications.Text(index))), Create("{}"))!;

        Assert.Equal(expected.ToJson(), built.ToJson());
        Assert.Equal(expected.Select(e => e.Value.BsonType), built.Select(e => e.Value.BsonType));
        Assert.Equal(CollectionSpecifications.IndexForm(index, withExpiry: true), CollectionSpecifications.IndexForm(built, withExpiry: true));
    }

    [Theory]
    [MemberData(nameof(Indexes))]
    public void Every_option_of_an_index_that_is_lost_is_seen_by_the_check(string listed)
    {
        var index = BsonDocument.Parse(listed);
        // What the newest server would write of itself is no loss.
        var options = index.Names.Except(["v", "name", "key"]).Where(o => !(o == "textIndexVersion" && index[o] == 3));

        Assert.All(options, option => Assert.NotEqual(
            CollectionSpecifications.IndexForm(index, withExpiry: true),
            CollectionSpecifications.IndexForm(new BsonDocument(index.Where(e => e.Name != option)), withExpiry: true)));
    }

    public static TheoryData<string> Options { get; } =
    [
        "{capped: true, size: {$numberLong: '5368709120'}, max: 1000}",
        "{clusteredIndex: {v: 2, key: {_id: 1}, name: 'by id', unique: true}, expireAfterSeconds: {$numberLong: '3600'}}",
        "{validator: {$jsonSchema: {required: ['a'], properties: {a: {bsonType: 'string'}}}}, validationLevel: 'moderate', validationAction: 'warn'}",
        "{validator: {a: 1}, validationLevel: 'off', validationAction: 'errorAndLog'}",
        "{collation: {locale: 'fr_CA', backwards: true, strength: 3, version: '57.1'}}",
        "{changeStreamPreAndPostImages: {enabled: true}}",
        "{recordPreImages: true}",
        "{storageEngine: {wiredTiger: {configString: 'block_compressor=zlib'}}}",
        "{indexOptionDefaults: {storageEngine: {wiredTiger: {configString: 'prefix_compression=false'}}}}",
        "{encryptedFields: {escCollection: 'enxcol_.c.esc', ecocCollection: 'enxcol_.c.ecoc', fields: [{keyId: {$binary: {base64: 'AAAAAAAAAAAAAAAAAAAAAA==', subType: '04'}}, path: 'ssn', bsonType: 'string', queries: {queryType: 'equality', contention: {$numberLong: '8'}}}]}}",
        "{somethingOfALaterServer: {x: [1, 2]}, another: 'y'}",
    ];

    [Theory]
    [MemberData(nameof(Options))]
    public void Every_option_of_a_collection_is_in_one_of_the_commands_that_make_it(string reported)
    {
        var options = BsonDocument.Parse(reported);
        var collection = Create(CollectionSpecifications.Text(options));

        var made = CollectionSpecifications.ToCreateBeside(collection);
        made.AddRange(CollectionSpecifications.ToSetLater(collection) ?? []);
        if (options.TryGetValue("expireAfterSeconds", out var expiry))
            made.Add("expireAfterSeconds", expiry);

        Assert.Equal(options.OrderBy(o => o.Name, StringComparer.Ordinal), made.OrderBy(o => o.Name, StringComparer.Ordinal));
        Assert.All(options.Names, option => Assert.NotEqual(
            CollectionSpecifications.Form(options, withExpiry: true),
            CollectionSpecifications.Form(new BsonDocument(options.Where(e => e.Name != option)), withExpiry: true)));
    }

    [Theory]
    [InlineData("{timeseries: {timeField: 't', metaField: 'm', granularity: 'minutes', bucketMaxSpanSeconds: 86400}, expireAfterSeconds: {$numberLong: '60'}}",
        "{timeseries: {timeField: 't', metaField: 'm', granularity: 'minutes'}, expireAfterSeconds: {$numberLong: '60'}}")]
    [InlineData("{timeseries: {timeField: 't', bucketMaxSpanSeconds: 300, bucketRoundingSeconds: 300}}", "{timeseries: {timeField: 't', bucketMaxSpanSeconds: 300, bucketRoundingSeconds: 300}}")]
    [InlineData("{viewOn: 'cars', pipeline: [{$match: {n: 1}}], collation: {locale: 'de', version: '57.1'}}", "{viewOn: 'cars', pipeline: [{$match: {n: 1}}], collation: {locale: 'de', version: '57.1'}}")]
    public void Time_series_of_both_forms_and_views_are_made_with_all_their_options(string reported, string made) =>
        Assert.Equal(BsonDocument.Parse(made), CollectionSpecifications.ToCreate(Create(reported)));

    private static ReplayedCollection Create(string options) => new("u", "n", ReplayedCollection.Collection, BsonDocument.Parse(options), [], "b");
}
