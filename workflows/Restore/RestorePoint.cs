using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LuxHedge.Workflows.Restore;

/// <summary>The moment that data is to be brought to: a wall-clock second, a cluster time, or as late as it can be reached. Travels as its
/// text.</summary>
[JsonConverter(typeof(TextConverter))]
public sealed record RestorePoint
{
    public const string Forms = "2026-11-23T10:15:00Z, a cluster time like 1763892900.4, or latest";

    private static readonly string[] TimeForms =
    [
        "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd HH:mm:ssK", "yyyy-MM-dd HH:mmK",
    ];

    public static readonly RestorePoint Latest = new();

    private RestorePoint()
    {
    }

    /// <summary>Everything up to the end of its second; null: it was said otherwise.</summary>
    public DateTimeOffset? Time { get; private init; }

    /// <summary>Everything up to it, and nothing after.</summary>
    public ClusterTime? Cluster { get; private init; }

    public bool IsLatest => Time is null && Cluster is null;

    /// <summary>The moment on a clock; null: the latest.</summary>
    public DateTimeOffset? Moment => Time ?? Cluster?.ToTime();

    /// <summary>The last cluster time that is wanted; null: the latest there is.</summary>
    public ClusterTime? Until => Cluster ?? (Time is { } time ? new ClusterTime((uint)Math.Clamp(time.ToUnixTimeSeconds(), 0, uint.MaxValue), uint.MaxValue) : null);

    /// <summary>How long the slices that lead there may take to be looked through: those of days, with collections made and dropped in each.</summary>
    public static TimeSpan? MostToFind(RestorePoint? point) => point is null ? null : TimeSpan.FromMinutes(30);

    public static RestorePoint At(DateTimeOffset time) => new() { Time = time.ToUniversalTime() };

    public static RestorePoint At(ClusterTime time) => new() { Cluster = time };

    /// <summary>Strict: what could mean another moment than the one that was meant is none. Without a zone it is UTC.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out RestorePoint? point)
    {
        point = null;
        if (text is null)
            return false;
        if (text == "latest")
            point = Latest;
        else if (DateTimeOffset.TryParseExact(text, TimeForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
            point = At(time);
        else if (text.Split('.', ':') is [var seconds, var increment] && IsNumber(seconds, out var s) && IsNumber(increment, out var i) && s >= LeastSeconds)
            point = At(new ClusterTime(s, i));
        return point is not null;
    }

    /// <summary>As in stored JSON.</summary>
    public override string ToString() =>
        Time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ?? Cluster?.ToString() ?? "latest";

    /// <summary>A time of day without its date ("10:15") is no cluster time.</summary>
    private const uint LeastSeconds = 86_400;

    private static bool IsNumber(string text, out uint number) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    internal sealed class TextConverter : JsonConverter<RestorePoint>
    {
        public override RestorePoint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && TryParse(reader.GetString(), out var point) ? point
                : throw new JsonException($"It is no moment: {Forms}.");

        public override void Write(Utf8JsonWriter writer, RestorePoint value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
