using MongoDB.Bson;
using MongoDB.Driver;

namespace LuxHedge.Tests.Integration.Database.Restore;

/// <summary>A database of every kind of collection, odd names, odd documents, and indexes with options.</summary>
internal static class SampleData
{
    public static async Task FillAsync(IMongoDatabase db, int cars = 1_500)
    {
        await db.CreateCollectionAsync("cars", new CreateCollectionOptions<BsonDocument>
        {
            Validator = new BsonDocumentFilterDefinition<BsonDocument>(new BsonDocument("n", new BsonDocument("$gte", 10))),
            ValidationAction = DocumentValidationAction.Warn,
        });
        await FillAsync(db, "cars", cars, 400);
        await db.RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "collMod", "cars" }, { "validator", new BsonDocument("n", new BsonDocument("$gte", 10)) }, { "validationAction", "error" }, { "validationLevel", "moderate" },
        });
        await FillAsync(db, "users", 300, 50);
        await db.CreateCollectionAsync("capped", new CreateCollectionOptions { Capped = true, MaxSize = 1 << 20, MaxDocuments = 50 });
        await FillAsync(db, "capped", 80, 20);
        await db.CreateCollectionAsync("collated", new CreateCollectionOptions { Collation = new Collation("en", strength: CollationStrength.Secondary) });
        await db.GetCollection<BsonDocument>("collated").InsertManyAsync([new("_id", "abc"), new("_id", "ABd"), new("_id", 7)]);
        await db.CreateCollectionAsync("clustered", new CreateCollectionOptions<BsonDocument>
        {
            ClusteredIndex = new ClusteredIndexOptions<BsonDocument> { Key = new BsonDocument("_id", 1), Unique = true },
        });
        await FillAsync(db, "clustered", 20, 20);
        await db.CreateCollectionAsync("readings", new CreateCollectionOptions { TimeSeriesOptions = new TimeSeriesOptions("t", "m") });
        await db.GetCollection<BsonDocument>("readings").InsertManyAsync(
            Enumerable.Range(0, 10).Select(i => new BsonDocument { { "t", new DateTime(2026, 1, 1, 0, 0, i, DateTimeKind.Utc) }, { "m", i % 2 }, { "v", i } }));
        await db.CreateCollectionAsync("empty");
        await db.CreateViewAsync<BsonDocument, BsonDocument>("some", "clustered", new EmptyPipelineDefinition<BsonDocument>().Match(new BsonDocument("n", 1)));
        foreach (var name in (string[])["we/ird %41 ü+.x", "a b", "percent%2F", "ключ"])
            await db.GetCollection<BsonDocument>(name).InsertOneAsync(new BsonDocument { { "_id", name }, { "a.b", 1 }, { "c", new BsonDocument("$d.e", 2) } });
        await db.GetCollection<BsonDocument>("system.js").InsertOneAsync(new BsonDocument { { "_id", "f" }, { "value", new BsonJavaScript("function () { return 1 }") } });
        await db.GetCollection<BsonDocument>("mixed").InsertManyAsync(
        [
            new("_id", 1), new("_id", "one"), new("_id", BsonNull.Value), new("_id", double.NaN), new("_id", true), new("_id", new BsonDocument("a", 1)),
            new() { { "_id", 2 }, { "$top", 1 }, { "d", Decimal128.Parse("1.10") } },
        ]);
        await db.RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "insert", "mixed" }, { "documents", new BsonArray { new BsonDocument { { "_id", "zero" }, { "t", new BsonTimestamp(0, 0) }, { "$x", 1 } } } },
            { "bypassEmptyTsReplacement", true },
        });
        await db.RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "createIndexes", "users" },
            {
                "indexes", new BsonArray
                {
                    new BsonDocument { { "key", new BsonDocument("n", 1) }, { "name", "by_n" }, { "unique", true } },
                    new BsonDocument { { "key", new BsonDocument("when", 1) }, { "name", "old" }, { "expireAfterSeconds", 1_000_000_000 } },
                    new BsonDocument { { "key", new BsonDocument { { "text", -1 }, { "n", 1 } } }, { "name", "two" }, { "sparse", true }, { "hidden", true } },
                    new BsonDocument { { "key", new BsonDocument("place", "2dsphere") }, { "name", "place" } },
                    new BsonDocument { { "key", new BsonDocument("$**", 1) }, { "name", "all" } },
                    new BsonDocument
                    {
                        { "key", new BsonDocument("p", 1) }, { "name", "some" }, { "partialFilterExpression", new BsonDocument("n", new BsonDocument("$gt", 5)) },
                        { "collation", new BsonDocument { { "locale", "de" }, { "strength", 1 } } },
                    },
                }
            },
        });
        await db.RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "createIndexes", "collated" },
            {
                "indexes", new BsonArray
                {
                    new BsonDocument { { "key", new BsonDocument("a", 1) }, { "name", "inherits" } },
                    new BsonDocument { { "key", new BsonDocument("b", 1) }, { "name", "simple" }, { "collation", new BsonDocument("locale", "simple") } },
                }
            },
        });
    }

    public static async Task FillAsync(IMongoDatabase db, string collection, int count, int size)
    {
        var text = new string('x', size);
        foreach (var chunk in Enumerable.Range(0, count).Chunk(10_000))
        {
            await db.GetCollection<BsonDocument>(collection).InsertManyAsync(chunk.Select(i => new BsonDocument
            {
                { "_id", i }, { "n", i }, { "text", $"{text}{i}" }, { "when", new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(i) },
                { "money", new BsonDecimal128(i / 100m) }, { "tags", new BsonArray { i % 7, new BsonDocument("k", i) } },
            }));
        }
    }

    /// <summary>Writes between the planning of the ranges and their reading: some of it is in the copy, all of it in the oplog.</summary>
    public static async Task TouchAsync(IMongoDatabase db)
    {
        var cars = db.GetCollection<BsonDocument>("cars");
        for (var i = 0; i < 20; i++)
        {
            await cars.UpdateOneAsync(new BsonDocument("_id", i * 3), new BsonDocument("$inc", new BsonDocument("n", 1000)));
            await cars.DeleteOneAsync(new BsonDocument("_id", (i * 5) + 100));
            await cars.InsertOneAsync(new BsonDocument { { "_id", $"early-{i}" }, { "n", i + 50 } });
        }

        await cars.InsertOneAsync(new BsonDocument { { "_id", 105.0 }, { "n", 50 }, { "again", true } });
    }

    /// <summary>Writes of every kind after the ranges were read: all of it is in the oplog only.</summary>
    public static async Task ChangeAsync(IMongoDatabase db)
    {
        var cars = db.GetCollection<BsonDocument>("cars");
        for (var i = 0; i < 30; i++)
        {
            await cars.UpdateOneAsync(
                new BsonDocument("_id", i),
                new BsonDocument
                {
                    { "$set", new BsonDocument { { "tags.1.k", -i }, { "tags.4", "padded" }, { "deep.er", i } } }, { "$unset", new BsonDocument("when", "") },
                });
            await cars.UpdateOneAsync(new BsonDocument("_id", i), new BsonDocument { { "$push", new BsonDocument("tags", i) }, { "$rename", new BsonDocument("text", "words") } });
        }

        await cars.ReplaceOneAsync(new BsonDocument("_id", 40), new BsonDocument { { "n", 40 }, { "whole", "new" } });
        await cars.DeleteManyAsync(new BsonDocument("_id", new BsonDocument { { "$gte", 50 }, { "$lt", 60 } }));
        await cars.UpdateOneAsync(new BsonDocument("_id", 61), new BsonDocument("$pop", new BsonDocument("tags", 1)));
        await TransactAsync(db, commit: true);
        await TransactAsync(db, commit: false);

        var collated = db.GetCollection<BsonDocument>("collated");
        await collated.UpdateOneAsync(new BsonDocument("_id", "ABC"), new BsonDocument("$set", new BsonDocument("v", 1)));
        await collated.DeleteOneAsync(new BsonDocument("_id", "ABD"));
        await collated.InsertOneAsync(new BsonDocument { { "_id", "abD" }, { "v", 2 } });
        await FillCappedAsync(db, 200, 40);

        await db.CreateCollectionAsync("short");
        await FillAsync(db, "short", 20, 5);
        await db.DropCollectionAsync("short");
        await db.DropCollectionAsync("empty");
        await FillAsync(db, "empty", 7, 5);
        await FillAsync(db, "renaming", 12, 5);
        await db.RenameCollectionAsync("renaming", "renamed");
        await db.GetCollection<BsonDocument>("renamed").DeleteOneAsync(new BsonDocument("_id", 3));
        await db.GetCollection<BsonDocument>("clustered").Aggregate().Match(new BsonDocument("n", new BsonDocument("$lt", 5))).OutAsync("renamed2");
        await db.RenameCollectionAsync("renamed2", "a b", new RenameCollectionOptions { DropTarget = true });
        await db.GetCollection<BsonDocument>("a b").InsertOneAsync(new BsonDocument { { "_id", "after" }, { "$x", new BsonTimestamp(5, 5) } });

        await db.RunCommandAsync<BsonDocument>(new BsonDocument { { "dropIndexes", "users" }, { "index", "two" } });
        await db.RunCommandAsync<BsonDocument>(new BsonDocument
        {
            { "createIndexes", "cars" },
            { "indexes", new BsonArray { new BsonDocument { { "key", new BsonDocument { { "n", -1 }, { "_id", 1 } } }, { "name", "late" }, { "sparse", true } } } },
        });
        await db.RunCommandAsync<BsonDocument>(new BsonDocument { { "collMod", "cars" }, { "validator", new BsonDocument("n", new BsonDocument("$gte", 11)) } });
        await db.CreateViewAsync<BsonDocument, BsonDocument>("late view", "cars", new EmptyPipelineDefinition<BsonDocument>().Match(new BsonDocument("n", 1)));
        await db.DropCollectionAsync("some");
        await db.CreateViewAsync<BsonDocument, BsonDocument>("some", "users", new EmptyPipelineDefinition<BsonDocument>().Match(new BsonDocument("n", 2)));
    }

    private static async Task FillCappedAsync(IMongoDatabase db, int from, int count)
    {
        for (var i = from; i < from + count; i++)
            await db.GetCollection<BsonDocument>("capped").InsertOneAsync(new BsonDocument { { "_id", i }, { "n", i } });
    }

    private static async Task TransactAsync(IMongoDatabase db, bool commit)
    {
        using var session = await db.Client.StartSessionAsync();
        session.StartTransaction();
        var (cars, users) = (db.GetCollection<BsonDocument>("cars"), db.GetCollection<BsonDocument>("users"));
        await cars.InsertOneAsync(session, new BsonDocument { { "_id", $"txn-{commit}" }, { "n", 70 } });
        await cars.UpdateOneAsync(session, new BsonDocument("_id", $"txn-{commit}"), new BsonDocument("$inc", new BsonDocument("n", 5)));
        await users.DeleteOneAsync(session, new BsonDocument("_id", commit ? 5 : 6));
        await users.InsertManyAsync(session, Enumerable.Range(1000, 50).Select(i => new BsonDocument { { "_id", $"{commit}-{i}" }, { "n", commit ? i : -i } }));
        if (commit)
            await session.CommitTransactionAsync();
        else
            await session.AbortTransactionAsync();
    }
}
