using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// What a server reports of collections and indexes, made fit to create them from, and to compare. Whatever is reported comes back: an option
/// that is not known here is handed on, and a server that refuses it is heard.
/// </summary>
internal static class CollectionSpecifications
{
    /// <summary>Set after the documents are in: documents older than their validator are refused otherwise, and a TTL deletes what it should not.</summary>
    private static readonly string[] Later = ["validator", "validationLevel", "validationAction", "expireAfterSeconds", "changeStreamPreAndPostImages", "recordPreImages"];

    /// <summary>Reported, and no option of <c>create</c>.</summary>
    private static readonly string[] NotForCreate = ["uuid", "temp", "autoIndexId"];

    public static BsonDocument Parse(string extendedJson) => ExtendedJson.Parse(extendedJson);

    public static string Text(BsonDocument document) => ExtendedJson.Write(document);

    /// <summary>Options of the collection beside: a time series' documents lie in a plain one until the cut-over.</summary>
    public static BsonDocument ToCreateBeside(ReplayedCollection collection) =>
        collection.Type == ReplayedCollection.TimeSeries ? [] : Without(collection.Options, [.. Later, .. NotForCreate]);

    /// <summary>Options of a time series or a view in its place.</summary>
    public static BsonDocument ToCreate(ReplayedCollection collection)
    {
        var options = Without(collection.Options, NotForCreate);
        // Reported with the span that follows from it; to give both is refused.
        if (options.GetValue("timeseries", null) is BsonDocument series && series.Contains("granularity") && !series.Contains("bucketRoundingSeconds"))
            series.Remove("bucketMaxSpanSeconds");
        return options;
    }

    /// <summary>The <c>collMod</c> that makes documents be judged again, with everything but the expiry; null: there is nothing to set.</summary>
    public static BsonDocument? ToSetLater(ReplayedCollection collection)
    {
        var options = new BsonDocument(collection.Options.Where(o => Later.Contains(o.Name, StringComparer.Ordinal) && o.Name != "expireAfterSeconds"));
        return options.ElementCount == 0 ? null : options;
    }

    /// <summary>The index as <c>createIndexes</c> takes it; null for those that come with the collection.</summary>
    /// <param name="collection">Whose own collation an index would inherit.</param>
    public static BsonDocument? ToBuild(BsonDocument index, ReplayedCollection collection)
    {
        var key = index["key"].AsBsonDocument;
        if (index.GetValue("clustered", false).ToBoolean() || (key.ElementCount == 1 && key.GetElement(0).Name == "_id" && index.GetValue("name", "") == "_id_"))
            return null;
        var built = Without(index, ["v", "ns"]);
        if (collection.HasCollation && !built.Contains("collation"))
            built["collation"] = new BsonDocument("locale", "simple");
        return built;
    }

    /// <summary>An index as a server lists it: what an old one left out is said.</summary>
    public static BsonDocument Listed(BsonDocument index)
    {
        // Servers before 2.6 wrote no version, and meant 1. (An oplog entry without one means the server's newest.)
        if (index["key"].AsBsonDocument.Values.Contains("2dsphere") && !index.Contains("2dsphereIndexVersion"))
            index["2dsphereIndexVersion"] = 1;
        return index;
    }

    public static bool IsTtl(BsonDocument index) => index.Contains("expireAfterSeconds");

    public static BsonDocument WithoutTtl(BsonDocument index) => Without(index, ["expireAfterSeconds"]);

    /// <summary>In one form whatever a server adds by itself: equal forms mean the same collection.</summary>
    public static string Form(BsonDocument options, bool withExpiry)
    {
        var form = Without(options, NotForCreate);
        // mongod and SecantusDB add the defaults once a validator was modified, and leave them away when it was created with.
        if (form.GetValue("validator", null) is BsonDocument { ElementCount: 0 })
            form.Remove("validator");
        if (form.GetValue("validationLevel", "strict") == "strict")
            form.Remove("validationLevel");
        if (form.GetValue("validationAction", "error") == "error")
            form.Remove("validationAction");
        if (form.GetValue("changeStreamPreAndPostImages", null) is BsonDocument images && !images.GetValue("enabled", false).ToBoolean())
            form.Remove("changeStreamPreAndPostImages");
        if (form.GetValue("clusteredIndex", null) is BsonDocument cluster)
            form["clusteredIndex"] = Without(cluster, ["v"]);
        if (form.GetValue("collation", null) is BsonDocument collation)
            form["collation"] = Without(collation, ["version"]); // Of the server's ICU.
        if (!withExpiry)
            form.Remove("expireAfterSeconds");
        return Text(Sorted(form));
    }

    public static string IndexForm(BsonDocument index, bool withExpiry)
    {
        var form = Without(index, withExpiry ? ["v", "ns", "background"] : ["v", "ns", "background", "expireAfterSeconds"]);
        if (form.GetValue("collation", null) is BsonDocument collation)
        {
            if (collation.GetValue("locale", "") == "simple")
                form.Remove("collation");
            else
                form["collation"] = Without(collation, ["version"]);
        }

        // The newest versions, which a server writes down and a command leaves out.
        foreach (var version in (string[])["2dsphereIndexVersion", "textIndexVersion"])
        {
            if (form.GetValue(version, 0) == 3)
                form.Remove(version);
        }

        foreach (var number in form.Where(f => f.Value.IsNumeric).ToList())
            form[number.Name] = number.Value.ToDouble(); // A TTL of 3600 and of 3600.0 are one.
        var key = form["key"].AsBsonDocument;
        form["key"] = new BsonDocument(key.Select(k => new BsonElement(k.Name, k.Value.IsNumeric ? k.Value.ToDouble() : k.Value)));
        // The key's own order matters; that of the options does not.
        return Text(Sorted(form));
    }

    private static BsonDocument Without(BsonDocument document, IReadOnlyCollection<string> names) =>
        new(document.Where(e => !names.Contains(e.Name, StringComparer.Ordinal)).Select(e => new BsonElement(e.Name, e.Value.DeepClone())));

    /// <summary>Options are unordered; what lies inside a validator or a pipeline is not.</summary>
    private static BsonDocument Sorted(BsonDocument document) => new(document.OrderBy(e => e.Name, StringComparer.Ordinal));
}
