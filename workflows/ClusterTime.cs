using System.Globalization;
using System.Text.Json.Serialization;

namespace LuxHedge.Workflows;

/// <summary>A point of a replica set's oplog: seconds since 1970 UTC, and the increment within that second (BSON Timestamp).</summary>
public readonly record struct ClusterTime(
    [property: JsonPropertyName("t")] uint Seconds, [property: JsonPropertyName("i")] uint Increment) : IComparable<ClusterTime>
{
    public int CompareTo(ClusterTime other) =>
        Seconds != other.Seconds ? Seconds.CompareTo(other.Seconds) : Increment.CompareTo(other.Increment);

    public static bool operator <(ClusterTime left, ClusterTime right) => left.CompareTo(right) < 0;
    public static bool operator >(ClusterTime left, ClusterTime right) => left.CompareTo(right) > 0;
    public static bool operator <=(ClusterTime left, ClusterTime right) => left.CompareTo(right) <= 0;
    public static bool operator >=(ClusterTime left, ClusterTime right) => left.CompareTo(right) >= 0;

    public static ClusterTime Max(ClusterTime left, ClusterTime right) => left > right ? left : right;

    /// <summary>The wall-clock second, to the second.</summary>
    public DateTimeOffset ToTime() => DateTimeOffset.FromUnixTimeSeconds(Seconds);

    public override string ToString() => $"{Seconds}.{Increment}";

    /// <summary>Reads what <see cref="ToString"/> writes, and nothing else: no sign, no space, no leading zero.</summary>
    public static bool TryParse(string text, out ClusterTime time)
    {
        time = default;
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0
            || !uint.TryParse(text.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || !uint.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var increment))
        {
            return false;
        }

        time = new ClusterTime(seconds, increment);
        return time.ToString() == text;
    }
}
