using LuxHedge.Workflows;
using MongoDB.Bson;

namespace LuxHedge.Activities.Database;

/// <summary>Cluster times and UUIDs between the wire's types and the records'.</summary>
public static class ClusterTimes
{
    public static BsonTimestamp ToBson(this ClusterTime time) => new((int)time.Seconds, (int)time.Increment);

    public static ClusterTime ToClusterTime(this BsonValue value) =>
        value is BsonTimestamp time ? new((uint)time.Timestamp, (uint)time.Increment) : default;

    /// <summary>From 32 hex digits to a BSON UUID.</summary>
    public static BsonBinaryData ToBsonUuid(this string uuid) => new(Convert.FromHexString(uuid), BsonBinarySubType.UuidStandard);

    /// <summary>To 32 hex digits; null where the value is no UUID.</summary>
    public static string? ToUuidText(this BsonValue? value) =>
        value is BsonBinaryData { SubType: BsonBinarySubType.UuidStandard or BsonBinarySubType.UuidLegacy } uuid ? Convert.ToHexStringLower(uuid.Bytes) : null;
}
