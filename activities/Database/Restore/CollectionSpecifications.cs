using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;

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

    private static readonly JsonWriterSettings Canonical = new() { OutputMode = JsonOutputMode.CanonicalExtendedJson };

    public static BsonDocument Parse(string extendedJson) => BsonSerializer.Deserialize<BsonDocument>(extendedJson);

    public static string Text(BsonDocument document) => document.ToJson(Canonical);

    /// <summary>Options of the collection beside: a time series' documents lie in a plain one until the cut-over.</summary>
    public static BsonDocument ToCreateBeside(ReplayedCollection collection) =>
        collection.Type == ReplayedCollection.TimeSeries ? [] : Without(collection.Options, [.. Later, .. NotForCreate]);

    /// <summary>Options of a time series or a view in its place.</summary>
    public static BsonDocument ToCreate(ReplayedCollection collection) => Without(collection.Options, NotForCreate);

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
        if (key.Values.Contains("2dsphere") && !built.Contains("2dsphereIndexVersion"))
            built["2dsphereIndexVersion"] = 1; // Servers before 2.6 wrote none.
        return built;
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
        return Sorted(form).ToJson(Canonical);
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

        foreach (var number in form.Where(f => f.Value.IsNumeric).ToList())
            form[number.Name] = number.Value.ToDouble(); // A TTL of 3600 and of 3600.0 are one.
        var key = form["key"].AsBsonDocument;
        form["key"] = new BsonDocument(key.Select(k => new BsonElement(k.Name, k.Value.IsNumeric ? k.Value.ToDouble() : k.Value)));
        // The key's own order matters; that of the options does not.
        return key.ElementCount == 0 ? form.ToJson(Canonical) : new BsonDocument(form.OrderBy(f => f.Name, StringComparer.Ordinal)).ToJson(Canonical);
    }

    private static BsonDocument Without(BsonDocument document, IReadOnlyCollection<string> names) =>
        new(document.Where(e => !names.Contains(e.Name, StringComparer.Ordinal)).Select(e => new BsonElement(e.Name, e.Value.DeepClone())));

    /// <summary>Options are unordered; what lies inside a validator or a pipeline is not.</summary>
    private static BsonDocument Sorted(BsonDocument document) => new(document.OrderBy(e => e.Name, StringComparer.Ordinal));
}
