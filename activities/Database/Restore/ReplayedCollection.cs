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

    public bool IsCapped => Type == Collection && Options.GetValue("capped", false).ToBoolean();

    /// <summary>Strings are compared otherwise than by their bytes.</summary>
    public bool HasCollation =>
        Type == Collection && Options.TryGetValue("collation", out var c) && c is BsonDocument collation && collation.GetValue("locale", "simple") != "simple";
}
