using MongoDB.Bson;

namespace LuxHedge.Activities.Database.Restore;

/// <summary>
/// A collection of the source on its way into the target: known by its UUID, whatever its name is at the moment. Replay changes
/// <see cref="Name"/>, <see cref="Options"/> and <see cref="Indexes"/>; the cut-over gives it that name.
/// </summary>
/// <param name="Uuid">32 hex digits; for a view <c>view:{name}</c>.</param>
/// <param name="Type"><c>collection</c>, <c>view</c> or <c>timeseries</c>.</param>
/// <param name="Beside">The collection of the target that holds its documents until the cut-over; empty for a view.</param>
internal sealed record ReplayedCollection(
    string Uuid, string Name, string Type, BsonDocument Options, IReadOnlyList<BsonDocument> Indexes, string Beside)
{
    public const string Collection = "collection";
    public const string View = "view";
    public const string TimeSeries = "timeseries";

    /// <summary>Of a time series whose documents are buckets: the collection they are written to (see <see cref="PlannedCollection"/>).</summary>
    public string? Buckets { get; init; }

    /// <summary>What replay did to it after the base's end mark; null: nothing.</summary>
    public SinceBase? Since { get; init; }

    public bool IsCapped => Type == Collection && Options.GetValue("capped", false).ToBoolean();

    /// <summary>Strings are compared otherwise than by their bytes.</summary>
    public bool HasCollation =>
        Type == Collection && Options.TryGetValue("collation", out var c) && c is BsonDocument collation && collation.GetValue("locale", "simple") != "simple";
}

/// <summary>What exact replay did to a collection: with the count at the base's end mark it says how many documents there must be.</summary>
/// <param name="Operations">On its documents.</param>
/// <param name="Net">Inserted less deleted.</param>
/// <param name="IsNew">It was created since.</param>
/// <param name="IsAltered">Its name, options or indexes are others, or it is new.</param>
internal sealed record SinceBase(long Operations, long Net, bool IsNew, bool IsAltered)
{
    public static readonly SinceBase Nothing = new(0, 0, false, false);

    /// <summary>Of a capped collection: <c>{_id}</c> of the newest document that was inserted, as bytes.</summary>
    public ReadOnlyMemory<byte>? Newest { get; init; }

    public SinceBase Plus(SinceBase more) =>
        new(Operations + more.Operations, Net + more.Net, IsNew || more.IsNew, IsAltered || more.IsAltered) { Newest = more.Newest ?? Newest };
}
